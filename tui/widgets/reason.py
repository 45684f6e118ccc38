"""The field in which the user may say why a hunk is rejected, or wanted otherwise; the model is told."""

from typing import ClassVar, Literal, TypeAlias

from textual import on
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Input

from ossa.tui.commands import bindings
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.inorder import InOrder

Purpose: TypeAlias = Literal["reject", "ask again"]


class Reason(InOrder, Input):
    """Asks once, at the foot of the change, so that nothing scrolls away, and goes."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("field")]

    class Given(Message):
        """The user has answered; `text` is None when they left the field."""

        def __init__(self, view: HunkView, purpose: Purpose, text: str | None) -> None:
            super().__init__()
            self.view, self.purpose, self.text = view, purpose, text

    def __init__(self, view: HunkView, purpose: Purpose, leave_key: str) -> None:
        """`leave_key` is the one that leaves, as written in texts."""
        questions: dict[Purpose, str] = {
            "reject": f"Why not {view.place}? Enter tells, {leave_key} skips",
            "ask again": f"What is wrong with {view.place}? ⏎ asks, {leave_key} leaves",
        }
        super().__init__(placeholder=questions[purpose], compact=True)
        self._view = view
        self._purpose: Purpose = purpose

    def on_mount(self) -> None:
        self.focus()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._end(event.value.strip())

    def action_leave_field(self) -> None:
        self._end(None)

    def _end(self, text: str | None) -> None:
        self.post_message(self.Given(self._view, self._purpose, text))
        self.remove()
