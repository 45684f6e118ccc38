"""The session log: every event comes back, whatever is in it and whenever the process dies."""

import signal
import stat
import subprocess
import sys
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.eventlog import from_line, joined, pack, records_of, to_line, unpack
from ossa.assistant.events import (
    Answering,
    Event,
    Notice,
    Proposed,
    Reading,
    Spoken,
    StepFinished,
    StepOutput,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.session import Session, SessionError, sessions
from ossa.assistant.verdict import Verdict
from ossa.model.base import Message, ToolCall, Usage
from ossa.tests.waiting import steps

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))
st.register_type_strategy(str, ANY_TEXT)
st.register_type_strategy(float, st.floats(allow_nan=False))
EVENTS: st.SearchStrategy[Any] = st.one_of([st.from_type(kind) for kind in get_args(Event)])


@given(EVENTS)
def test_every_event_comes_back_from_its_line(event: Event) -> None:
    line = to_line(pack(event))
    assert line.count(b"\n") == 1
    record = from_line(line)
    assert record is not None
    assert unpack(record) == event


@given(st.lists(EVENTS, max_size=8))
def test_joined_deltas_say_the_same(events: list[Event]) -> None:
    kept = [unpack(record) for record in joined(map(pack, events))]

    def said(kind: type, of: list[Any]) -> str:
        return "".join(event.text for event in of if isinstance(event, kind))

    assert all(said(kind, kept) == said(kind, events) for kind in (Thinking, Answering, StepOutput))
    assert not any(type(a) is type(b) is kind for a, b in pairwise(kept) for kind in (Thinking, Answering, Reading))
    others = (Thinking, Answering, StepOutput, Reading)
    assert [e for e in kept if not isinstance(e, others)] == [e for e in events if not isinstance(e, others)]


DELTAS = st.one_of(
    st.lists(st.builds(Thinking, ANY_TEXT)),
    st.lists(st.builds(Answering, ANY_TEXT)),
    st.lists(st.builds(StepOutput, st.sampled_from(["1", '"']), ANY_TEXT)),
)


@given(st.lists(DELTAS | st.lists(EVENTS, max_size=2), max_size=6), st.lists(st.integers(0, 2_000)))
def test_a_log_is_read_as_its_lines_are(runs: list[list[Event]], damaged: list[int]) -> None:
    events = [event for run in runs for event in run]
    log = bytearray(b"".join(to_line({"at": 1.5, "turn": 1, **pack(event)}) for event in events))
    for place in damaged:
        log[place : place + 1] = b"\n"
    lines = [record for line in bytes(log).split(b"\n") if (record := from_line(line))]
    assert list(map(unpack, records_of(BytesIO(log)))) == list(map(unpack, joined(lines)))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_without_an_exception(line: bytes) -> None:
    record = from_line(line)
    assert record is None or unpack(record) is None


def test_lines_of_other_versions_are_read_as_far_as_they_make_sense() -> None:
    assert unpack({"event": "Notice", "text": "hi", "colour": "red"}) == Notice("hi")
    assert unpack({"event": "Reading", "done": 1, "total": 2}) == Reading(1, 2, 0)
    assert unpack({"event": "Telepathy", "text": "hi"}) is None
    assert unpack({"event": "Notice"}) is None
    assert unpack({"event": "Notice", "text": 3}) is None
    assert unpack({"event": "TurnFinished", "end": "exploded"}) is None
    assert unpack({"event": "TurnFinished", "end": "answered", "seconds": 2}) == TurnFinished("answered", 2.0)


def test_a_session_is_what_was_appended(tmp_path: Path) -> None:
    hunk = Hunk("h1", 3, ("a\udce4\n",), ("b\u2028\r\n",))
    events: list[Event] = [
        TurnStarted("fix the tests\nplease"),
        Notice("\ud83d\ude00 are two lone surrogates, \U0001f600 is one character"),
        Spoken(Message("assistant", "…", (ToolCall("exec", "{}"),), tokens=(1, 2)), Usage(5, 0, 2, 0.1, 0.2)),
        StepFinished("1", True, "42 lines", result=Message("tool", "x", tool="exec")),
        Proposed(Change((FileChange("ä.py", "modified", (hunk,), mode=0o755),)), Verdict("pytest", 3, 3, ("t",))),
        TurnFinished("proposed", 1.5),
    ]
    session = Session.create(tmp_path, tmp_path, "small")
    for event in events:
        session.append(event)
    assert list(session.events()) == events
    session.close()
    assert list(Session.open(session.path).events()) == events


def test_nothing_is_on_disk_before_the_first_event_and_only_the_user_may_read(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "sessions", tmp_path, "small")
    assert not (tmp_path / "sessions").exists()
    assert list(session.events()) == []
    session.append(TurnStarted("hello"))
    assert stat.S_IMODE(session.path.stat().st_mode) == 0o600


def test_a_torn_last_line_is_skipped_and_the_next_event_stands_on_its_own(tmp_path: Path) -> None:
    session = Session.create(tmp_path, tmp_path, "small")
    session.append(TurnStarted("one"))
    session.append(Answering("two"))
    session.close()
    whole = session.path.read_bytes()
    for cut in range(whole.index(b"\n") + 1, len(whole)):
        session.path.write_bytes(whole[:cut])
        again = Session.open(session.path)
        again.append(Notice("after"))
        again.close()
        assert list(again.events())[-1] == Notice("after")
        assert list(again.events())[:-1] in ([], [TurnStarted("one")], [TurnStarted("one"), Answering("two")])


def test_no_event_is_lost_by_a_kill(tmp_path: Path) -> None:
    program = """
import sys
from pathlib import Path
from ossa.assistant.session import Session
from ossa.assistant.events import Notice
session = Session.create(Path(sys.argv[1]), Path(sys.argv[1]), "small")
number = 0
while True:
    number += 1
    session.append(Notice(str(number)))
    print(number, flush=True)
"""
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    told = [int(process.stdout.readline()) for _ in range(200)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().splitlines()]
    process.wait()
    session = Session.find(tmp_path, tmp_path, "latest")
    kept = [int(event.text) for event in session.events() if isinstance(event, Notice)]
    assert kept[: len(told)] == told
    assert len(kept) <= len(told) + 1
    session.close()


def test_a_second_opener_is_told_until_the_first_is_gone(tmp_path: Path) -> None:
    session = Session.create(tmp_path, tmp_path, "small")
    session.append(TurnStarted("mine"))
    program = f"""
from pathlib import Path
from ossa.assistant.session import Session, SessionError
try:
    Session.open(Path({str(session.path)!r})).close()
    print("opened")
except SessionError as error:
    print(error)
"""

    def other() -> str:
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert "is open in another ossa" in other()
    session.append(Notice("still mine"))
    session.close()
    assert other() == "opened\n"


def test_sessions_are_listed_the_latest_first(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    first, second, third = (Session.create(tmp_path, root, "small") for root in (here, here, there))
    first.append(TurnStarted("  the first\nwith more"))
    second.append(TurnStarted("the second"))
    third.append(TurnStarted("elsewhere"))
    first.append(StepFinished("1", True, "much", "x" * 300_000))
    first.append(TurnStarted("again"))
    (second.path.parent / "junk.jsonl").write_bytes(b"\x00\xff{}\n")
    (second.path.parent / "empty.jsonl").touch()
    found = sessions(tmp_path, here)
    assert [(info.id, info.title, info.turns) for info in found] == [
        (first.id, "the first", 2),
        (second.id, "the second", 1),
    ]
    assert found[0].root == here
    assert found[0].model == "small"
    assert {info.id for info in sessions(tmp_path)} == {first.id, second.id, third.id}
    assert sessions(tmp_path / "nowhere") == []


def test_a_session_is_found_by_the_start_of_its_id(tmp_path: Path) -> None:
    session = Session.create(tmp_path, tmp_path, "small")
    session.append(TurnStarted("hi"))
    session.close()
    for name in (session.id, session.id[:-2], "latest"):
        found = Session.find(tmp_path, tmp_path, name)
        assert found.id == session.id
        found.close()
    for name in ("nonsense", "", "../" + session.id):
        with pytest.raises(SessionError, match="There is no session"):
            Session.find(tmp_path, tmp_path, name)


def test_turns_are_counted_on_after_resuming(tmp_path: Path) -> None:
    session = Session.create(tmp_path, tmp_path, "small")
    session.append(TurnStarted("one"))
    session.close()
    again = Session.open(session.path)
    again.append(TurnStarted("two"))
    again.close()
    again.append(TurnFinished("answered"))
    assert [info.turns for info in sessions(tmp_path)] == [2]
    assert list(again.events()) == [TurnStarted("one"), TurnStarted("two"), TurnFinished("answered")]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_said_in_a_sentence(tmp_path: Path) -> None:
    session = Session.create(tmp_path, tmp_path, "small")
    session.path.parent.mkdir(parents=True)
    session.path.symlink_to("/dev/full")
    with pytest.raises(SessionError, match=r"cannot be written to .*No space left"):
        session.append(TurnStarted("hi"))


def test_a_session_is_loaded_in_the_time_that_its_length_asks_for(tmp_path: Path) -> None:
    def work(size: int) -> int:
        session = Session.create(tmp_path, tmp_path, "small")
        session.append(TurnStarted("count"))
        for number in range(size):
            session.append(Answering(f"{number} "))
        session.append(TurnFinished("answered"))
        assert len(list(session.events())) == 3
        return steps(lambda: list(session.events()))

    assert work(8_000) < 1.5 * work(2_000)
    assert {info.turns for info in sessions(tmp_path)} == {1}
