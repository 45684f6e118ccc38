"""When the screen is laid out and painted: at once after a key, and once for each change.

    key ─► hurry ─► what the key changed ─► painted now      (Textual's own beat comes up to 33 ms later)
    a text grows ─► laid out ─► painted                      (Textual lays out and paints twice)
    turns are unmounted ─► forget_drawn                      (Textual would keep much of what they looked like)

All that needs Textual's inner parts for that is here.
"""

import sys
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

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


def forget_drawn() -> None:
    """Empty the memories that Textual and Rich have of places, styles and texts: thousands of each, with gone widgets.

    What is still looked at is found out anew at the next paint, in some milliseconds.
    """
    for empty in _memories(len(sys.modules)):
        empty()


@lru_cache(1)
def _memories(modules: int) -> "tuple[Callable[[], None], ...]":
    """What empties each of their functions' memories; looked for anew where there are more `modules` than before."""
    return tuple(_found())


def _found() -> Iterator[Callable[[], None]]:
    """The same: of the memories that have a limit, for those without one know classes, and no content."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in ("textual", "rich"):
            for value in list(vars(module).values()):
                if getattr(value, "__module__", "") == name:
                    for function in (value, *(vars(value).values() if isinstance(value, type) else ())):
                        yield from _memory(getattr(function, "__func__", function))


def _memory(function: Any) -> Iterator[Callable[[], None]]:
    """The same of one function; nothing where it remembers nothing."""
    if hasattr(function, "cache_parameters") and function.cache_parameters()["maxsize"] is not None:
        yield function.cache_clear
