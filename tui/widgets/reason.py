"""The field in which the user may say why a hunk was rejected; the model is told."""

from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from ossa.tui.widgets.hunk import HunkView


class Reason(Input):
    """Asks once, at the foot of the change, so that nothing scrolls away, and goes."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "no reason")]

    class Given(Message):
        """The user has answered, perhaps with nothing."""

    def __init__(self, view: HunkView) -> None:
        super().__init__(placeholder=f"Why not {view.place}? Enter tells, esc skips", compact=True)
        self._view = view

    def on_mount(self) -> None:
        self.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._view.reason = event.value.strip()
        self._end()

    def action_leave(self) -> None:
        self._end()

    def _end(self) -> None:
        self.post_message(self.Given())
        self.remove()
