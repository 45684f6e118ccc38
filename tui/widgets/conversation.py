"""The conversation: a block for each turn; it stays at the end until the user scrolls away.

Only its last page is mounted. What is before it waits on a shelf, in `Earlier`, and is shown when one scrolls up to it:
every mounted widget makes every key wait, and a day's talk has thousands.
"""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from ossa.assistant.events import Answering, Event
from ossa.tui.history import Turn, merged, take_back
from ossa.tui.painting import LaidOnce, forget_drawn
from ossa.tui.safe import cut, plain_text
from ossa.tui.shelf import Shelf, Shelved
from ossa.tui.widgets.ends import Ends
from ossa.tui.widgets.fold import Fold
from ossa.tui.widgets.line import prompt_line

MOST = 24
"""Turns that are mounted at most while nobody looks at earlier ones."""
PAGE = 10
"""Turns that stay when there are more, and that are shown at once of a resumed session."""


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


class TurnBlock(Vertical, LaidOnce):
    """One turn: the prompt, and below it what happened."""

    def __init__(self, prompt: str = "", *, is_prompt: bool = False) -> None:
        """`is_prompt`: it is one to the model, and none to ossa."""
        super().__init__(*([prompt_line(prompt, is_prompt=is_prompt)] if prompt else []))
        self.is_prompt = is_prompt
        self.prompt = prompt
        self._events: list[Event] = []

    @property
    def back(self) -> bool:
        """Whether a rewind took it back."""
        return self.has_class("-back")

    @property
    def turn(self) -> Turn:
        """What happened in it."""
        return Turn(self._events, self.back)

    @property
    def has_answer(self) -> bool:
        """Whether the model said something in it."""
        return any(isinstance(event, Answering) for event in self._events)

    def tell(self, event: Event) -> None:
        """Remember what it shows."""
        self._events[-1:] = merged([*self._events[-1:], event])

    async def take_back(self) -> None:
        """Close it to one line that says so."""
        if not self.back:
            self.add_class("-back")
            await self.mount(TakenBack(self.prompt, is_prompt=self.is_prompt), before=0)


class Earlier(Static, can_focus=True):
    """Turns that are not mounted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "load", "show earlier turns")]

    class Wanted(Message):
        """The user wants to see them."""

        def __init__(self, earlier: "Earlier") -> None:
            super().__init__()
            self.earlier = earlier

    def __init__(self, turns: Sequence[Shelved]) -> None:
        super().__init__(markup=False)
        self.turns: list[Shelved] = []
        self._wanted = False
        self.add(turns)

    def add(self, turns: Sequence[Shelved]) -> None:
        """More of them, later ones."""
        self.turns += turns
        count = "1 earlier turn" if len(self.turns) == 1 else f"{len(self.turns):,} earlier turns"
        self.update(Content(f"↑ {count} – enter or scrolling up shows more"))

    def on_click(self) -> None:
        self.action_load()

    def action_load(self) -> None:
        """Ask for a page of them, once."""
        if not self._wanted:
            self._wanted = True
            self.post_message(self.Wanted(self))


class Conversation(VerticalScroll, Ends, LaidOnce, can_focus=True):
    """Everything said so far."""

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children)
        self.shelf = Shelf()
        """Has the turns that are not mounted."""

    def on_mount(self) -> None:
        self.anchor()

    def update_node_styles(self, animate: bool = True) -> None:
        """Nothing: no state of the conversation changes how it looks, and all in it would be looked at for that."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if new_value < 1 <= old_value and not self.at_end:
            self._look_before()

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._look_before()

    def action_scroll_up(self) -> None:
        super().action_scroll_up()
        self._look_before()

    def action_page_up(self) -> None:
        super().action_page_up()
        self._look_before()

    @property
    def at_end(self) -> bool:
        """Whether its end is in view."""
        return self.scroll_y >= self.max_scroll_y - 1

    async def begin(self, block: TurnBlock, before: Widget | None = None) -> TurnBlock:
        """Open the block of a new turn, at the end, or before another one."""
        if before is None and self.at_end:
            await self._make_room()
        await self.mount(block, before=before)
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

    def former(self, count: int) -> str:
        """The prompt to the model that is the `count`-th from the last of those that stand; empty if there is none."""
        standing = [block.prompt for block in reversed(self._blocks) if block.is_prompt and not block.back]
        if count > len(standing) and (earlier := self._earlier):
            standing += [turn.prompt for turn in reversed(earlier.turns) if turn.is_prompt and not turn.back]
        return standing[count - 1] if 0 < count <= len(standing) else ""

    def from_last(self, block: object) -> int:
        """Which prompt a block begins with, counted from the last one, which is 1; 0 where it is none that stands."""
        standing = [b for b in reversed(self._blocks) if b.is_prompt and not b.back]
        return next((count for count, one in enumerate(standing, 1) if one is block), 0)

    @property
    def _blocks(self) -> list[TurnBlock]:
        return [child for child in self.children if isinstance(child, TurnBlock)]

    @property
    def _earlier(self) -> Earlier | None:
        return next((child for child in self.children if isinstance(child, Earlier)), None)

    def toggle_folds(self) -> None:
        """Open every fold of the last turn, or close them if any is open."""
        blocks = self._blocks
        folds = list(blocks[-1].query(Fold)) if blocks else []
        opened = not any(fold.opened for fold in folds)
        for fold in folds:
            fold.opened = opened

    def _look_before(self) -> None:
        """Show earlier turns where the user wants to go further up than to the first that is shown."""
        if self.scroll_y < 1 and (earlier := self._earlier):
            # By itself: a message that the app sends while it scrolls would not come to the app.
            earlier.call_next(earlier.action_load)

    async def _make_room(self) -> None:
        """Unmount all turns but the last page where there are too many; they wait as earlier ones."""
        blocks, earlier = self._blocks, self._earlier
        if len(blocks) < MOST:
            return
        gone = blocks[: len(blocks) - PAGE]
        turns = self.shelf.put(block.turn for block in gone)
        with self.app.batch_update():
            if earlier is None:
                await self.mount(Earlier(turns), before=gone[0])
            else:
                earlier.add(turns)
            for block in gone:
                for widget in block.walk_children(Widget, with_self=True):
                    widget.refresh()  # lets go of what it has drawn, which Textual would keep for long after its end
            await self.remove_children(gone)
        forget_drawn()
