"""Tests that failed, each with a key and a click that begin to repair it."""

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
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


class FailingTest(Static, can_focus=True):
    """A test by its name."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("failing")]

    def __init__(self, test: str) -> None:
        super().__init__(cut(plain_text(test), 200), markup=False)
        self.test = test
        self.tooltip = Content("f or a click repairs this test")

    def on_click(self) -> None:
        self.action_fix_test()

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
