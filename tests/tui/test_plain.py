"""What is printed without a window."""

import io
from collections.abc import AsyncIterator

from ossa.assistant.events import Attempt, Event, TurnFinished
from ossa.tui.plain import show


async def test_an_attempt_that_only_takes_lines_out_is_printed() -> None:
    async def events() -> AsyncIterator[Event]:
        yield Attempt(1, 150, "calc.py:2 add", "", "still fails: 3 != 4")
        yield TurnFinished("no change")

    out = io.StringIO()
    assert await show(events(), as_json=False, out=out) == "no change"
    assert "calc.py:2 add  (lines taken out)  — still fails" in out.getvalue()
