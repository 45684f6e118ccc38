"""An overlay's upper folder, read and edited from outside while nothing is mounted on it.

    path ─► upper folder: file · whiteout (gone) · opaque folder (hides what is below) · nothing ─► lower folder

Whiteouts are character devices 0:0; an opaque folder bears an attribute. Paths are from the root and without links.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from ossa.assistant.drafts.found import standing
from ossa.assistant.safepath import too_long

Touch: TypeAlias = Literal["file", "gone", "opaque"]
_OPAQUE = "user.overlay.opaque"


class Place(NamedTuple):
    """What the layers together have at a path."""

    entry: Path | None
    """Where it really is; None where nothing is."""
    touched: bool
    """Whether the upper folder decides: has it, or hides what is below."""
    hidden: bool
    """Whether the lower folder does not show through there."""


class Layers:
    """An upper folder over a lower one."""

    def __init__(self, lower: Path, upper: Path) -> None:
        self._lower = lower
        self._upper = upper

    def place(self, path: str) -> Place:
        """What stands at a path, links not followed."""
        at, hidden = self._upper, False
        parts = path.split("/")
        for number, part in enumerate(parts):
            at = at / part
            mode = _mode(at)
            if mode is None:
                return Place(None if hidden else standing(self._lower, path), hidden, hidden)
            if _is_whiteout(at, mode):
                return Place(None, True, True)
            if not stat.S_ISDIR(mode):
                return Place(at if number == len(parts) - 1 else None, True, True)
            hidden = hidden or _is_opaque(at) or not self._is_merged("/".join(parts[: number + 1]))
        return Place(at, hidden, hidden)

    def walk(self, skip: Callable[[str], bool]) -> Iterator[tuple[str, Touch]]:
        """Everything in the upper folder, top down; what `skip` says yes to is left out, folders whole.

        So is what lies too deep to be named.
        """
        todo = [""]
        while todo:
            folder = todo.pop()
            with os.scandir(self._upper / folder) as entries:
                for entry in entries:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    mode = entry.stat(follow_symlinks=False).st_mode
                    if skip(path) or too_long(path):
                        continue
                    if stat.S_ISDIR(mode):
                        todo.append(path)
                        if _is_opaque(self._upper / path):
                            yield path, "opaque"
                    elif stat.S_ISREG(mode) or stat.S_ISLNK(mode):
                        yield path, "file"
                    else:  # a whiteout; a pipe or a socket is no file either
                        yield path, "gone"

    def put(self, path: str, staged: Path) -> None:
        """Move a file of the same file system into the upper folder; its folders are made.

        Raises:
            OSError: the disk refuses.
        """
        self._make_parents(path)
        staged.replace(self._upper / path)

    def remove(self, path: str) -> None:
        """Let the layers have nothing at the path of a file.

        Raises:
            OSError: the disk refuses.
        """
        (self._upper / path).unlink(missing_ok=True)
        if self.place(path).entry is not None:
            self._make_parents(path)
            os.mknod(self._upper / path, stat.S_IFCHR, os.makedev(0, 0))
        self._prune(path)

    def uncover(self, path: str) -> bool:
        """Take a file or whiteout out of the upper folder; False where the lower folder would not show through."""
        parent = path.rpartition("/")[0]
        if parent and self.place(parent).hidden:
            return False
        mode = _mode(self._upper / path)
        if mode is None or stat.S_ISDIR(mode):
            return True
        (self._upper / path).unlink()
        self._prune(path)
        return True

    def open_up(self, folder: str, gone: Iterable[str] = ()) -> None:
        """Let what the lower folder has within a folder show through again, but for the files in it that are gone.

        Raises:
            OSError: the disk refuses.
        """
        at = self._upper / folder
        mode = _mode(at)
        if mode is None or not stat.S_ISDIR(mode) or not _is_opaque(at) or not self._is_merged(folder):
            return
        os.removexattr(at, _OPAQUE)
        for path in gone:
            if path.startswith(f"{folder}/") and self.place(path).entry is not None:
                self.remove(path)

    def _is_merged(self, folder: str) -> bool:
        """Whether a folder of the upper folder hides nothing of its kind: the lower has it as well, or nothing."""
        mode = _mode(self._lower / folder)
        return mode is None or stat.S_ISDIR(mode)

    def _make_parents(self, path: str) -> None:
        parts = path.split("/")[:-1]
        for number in range(len(parts)):
            folder = "/".join(parts[: number + 1])
            at, below = self._upper / folder, self._lower / folder
            mode = _mode(at)
            if mode is not None and stat.S_ISDIR(mode):
                continue
            gone = mode is not None and _is_whiteout(at, mode)
            if gone:
                at.unlink()
            at.mkdir()
            if gone:
                os.setxattr(at, _OPAQUE, b"y")
            elif below.is_dir():
                shutil.copymode(below, at)

    def _prune(self, path: str) -> None:
        """Remove the folders above that are empty, where the lower folder has none."""
        for parent in list((self._upper / path).parents):
            below = self._lower / parent.relative_to(self._upper)
            shown = below.is_dir() and not below.is_symlink()
            if parent == self._upper or shown or not parent.is_dir() or any(parent.iterdir()):
                return
            parent.rmdir()


def _mode(path: Path) -> int | None:
    try:
        return path.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _is_whiteout(path: Path, mode: int) -> bool:
    return stat.S_ISCHR(mode) and path.lstat().st_rdev == os.makedev(0, 0)


def _is_opaque(folder: Path) -> bool:
    try:
        return os.getxattr(folder, _OPAQUE) == b"y"
    except OSError:
        return False
