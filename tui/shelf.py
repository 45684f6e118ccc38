"""Where turns wait that nobody looks at: in a file without a name, and not in the window's memory.

    Turn ─► Shelf.put ─► Shelved: its prompt, and where the rest is ─► events, once somebody scrolls up to it

The session's log could not give them back as they were shown: the window says things of its own among them.
"""

import tempfile
import threading
from collections.abc import Iterable
from typing import IO

from ossa.assistant.eventlog import from_line, pack, to_line, unpack
from ossa.assistant.events import Event, Failure, TurnStarted
from ossa.tui.history import Turn


class Shelf:
    """Takes turns; its file is gone as soon as the window is, however that ends."""

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._end = 0
        self._alone = threading.Lock()

    def put(self, turns: Iterable[Turn]) -> "list[Shelved]":
        """Put turns down; where the disk takes nothing, they stay in memory."""
        return [Shelved(self, turn) for turn in turns]

    def write(self, events: list[Event]) -> tuple[int, int]:
        """Put down the events of one turn.

        Returns:
            Where they are, and how many bytes that takes.

        Raises:
            OSError: the disk refuses.
        """
        data = b"".join(to_line(pack(event)) for event in events)
        with self._alone:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="ossa-", buffering=0)  # noqa: SIM115 - as long as the window
            at = self._file.seek(self._end)
            if self._file.write(data) < len(data):
                raise OSError("the disk is full")
            self._end = at + len(data)
        return at, len(data)

    def read(self, at: int, length: int) -> list[Event]:
        """The events that were put down there.

        Raises:
            OSError: the disk refuses.
        """
        with self._alone:
            if self._file is None:
                raise OSError("nothing was put down")
            self._file.seek(at)
            lines = self._file.read(length).splitlines()
        records = map(from_line, lines)
        return [event for record in records if record and (event := unpack(record))]


class Shelved:
    """A turn as it was put down; there are thousands after a long day, so each is small."""

    __slots__ = ("_place", "_shelf", "back", "is_prompt", "prompt")

    def __init__(self, shelf: Shelf, turn: Turn) -> None:
        self.prompt, self.is_prompt, self.back = turn.prompt, turn.is_prompt, turn.back
        self._shelf = shelf
        try:
            self._place: tuple[int, int] | list[Event] = shelf.write(turn.events)
        except OSError:
            self._place = turn.events

    @property
    def events(self) -> list[Event]:
        """What happened in it; where the disk does not give it back, that."""
        if isinstance(self._place, list):
            return self._place
        try:
            return self._shelf.read(*self._place)
        except OSError as error:
            lost = f"What was said here cannot be read back: {error}. The session's log has it: /export writes it out."
            return [TurnStarted(self.prompt, command=not self.is_prompt), Failure(lost)]
