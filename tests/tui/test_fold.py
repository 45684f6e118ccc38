"""A fold that is open while more comes shows all of that together, and of endless lines the starts."""

from textual.app import App, ComposeResult
from textual.content import Content

from ossa.tui.safe import LINE_LEAST, LINE_LIMIT, shown
from ossa.tui.widgets.fold import FoldBody
from ossa.tui.widgets.step import LINES, MOST, Step


class Counted(Step):
    """Knows how often it was looked at."""

    looks = 0

    def body(self) -> Content:
        self.looks += 1
        return super().body()


class Page(App[None]):
    """Nothing but a step."""

    def compose(self) -> ComposeResult:
        yield Counted("run tests")


async def test_what_a_command_prints_while_its_step_is_open_is_shown_some_times_a_second() -> None:
    async with Page().run_test() as pilot:
        step = pilot.app.query_one(Counted)
        step.opened = True
        await pilot.pause()
        before = step.looks
        for number in range(500):
            step.append(f"line {number}\n")
        assert step.looks == before
        while "line 499" not in str(pilot.app.query_one(FoldBody).render()):
            await pilot.pause(0.01)
        assert step.looks == before + 1
        step.append("and another\n")
        step.finish(True, "2 s")
        assert step.looks == before + 2
        await pilot.pause()
        assert "and another" in str(pilot.app.query_one(FoldBody).render())


def test_many_long_lines_are_cut_shorter_than_few() -> None:
    line = "x" * 3 * LINE_LIMIT
    few, many = shown("\n".join([line] * 3), LINES, MOST), shown("\n".join([line] * 5 * LINES), LINES, MOST)
    assert [len(line) > LINE_LIMIT for line in few] == [True] * 3
    assert len(many) == LINES
    assert LINE_LEAST * LINES < sum(map(len, many)) < 1.2 * MOST
    assert shown("short\n" * 5 * LINES, LINES, MOST) == shown("short\n" * 5 * LINES, LINES)
