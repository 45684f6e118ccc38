"""Every command and key on one page."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from ossa.tui.commands import help_content


class Help(ModalScreen[None]):
    """The help page; most keys that one would try close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,f1,enter", "dismiss", "close"),
        Binding("j", "scroll('down')", show=False),
        Binding("k", "scroll('up')", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog"):
            yield Static("Esc closes this page, ctrl+p searches the commands.", markup=False, classes="-hint")
            yield Static(help_content(), markup=False)

    def action_scroll(self, direction: str) -> None:
        page = self.query_one("#dialog", VerticalScroll)
        page.scroll_relative(y=3 if direction == "down" else -3, animate=False)
