"""What the tests said of the change, above it: the summary, and the tests that changed or still fail."""

from collections.abc import Iterator

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from ossa.assistant.verdict import Verdict
from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.failing import NAMED, FailingTest, More, TestName, first, show_more

LINES = 60
"""Lines that are shown of what a test said."""
_GOOD = 3
"""Tests that are named at first where they are only good news."""


class VerdictView(Vertical):
    """The verdict: "-proved", "-broken" or "-unproved"; "-old" once the change is being made another one."""

    doing = reactive("", init=False, toggle_class="-old")
    """What goes on instead, or should, until there is another verdict; empty while this one holds."""

    def __init__(self, verdict: Verdict) -> None:
        self._verdict = verdict
        bad = verdict.broken or verdict.missing
        super().__init__(classes="-proved" if verdict.proved else "-broken" if bad else "-unproved")

    def compose(self) -> ComposeResult:
        mark = "✓" if self.has_class("-proved") else "✗" if self.has_class("-broken") else "!"
        summary = cut(plain_text(self._verdict.summary), 400)
        yield Static(markup=False, classes="-doing")
        yield Static(Content.styled(f"{mark} {summary}", "bold"), markup=False)
        for rows, most in _sorts(self._verdict):
            yield from first(rows, most)

    def watch_doing(self, doing: str) -> None:
        self.query_one(".-doing", Static).update(Content(f"{plain_text(doing)} · before:"))

    def open_all(self) -> None:
        """Show what each test said, or hide it where all of that is shown."""
        tests = [test for test in self.query(TestName) if test.said]
        opened = not all(test.opened for test in tests)
        for test in tests:
            test.opened = opened

    @on(More.Wanted)
    async def _more_wanted(self, event: More.Wanted) -> None:
        event.stop()
        await show_more(event.more)

    @on(TestName.Opened)
    async def _opened(self, event: TestName.Opened) -> None:
        """Put what a test said below its name, or take it away."""
        event.stop()
        row = event.name.parent
        if not isinstance(row, Horizontal):
            return
        following = self.children[self.children.index(row) + 1 :][:1]
        if following and following[0].has_class("-said"):
            await following[0].remove()
        if event.name.opened:
            said = Content("\n".join(shown(event.name.said, LINES)))
            await self.mount(Static(said, markup=False, classes="-said"), after=row)


def _sorts(verdict: Verdict) -> Iterator[tuple[list[Widget], int]]:
    """The tests of each sort, a row each, and how many are named at first.

    Two columns, so that a name keeps to its own; the first of a sort says which sort it is.
    """
    sorts = (
        ("broken", verdict.broken, "$text-error", FailingTest, NAMED),
        ("gone", verdict.missing, "$text-error", TestName, NAMED),
        ("failing", verdict.still_failing, "$text-warning", FailingTest, NAMED),
        ("flaky", verdict.flaky, "$text-warning", TestName, NAMED),
        ("fixed", verdict.fixed, "$text-success", TestName, _GOOD),
    )
    for name, tests, style, row, most in sorts:
        rows: list[Widget] = []
        for test in tests:
            sort = Static("" if rows else Content.styled(name, style), markup=False, classes="-sort")
            rows.append(Horizontal(sort, row(test, verdict.output(test))))
        yield rows, most
