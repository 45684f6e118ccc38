"""The conversation is what the events say, also after an interruption."""

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import (
    Answering,
    Committed,
    Composed,
    Event,
    Notice,
    Proposed,
    Ran,
    Redone,
    Reviewed,
    Revised,
    Rewound,
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


def test_everything_that_happened_before_the_next_prompt_is_told_in_order() -> None:
    hunk = Hunk("h1", 4, ("a\n",), ("b\n",))
    change = Change((FileChange("a.py", "modified", (hunk,)),))
    transcript = Transcript(
        [
            Proposed(change, Verdict("")),
            Revised("h1", "a.py", 5, "person", after=("c\n",)),
            Revised("h1", "a.py", 5, "model", "too long"),
            Reviewed((Decision("h1", True),), ("a.py",), "1", ("It no longer fits.",), ("h1",)),
            Undone(("a.py",), "1"),
            Redone(("a.py",), "1"),
            Ran("ls", 2, "x" * 9000),
            Committed("abc", "Do it\n\nwhy", ("a.py",)),
            Notice("The draft was discarded.", told=True),
            Notice("of no interest"),
        ]
    )
    order = ("rewrote a.py, line 5", "```\nc\n```", "- accepted, but not applied, a.py, line 5", "It no longer fits.")
    order += ("took back", "made the accept again", "ran `ls`", "(exit 2)", "committed a.py: Do it", "was discarded")
    places = [transcript.note.index(words) for words in order]
    assert places == sorted(places)
    assert "of no interest" not in transcript.note and "too long" not in transcript.note
    assert len(transcript.note) < 3500


def test_what_is_told_stays_within_bounds() -> None:
    assert len(Transcript([Ran("ls", 0, "x" * 9000)] * 50).note) < 9000


def prompt(text: str) -> list[Event]:
    said = Message("user", text)
    return [TurnStarted(text), Composed(said, (), 1, 9), Spoken(Message("assistant", f"re {text}"), Usage())]


def test_a_rewind_forgets_turns_and_tells_again_what_was_told_with_them() -> None:
    commands: list[Event] = [TurnStarted("/undo", command=True), Undone(("a.py",), "1"), TurnFinished("answered")]
    transcript = Transcript([*prompt("one"), *commands, *prompt("two"), *prompt("three"), Answering("half")])
    transcript.see(TurnStarted("/rewind", command=True))
    transcript.see(Rewound(2, ("b.py",), ("2",), prompt="two"))
    assert [m.text for m in transcript.messages] == ["one", "re one"]
    assert transcript.note == "The person took back what they had accepted in: a.py."
    transcript.see(Rewound(7))
    assert transcript.messages == [] and transcript.see(Rewound(1)) is None


def test_a_rewind_of_files_alone_forgets_nothing() -> None:
    transcript = Transcript([*prompt("one"), *prompt("two"), Rewound(1, ("a.py",), ("1",), conversation=False)])
    assert len(transcript.messages) == 4 and "in the last 1 prompt: a.py" in transcript.note
