"""The conversation: a block for each turn; it stays at the end until the user scrolls away, and when a turn begins."""

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ossa.tui.history import Turn, take_back
from ossa.tui.safe import cut, plain_text
from ossa.tui.widgets.fold import Fold
from ossa.tui.widgets.line import prompt_line


class TakenBack(Fold):
    """Stands for a turn that a rewind took back, and opens to what it was.

    Commands such as /commit or !ls are forgotten, too, but what they did stands.
    """

    def __init__(self, prompt: str, *, is_prompt: bool) -> None:
        super().__init__()
        self._word = "taken back" if is_prompt else "forgotten"
        self._prompt = cut(plain_text(prompt).replace("\n", " "), 200)

    def head(self) -> Content:
        return Content.assemble(f"↶ {self._word}  ", (self._prompt, "strike"))

    async def watch_opened(self, opened: bool) -> None:
        if self.parent is not None:
            self.parent.set_class(opened, "-open")
        self.renew()


class TurnBlock(Vertical):
    """One turn: the prompt, and below it what happened."""

    def __init__(self, prompt: str = "", *, is_prompt: bool = False) -> None:
        """`is_prompt`: it is one to the model, and none to ossa."""
        super().__init__(*([prompt_line(prompt)] if prompt else []))
        self.is_prompt = is_prompt
        self._prompt = prompt

    @property
    def back(self) -> bool:
        """Whether a rewind took it back."""
        return self.has_class("-back")

    async def take_back(self) -> None:
        """Close it to one line that says so."""
        if not self.back:
            self.add_class("-back")
            await self.mount(TakenBack(self._prompt, is_prompt=self.is_prompt), before=0)


class Earlier(Static, can_focus=True):
    """The turns of a resumed session that are not shown yet."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "load", "show earlier turns")]

    class Wanted(Message):
        """The user wants to see them."""

        def __init__(self, earlier: "Earlier") -> None:
            super().__init__()
            self.earlier = earlier

    def __init__(self, turns: Sequence[Turn]) -> None:
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

    async def begin(self, block: TurnBlock, before: Widget | None = None) -> TurnBlock:
        """Open the block of a new turn, at the end, where it is followed from then on, or before another one."""
        await self.mount(block, before=before)
        if before is None:
            self.anchor()
        return block

    async def take_back(self, count: int, but: Widget | None) -> None:
        """Close the last `count` turns that were prompts to the model, and what came after them except one block."""
        for block in reversed([child for child in self.children if child is not but]):
            if not count:
                break
            if isinstance(block, TurnBlock):
                count -= block.is_prompt and not block.back
                await block.take_back()
            elif isinstance(block, Earlier):
                take_back(block.turns, count)

    def toggle_folds(self) -> None:
        """Open every fold of the last turn, or close them if any is open."""
        blocks = list(self.query(TurnBlock))
        folds = list(blocks[-1].query(Fold)) if blocks else []
        opened = not any(fold.opened for fold in folds)
        for fold in folds:
            fold.opened = opened
