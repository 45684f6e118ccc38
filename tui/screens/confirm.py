"""The question whether a command may run where nothing confines it."""

from typing import ClassVar, Literal, TypeAlias

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from ossa.tui.safe import cut, plain_text, shown

Permission: TypeAlias = Literal["once", "always", "no"]
LONGEST = 50_000
"""Characters of a command that are shown: all of it, unless nobody could judge it anyway."""
GUARD = 0.4
"""Seconds for which no key answers a question that has just come up."""


class Confirm(ModalScreen[Permission]):
    """Shows the command and the warning; answered by a key."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('once')", "run it once"),
        Binding("a", "answer('always')", "always in this session"),
        Binding("n,escape", "answer('no')", "don't run it"),
    ]

    def __init__(self, command: str, warning: str) -> None:
        super().__init__()
        self._command, self._warning = command, warning
        self._armed = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content("May this command run?"), markup=False, classes="-title")
            with VerticalScroll(classes="-code"):
                yield Static(Content(cut(plain_text(self._command), LONGEST)), markup=False)
            yield Static(Content("\n".join(shown(self._warning, 6))), markup=False, classes="-warning")
            yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        self.set_timer(GUARD, self._arm)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._armed or None if action == "answer" else True

    def action_answer(self, permission: Permission) -> None:
        self.dismiss(permission)

    def _arm(self) -> None:
        self._armed = True
        self.refresh_bindings()
