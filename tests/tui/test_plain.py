"""What is printed without a window."""

import io
import json
from collections.abc import AsyncIterator

from ossa.assistant.events import (
    Attempt,
    Committed,
    Event,
    Failure,
    Ran,
    Redone,
    Revised,
    Rewound,
    TurnFinished,
)
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
