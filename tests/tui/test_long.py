"""A long conversation: only its last page is mounted, and while one reads, nothing moves under one's eyes."""

import asyncio
from typing import TYPE_CHECKING

from ossa.assistant.events import Answering, Event, Notice, StepFinished, StepStarted, TurnFinished, TurnStarted
from ossa.tui.widgets.conversation import MOST, PAGE, Earlier, TurnBlock

if TYPE_CHECKING:
    from tests.tui.conftest import Open


def turn(number: int) -> list[Event]:
    step = (StepStarted("s", f"open {number}"), StepFinished("s", True, "1 line", f"content {number}"))
    return [TurnStarted(f"question {number}."), *step, Answering(f"answer {number}."), TurnFinished("answered", 1.0)]


async def test_earlier_turns_of_a_long_talk_wait_and_come_back_as_they_were(open_window: "Open") -> None:
    count = MOST + 3
    scripts = [[Answering(f"answer {n}."), Notice(f"notice {n}.")] for n in range(count)]
    async with open_window(*scripts, size=(120, 50)) as stage:
        conversation = stage.app.window.conversation
        for number in range(count):
            await stage.send(f"question {number}.")
            await stage.shows(f"answer {number}.")
        await stage.until(lambda: stage.app.window.status.state == "ready")
        assert len(conversation.query(TurnBlock)) == PAGE + 3
        assert len(conversation.query_one(Earlier).turns) == MOST - PAGE
        await stage.send("/edit 26")
        await stage.until(lambda: stage.app.window.prompt.text == "question 1.")
        await stage.pilot.press("escape")
        conversation.focus()
        conversation.scroll_home(animate=False)
        await stage.until(lambda: len(conversation.query(TurnBlock)) == 2 * PAGE + 3)
        await stage.until(lambda: conversation.scroll_y > 0)
        conversation.scroll_home(animate=False)
        await stage.until(lambda: not conversation.query(Earlier))
        blocks = list(conversation.query(TurnBlock))
        assert [block.prompt for block in blocks] == [f"question {n}." for n in range(count)]
        await stage.until(lambda: conversation.scroll_y > 0)
        conversation.scroll_home(animate=False)
        await stage.shows("answer 0.")
        await stage.shows("notice 0.")


async def test_nothing_moves_while_one_reads_what_was_said_before(open_window: "Open") -> None:
    history = [event for n in range(9) for event in turn(n)]
    gate, more = asyncio.Event(), asyncio.Event()
    script = [Answering("First.\n\n"), gate, Answering("Second.\n\n" * 30), more, Answering("Third.")]
    async with open_window(script, [Answering("Last.")], history=history, size=(100, 30)) as stage:
        conversation = stage.app.window.conversation
        await stage.send("go on")
        await stage.shows("First.")
        await stage.send("and then?")  # waits for its turn
        conversation.focus()
        await stage.pilot.press("pageup")
        await stage.until(lambda: not conversation.at_end and "First." not in stage.text)
        await stage.pilot.pause(0.5)
        before, rows = conversation.scroll_y, [row[:90] for row in stage.text.splitlines()[2:20]]
        gate.set()
        await stage.until(lambda: conversation.max_scroll_y > before + 40)
        more.set()
        await stage.until(lambda: stage.app.window.status.state == "ready")
        assert conversation.scroll_y == before
        assert [row[:90] for row in stage.text.splitlines()[2:20]] == rows
        await stage.send("and now?")
        await stage.until(lambda: conversation.at_end)
