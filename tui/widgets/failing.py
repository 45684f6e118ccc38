"""Tests that failed, each with a key and a click that begin to repair it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from ossa.tui.commands import bindings
from ossa.tui.safe import cut, plain_text

NAMED = 6
"""Tests of one sort that are named."""


class FixWanted(Message):
    """The person wants this test repaired."""

    def __init__(self, test: str) -> None:
        super().__init__()
        self.test = test


class TestName(Static, can_focus=True):
    """A test by its name; what it said when it failed opens below it."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("failing")]
    __test__ = False

    opened = reactive(False, init=False)
    """Whether what it said is to be seen."""

    class Opened(Message):
        """What it said is to be shown, or no longer."""

        def __init__(self, name: "TestName") -> None:
            super().__init__()
            self.name = name

    def __init__(self, test: str, said: str = "") -> None:
        self.test, self.said = test, said
        super().__init__(self._content(opened=False), markup=False)
        self.tooltip = Content("enter or a click shows what it said") if said else None

    def watch_opened(self, opened: bool) -> None:
        self.update(self._content(opened=opened))
        self.post_message(self.Opened(self))

    def _content(self, *, opened: bool) -> Content:
        mark = ("▾ " if opened else "▸ ") if self.said else ""
        return Content.assemble((mark, "$foreground 40%"), cut(plain_text(self.test), 200))

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


class FailingTests(Vertical):
    """What failed in a run of the tests."""

    def __init__(self, tests: Sequence[str]) -> None:
        super().__init__()
        self._tests = tests

    def compose(self) -> ComposeResult:
        yield from map(FailingTest, self._tests[:NAMED])
        if len(self._tests) > NAMED:
            yield Static(f"and {len(self._tests) - NAMED} more", markup=False)
