"""Tests that failed, each with a key and a click that begin to repair it."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static

from ossa.tui.commands import bindings
from ossa.tui.safe import cut, plain_text
from ossa.tui.testname import fitted

NAMED = 6
"""Tests of one sort that are named at first."""
PAGE = 200
"""Those that one key more shows."""


class FixWanted(Message):
    """The person wants this test repaired."""

    def __init__(self, test: str) -> None:
        super().__init__()
        self.test = test


class TestName(Static, can_focus=True):
    """A test by its name; what it said when it failed opens below it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("failing")]
    __test__ = False

    opened = reactive(False, init=False, toggle_class="-opened")
    """Whether its whole name and what it said are to be seen."""

    class Opened(Message):
        """What it said is to be shown, or no longer."""

        def __init__(self, name: "TestName") -> None:
            super().__init__()
            self.name = name

    def __init__(self, test: str, said: str = "") -> None:
        self.test, self.said = test, said
        super().__init__(markup=False)
        self.tooltip = Content("enter or a click shows what it said") if said else None

    def watch_opened(self) -> None:
        self.update(self._content())
        self.post_message(self.Opened(self))

    def on_mount(self) -> None:
        self.update(self._content())

    def on_resize(self) -> None:
        self.update(self._content(), layout=False)

    def _content(self) -> Content:
        mark = ("▾ " if self.opened else "▸ ") if self.said else ""
        name, room = cut(plain_text(self.test), 200), self.content_size.width - len(mark)
        return Content.assemble((mark, "$foreground 40%"), name if self.opened or room <= 0 else fitted(name, room))

    def on_click(self) -> None:
        self.action_open_output()

    def action_open_output(self) -> None:
        if self.said:
            self.opened = not self.opened
        else:
            self.notify("What it said is not known any more.", markup=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "fix_test"


class FailingTest(TestName):
    """One that fails, and can be repaired."""

    def __init__(self, test: str, said: str = "") -> None:
        super().__init__(test, said)
        self.tooltip = Content("f repairs this test" if said else "f or a click repairs this test")

    def on_click(self) -> None:
        if self.said:
            self.action_open_output()
        else:
            self.action_fix_test()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return True

    def action_fix_test(self) -> None:
        self.post_message(FixWanted(self.test))


class More(Static, can_focus=True):
    """How many tests there are besides those shown; a key or a click shows more of them."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("more")]

    class Wanted(Message):
        """The next of them are to be shown in its place."""

        def __init__(self, more: "More") -> None:
            super().__init__()
            self.more = more

    def __init__(self, rows: Sequence[Widget]) -> None:
        """`rows` are those that are not shown yet."""
        self.rows = rows
        super().__init__(f"▸ and {len(rows):,} more", markup=False)
        self.tooltip = "enter or a click shows them"

    def on_click(self) -> None:
        self.action_show_more()

    def action_show_more(self) -> None:
        self.post_message(self.Wanted(self))


def first(rows: Sequence[Widget], most: int = NAMED) -> list[Widget]:
    """The first of these rows, and where there are others, one that shows them."""
    return [*rows[:most], More(rows[most:])] if len(rows) > most + 1 else list(rows)


async def show_more(more: More) -> None:
    """Put the next rows where the one is that tells of them."""
    here = more.parent
    if not isinstance(here, Widget):
        return
    rows = first(more.rows, PAGE)
    await here.mount(*rows, before=more)
    await more.remove()
    if focusable := [*rows[0].query(TestName), *(row for row in rows[:1] if isinstance(row, TestName))]:
        focusable[0].focus()


class FailingTests(Vertical):
    """What failed in a run of the tests."""

    def __init__(self, tests: Sequence[str]) -> None:
        super().__init__()
        self._tests = tests

    def compose(self) -> ComposeResult:
        yield from first([FailingTest(test) for test in self._tests])

    @on(More.Wanted)
    async def _more_wanted(self, event: More.Wanted) -> None:
        event.stop()
        await show_more(event.more)
