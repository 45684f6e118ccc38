"""The question whether a command may run where nothing confines it, with what "always" would cover."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ossa.assistant.review import Permission
from ossa.tui.commands import bindings
from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.keys import Keys

LONGEST = 50_000
"""Characters of a command that are shown: all of it, unless nobody could judge it anyway."""
GUARD = 0.4
"""Seconds for which no key answers a question that has just come up."""


class Confirm(ModalScreen[Permission]):
    """Shows the command, the warning and the scope of "always"; answered by a key."""

    AUTO_FOCUS = ".-code"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("permit")]

    def __init__(self, command: str, warning: str, pattern: str) -> None:
        """`pattern` is what "always" covers; where it is empty, that answer cannot be given."""
        super().__init__()
        self._command, self._warning, self._pattern = command, warning, pattern
        self._armed = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(Content("May this command run?"), markup=False, classes="-title")
            with VerticalScroll(classes="-judged"):
                with VerticalScroll(classes="-code"):
                    yield Static(Content(cut(plain_text(self._command), LONGEST)), markup=False)
                yield Static(Content("\n".join(shown(self._warning, 10))), markup=False, classes="-warning")
            with Vertical(classes="-answers"):
                yield Static(Content(_scope(self._command, self._pattern)), markup=False, classes="-scope")
                yield Keys()

    def on_mount(self) -> None:
        self.set_timer(GUARD, self._arm)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "permit_always" and not self._pattern:
            return False
        return self._armed or None if action in ("permit_once", "permit_always", "refuse") else True

    def action_permit_once(self) -> None:
        self.dismiss("once")

    def action_permit_always(self) -> None:
        self.dismiss("always")

    def action_refuse(self) -> None:
        self.dismiss("no")

    def _arm(self) -> None:
        self._armed = True
        self.refresh_bindings()


def _scope(command: str, pattern: str) -> str:
    """What "always" would permit, and for how long."""
    if not pattern:
        return "Such a command is asked for every time."
    if pattern == command:
        return "“Always” covers exactly this line, in this repository, until this session ends."
    what = " ".join(shown(pattern, 1))
    return f"“Always” covers {what} with arguments within the repository, in this repository, until this session ends."
