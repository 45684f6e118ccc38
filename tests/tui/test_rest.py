"""While nothing goes on, nothing is painted."""

from typing import TYPE_CHECKING

from textual.app import App, ComposeResult

from ossa.assistant.events import Answering
from ossa.tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tests.tui.conftest import Open


class Short(Lines):
    """Comes to rest soon."""

    STILL = 0.05


class Page(App[None]):
    """Nothing but lines to type in."""

    def compose(self) -> ComposeResult:
        yield Short()


async def test_the_cursor_blinks_only_while_somebody_types() -> None:
    page = Page()
    async with page.run_test() as pilot:
        lines = page.query_one(Short)
        lines.focus()
        while lines.cursor_blink:
            await pilot.pause(0.01)
        lines.STILL = 60.0
        await pilot.press("x")
        assert lines.cursor_blink and lines.text == "x"


async def test_nothing_turns_once_a_turn_is_over(open_window: "Open") -> None:
    async with open_window([Answering("It is 42.")]) as stage:
        await stage.send("why?")
        await stage.shows("It is 42.")
        await stage.until(lambda: stage.app.window.status.state == "ready")
        assert stage.app.window.activity.auto_refresh is None


async def test_colours_that_are_in_force_are_not_worked_out_again(open_window: "Open") -> None:
    async with open_window() as stage:
        app = stage.app
        before, rules = app.window.prompt.styles.background, app.stylesheet.rules
        app.refresh_css()
        assert app.stylesheet.rules is rules
        app.theme = "ossa-light"
        await stage.until(lambda: app.window.prompt.styles.background != before)
        app.theme = "ossa-dark"
        await stage.until(lambda: app.window.prompt.styles.background == before)
