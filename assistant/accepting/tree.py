"""The working tree as an accept sees it: files and symbolic links below a folder, and nothing through a link.

    path ─► place() ─► read() its bytes and permissions, or stamp() what they can be told by

A swap takes one file from one state to another; its trace is the same without the bytes, for the journal.
"""

import contextlib
import hashlib
import os
import stat
from collections.abc import Container, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ossa.assistant.accepting.hands import Hands
from ossa.assistant.draft import DraftError
from ossa.assistant.safepath import inside, leads_to

LINK = stat.S_IFLNK | 0o777
"""The mode of a symbolic link, which has no permissions of its own."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """What a file's state can be told by."""

    blob: str
    """Git's name for its bytes."""
    mode: int | None = None
    """Its permission bits, or `LINK`; None where they do not matter."""

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == LINK


@dataclass(frozen=True, slots=True)
class Content:
    """A file with its bytes and permission bits, or a symbolic link with where it leads."""

    data: bytes
    mode: int | None = None
    """None for a new file: as the system makes them; `LINK` for a link."""

    @property
    def is_link(self) -> bool:
        """Whether it is a symbolic link."""
        return self.mode == LINK

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
        self._hands = Hands(self.root)

    def read(self, path: str, going: Container[str] = ()) -> Content | None:
        """What is at a path from the root, None where there is nothing or only a folder.

        Args:
            path: a file's or link's.
            going: links that are about to go; behind one of these there is nothing.

        Raises:
            TreeError: the path leads out of the tree or through another link, or it is a device or the like.
        """
        place = self.place(path, going)
        return None if self.is_behind_link(place) else read_file(place, path)

    def stamp(self, path: str, going: Container[str] = ()) -> Stamp | None:
        """What the file at a path can be told by; None and errors as with `read`."""
        found = self.read(path, going)
        return found and found.stamp

    def place(self, path: str, going: Container[str] = ()) -> Path:
        """Where a file is or is to be, with no symbolic link on the way but those that are about to go.

        Raises:
            TreeError: the path leads out of the tree, into `.git` or through a link.
        """
        try:
            plain = PurePosixPath(inside(path))
        except DraftError as error:
            raise TreeError(str(error)) from error
        for folder in reversed(plain.parents):
            if folder.as_posix() not in going and (self.root / folder).is_symlink():
                raise TreeError(f"{path} goes through {folder}, a symbolic link; ossa writes nothing through one.")
        return self.root / plain

    def is_behind_link(self, place: Path) -> bool:
        """Whether a folder above a place in the tree is a symbolic link."""
        return any((self.root / folder).is_symlink() for folder in place.relative_to(self.root).parents)

    def missing_folders(self, paths: Sequence[str], going: Container[str] = ()) -> list[str]:
        """Folders that these files need and that are not there yet, outermost first; links that go are none."""
        places = (self.place(path, going) for path in paths)
        needed = {folder for place in places for folder in place.parents if folder.is_relative_to(self.root)}
        return sorted(str(folder.relative_to(self.root)) for folder in needed if self._lacks(folder))

    def _lacks(self, folder: Path) -> bool:
        return not is_folder(folder) or self.is_behind_link(folder)

    def write_protected(self, paths: Sequence[str]) -> list[str]:
        """Those of these files that the user may not write: they would be replaced all the same, against their mark."""
        places = ((path, self.place(path)) for path in paths)
        return [p for p, at in places if os.path.lexists(at) and not at.is_symlink() and not os.access(at, os.W_OK)]

    def is_occupied(self, path: str, going: Container[str] = ()) -> bool:
        """Whether a folder is where a file is to come, with anything in it but folders and what is `going` itself.

        Raises:
            TreeError: the path leads out of the tree.
        """
        place = self.place(path, going)
        if not is_folder(place) or self.is_behind_link(place):
            return False
        for folder, names, files in os.walk(place):
            links = [name for name in names if Path(folder, name).is_symlink()]
            below = (Path(folder, name).relative_to(self.root).as_posix() for name in (*files, *links))
            if any(file not in going for file in below):
                return True
        return False

    def remove_folders(self, folders: Sequence[str]) -> None:
        """Remove those of these folders that are empty, innermost first."""
        for folder in sorted(folders, reverse=True):
            with contextlib.suppress(OSError):
                self._hands.remove_folder(self.root / folder)

    def remove_empty_above(self, path: str) -> None:
        """Remove the folders that have lost their last file with this one."""
        with contextlib.suppress(OSError, TreeError):
            for folder in self.place(path).parents:
                if folder == self.root:
                    break
                self._hands.remove_folder(folder)


def is_folder(place: Path) -> bool:
    """Whether it is a folder itself, not a link to one."""
    return place.is_dir() and not place.is_symlink()


def read_file(place: Path, name: str) -> Content | None:
    """The file or link at a place, None where there is none or only a folder.

    Raises:
        TreeError: something else is there, or it cannot be read; the sentence calls it `name`.
    """
    try:
        found = os.lstat(place).st_mode
        if stat.S_ISDIR(found):
            return None
        if stat.S_ISLNK(found):
            return Content(os.fsencode(leads_to(place)), LINK)
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
    """Whether two states are of one kind with the same bytes, and the same permissions where both are known."""
    if one is None or other is None or one.is_link != other.is_link:
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
