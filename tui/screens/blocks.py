"""Which block of code of an answer is to be copied: a digit takes one, as do the arrows and enter."""

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ossa.tui.commands import bindings
from ossa.tui.fences import Fence
from ossa.tui.safe import cut
from ossa.tui.widgets.choices import Choices
from ossa.tui.widgets.keys import Keys


class Blocks(ModalScreen[int]):
    """A list; its result is the number of the block, from 1, and 0 for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        *(Binding(str(number), f"take({number})", show=False) for number in range(1, 10)),
    ]

    def __init__(self, fences: Sequence[Fence]) -> None:
        super().__init__()
        self._fences = fences

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Which block of code is to be copied?", markup=False, classes="-title")
            yield Choices(*(Option(_row(fence)) for fence in self._fences), compact=True)
            yield Keys()

    def on_mount(self) -> None:
        blocks = self.query_one(OptionList)
        blocks.highlighted = len(self._fences) - 1
        blocks.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.dismiss(event.option_index + 1)

    def action_close_list(self) -> None:
        self.dismiss(0)

    def action_next_row(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_previous_row(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    def action_take(self, number: int) -> None:
        if number <= len(self._fences):
            self.dismiss(number)


def _row(fence: Fence) -> Content:
    """A block in a line: its number, what it is in, how long it is, how it begins."""
    first = next((line.strip() for line in fence.lines if line.strip()), "")
    about = f"{cut(fence.language, 12) or 'text':<10} {count(fence):>9}  "
    return Content.assemble((f"{fence.number:>2}  ", "$text-primary"), (about, "$text-muted"), cut(first, 200))


def count(fence: Fence) -> str:
    """How long it is, for example "12 lines"."""
    return "1 line" if len(fence.lines) == 1 else f"{len(fence.lines):,} lines"
