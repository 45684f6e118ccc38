"""A page over the window, to read and close."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ossa.tui.commands import bindings


class Page(ModalScreen[None]):
    """Text that most keys that one would try close."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("page"),
        Binding("f1", "close_page", show=False, id="window.help"),  # what opens the help closes it
    ]

    def __init__(self, content: Callable[[], Content], hint: str = "", renew: float = 0.0) -> None:
        """`content` is asked for again every `renew` seconds, where that is above 0."""
        super().__init__()
        self._content, self._hint, self._renew = content, hint, renew

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog"):
            if self._hint:
                yield Static(self._hint, markup=False, classes="-hint")
            yield Static(self._content(), markup=False, id="page")

    def on_mount(self) -> None:
        if self._renew:
            self.set_interval(self._renew, lambda: self.query_one("#page", Static).update(self._content()))

    def action_close_page(self) -> None:
        self.dismiss()

    def action_lower(self) -> None:
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=3, animate=False)

    def action_higher(self) -> None:
        self.query_one("#dialog", VerticalScroll).scroll_relative(y=-3, animate=False)
