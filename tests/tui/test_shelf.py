"""Turns that nobody looks at wait in a file, and come back as they were."""

import contextlib
import resource
from collections.abc import Generator

import pytest

from ossa.assistant.events import (
    Answering,
    Event,
    Failure,
    Notice,
    Spoken,
    StepFinished,
    StepStarted,
    TurnFinished,
    TurnStarted,
)
from ossa.model.base import Message, Usage
from ossa.tui.history import Turn, take_back
from ossa.tui.shelf import Shelf

TEXT = "漢字 e\u0301 \x85 \u2028 \udc80 \r\n \x00 [bold]"


def turn(number: int) -> Turn:
    events: list[Event] = [
        TurnStarted(f"question {number}. {TEXT}"),
        StepStarted("s", "open", TEXT),
        StepFinished("s", True, "1 line", TEXT * 100, Message("tool", TEXT, tool="open")),
        Answering(f"answer {number}. {TEXT}"),
        Spoken(Message("assistant", TEXT), Usage(1, 2, 3, decode_seconds=1.5)),
        Notice("beside it"),
        TurnFinished("answered", 1.0),
    ]
    return Turn(events)


@contextlib.contextmanager
def full_disk() -> Generator[None]:
    """No file takes any more bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_they_come_back_as_they_were_in_any_order() -> None:
    shelf, told = Shelf(), [turn(number) for number in range(5)]
    first = shelf.put(told[:2])
    second = shelf.put(told[2:])
    for put, whole in reversed(list(zip([*first, *second], told, strict=True))):
        assert (put.events, put.prompt, put.is_prompt, put.back) == (whole.events, whole.prompt, True, False)


def test_a_rewind_marks_them_where_they_are() -> None:
    put = Shelf().put([turn(1), Turn([TurnStarted("/undo", command=True)]), turn(2), Turn([Notice("alone")])])
    take_back(put, 1)
    assert [one.back for one in put] == [False, False, True, True]
    assert [one.is_prompt for one in put] == [True, False, True, False]


def test_what_the_disk_does_not_take_stays_in_memory() -> None:
    shelf, told = Shelf(), [turn(number) for number in range(3)]
    with full_disk():
        put = shelf.put(told[:2])
    put += shelf.put(told[2:])
    assert [one.events for one in put] == [whole.events for whole in told]


def test_what_the_disk_does_not_give_back_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.TemporaryFile", _Broken)
    [put] = Shelf().put([turn(1)])
    started, failure = put.events
    assert isinstance(started, TurnStarted) and started.prompt.startswith("question 1.")
    assert isinstance(failure, Failure) and "Input/output error" in failure.text and "/export" in failure.text


class _Broken:
    """A file on a disk that has just broken."""

    def __init__(self, **_: object) -> None: ...

    def seek(self, at: int) -> int:
        return at

    def write(self, data: bytes) -> int:
        return len(data)

    def read(self, length: int) -> bytes:
        raise OSError(5, "Input/output error")
