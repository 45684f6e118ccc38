"""The ledger beside the conversation: all that the model would be shown with the prompt as it reads now.

prompt typed, turn over ─► follow() ─► Agent.preview() in a thread ─► rows, exact tokens ─► keys ─► Adjust
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ossa.assistant.context.parts import Action, Part
from ossa.model.base import ModelError
from ossa.tui.commands import bindings
from ossa.tui.ledgertext import actions, bar, cost, half, headline, remainder, row, told
from ossa.tui.safe import plain_text
from ossa.tui.screens.page import Page
from ossa.tui.widgets.choices import Choices

if TYPE_CHECKING:
    # Not at run time, since the first frame should not wait for all that fits a conversation into its window.
    from ossa.assistant.context.ledger import Ledger

Count: TypeAlias = "Callable[[str], Ledger]"
"""Counts what would be shown with a prompt; blocks, and raises `ModelError`."""
_KEYS: dict[str, Action] = {"pin": "pin", "drop": "drop", "shorten": "shorten", "bring_back": "restore"}


class Rows(Choices, inherit_bindings=False):
    """The parts; what Enter does is for whoever shows them, and so stands in the footer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "cursor_down", show=False),
        Binding("up", "cursor_up", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("pageup", "page_up", show=False),
    ]


class LedgerView(Vertical):
    """A bar of the window's use, a row for every part, and what the row under the cursor costs."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("ledger"),
        Binding("j", "down", show=False),
        Binding("k", "up", show=False),
    ]

    ledger: "reactive[Ledger | None]" = reactive(None)
    """What was counted last."""
    working = reactive(False)
    """Whether a turn runs: what it shows the model is counted when it is over."""
    problem = reactive("")
    """Why nothing can be counted."""

    class Adjust(Message):
        """The person wants a part pinned, dropped, shortened or brought back."""

        def __init__(self, action: Action, part: str, limit: int) -> None:
            super().__init__()
            self.action: Action = action
            self.part, self.limit = part, limit

    def __init__(self) -> None:
        super().__init__(id="ledger")
        self.count: Count | None = None
        """None until the assistant has started."""
        self._prompt = ""
        self._stale = True
        self._counting = False
        self._parts: tuple[Part, ...] = ()
        self._head = Static(markup=False, classes="-head")
        self._rows = Rows(compact=True, markup=False)
        self._foot = Static(markup=False, classes="-foot")

    def compose(self) -> ComposeResult:
        yield self._head
        yield self._rows
        yield self._foot

    def on_mount(self) -> None:
        self._draw_head()

    def on_resize(self) -> None:
        self._draw_head()
        self._draw_rows(self._parts)

    def on_show(self) -> None:
        self.follow()

    @property
    def current(self) -> Part | None:
        """The part under the cursor."""
        at = self._rows.highlighted
        return self._parts[at] if at is not None and at < len(self._parts) else None

    def focus(self, scroll_visible: bool = True) -> "LedgerView":
        self._rows.focus(scroll_visible)
        return self

    def follow(self, prompt: str | None = None) -> None:
        """Count anew, with this prompt or the last one; at once where it is seen, else when it comes to be."""
        self._prompt = self._prompt if prompt is None else prompt
        self._stale = True
        if self.count is not None and self.is_on_screen and not self._counting and not self.working:
            self._counting = True
            self.run_worker(self._keep_counting(self.count))

    def watch_working(self, working: bool) -> None:
        if not working:
            self.follow()
        self._draw_head()

    def watch_problem(self) -> None:
        self._draw_head()

    def watch_ledger(self, ledger: "Ledger | None") -> None:
        self._draw_head()
        self._draw_rows(ledger.parts if ledger else ())

    async def _keep_counting(self, count: Count) -> None:
        """Count until what was counted is what the prompt says."""
        try:
            while self._stale and not self.working:
                self._stale = False
                try:
                    ledger = await asyncio.to_thread(count, self._prompt)
                except ModelError as error:
                    self.problem = str(error)
                else:
                    self.ledger, self.problem = ledger, ""
        finally:
            self._counting = False

    def _draw_head(self) -> None:
        if self.problem:
            self._head.update(Content.styled(plain_text(self.problem), "$text-error"))
        elif self.ledger is None:
            self._head.update(Content.styled("The tokens are counted as soon as the model is there.", "$text-muted"))
        else:
            cells = max(10, self._head.content_size.width)
            lines = [headline(self.ledger), bar(self.ledger, cells), remainder(self.ledger)]
            notices = [Content.styled(plain_text(text), "$text-warning") for text in self.ledger.notices]
            self._head.update(Content("\n").join([*lines, *notices]))

    def _draw_rows(self, parts: tuple[Part, ...]) -> None:
        """Show these; the cursor stays on its part."""
        current, self._parts = self.current, parts
        cells = max(0, self._rows.content_size.width - 2)
        self._rows.set_options([Option(row(part, cells)) for part in parts])
        ids = [part.id for part in parts]
        self._rows.highlighted = ids.index(current.id) if current and current.id in ids else len(parts) - 1

    @on(OptionList.OptionHighlighted)
    def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self._foot.update(Content(cost(self.current)) if self.current else Content())
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if wanted := _KEYS.get(action):
            return self.current is not None and wanted in actions(self.current)
        return super().check_action(action, parameters)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.action_read()

    def action_read(self) -> None:
        """Show what the part under the cursor says."""
        text = self.ledger.texts.get(self.current.id) if self.ledger and self.current else None
        if self.current and text:
            content = told(self.current, text)
            self.app.push_screen(Page(lambda: content))

    def action_pin(self) -> None:
        if part := self.current:
            self._adjust("pin", part.id.replace("new:", "file:", 1))

    def action_drop(self) -> None:
        if part := self.current:
            self._adjust("drop", part.id)

    def action_shorten(self) -> None:
        if part := self.current:
            self._adjust("shorten", part.id, half(part))

    def action_bring_back(self) -> None:
        if part := self.current:
            self._adjust("restore", part.id)

    def action_down(self) -> None:
        self._rows.action_cursor_down()

    def action_up(self) -> None:
        self._rows.action_cursor_up()

    def _adjust(self, action: Action, part: str, limit: int = 0) -> None:
        self.post_message(self.Adjust(action, part, limit))
