r"""What ossa has on disk about checkpoints, besides contents: which there are, and the step that is being made.

    <id>.json    a record: what one accept did to each file; written once
    state.json   which accepts are made and which are undone; whoever is not in it does not count
    step.json    the step in progress, there only until it is over

    begin ─► state.next and step.json on disk ─► files are exchanged ─► over: state.next becomes state.json ─► end

So one rename makes a step final. After a kill, a step is over if state.json names it, and else is still to be settled.
"""

import contextlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from ossa.assistant.accepting.tree import Stamp, Trace, sync_folder

Word: TypeAlias = Literal["accept", "undo", "redo", "rewind"]
_T = TypeVar("_T")


class CheckpointError(Exception):
    """Files cannot be written or brought back; the text is a sentence for the user, and nothing was changed."""

    def __init__(self, text: str, diff: str = "") -> None:
        """With the reason in one sentence."""
        super().__init__(text)
        self.diff = diff
        """What the user changed since, where that is the reason: from what ossa left to what stands there now."""


@dataclass(frozen=True, slots=True)
class Record:
    """One accept."""

    id: str
    traces: tuple[Trace, ...]
    folders: tuple[str, ...] = ()
    """Those that it made."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """What the files that it deleted, or made links of, had besides bytes and permissions, by path."""

    @property
    def files(self) -> tuple[str, ...]:
        """Those that it wrote."""
        return tuple(trace.path for trace in self.traces)


@dataclass(frozen=True, slots=True)
class State:
    """Ids of the accepts, oldest first: those that stand and, all of them newer, those that were undone."""

    made: tuple[str, ...] = ()
    undone: tuple[str, ...] = ()
    last: str = ""
    """The step that led here."""


@dataclass(frozen=True, slots=True)
class Step:
    """An exchange of files on behalf of these accepts."""

    id: str
    word: Word
    ids: tuple[str, ...]
    folders: tuple[str, ...] = ()
    """Those that it makes."""


class Journal:
    """The records, the state and the step of one repository. For one process at a time."""

    def __init__(self, folder: Path) -> None:
        """Nothing is read or written yet."""
        self.folder = folder
        self._state, self._next, self._step = (folder / f"{n}" for n in ("state.json", "state.next", "step.json"))

    @property
    def state(self) -> State:
        """Which accepts there are; a record that the user removed is none.

        Raises:
            CheckpointError: the state is damaged.
        """
        known = self.records
        if not self._state.exists():
            return State(tuple(sorted(known)))
        found = self._read(self._state, _state)
        made, undone = (tuple(i for i in ids if i in known) for ids in (found.made, found.undone))
        return State(made, undone, found.last)

    @property
    def step(self) -> Step | None:
        """The step in progress.

        Raises:
            CheckpointError: it is damaged.
        """
        return self._read(self._step, _step) if self.is_busy else None

    @property
    def is_busy(self) -> bool:
        """Whether a step is in progress."""
        return self._step.exists()

    @property
    def records(self) -> set[str]:
        """The ids of all records."""
        return {path.stem for path in self.folder.glob("[0-9]*.json") if path.stem.isdigit()}

    def record(self, name: str) -> Record:
        """What an accept did.

        Raises:
            CheckpointError: the record is damaged.
        """
        return self._read(self.path(name), lambda found: _record(name, found))

    def path(self, name: str) -> Path:
        """Where a record is."""
        return self.folder / f"{name}.json"

    def add(self, record: Record) -> None:
        """Write a record, which counts once the state names it.

        Raises:
            CheckpointError: the disk refuses.
        """
        if not self._state.exists():
            self.save(State())
        traces = [asdict(trace) for trace in record.traces]
        self._write(self.path(record.id), {"files": traces, "folders": record.folders, "attributes": record.attributes})

    def remove(self, names: Sequence[str]) -> None:
        """Remove records."""
        for name in names:
            with contextlib.suppress(OSError):
                self.path(name).unlink(missing_ok=True)

    def save(self, state: State) -> None:
        """Write the state.

        Raises:
            CheckpointError: the disk refuses.
        """
        self._write(self._state, asdict(state))

    def begin(self, step: Step, goal: State) -> None:
        """Say what is about to be done, and what is then so.

        Raises:
            CheckpointError: the disk refuses.
        """
        self._write(self._next, asdict(goal))
        self._write(self._step, asdict(step))

    def over(self) -> None:
        """The step is made: from here on it is so.

        Raises:
            CheckpointError: the disk refuses; it is not made.
        """
        try:
            self._next.replace(self._state)
        except OSError as error:
            raise CheckpointError(f"{self._state} cannot be written: {error.strerror}.") from error
        sync_folder(self.folder)

    def end(self) -> None:
        """No step is in progress any more."""
        with contextlib.suppress(OSError):
            self._step.unlink(missing_ok=True)
            sync_folder(self.folder)

    def _read(self, path: Path, make: Callable[[Any], _T]) -> _T:
        try:
            return make(json.loads(path.read_bytes()))
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else "not what ossa wrote there"
            raise CheckpointError(f"{path} is damaged ({why}); remove it.") from error

    def _write(self, path: Path, value: Any) -> None:
        """Replace a file as a whole, on disk when this returns."""
        fresh = path.with_name(f"{path.name}.new")
        try:
            fresh.unlink(missing_ok=True)
            with fresh.open("xb") as out:
                out.write(json.dumps(value).encode())
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(path)
        except OSError as error:
            raise CheckpointError(f"{path} cannot be written: {error.strerror}.") from error
        sync_folder(self.folder)


def _state(found: Any) -> State:
    return State(_texts(found["made"]), _texts(found["undone"]), _text(found["last"]))


def _step(found: Any) -> Step:
    if found["word"] not in get_args(Word):
        raise ValueError(found["word"])
    return Step(_text(found["id"]), found["word"], _texts(found["ids"]), _texts(found["folders"]))


def _record(name: str, found: Any) -> Record:
    traces = [Trace(_text(t["path"]), _stamp(t["old"]), _stamp(t["new"])) for t in found["files"]]
    noted = {
        _text(path): {_text(key): _text(value) for key, value in some.items()}
        for path, some in found.get("attributes", {}).items()
    }
    return Record(name, tuple(traces), _texts(found["folders"]), noted)


def _stamp(found: Any) -> Stamp | None:
    return None if found is None else Stamp(_text(found["blob"]), None if found["mode"] is None else int(found["mode"]))


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(_text(item) for item in found)


def _text(found: Any) -> str:
    if not isinstance(found, str):
        raise TypeError(found)
    return found
