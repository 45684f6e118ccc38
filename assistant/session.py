r"""The session: the event log of one conversation, on disk, written as it happens.

    append(event) ─► one write of one line ─► FOLDER/<repository>/<id>.jsonl ─► events() ─► the same conversation again

The first line tells of the session itself. A line is either whole or, after a kill in its middle, the torn last one:
readers skip it, and the next append starts on a line of its own. Whoever has a session open holds a lock on its file.
"""

import errno
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Self

from ossa.assistant import paths
from ossa.assistant.eventlog import Record, from_line, pack, records_of, to_line, unpack
from ossa.assistant.events import Committed, Event, Redone, Reviewed, Rewound, TurnFinished, TurnStarted, Undone
from ossa.assistant.lock import lock

_LASTING = (TurnFinished, Reviewed, Undone, Redone, Rewound, Committed)
"""After these the log is forced to the disk: they tell of work that must not be lost."""
LINE = 1 << 20
"""Bytes of a line that a list of sessions reads at most."""
_TITLE = 200
"""Characters of a title that are read."""
_HEAD_LINES = 20
"""Lines in which the first prompt is looked for."""


class SessionError(Exception):
    """The session cannot be had or written; the text is a sentence for the user."""


class Session:
    """One conversation's log, open for writing. Not for use from several threads at once."""

    def __init__(self, path: Path, header: Record, turns: int = 0) -> None:
        """For a log that exists, or that the first event will make; see `create`, `open` and `find`."""
        self.path, self.id = path, path.stem
        self.root, self.model = Path(str(header.get("root", "."))), str(header.get("model", ""))
        self._header, self._turns = header, turns
        self._file: int | None = None
        self._torn = False

    @classmethod
    def create(cls, folder: Path, root: Path, model: str) -> Self:
        """A new session on the repository `root`; nothing is on disk before its first event."""
        name = new_id()
        header: Record = {"session": 1, "id": name, "root": str(root), "model": model}
        return cls(folder / paths.repository_key(root) / f"{name}.jsonl", header)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Go on with the session in this file.

        Raises:
            SessionError: it cannot be read, is no session, or is open in another ossa.
        """
        try:
            info = info_of(path)
            header: Record = {"root": str(info.root), "model": info.model}
            session = cls(path, header, info.turns)
            session._take(os.O_RDWR)
        except OSError as error:
            raise SessionError(f"The session {path} cannot be opened: {error.strerror}.") from error
        return session

    @classmethod
    def find(cls, folder: Path, root: Path, name: str) -> Self:
        """Go on with the session of this repository that has this id, or whose id alone begins so, or the "latest".

        Raises:
            SessionError: there is none, there are several, or it cannot be opened.
        """
        return cls.open(named(folder, root, name).path)

    def append(self, event: Event) -> None:
        """Write one event; when this returns, a kill of the process no longer loses it.

        Raises:
            SessionError: it is open in another ossa, or the disk refuses; the conversation itself can go on.
        """
        self._turns += isinstance(event, TurnStarted)
        try:
            if self._file is None:
                self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not self._take(os.O_RDWR | os.O_CREAT):
                    self._write({"at": round(time.time(), 6), **self._header})
            self._write({"at": round(time.time(), 6), "turn": self._turns, **pack(event)})
            if isinstance(event, _LASTING) and self._file is not None:
                os.fsync(self._file)
        except OSError as error:
            raise SessionError(f"The session cannot be written to {self.path}: {error.strerror}.") from error

    def events(self) -> Iterator[Event]:
        """What happened so far; see `events_of`."""
        return events_of(self.path)

    def close(self) -> None:
        """Give the session free for others."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self, flags: int) -> int:
        """Open the file and lock it; returns its size."""
        file = os.open(self.path, flags | os.O_APPEND, 0o600)
        if not lock(file):
            os.close(file)
            raise SessionError(f"The session {self.id} is open in another ossa. Close it there first.")
        self._file = file
        size = os.fstat(file).st_size
        self._torn = size > 0 and _read(file, size - 1, 1) != b"\n"
        return size

    def _write(self, record: Record) -> None:
        """Append one line by one write, on a line of its own even after a torn one."""
        if self._file is None:
            raise SessionError(f"The session {self.id} is closed.")
        line = b"\n" * self._torn + to_line(record)
        self._torn = True
        if os.write(self._file, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """What a list of sessions shows."""

    id: str
    path: Path
    root: Path
    title: str
    """As the person named it; else the first line of the first prompt."""
    started: datetime
    updated: datetime
    turns: int
    model: str


def sessions(folder: Path, root: Path | None = None) -> list[SessionInfo]:
    """The sessions of one repository, or of all, the latest first; reads the ends of each file only."""
    pattern = f"{paths.repository_key(root) if root else '*'}/*.jsonl"
    found: list[SessionInfo] = []
    for path in folder.glob(pattern):
        try:
            info = _info(path)
        except OSError:
            continue
        if info:
            found.append(info)
    return sorted(found, key=lambda info: info.updated, reverse=True)


def info_of(log: Path) -> SessionInfo:
    """What a list would show of the session of this log.

    Raises:
        SessionError: nothing has been said in it yet, or it cannot be read.
    """
    try:
        info = _info(log)
    except FileNotFoundError as error:
        raise SessionError("Nothing has been said in this session yet.") from error
    except OSError as error:
        raise SessionError(f"The session {log} cannot be read: {error.strerror}.") from error
    if info is None:
        raise SessionError(f"{log} is not a session of ossa.")
    return info


def named(folder: Path, root: Path | None, name: str) -> SessionInfo:
    """The session of this repository that has this id, or whose id alone begins so, or the "latest".

    Raises:
        SessionError: there is none, or there are several.
    """
    known = sessions(folder, root)
    fitting = known[:1] if name == "latest" else [s for s in known if name and s.id.startswith(name)]
    exact = [s for s in fitting if s.id == name]
    match exact or fitting:
        case [one]:
            return one
        case []:
            raise SessionError(f"There is no session {name} of {root or 'any repository'}. `ossa sessions` lists them.")
        case several:
            raise SessionError(f"{name} may be any of {', '.join(s.id for s in several)}. Give more of the id.")


def events_of(log: Path) -> Iterator[Event]:
    """What happened in the session of this log; a run of deltas comes as one, lines that make no sense are left out."""
    if not log.exists():
        return
    with log.open("rb") as file:
        for record in records_of(file):
            if event := unpack(record):
                yield event


def new_id() -> str:
    """The id of another session: when it began, and something by which no two are the same."""
    return f"{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(4)}"


def title_file(log: Path) -> Path:
    """Where the title is that the person gave to the session of this log."""
    return log.with_suffix(".title")


def title_of(log: Path) -> str:
    """The title that the person gave to the session of this log; empty without one."""
    try:
        return title_file(log).read_text(encoding="utf-8", errors="replace")[:_TITLE].strip()
    except OSError:
        return ""


def _info(path: Path) -> SessionInfo | None:
    """What the first and the last lines of a log tell; None where it is no session."""
    with path.open("rb") as file:
        header = from_line(file.readline(LINE)) or {}
        if "session" not in header:
            return None
        prompt = ""
        for _ in range(_HEAD_LINES):
            record = from_line(file.readline(LINE)) or {}
            if record.get("event") == "TurnStarted":
                prompt = str(record.get("prompt", "")).strip()
                break
        last = _last_record(file.fileno()) or header
    return SessionInfo(
        path.stem,
        path,
        Path(str(header.get("root", ""))),
        title_of(path) or (prompt.splitlines()[0][:80] if prompt else ""),
        _when(header),
        _when(last),
        turns if isinstance(turns := last.get("turn"), int) else 0,
        str(header.get("model", "")),
    )


def _last_record(file: int) -> Record | None:
    """The last whole line, found from the end in steps that grow with its length."""
    size, step = os.fstat(file).st_size, 4096
    while True:
        start = max(size - step, 0)
        lines = _read(file, start, size - start).split(b"\n")
        for line in reversed(lines if start == 0 else lines[1:]):
            record = from_line(line)
            if record and "at" in record:
                return record
        if start == 0:
            return None
        step *= 8


def _read(file: int, offset: int, length: int) -> bytes:
    os.lseek(file, offset, os.SEEK_SET)
    return os.read(file, length)


def _when(record: Record) -> datetime:
    at = record.get("at")
    try:
        return datetime.fromtimestamp(at if isinstance(at, int | float) else 0)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0)
