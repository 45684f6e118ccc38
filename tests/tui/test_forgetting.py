"""What Textual remembers of what it has drawn is let go, and drawn again as it was."""

from textual.app import App, ComposeResult
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from ossa.tui.painting import forget_drawn


class Lines(App[None]):
    """A screen of one line."""

    def compose(self) -> ComposeResult:
        yield Static("A line.", id="line")


async def test_what_was_drawn_is_forgotten_and_drawn_again_as_it_was() -> None:
    async with Lines().run_test(size=(60, 12)) as pilot:
        line, area = pilot.app.query_one("#line", Static), Region(0, 0, 60, 1)
        before = [strip.text for strip in line.render_lines(area)]
        assert Region.intersection.cache_info().currsize and Strip.blank.cache_info().currsize
        forget_drawn()
        assert not (Region.intersection.cache_info().currsize or Strip.blank.cache_info().currsize)
        line.refresh()
        await pilot.pause()
        assert [strip.text for strip in line.render_lines(area)] == before
