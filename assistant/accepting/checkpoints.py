"""Checkpoints: every accept kept before it is made, so that it can be finished, taken back and made again.

    apply ─► contents in the shadow repository (store) ─► step in the journal ─► files exchanged ─► step over
    undo · redo · rewind ─► as the user left them? ─► step in the journal ─► files exchanged ─► step over

A step moves several accepts at once (a rewind), or one. After a kill, `recover` brings a step that was not over to one
side: to its end if all files are there, else back. Everything is ossa's own; nothing of the user's git is touched.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ossa.assistant.accepting.attributes import noted_attributes
from ossa.assistant.accepting.journal import CheckpointError, Journal, Record, State, Word
from ossa.assistant.accepting.since import changed_since, diff_since
from ossa.assistant.accepting.steps import Steps, Writing, net
from ossa.assistant.accepting.store import Store, StoreError
from ossa.assistant.accepting.tree import Content, Stamp, Swap, Tree, TreeError
from ossa.assistant.lock import lock

Side: TypeAlias = Literal["done", "undone"]
_PATIENCE = 3.0
"""Seconds that another ossa may take for its step."""
_PIECES = 64
"""Packs of the store from which on it is packed anew."""
_SHRINKING = 5.0
"""Seconds that this may take at once."""
_NAMED = 10
"""Files that a sentence names."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One accept, to which `undo` and `redo` go back and forth."""

    id: str
    """Nanoseconds since 1970, so ids sort by time."""
    files: tuple[str, ...]
    state: Side
    notes: tuple[str, ...] = ()
    """What the user should know of how files were written just now, a sentence each."""

    @property
    def time(self) -> float:
        """Seconds since 1970."""
        return int(self.id) / 1e9


class Checkpoints:
    """The accepts of one repository, newest last."""

    def __init__(
        self,
        folder: Path,
        root: Path,
        *,
        writing: Writing = lambda paths: contextlib.nullcontext(),
        max_age: float = 30 * 86400,
        max_bytes: int = 256 << 20,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            folder: where they are kept, for this repository alone.
            root: the working tree.
            writing: is open while files of the working tree are written.
            max_age: seconds after which one is dropped.
            max_bytes: what all of them may take; the oldest go first, the newest always stays.
        """
        self._folder = folder
        self._tree = Tree(root)
        self._store, self._journal = Store(folder / "store.git"), Journal(folder)
        self._steps = Steps(self._tree, self._journal, writing)
        self._max_age, self._max_bytes = max_age, max_bytes

    def apply(self, swaps: Sequence[Swap]) -> Checkpoint:
        """Write these files into the working tree, all or none, as one step that can be undone.

        Raises:
            CheckpointError: one of them is no longer as expected, or the disk refuses.
        """
        with self._ready() as state:
            self._refuse_protected(swaps)
            known = [*state.made, *state.undone]
            name = str(max([time.time_ns(), *(int(other) + 1 for other in known)]))
            try:
                record = self._keep(name, swaps)
                made = (*(other for other in state.made if not self._is_old(other)), name)
                notes = self._steps.make("accept", [record], State(made), [swap.new for swap in swaps])
            except CheckpointError:
                if not self._journal.is_busy:
                    self._forget([name])
                raise
            self._forget(set(known).difference(made))
            self._prune()
        return Checkpoint(name, record.files, "done", notes)

    def undo(self) -> Checkpoint:
        """Bring back the files as they were before the latest accept that is not undone yet.

        Raises:
            CheckpointError: there is none, or the user changed one of its files since.
        """
        return self._go("undo", lambda state: state.made[-1:])[0]

    def redo(self) -> Checkpoint:
        """Make the oldest accept again of those that are undone.

        Raises:
            CheckpointError: there is none, or the user changed one of its files since.
        """
        return self._go("redo", lambda state: state.undone[:1])[0]

    def rewind(self, to: str) -> Sequence[Checkpoint]:
        """Take back every accept from this one on, in one step; `redo` makes them again one by one.

        Args:
            to: the id of the oldest one to take back.

        Returns:
            Those taken back, newest first.

        Raises:
            CheckpointError: it does not stand, or the user changed a file since or in between; nothing was taken back.
        """
        return self._go("rewind", lambda state: state.made[state.made.index(to) :] if to in state.made else ())

    def list(self) -> Sequence[Checkpoint]:
        """All that are kept and can be read, oldest first."""
        found: list[Checkpoint] = []
        with contextlib.suppress(CheckpointError):
            state = self._journal.state
            sides: dict[str, Side] = {**dict.fromkeys(state.made, "done"), **dict.fromkeys(state.undone, "undone")}
            for name, side in sides.items():
                with contextlib.suppress(CheckpointError):
                    found.append(Checkpoint(name, self._journal.record(name).files, side))
        return found

    def recover(self) -> Sequence[str]:
        """Finish or take back what a kill interrupted, and drop what is old; call it at every start.

        Returns:
            Sentences for the user, on what was finished or taken back, and which files were left as someone changed
            them since.
        """
        told: list[str] = []
        with contextlib.suppress(CheckpointError), self._locked():
            try:
                told += self._steps.settle().told
                self._clear_up()
            except CheckpointError as error:
                told.append(str(error))
        return told

    def swaps(self, checkpoint: Checkpoint) -> Sequence[Swap]:
        """What the checkpoint did to each file, with the bytes before and after.

        Raises:
            CheckpointError: its files are damaged.
        """
        record = self._read(checkpoint.id)
        old = self._contents([trace.old for trace in record.traces], [record])
        new = self._contents([trace.new for trace in record.traces], [record])
        return [Swap(path, *sides) for path, *sides in zip(record.files, old, new, strict=True)]

    def _go(self, word: Word, choose: Callable[[State], Sequence[str]]) -> Sequence[Checkpoint]:
        with self._ready() as state:
            ids = choose(state)
            if not ids:
                raise CheckpointError(f"There is nothing to {word}.")
            records = [self._read(name) for name in ids]
            self._refuse_changed(word, records)
            contents = self._contents([trace.new for trace in net(word, records)], records)
            side: Side = "done" if word == "redo" else "undone"
            if side == "done":
                goal = State((*state.made, *ids), state.undone[len(ids) :])
            else:
                goal = State(state.made[: -len(ids)], (*ids, *state.undone))
            notes = self._steps.make(word, records, goal, contents)
        return [Checkpoint(record.id, record.files, side, notes) for record in reversed(records)]

    def _keep(self, name: str, swaps: Sequence[Swap]) -> Record:
        """Keep the way back: the contents, and the record of what will be done."""
        traces = tuple(swap.trace for swap in swaps)
        try:
            gone = [swap.path for swap in swaps if swap.old and not swap.old.is_link and _is_no_file(swap.new)]
            noted = {path: noted_attributes(self._tree.place(path)) for path in gone}
            record = Record(name, traces, self._steps.missing(traces), noted)
            self._store.keep(name, swaps)
            self._journal.add(record)
        except TreeError as error:
            raise CheckpointError(f"Nothing was written: {error}") from error
        except (StoreError, CheckpointError) as error:
            why = str(error).removesuffix(".")
            raise CheckpointError(f"Nothing was written, because there would be no way back: {why}.") from error
        return record

    def _read(self, name: str) -> Record:
        try:
            return self._journal.record(name)
        except CheckpointError as error:
            raise CheckpointError(f"What this accept did is not known any more: {error}") from error

    def _contents(self, stamps: Sequence[Stamp | None], records: Sequence[Record]) -> Sequence[Content | None]:
        try:
            data = self._store.read([stamp.blob for stamp in stamps if stamp])
        except StoreError as error:
            files = _named(path for record in records for path in record.files)
            raise CheckpointError(
                f"The accept of {files} cannot be taken back or made again: {error}. Its files stay as they are. "
                f"To go on with others without it, remove {self._journal.path(records[-1].id)}."
            ) from error
        return [Content(data[stamp.blob], stamp.mode) if stamp else None for stamp in stamps]

    def _refuse_protected(self, swaps: Sequence[Swap]) -> None:
        written = [swap.path for swap in swaps if swap.old and (not swap.new or swap.old.data != swap.new.data)]
        try:
            protected = self._tree.write_protected(written)
        except TreeError as error:
            raise CheckpointError(f"Nothing was written: {error}") from error
        if protected:
            raise CheckpointError(
                f"Nothing was written, because of what is write-protected: {_named(protected)}. "
                "`chmod u+w` lets it be written."
            )

    def _refuse_changed(self, word: Word, records: Sequence[Record]) -> None:
        changed = changed_since(self._tree, records, back=word != "redo")
        if not changed:
            return
        diff = ""
        with contextlib.suppress(StoreError):
            diff = diff_since(changed, self._store.read)
        doing = {"undo": "undoing", "redo": "redoing", "rewind": "rewinding"}[word]
        raise CheckpointError(
            f"{_named(since.path for since in changed)} changed since, so {doing} would overwrite that. "
            "Put your change aside first, or take the accepted lines back by hand.",
            diff,
        )

    def _is_old(self, name: str) -> bool:
        return int(name) / 1e9 < time.time() - self._max_age

    def _forget(self, names: Iterable[str]) -> None:
        """Drop checkpoints that the state does not name."""
        gone = tuple(names)
        self._journal.remove(gone)
        with contextlib.suppress(OSError):
            self._store.drop(gone)

    def _clear_up(self) -> None:
        """Drop what is old, and what a kill left."""
        if not self._store.folder.exists():  # the user removed it: no way back is left
            self._forget(self._journal.records)
        state = self._journal.state
        keep = State(
            tuple(n for n in state.made[:-1] if not self._is_old(n)) + state.made[-1:], state.undone, state.last
        )
        if keep != state:
            self._journal.save(keep)
        stray = (self._journal.records | self._store.names).difference(keep.made, keep.undone)
        self._forget(stray)
        with contextlib.suppress(OSError):
            self._store.clean()
            for path in self._folder.iterdir():
                if path.suffix == ".new" and path.is_file():
                    path.unlink()
                elif path.name.isdigit() and self._is_old(path.name):  # as version 0.1.0 kept them
                    shutil.rmtree(path, ignore_errors=True)
        self._prune(dropped=bool(stray))

    def _prune(self, *, dropped: bool = False) -> None:
        """Keep the store small: packed when something was dropped, without the oldest when it is too large."""
        until = time.monotonic() + _SHRINKING
        with contextlib.suppress(StoreError, CheckpointError, OSError):
            if dropped or self._store.pieces > _PIECES or self._store.size > self._max_bytes:
                self._store.shrink(_SHRINKING)
            while self._store.size > self._max_bytes and (left := until - time.monotonic()) > 0:
                state = self._journal.state
                some = 1 + (len(state.made) + len(state.undone)) // 4
                victims = {*state.made[:-1][:some]} or {*state.undone[not state.made :][-some:]}
                if not victims:
                    break
                kept = [tuple(name for name in names if name not in victims) for names in (state.made, state.undone)]
                self._journal.save(State(kept[0], kept[1], state.last))
                self._forget(victims)
                self._store.shrink(left)

    @contextlib.contextmanager
    def _ready(self) -> Generator[State]:
        """Alone at work, with nothing left over from a killed process."""
        with self._locked():
            settled = self._steps.settle()
            if settled.told and not settled.stands:
                raise CheckpointError(f"{' '.join(settled.told)} Try again.")
            yield self._journal.state

    @contextlib.contextmanager
    def _locked(self) -> Generator[None]:
        """Only one process at a time changes the tree; the system gives the lock free if it dies."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise CheckpointError(f"Nothing was written: {self._folder} cannot be used: {error.strerror}.") from error
        try:
            until = time.monotonic() + _PATIENCE
            while not lock(file):
                if time.monotonic() > until:
                    raise CheckpointError("Another ossa is changing files of this repository just now. Try again.")
                time.sleep(0.05)
            self._store.guard = file
            yield
        finally:
            self._store.guard = None
            os.close(file)


def _is_no_file(side: Content | None) -> bool:
    return side is None or side.is_link


def _named(paths: Iterable[str]) -> str:
    """Files in a sentence, of very many the first."""
    every = list(dict.fromkeys(paths))
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more
