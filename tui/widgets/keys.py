"""The footer: the keys that do something now, as many as there is room for; in a wide window more than the usual ones.

One widget: with one for each key, as Textual's footer has them, each paint and each change of focus goes through all.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from ossa.tui.commands import COMMANDS

OURS = frozenset(["command_palette", *(command.id for command in COMMANDS)])
"""Ids or actions of keys that may be shown; what Textual's own widgets have beside them goes without saying."""
GAPS = (2, 1)
"""Cells between two keys: so many that each reads as one with the word behind it, or fewer where there is no room."""
LEAST = ("unfold", "files", "review", "help", "quit")
"""Actions whose keys make room for others, in this order: they are the same everywhere, and in the help."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key, and what it does."""

    key: str
    display: str
    description: str
    action: str
    enabled: bool
    tooltip: str

    @property
    def cells(self) -> int:
        """The width of the key and the word behind it."""
        return cell_len(self.display) + 1 + cell_len(self.description)


class Keys(Widget):
    """A footer that leaves keys out rather than cut through them; a click on one presses it."""

    ALLOW_SELECT = False

    shown: reactive[tuple[Key, ...]] = reactive(())
    """Those there is room for."""
    gap = reactive(GAPS[0])

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_updated)

    def on_resize(self) -> None:
        self._renew()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        key = self._key_at(event.x)
        if key is not None and key.enabled:
            self.app.simulate_key(key.key)
        elif key is not None:
            self.app.bell()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        key = self._key_at(event.x)
        self.tooltip = key.tooltip or None if key is not None else None

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for key in self.shown:
            dim = "" if key.enabled else " dim"
            parts += [" " * self.gap] if parts else []
            parts += [(key.display, f"bold $text-primary{dim}"), (f" {key.description}", dim.strip())]
        return Content.assemble(*parts)

    def _bindings_updated(self, screen: Screen[object]) -> None:
        if screen.app.app_focus and self.is_attached and screen is self.screen:
            self.call_after_refresh(self._renew)

    def _renew(self) -> None:
        keys = every = list(self._active())
        width = self.content_size.width
        for gap in GAPS:
            self.gap = gap
            keys = self._needed(every, width)
            if self._cells(keys) <= width:
                break
        more = self._fitting(width - self._cells(keys)) if len(keys) == len(every) else ()
        self.shown = (*keys, *more)

    def _needed(self, keys: list[Key], width: int) -> list[Key]:
        """The usual ones, without those that make room where there is too little."""
        for action in LEAST:
            if self._cells(keys) <= width:
                break
            keys = [key for key in keys if key.action.rpartition(".")[2] != action]
        return keys

    def _fitting(self, room: int) -> Iterator[Key]:
        """More keys, as far as there is room for them; those of the focus first."""
        for key in self._active(usual=False):
            if key.enabled and key.cells + self.gap <= room:
                room -= key.cells + self.gap
                yield key

    def _active(self, *, usual: bool = True) -> Iterator[Key]:
        """What does something now, by the first of its keys; those that are always shown, or the others."""
        known: set[str] = set()
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            if (
                binding.show is usual
                and (usual or OURS.intersection((binding.id, binding.action)))
                and binding.action not in known
            ):
                known.add(binding.action)
                display = self.app.get_key_display(binding)
                yield Key(binding.key, display, binding.description, binding.action, enabled, tooltip)

    def _key_at(self, x: int) -> Key | None:
        at = x - self.gutter.left
        for key in self.shown:
            if 0 <= at < key.cells:
                return key
            at -= key.cells + self.gap
        return None

    def _cells(self, keys: Sequence[Key]) -> int:
        """The width of all of them beside each other."""
        return sum(key.cells for key in keys) + self.gap * max(0, len(keys) - 1)
