"""The question whether a command may run without a sandbox: what "always" covers and the keys are seen, however small
the window and long the warning is."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.draft import Isolation
from ossa.assistant.drafts.copied import MISSING

if TYPE_CHECKING:
    from tests.tui.conftest import Open

WARNING = Isolation(
    "copy", False, "NOT confined: bubblewrap is missing; " + "commands can write anywhere " * 4, MISSING
)


@pytest.mark.parametrize(("size", "lines"), [((80, 24), 1), ((80, 24), 40), ((60, 20), 1)])
async def test_all_guarantees_that_are_missing_leave_room_for_the_answers(
    open_window: "Open", size: tuple[int, int], lines: int
) -> None:
    command = "\n".join(f"echo {n}" for n in range(lines))
    async with open_window(size=size) as stage:
        asked = asyncio.ensure_future(stage.agent.reviewer.permit(command, WARNING.warning, command))
        await stage.shows("run it once")
        assert "echo 0" in stage.text and "NOT confined" in stage.text
        assert "“Always” covers exactly this line" in stage.text and "don't run it" in stage.text
        if lines > 1:
            await stage.pilot.press("end")
            await stage.shows(f"echo {lines - 1}")
            await stage.pilot.press("tab")
        await stage.pilot.press("end")
        await stage.shows("processor time, memory")  # the last of what is missing
        assert "run it once" in stage.text
        while not asked.done():
            await stage.pilot.press("n")
        assert await asked == "no"
