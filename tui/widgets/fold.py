"""A line that opens to more. Closed it is one widget; what is inside is mounted beside it when it opens."""

import time
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive
from textual.timer import Timer
from textual.widgets import Static

BEAT = 0.1
"""Seconds between two looks at what is still growing."""
REST = 2
"""After a look that took long, so many times as long is left to the keys."""


class FoldBody(Static):
    """What a fold opens to."""


class Fold(Static, can_focus=True):
    """A line with a body. Whoever subclasses it says what `head` and `body` are and calls `renew` when they change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "open_or_close", "open or close")]

    opened = reactive(False, toggle_class="-open")

    def __init__(self, *, classes: str = "") -> None:
        super().__init__(markup=False, classes=classes)
        self._body: FoldBody | None = None
        self._timer: Timer | None = None
        self._due = 0.0
        self._looking = self._missed = False
        """Whether the screen does not show yet what was looked at last, and whether more came meanwhile."""

    def head(self) -> Content:
        """The line itself, without the mark that it opens; empty unless a subclass says more."""
        return Content()

    def body(self) -> Content:
        """What it opens to, asked for only while it is open; empty unless a subclass says more."""
        return Content()

    def renew_soon(self) -> None:
        """Show what has come in a moment, together with all that comes until then."""
        if self._looking:
            self._missed = True
        elif self._timer is None:
            self._timer = self.set_timer(max(0.01, self._due - time.monotonic()), self._look)

    def _look(self) -> None:
        self._missed = False
        self.renew()
        self._looking = self.call_after_refresh(self._rest, time.monotonic())

    def _rest(self, started: float) -> None:
        """The screen shows what was looked at."""
        now = time.monotonic()
        self._due, self._looking = now + max(BEAT, REST * (now - started)), False
        if self._missed:
            self.renew_soon()

    def renew(self) -> None:
        """Show the present head, and the body where it is open."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self.update(Content.assemble(("▾ " if self.opened else "▸ ", "$text-disabled"), self.head()))
        if self._body is not None:
            self._body.update(self.body())

    def on_mount(self) -> None:
        self.renew()

    def on_click(self) -> None:
        self.opened = not self.opened

    def action_open_or_close(self) -> None:
        self.opened = not self.opened

    async def watch_opened(self, opened: bool) -> None:
        if not self.is_attached or self.parent is None:
            return
        if opened and self._body is None:
            self._body = FoldBody(self.body(), markup=False, classes=" ".join(self.classes))
            await self.screen.mount(self._body, after=self)
        elif self._body is not None and not opened:
            body, self._body = self._body, None
            await body.remove()
        self.renew()
