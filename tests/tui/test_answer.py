"""An answer while it grows: what looks the same is drawn once, and a long one is parsed where no key waits for it."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.pilot import Pilot
from textual.strip import Strip

from ossa.assistant.events import Answering, Event, TurnFinished, TurnStarted
from ossa.tui.laid import Laid, read
from ossa.tui.widgets.answer import AT_ONCE, Answer

if TYPE_CHECKING:
    from tests.tui.conftest import Open

CODE = "```python\n" + "".join(f"x{n} = {n}\n" for n in range(12))
TABLE = "| a | b |\n|---|---|\n" + "".join(f"| c{n} | *d* |\n" for n in range(12))
PROSE = "".join(f"Word {n} of a **long** paragraph " for n in range(30))
LONG = "".join(f"## Part {n}\n\nSome *words*, and a list:\n\n- one\n- two\n\n" for n in range(150)) + "The end of it."


class Counted(Answer):
    """Knows what it has drawn."""

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[str] = []

    def _drawn(self, line: Laid, width: int, selected: tuple[int, int] | None = None) -> Strip:
        strip = super()._drawn(line, width, selected)
        self.drawn.append(strip.text.strip())
        return strip


class Page(App[None]):
    """Nothing but an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.answer = Counted()
        self.answer.styles.height = "auto"

    def compose(self) -> ComposeResult:
        yield VerticalScroll(self.answer)


@asynccontextmanager
async def answering() -> AsyncGenerator[tuple[Counted, Pilot[None]]]:
    page = Page()
    async with page.run_test(size=(60, 40)) as pilot:
        yield page.answer, pilot


async def draws(answer: Counted, pilot: Pilot[None], text: str, mark: str) -> list[str]:
    """Add a text, wait until a row with this mark is on the screen, and tell what was drawn for that."""
    answer.drawn.clear()
    await answer.append_text(text)
    while not any(mark in row for row in answer.drawn):
        await pilot.pause(0.01)
    await pilot.pause()
    return list(answer.drawn)


@pytest.mark.parametrize(
    ("before", "last", "more", "mark"),
    [
        (CODE, "x11 = 11", "late = 99\n", "late"),
        (TABLE, "c11", "| new | e |\n", "new"),
        (PROSE, "Word 29", "late.", "late"),
    ],
)
async def test_what_looks_the_same_is_drawn_once(before: str, last: str, more: str, mark: str) -> None:
    async with answering() as (answer, pilot):
        assert len(await draws(answer, pilot, before, last)) >= 12
        drawn = await draws(answer, pilot, more, mark)
        assert len(drawn) <= 4, drawn


async def test_what_looks_otherwise_is_drawn_anew() -> None:
    async with answering() as (answer, pilot):
        assert "Some *emphasis" in await draws(answer, pilot, "Some *emphasis", "Some")
        assert "Some emphasis at last" in await draws(answer, pilot, "* at last", "last")


async def test_a_long_answer_is_read_while_the_loop_goes_on_and_is_the_same() -> None:
    assert len(LONG) > AT_ONCE
    steps = itertools.count()

    async def go_on() -> None:
        while True:
            next(steps)
            await asyncio.sleep(0)

    async with answering() as (answer, pilot):
        await answer.append_text(LONG)
        beside = asyncio.ensure_future(go_on())
        await answer.finish()
        beside.cancel()
        assert next(steps) > 2
        await pilot.pause()
        width = answer.content_size.width
        assert answer.source == LONG
        assert answer.size.height == len(read(LONG, width).page.lines)
        rows = [answer.render_line(y).text.strip() for y in range(answer.size.height)]
        assert rows[0] == "Part 0" and rows[-1] == "The end of it." and rows.count("• two") == 150


async def test_a_session_with_long_answers_comes_back_at_its_end(open_window: "Open") -> None:
    whole = "\n".join(f"line {n} of it  " for n in range(3000)) + "\n\n" + "x" * 100_000
    history: list[Event] = []
    for number in range(4):
        text = f"{LONG if number % 2 else whole}\n\nanswer {number}."
        history += [TurnStarted(f"question {number}."), Answering(text), TurnFinished("answered", 1.0)]
    async with open_window([Answering("So it is.")], history=history, size=(100, 30)) as stage:
        await stage.shows("answer 3.")
        conversation = stage.app.window.conversation
        assert conversation.at_end
        await stage.send("go on")
        await stage.shows("So it is.")
