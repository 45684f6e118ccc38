"""Several files and links of the working tree, from one state to another, all of them or none.

    every new file beside its place, on disk ─► every old one held by a second name, and still as it was?
        ─► the new ones into their places ─► were the old ones left alone until then? ─► the second names go

Nothing that the user sees changes before all is ready, and what they write at that very moment is not lost: it goes to
the held file, which then comes back. A symbolic link is exchanged itself, and nothing is done through one: where a
folder becomes a link or a link a folder, what lies behind the link is none of the exchange's.

The temporary names follow from the tag, so that whoever knows it can take back (`revert`) or clear away (`sweep`) what
a killed process left.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.accepting.attributes import give_back_attributes, keep_attributes
from ossa.assistant.accepting.hands import Hands
from ossa.assistant.accepting.tree import (
    Content,
    Stamp,
    Trace,
    Tree,
    TreeError,
    is_folder,
    read_file,
    same,
    sync_folder,
)

_MOUNTED = "it is mounted there, so nothing can take its place; change it by hand"


@dataclass(frozen=True, slots=True)
class _Move:
    """One file on its way."""

    path: str
    old: Stamp | None
    new: Stamp | None
    place: Path
    fresh: Path
    """The new file, until it is in its place; then what was there, where both changed places."""
    held: Path
    """The old file's second name; where there was none, a mark that the new one was moved into its place."""


class Exchange:
    """One exchange of files; made anew for the same traces and tag after a kill."""

    def __init__(self, tree: Tree, traces: Sequence[Trace], folders: Sequence[str], tag: str) -> None:
        """Nothing is changed yet.

        Args:
            tree: where the files are.
            traces: one for each file.
            folders: those that have to be made for them, outermost first.
            tag: goes into the temporary names.

        Raises:
            TreeError: a path leads out of the tree, or two are the same file.
        """
        self._tree, self._folders = tree, [tree.root / folder for folder in folders]
        self._hands = Hands(tree.root)
        self.notes: list[str] = []
        """What the user should know of what was done, a sentence each."""
        self.kept: list[str] = []
        """Files that `revert` left as they are, because someone changed them since."""
        self.stuck: list[str] = []
        """Files that `revert` could not bring back, each with the system's reason."""
        self._times: dict[Path, tuple[int, int]] = {}
        self._links = links_of(traces)
        places: dict[Path, str] = {}
        for trace in traces:
            other = places.setdefault(tree.place(trace.path, self._links), trace.path)
            if other != trace.path:
                raise TreeError(f"Nothing was written: {other} and {trace.path} are the same file.")
        unsteady = {*places, *self._folders}
        self._moves: list[_Move] = []
        for number, (trace, place) in enumerate(zip(traces, places, strict=True)):
            beside = _steady_folder(place, unsteady, tree.root) / f".ossa-{tag}-{number}"
            fresh, held = beside.with_suffix(".new"), beside.with_suffix(".old")
            self._moves.append(_Move(trace.path, trace.old, trace.new, place, fresh, held))

    @property
    def is_done(self) -> bool:
        """Whether all files are in their new state."""
        return all(self._stands(move, move.new) for move in self._moves)

    def run(self, contents: Sequence[Content | None], noted: Mapping[str, Mapping[str, str]] | None = None) -> None:
        """Make the exchange. Call `sweep` once it is to last.

        Args:
            contents: the new states with their bytes.
            noted: attributes of files that come back, by path.

        Raises:
            TreeError: a file is not as expected, or the system refuses; all was taken back, except `kept` and `stuck`.
        """
        try:
            for move, content in zip(self._moves, contents, strict=True):
                if content is not None:
                    with _naming(move.path):
                        self._stage(move, content, (noted or {}).get(move.path, {}))
            self._each(self._hold, self._moves)
            self._each(self._remove, [move for move in self._moves if move.new is None])
            for folder in self._folders:
                with _naming(os.path.relpath(folder, self._tree.root)):
                    self._hands.make_folder(folder)
            self._each(self._put, [move for move in self._moves if move.new is not None])
            self._sync()
            self._each(self._check_held, self._moves)
        except BaseException:
            self.revert()
            raise

    def revert(self) -> None:
        """Take back what an exchange that did not come to its end has done."""
        self.kept, self.stuck = [], []
        for move in self._moves:
            if move.old is None:
                self._tried(self._take_away, move)
        self._tree.remove_folders([os.path.relpath(folder, self._tree.root) for folder in self._folders])
        for move in self._moves:
            if move.old is not None:
                self._tried(self._bring_back, move)
        self._sync()

    def sweep(self) -> bool:
        """Remove the temporary files; whether none is left."""
        self.stuck = []
        for move in self._moves:
            self._tried(lambda move: self._hands.unlink(move.fresh, missing_ok=True), move)
            self._tried(lambda move: self._hands.unlink(move.held, missing_ok=True), move)
        self._sync()
        return not self.stuck

    def _stage(self, move: _Move, new: Content, noted: Mapping[str, str]) -> None:
        """Write the new file, with what the old one has besides bytes, safe on disk."""
        is_there = move.old is not None and not move.old.is_link and not new.is_link and os.path.lexists(move.place)
        mode = new.mode
        if is_there:
            status = os.lstat(move.place)
            mode = stat.S_IMODE(status.st_mode) if mode is None and not noted else mode
            if status.st_nlink > 1:
                self.notes.append(
                    f"{move.path} has other names (hard links): they keep what was there, as after a `git checkout`."
                )
        if new.is_link:
            self._hands.symlink(os.fsdecode(new.data), move.fresh)
            return
        with os.fdopen(self._hands.create(move.fresh, 0o666 if mode is None else 0o600), "wb") as out:
            out.write(new.data)
            out.flush()
            if noted:
                note = give_back_attributes(out.fileno(), noted, move.path)
                mode = mode & 0o1777 if note and mode is not None else mode  # it is not to run as somebody else now
            else:
                note = keep_attributes(move.place, out.fileno(), move.path) if is_there else ""
            self.notes += [note] if note else []
            if mode is not None:
                os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())

    def _hold(self, move: _Move) -> None:
        """Give the old file its second name, where the file system has such, and see that it is as it was."""
        if move.old is None:
            if self._lies(move) and not is_folder(move.place):
                raise TreeError(
                    f"Nothing was written: {move.path} exists by now, or a file whose name differs only in case."
                )
            return
        with contextlib.suppress(OSError):  # else `_take` moves it, or the comparison tells that it is gone
            self._hands.link(move.place, move.held)
        found = move.held if os.path.lexists(move.held) else move.place
        with contextlib.suppress(FileNotFoundError):
            self._times[move.place] = _time(found)
        self._compare(found, move)

    def _lies(self, move: _Move) -> bool:
        """Whether anything is in the place itself, not behind a link."""
        return self._hands.lies(move.place)

    def _remove(self, move: _Move) -> None:
        """Take the old file out of its place, and nothing that has come there meanwhile."""
        self._take(move)
        with contextlib.suppress(FileNotFoundError):
            self._hands.move(move.place, move.fresh)
            self._check_taken(move)
            self._hands.unlink(move.fresh)

    def _put(self, move: _Move) -> None:
        """Bring the new file into its place, over nothing but the old one."""
        if move.old is not None:
            self._take(move)
            if self._hands.swap(move.fresh, move.place):
                self._check_taken(move)
            else:
                self._hands.move(move.fresh, move.place)
            return
        if self._tree.is_behind_link(move.place):
            raise _changed(move)
        if is_folder(move.place):
            self._remove_empty(move.place, move.path)
        try:
            self._hands.link(move.fresh, move.place)
        except OSError:
            if os.path.lexists(move.place):
                raise _changed(move) from None
            os.close(self._hands.create(move.held, 0o600))
            self._hands.move(move.fresh, move.place)

    def _remove_empty(self, folder: Path, path: str) -> None:
        """Remove a folder in which there are at most empty folders: a file is to take its place."""
        within = [*folder.rglob("*")]
        if not all(is_folder(entry) for entry in within):
            raise TreeError(
                f"Nothing was written: {path} is a folder in the working tree, and there are other files in it."
            )
        for below in [*sorted(within, reverse=True), folder]:
            self._hands.remove_folder(below)

    def _take(self, move: _Move) -> None:
        """Make sure that the old file is held and still in its place."""
        if self._tree.is_behind_link(move.place):
            raise _changed(move)
        if not os.path.lexists(move.held):
            self._hands.move(move.place, move.held)
            self._compare(move.held, move)
        elif not (os.path.lexists(move.place) and os.path.samestat(os.lstat(move.place), os.lstat(move.held))):
            raise _changed(move)

    def _check_taken(self, move: _Move) -> None:
        """See that what was in the place at that very moment was the old file."""
        if not os.path.samestat(os.lstat(move.fresh), os.lstat(move.held)):
            raise _changed(move)

    def _check_held(self, move: _Move) -> None:
        if move.old is not None and _time(move.held) != self._times[move.place]:
            self._compare(move.held, move)

    def _compare(self, found: Path, move: _Move) -> None:
        now = read_file(found, move.path)
        if not same(now and now.stamp, move.old):
            raise _changed(move)

    def _take_away(self, move: _Move) -> None:
        """Remove a file that was not there before, if it is the one that we made."""
        there = self._lies(move)
        if os.path.lexists(move.fresh):
            ours = there and os.path.samestat(os.lstat(move.place), os.lstat(move.fresh))
        else:
            ours = there and os.path.lexists(move.held)
        if ours and (now := _stamp(move.place, move)) and same(now, move.new):
            self._hands.unlink(move.place)
        elif there and not is_folder(move.place):
            self.kept.append(move.path)
        self._hands.unlink(move.fresh, missing_ok=True)
        self._hands.unlink(move.held, missing_ok=True)

    def _bring_back(self, move: _Move) -> None:
        """Put the old file into its place, unless someone has changed what we put there."""
        if not os.path.lexists(move.held):
            self._hands.unlink(move.fresh, missing_ok=True)
            return
        if self._tree.is_behind_link(move.place):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        theirs, waiting = self._taken_out(move)
        if not os.path.lexists(move.place):
            self._hands.make_folders(move.place.parent)
            self._hands.move(move.fresh if theirs else move.held, move.place)
        elif os.path.samestat(os.lstat(move.place), os.lstat(move.held)):
            self._hands.unlink(move.held)
        elif is_folder(move.place):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        elif move.new is not None and not waiting and same(_stamp(move.place, move), move.new):
            self._hands.move(move.fresh if theirs else move.held, move.place)
        else:
            theirs = True
        if theirs:
            self.kept.append(move.path)
            self._hands.unlink(move.held, missing_ok=True)
        self._hands.unlink(move.fresh, missing_ok=True)

    def _taken_out(self, move: _Move) -> tuple[bool, bool]:
        """Whether what was taken out of the place is not the old file; and whether the new one still waits for it."""
        if not os.path.lexists(move.fresh) or os.path.samestat(os.lstat(move.fresh), os.lstat(move.held)):
            return False, False
        found = _stamp(move.fresh, move)
        waiting = found is not None and move.new is not None and _kind(found) == _kind(move.new)
        return not waiting, waiting

    def _stands(self, move: _Move, stamp: Stamp | None) -> bool:
        try:
            return same(self._tree.stamp(move.path, self._links), stamp)
        except TreeError:
            return False

    def _sync(self) -> None:
        names = (name for move in self._moves for name in (move.place, move.fresh))
        for folder in sorted({path.parent for path in (*self._folders, *names)}):
            sync_folder(folder)

    def _each(self, do: Callable[[_Move], None], moves: Sequence[_Move]) -> None:
        for move in moves:
            with _naming(move.path):
                do(move)

    def _tried(self, do: Callable[[_Move], None], move: _Move) -> None:
        try:
            do(move)
        except TreeError:
            self.kept.append(move.path)
        except OSError as error:
            self.stuck.append(f"{move.path} ({error.strerror})")


def links_of(traces: Sequence[Trace]) -> set[str]:
    """The paths at which an exchange puts a link or takes one away: what lies behind them is not its business."""
    return {trace.path for trace in traces if any(side and side.is_link for side in (trace.old, trace.new))}


def _steady_folder(place: Path, unsteady: set[Path], root: Path) -> Path:
    """The innermost folder above a file that is there before and after, for temporary files on the same disk."""
    for folder in place.parents:
        if folder == root or unsteady.isdisjoint((folder, *folder.parents)):
            return folder
    return root


def _kind(stamp: Stamp) -> tuple[str, bool]:
    return stamp.blob, stamp.is_link


def _stamp(place: Path, move: _Move) -> Stamp | None:
    """What stands in a place; the system's errors are raised as they are."""
    try:
        found = read_file(place, move.path)
    except TreeError as error:
        if isinstance(error.__cause__, OSError):
            raise error.__cause__ from None
        raise
    return found and found.stamp


def _time(place: Path) -> tuple[int, int]:
    """What changes when a file is written to."""
    status = os.lstat(place)
    return status.st_mtime_ns, status.st_size


def _changed(move: _Move) -> TreeError:
    return TreeError(f"{move.path} was changed this very moment. Nothing was written; try again.")


@contextlib.contextmanager
def _naming(path: str) -> Generator[None]:
    """Errors of the system as a sentence about the file that was worked on."""
    try:
        yield
    except OSError as error:
        why = _MOUNTED if error.errno == errno.EBUSY else error.strerror or error
        raise TreeError(f"Nothing was written: {path}: {why}.") from error
