"""A line at the foot of a column, where the person types what to look for; hidden until it is opened."""

from collections.abc import Callable
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.widgets import Input, Static

from ossa.tui.commands import bindings
from ossa.tui.widgets.inorder import InOrder


class _Input(InOrder, Input):
    """Where it is typed."""


class Field(Horizontal):
    """The line, and beside it what came of it. What happens to it is told to whoever made it, by calls."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("field")]

    def __init__(
        self,
        typed: Callable[[str], None],
        entered: Callable[[], None],
        left: Callable[[], None],
        moved: Callable[[int], None] = lambda _step: None,
    ) -> None:
        """Called with every other text, on Enter, when it is left, and with -1 or 1 on the arrow keys up and down."""
        super().__init__()
        self._input = _Input(compact=True)
        self._told = Static(markup=False)
        self._typed, self._entered, self._left, self._moved = typed, entered, left, moved
        self.display = False

    def compose(self) -> ComposeResult:
        yield self._input
        yield self._told

    def open(self, hint: str, text: str = "") -> None:
        """Let the person type, with this text to begin with."""
        self.display = True
        self.tell("")
        self._input.placeholder = hint
        self._input.value = text
        self._input.select_all()
        self._input.focus()

    def tell(self, text: str) -> None:
        """Say something beside what is typed."""
        self._told.update(text)

    def close(self) -> None:
        """Hide it; where the focus goes then is not its business."""
        self.display = False

    def action_leave_field(self) -> None:
        self._left()

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down"):
            event.stop()
            self._moved(-1 if event.key == "up" else 1)

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.display:
            self._typed(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._entered()
