"""What is printed without a window."""

import io
import json
from collections.abc import AsyncIterator

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import (
    Attempt,
    Committed,
    Event,
    Failure,
    Notice,
    Proposed,
    Ran,
    Redone,
    Revised,
    Rewound,
    Searching,
    TurnFinished,
)
from ossa.assistant.review import Alternative, Alternatives
from ossa.assistant.verdict import Verdict
from ossa.tui.plain import show


async def test_an_attempt_that_only_takes_lines_out_is_printed() -> None:
    async def events() -> AsyncIterator[Event]:
        yield Attempt(1, 150, "calc.py:2 add", "", "still fails: 3 != 4")
        yield TurnFinished("no change")

    out = io.StringIO()
    assert await show(events(), as_json=False, out=out) == "no change"
    assert "calc.py:2 add  (lines taken out)  — still fails" in out.getvalue()


async def test_what_went_back_forth_or_into_a_commit_is_a_line() -> None:
    told: list[Event] = [
        Redone(("a.py", "b.py"), "c1"),
        Rewound(2, ("a.py",), ("c1",), False),
        Rewound(1),
        Revised("h", "a.py", 3, "person"),
        Revised("h", "a.py", 3, "model", "shorter"),
        Ran("false", 1, "no\x1b[31m\n"),
        Committed("abc123", "Add adds\n\nMore.", ("a.py",)),
        Failure("Nothing was taken back.", "--- a/a.py\n+mine\n"),
    ]

    async def events() -> AsyncIterator[Event]:
        for event in told:
            yield event
        yield TurnFinished("answered", 1.0)

    out = io.StringIO()
    await show(events(), as_json=False, out=out)
    assert out.getvalue().splitlines() == [
        "made again: a.py, b.py",
        "back by 2 prompts, brought back: a.py",
        "back by 1 prompt, forgotten by the model",
        "edited by you: a.py, line 3",
        "asked again for: a.py, line 3 (shorter)",
        "no",
        "exit code 1",
        "committed abc123: Add adds",
        "error: Nothing was taken back.",
        "--- a/a.py",
        "+mine",
        "answered, 1.0 s",
    ]
    out = io.StringIO()
    await show(events(), as_json=True, out=out)
    assert [json.loads(line)["event"] for line in out.getvalue().splitlines()][:-1] == [type(e).__name__ for e in told]


async def printed(*told: Event, terminal: bool = False) -> str:
    """What is printed of these."""

    class Out(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    async def events() -> AsyncIterator[Event]:
        for event in told:
            yield event

    await show(events(), as_json=False, out=(out := Out()))
    return out.getvalue()


def tried(number: int, *, ok: bool = False) -> Attempt:
    return Attempt(number, 1500, "calc.py:2 add", f"return {number}", "2/2 passed" if ok else "still fails", ok)


async def test_on_a_terminal_the_progress_of_a_search_is_one_line() -> None:
    told = [Searching(180, 1500), tried(1), tried(2, ok=True), tried(3), Notice("That was all.")]
    text = await printed(*told, terminal=True)
    assert [line.split("\r")[-1].replace("\x1b[K", "") for line in text.split("\n")[:3]] == [
        "Searching for a repair: at most 180 s, and 1,500 candidates for a test.",
        "✓   2  calc.py:2 add  return 2  — 2/2 passed",
        "That was all.",
    ]
    assert "0/180 s · 1/1,500 · 0 passed · calc.py:2 add\x1b[K" in text
    assert "3/1,500 · 1 passed · Ctrl+C keeps the best so far" in text


async def test_without_a_terminal_each_candidate_is_a_line() -> None:
    text = await printed(Searching(180, 1500), tried(1), tried(2, ok=True))
    assert text.splitlines()[1:] == [
        "·   1  calc.py:2 add  return 1  — still fails",
        "✓   2  calc.py:2 add  return 2  — 2/2 passed",
    ]


async def test_the_other_repairs_that_passed_are_a_line_each() -> None:
    change = Change((FileChange("calc.py", "modified", (Hunk("h", 1, ("a\n",), ("b\n",)),)),))
    repairs = (Alternative("calc.py:2 add", "b"), Alternative("calc.py:2 add", "", "return"))
    text = await printed(Proposed(change, Verdict("pytest", 1, 1), Alternatives(repairs, 1)))
    assert text.splitlines()[-1] == "also passed: calc.py:2 add  (lines taken out)  (does less: return)"
