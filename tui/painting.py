"""When the screen is laid out and painted: at once after a key, and once for each change.

    key ─► hurry ─► what the key changed ─► painted now      (Textual's own beat comes up to 33 ms later)
    a text grows ─► laid out ─► painted                      (Textual lays out and paints twice)

All that needs Textual's inner parts for that is here.
"""

import time

from textual import events
from textual.geometry import Size
from textual.screen import Screen
from textual.widget import Widget

HASTE = 0.05
"""Seconds after a key in which what it leads to is painted as soon as it is there."""


class Punctual(Screen[None]):
    """A screen that does not let somebody at the keys wait for its beat."""

    _hurried = 0.0
    """Until when each change is painted at once, on the clock of `time.monotonic`."""

    def hurry(self) -> None:
        """A key was pressed."""
        self._hurried = time.monotonic() + HASTE

    async def _on_idle(self, event: events.Idle) -> None:
        """Paint what there is; what `Screen` does for the same event, which is to wait for its beat, follows."""
        if time.monotonic() < self._hurried:
            self._on_timer_update()


class LaidOnce(Widget):
    """Takes its place in a layout as it is: Textual would have another layout for each new size that one found.

    Named behind other bases, since Textual takes the look of a widget from the first.
    """

    def _size_updated(self, size: Size, virtual_size: Size, container_size: Size, layout: bool = True) -> bool:
        return super()._size_updated(size, virtual_size, container_size, layout=False)
