"""The working tree as an accept sees it: plain files, replaced whole and several at a time.

    swaps ─► every new file written beside its place, on disk ─► the old ones still as they were? ─► renamed into place

A file is never half written. When anything fails on the way, what was done is taken back; when the process is killed,
whoever kept the list of swaps calls `revert`.
"""

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.draft import DraftError
from ossa.assistant.safepath import follow, inside


@dataclass(frozen=True, slots=True)
class Content:
    """A file: its bytes and its permission bits."""

    data: bytes
    mode: int | None = None
    """None for a new file: as the system makes them."""


@dataclass(frozen=True, slots=True)
class Swap:
    """One file, from one state to another; None where there is none."""

    path: str
    old: Content | None
    new: Content | None

    @property
    def reverse(self) -> "Swap":
        """The way back."""
        return Swap(self.path, self.new, self.old)


class TreeError(Exception):
    """The working tree cannot be changed so; the text is a sentence that says why."""


class Tree:
    """The files below a folder."""

    def __init__(self, root: Path) -> None:
        """`root` is the top of the working tree."""
        self.root = root.resolve()

    def read(self, path: str) -> Content | None:
        """What stands at a path from the root, None where nothing does.

        Raises:
            TreeError: the path leads out of the tree, or something other than a plain file is there.
        """
        place = self.place(path)
        try:
            found = os.lstat(place)
            if not stat.S_ISREG(found.st_mode):
                raise TreeError(f"{path} is no plain file in the working tree; ossa leaves it alone.")
            return Content(place.read_bytes(), stat.S_IMODE(found.st_mode))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise TreeError(f"{path} cannot be read: {error.strerror}.") from error

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
        return sorted(str(folder.relative_to(self.root)) for folder in needed if not folder.exists())

    def swap(self, swaps: Sequence[Swap], tag: str) -> None:
        """Make all swaps, or none.

        Args:
            swaps: one for each file.
            tag: names the files that are written beside the old ones; `revert` takes the same.

        Raises:
            TreeError: a file is no longer as the swap has it, or the system refuses; nothing was changed.
        """
        try:
            for number, swap in enumerate(swaps):
                self._stage(swap, self._beside(swap.path, tag, number))
            for swap in swaps:
                if not same(self.read(swap.path), swap.old):
                    raise TreeError(f"{swap.path} was changed this very moment. Nothing was written; try again.")
            for number, swap in enumerate(swaps):
                self._replace(swap, self._beside(swap.path, tag, number))
            self._sync(swaps)
        except (OSError, TreeError) as error:
            self.revert(swaps, tag)
            if isinstance(error, TreeError):
                raise
            name = f"{error.filename}: " if error.filename else ""
            raise TreeError(f"Nothing was written: {name}{error.strerror or error}.") from error

    def revert(self, swaps: Sequence[Swap], tag: str) -> list[str]:
        """Take back what a swap that did not come to its end has done.

        Returns:
            The files left as they are, because someone changed them since or the system refuses.
        """
        kept: list[str] = []
        for number, swap in enumerate(swaps):
            try:
                beside = self._beside(swap.path, tag, number)
                beside.unlink(missing_ok=True)
                now = self.read(swap.path)
                if same(now, swap.old):
                    continue
                if not same(now, swap.new):
                    kept.append(swap.path)
                    continue
                self._stage(swap.reverse, beside)
                self._replace(swap.reverse, beside)
            except (OSError, TreeError):
                kept.append(swap.path)
        self._sync(swaps)
        return kept

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

    def _beside(self, path: str, tag: str, number: int) -> Path:
        return self.place(path).parent / f".ossa-{tag}-{number}"

    def _stage(self, swap: Swap, beside: Path) -> None:
        """Write the new file beside the old one, with its permissions and owner, safe on disk."""
        if swap.new is None:
            return
        place = self.place(swap.path)
        beside.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o666)
        with os.fdopen(file, "wb") as out:
            out.write(swap.new.data)
            out.flush()
            os.fsync(out.fileno())
        if place.exists() and hasattr(os, "chown"):
            then, now = place.stat(), beside.stat()
            if (then.st_uid, then.st_gid) != (now.st_uid, now.st_gid):
                os.chown(beside, then.st_uid, then.st_gid)
        if swap.new.mode is not None:
            beside.chmod(swap.new.mode)

    def _replace(self, swap: Swap, beside: Path) -> None:
        if swap.new is None:
            self.place(swap.path).unlink(missing_ok=True)
        else:
            beside.replace(self.place(swap.path))

    def _sync(self, swaps: Sequence[Swap]) -> None:
        for swap in swaps:
            with contextlib.suppress(TreeError):
                sync_folder(self.place(swap.path).parent)


def same(one: Content | None, other: Content | None) -> bool:
    """Whether two states have the same bytes, and the same permissions where both are known."""
    if one is None or other is None:
        return one is other
    return one.data == other.data and (one.mode == other.mode or None in (one.mode, other.mode))


def sync_folder(folder: Path) -> None:
    """Make renames in a folder safe on disk, where the system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
