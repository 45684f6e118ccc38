"""A key is painted before Textual's beat comes, and a text that grows is laid out once."""

import asyncio

import pytest
from textual import screen
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from ossa.tests.waiting import LIMIT
from ossa.tui.painting import Punctual
from ossa.tui.widgets.answer import Answer
from ossa.tui.widgets.conversation import Conversation, TurnBlock


class Line(Punctual):
    """A screen of one line."""

    def __init__(self) -> None:
        super().__init__()
        self.line = Static("before")

    def compose(self) -> ComposeResult:
        yield self.line

    async def painted(self) -> None:
        """Change the line, and wait until that is on the screen."""
        painted = asyncio.Event()
        self.line.update("after")
        self.line.call_after_refresh(painted.set)
        await asyncio.wait_for(painted.wait(), LIMIT)


class Lines(App[None]):
    def get_default_screen(self) -> Screen[None]:
        return Line()


async def test_what_a_key_changes_does_not_wait_for_the_beat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(screen, "UPDATE_PERIOD", 3600.0)
    async with Lines().run_test() as pilot:
        window = pilot.app.screen
        assert isinstance(window, Line)
        window.hurry()
        await window.painted()


class Talk(App[None]):
    """Nothing but a conversation."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation, self.block, self.answer = Conversation(), TurnBlock("What of it?"), Answer()
        self.layouts = 0

    def compose(self) -> ComposeResult:
        self.answer.styles.height = self.block.styles.height = "auto"
        yield self.conversation

    async def on_mount(self) -> None:
        await self.conversation.mount(self.block)
        await self.block.mount(self.answer)


async def grown(talk: Talk, pilot: Pilot[None], text: str) -> None:
    """Have the answer grow, and wait until nothing changes any more."""
    height = talk.answer.size.height
    await talk.answer.append_text(text)
    while talk.answer.size.height == height:
        await pilot.pause(0.01)
    await pilot.pause()


async def test_an_answer_that_grows_is_laid_out_once_and_stays_in_view() -> None:
    talk = Talk()
    async with talk.run_test(size=(60, 12)) as pilot:
        await grown(talk, pilot, "A line.\n\n" * 20)

        def count(_: Screen[None]) -> None:
            talk.layouts += 1

        talk.screen.screen_layout_refresh_signal.subscribe(talk, count)
        await grown(talk, pilot, "Another line.\n\n" * 20)
        assert talk.layouts == 1
        assert talk.conversation.show_vertical_scrollbar
        assert talk.conversation.scroll_y == talk.conversation.max_scroll_y > 0
        assert talk.conversation.vertical_scrollbar.window_virtual_size == talk.conversation.virtual_size.height
