"""The working tree as an accept sees it: plain files below a folder, never through a link that leads out of it.

    path ─► place() ─► read() its bytes and permissions, or stamp() what they can be told by

A swap takes one file from one state to another; its trace is the same without the bytes, for the journal.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.draft import DraftError
from ossa.assistant.safepath import follow, inside


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file's state can be told by."""

    blob: str
    """Git's name for its bytes."""
    mode: int | None = None
    """Its permission bits; None where they do not matter."""


@dataclass(frozen=True, slots=True)
class Content:
    """A file: its bytes and its permission bits."""

    data: bytes
    mode: int | None = None
    """None for a new file: as the system makes them."""

    @property
    def stamp(self) -> Stamp:
        """What this state can be told by."""
        return Stamp(blob_name(self.data), self.mode)


@dataclass(frozen=True, slots=True)
class Trace:
    """One file, from one state to another, without the bytes; None where there is no file."""

    path: str
    old: Stamp | None
    new: Stamp | None

    @property
    def reverse(self) -> "Trace":
        """The way back."""
        return Trace(self.path, self.new, self.old)


@dataclass(frozen=True, slots=True)
class Swap:
    """One file, from one state to another; None where there is none."""

    path: str
    old: Content | None
    new: Content | None

    @property
    def trace(self) -> Trace:
        """What it does, without the bytes."""
        return Trace(self.path, self.old and self.old.stamp, self.new and self.new.stamp)


class TreeError(Exception):
    """The working tree cannot be read or changed so; the text is a sentence that says why."""


class Tree:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        """`root` is the top of the working tree."""
        self.root = root.resolve()

    def read(self, path: str) -> Content | None:
        """The file at a path from the root, None where there is none or only a folder.

        Raises:
            TreeError: the path leads out of the tree, or something other than a plain file is there.
        """
        return read_file(self.place(path), path)

    def stamp(self, path: str) -> Stamp | None:
        """What the file at a path can be told by; None and errors as with `read`."""
        found = self.read(path)
        return found and found.stamp

    def place(self, path: str) -> Path:
        """Where a file is, with no symbolic link on the way.

        Raises:
            TreeError: the path leads out of the tree or into `.git`.
        """
        try:
            return self.root / follow(inside(path), self._find, self.root, last=False)
        except DraftError as error:
            raise TreeError(str(error)) from error

    def missing_folders(self, paths: Sequence[str]) -> list[str]:
        """Folders that these files need and that are not there yet, outermost first."""
        needed = {folder for path in paths for folder in self.place(path).parents if folder.is_relative_to(self.root)}
        return sorted(str(folder.relative_to(self.root)) for folder in needed if not folder.is_dir())

    def write_protected(self, paths: Sequence[str]) -> list[str]:
        """Those of these files that the user may not write: they would be replaced all the same, against their mark."""
        return [path for path in paths if os.path.lexists(at := self.place(path)) and not os.access(at, os.W_OK)]

    def is_occupied(self, path: str, going: Container[str] = ()) -> bool:
        """Whether a folder is where a file is to come, with anything in it but folders and what is `going` itself.

        Raises:
            TreeError: the path leads out of the tree.
        """
        for folder, names, files in os.walk(self.place(path)):
            links = [name for name in names if Path(folder, name).is_symlink()]
            below = (Path(folder, name).relative_to(self.root).as_posix() for name in (*files, *links))
            if any(file not in going for file in below):
                return True
        return False

    def remove_folders(self, folders: Sequence[str]) -> None:
        """Remove those of these folders that are empty, innermost first."""
        for folder in sorted(folders, reverse=True):
            with contextlib.suppress(OSError):
                (self.root / folder).rmdir()

    def remove_empty_above(self, path: str) -> None:
        """Remove the folders that have lost their last file with this one."""
        with contextlib.suppress(OSError, TreeError):
            for folder in self.place(path).parents:
                if folder == self.root:
                    break
                folder.rmdir()

    def _find(self, path: str) -> Path | None:
        place = self.root / path
        return place if os.path.lexists(place) else None


def read_file(place: Path, name: str) -> Content | None:
    """The file at a place, None where there is none or only a folder.

    Raises:
        TreeError: something else is there, or it cannot be read; the sentence calls it `name`.
    """
    try:
        found = os.lstat(place).st_mode
        if stat.S_ISDIR(found):
            return None
        if not stat.S_ISREG(found):
            raise TreeError(f"{name} is no plain file in the working tree; ossa leaves it alone.")
        return Content(place.read_bytes(), stat.S_IMODE(found))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise TreeError(f"{name} cannot be read: {error.strerror}.") from error


def blob_name(data: bytes) -> str:
    """Git's name for the bytes of a file."""
    digest = hashlib.sha1(b"blob %d\0" % len(data), usedforsecurity=False)
    digest.update(data)
    return digest.hexdigest()


def same(one: Stamp | None, other: Stamp | None) -> bool:
    """Whether two states have the same bytes, and the same permissions where both are known."""
    if one is None or other is None:
        return one is other
    return one.blob == other.blob and (one.mode == other.mode or None in (one.mode, other.mode))


def sync_folder(folder: Path) -> None:
    """Make renames in a folder safe on disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
