"""The conversation: a block for each turn, at the end of which it stays until the user scrolls away."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ossa.assistant.events import Event
from ossa.tui.widgets.fold import Fold
from ossa.tui.widgets.line import prompt_line


class TurnBlock(Vertical):
    """One turn: the prompt, and below it what happened."""


class Earlier(Static, can_focus=True):
    """The turns of a resumed session that are not shown yet."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "load", "show earlier turns")]

    class Wanted(Message):
        """The user wants to see them."""

        def __init__(self, earlier: "Earlier") -> None:
            super().__init__()
            self.earlier = earlier

    def __init__(self, turns: Sequence[Sequence[Event]]) -> None:
        self.turns = turns
        super().__init__(Content(f"↑ {len(turns)} earlier turns – enter shows them"), markup=False)

    def on_click(self) -> None:
        self.post_message(self.Wanted(self))

    def action_load(self) -> None:
        self.post_message(self.Wanted(self))


class Conversation(VerticalScroll, can_focus=True):
    """Everything said so far."""

    def on_mount(self) -> None:
        self.anchor()

    async def begin(self, prompt: str, before: Widget | None = None) -> TurnBlock:
        """Open the block of a new turn, at the end or before another one."""
        block = TurnBlock(prompt_line(prompt)) if prompt else TurnBlock()
        await self.mount(block, before=before)
        return block

    def toggle_folds(self) -> None:
        """Open every fold of the last turn, or close them if any is open."""
        blocks = list(self.query(TurnBlock))
        folds = list(blocks[-1].query(Fold)) if blocks else []
        opened = not any(fold.opened for fold in folds)
        for fold in folds:
            fold.opened = opened
