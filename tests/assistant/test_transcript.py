"""The conversation is what the events say, also after an interruption."""

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import (
    Answering,
    Composed,
    Event,
    Proposed,
    Reviewed,
    Spoken,
    StepFinished,
    TurnFinished,
    TurnStarted,
    Undone,
)
from ossa.assistant.review import Decision
from ossa.assistant.transcript import Transcript
from ossa.assistant.verdict import Verdict
from ossa.model.base import Message, ToolCall, Usage

ASKED = Message("user", "why?")
CALLS = Message("assistant", "", (ToolCall("container.exec", "ls"), ToolCall("container.exec", "pwd")), tokens=(1, 2))
RESULT = Message("tool", "a.py", tool="container.exec")


def asked() -> list[Event]:
    return [TurnStarted("why?"), Composed(ASKED, (), 3, 100)]


def test_messages_are_kept_as_they_were_sampled() -> None:
    answer = Message("assistant", "so", tokens=(7, 8))
    events = [*asked(), Answering("so"), Spoken(answer, Usage()), TurnFinished("answered")]
    assert Transcript(events).messages == [ASKED, answer]


def test_an_interrupted_answer_keeps_what_was_written() -> None:
    events = [*asked(), Answering("be"), Answering("cause"), TurnFinished("cancelled")]
    assert Transcript(events).messages == [ASKED, Message("assistant", "because")]


def test_a_call_without_a_result_gets_one() -> None:
    events = [*asked(), Spoken(CALLS, Usage()), StepFinished("1", True, "", "", RESULT)]
    assert Transcript(events).messages == [
        ASKED,
        CALLS,
        RESULT,
        Message("tool", "(interrupted by the person)", tool="container.exec"),
    ]


def test_a_log_that_ends_behind_the_prompt_is_closed() -> None:
    assert Transcript(asked()).messages == [ASKED, Message("assistant", "(interrupted)")]
    assert Transcript([]).messages == []


def test_the_review_is_told_with_the_next_prompt_and_once() -> None:
    hunks = (Hunk("h1", 4, ("a\n",), ("b\n",)), Hunk("h2", 9, ("c\n",), ("d\n",)))
    change = Change((FileChange("a.py", "modified", hunks),))
    decisions = (Decision("h1", True), Decision("h2", False, "too clever"))
    transcript = Transcript([Proposed(change, Verdict("")), Reviewed(decisions, ("a.py",), "1")])
    assert "- accepted a.py, line 5" in transcript.note
    assert "- rejected a.py, line 10: too clever" in transcript.note
    transcript.see(Composed(ASKED, (), 3, 100))
    assert transcript.note == ""
    transcript.see(Undone(("a.py",), "1"))
    assert "took back" in transcript.note
