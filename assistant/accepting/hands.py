"""What is done to names in the working tree, each step in a folder that was reached through no symbolic link.

    place ─► its folder, opened from the root name by name, links refused ─► the step, relative to that folder

A path that is checked and then used can lead elsewhere by then: somebody puts a link where a folder was. A step here
is made in the folder that was reached, or not at all.
"""

import contextlib
import ctypes
import errno
import os
import stat
import sys
from collections.abc import Callable, Generator
from functools import cache
from pathlib import Path

_RELATIVE = os.open in os.supports_dir_fd
"""Whether steps can be relative to an open folder; Windows knows only paths."""
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FOLDER = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0)
_EXCHANGE = 2
"""Of renameat2: both names stay, each for what the other one was for."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | getattr(os, "O_BINARY", 0)


class Hands:
    """Steps below a folder. Each raises OSError; a link on the way is `NotADirectoryError`."""

    def __init__(self, root: Path) -> None:
        """`root` is followed as it is; what is below it is not."""
        self._root = root

    def lies(self, place: Path) -> bool:
        """Whether anything is in the place itself, not behind a link."""
        try:
            with self._within(place) as (folder, name):
                os.lstat(name, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def create(self, place: Path, mode: int) -> int:
        """Make a file, for writing; the descriptor is the caller's."""
        with self._within(place) as (folder, name):
            return os.open(name, _NEW, mode, dir_fd=folder)

    def symlink(self, target: str, place: Path) -> None:
        """Make a symbolic link."""
        with self._within(place) as (folder, name):
            os.symlink(target, name, dir_fd=folder)

    def link(self, place: Path, other: Path) -> None:
        """Give what is in a place a second name."""
        with self._within(place) as (there, old), self._within(other) as (here, new):
            os.link(old, new, src_dir_fd=there, dst_dir_fd=here, follow_symlinks=False)

    def move(self, place: Path, other: Path) -> None:
        """Rename, over whatever file is there."""
        with self._within(place) as (there, old), self._within(other) as (here, new):
            os.replace(old, new, src_dir_fd=there, dst_dir_fd=here)

    def swap(self, place: Path, other: Path) -> bool:
        """Let two names change places in one step; False where the system cannot do that."""
        call = _renameat2()
        if call is None or not _RELATIVE:
            return False
        with self._within(place) as (there, old), self._within(other) as (here, new):
            sys.audit("os.rename", old, new, there, here)  # as Python says of the renaming that it knows
            return call(there, os.fsencode(old), here, os.fsencode(new), _EXCHANGE) == 0

    def unlink(self, place: Path, *, missing_ok: bool = False) -> None:
        """Remove a file or link."""
        with contextlib.suppress(*([FileNotFoundError] if missing_ok else [])), self._within(place) as (folder, name):
            os.unlink(name, dir_fd=folder)

    def make_folder(self, place: Path) -> None:
        """Make a folder, unless it is there; those above are."""
        with self._within(place) as (folder, name):
            try:
                os.mkdir(name, dir_fd=folder)
            except FileExistsError:
                if not stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                    raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None

    def make_folders(self, place: Path) -> None:
        """Make a folder and those above it that are not there."""
        below = place.relative_to(self._root)
        for folder in [*reversed(below.parents[:-1]), below] if below.parts else []:
            self.make_folder(self._root / folder)

    def remove_folder(self, place: Path) -> None:
        """Remove an empty folder."""
        with self._within(place) as (folder, name):
            os.rmdir(name, dir_fd=folder)

    @contextlib.contextmanager
    def _within(self, place: Path) -> Generator[tuple[int | None, str]]:
        """The folder of a place, open, and the name in it."""
        if not _RELATIVE:
            yield None, str(place)
            return
        *folders, name = place.relative_to(self._root).parts
        at = os.open(self._root, _FOLDER)
        try:
            for folder in folders:
                below = _opened(folder, at)
                os.close(at)
                at = below
            yield at, name
        finally:
            os.close(at)


@cache
def _renameat2() -> Callable[[int | None, bytes, int | None, bytes, int], int] | None:
    """Linux's call for renaming in one step what Python's cannot; None on other systems."""
    try:
        return ctypes.CDLL(None).renameat2
    except (OSError, AttributeError, TypeError):
        return None


def _opened(folder: str, above: int) -> int:
    """A folder in an open one; some systems have their own errors for a link."""
    try:
        return os.open(folder, _FOLDER | _NO_LINK, dir_fd=above)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from error
        raise
