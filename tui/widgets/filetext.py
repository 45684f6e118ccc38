"""The lines of a file with their numbers, drawn a row at a time, with what was looked for marked in them."""

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from ossa.tui.pages import Page, Place
from ossa.tui.safe import plain_text

FOUND, HERE = "underline", "reverse bold"
"""How places that were found look, and the one that was gone to."""


class FileText(ScrollView, can_focus=True):
    """The file that the user looks at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"preview--number", "preview--note"}

    class Moved(Message):
        """The person scrolled."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.page = page
        self.marked = -1
        """The line, from 0, that was gone to; below 0 for none."""
        self._found: dict[int, list[Place]] = {}
        self._here: Place | None = None

    def on_mount(self) -> None:
        self.turn(self.page, keep=True)

    @property
    def first(self) -> int:
        """The first line in view, from 0."""
        return self.scroll_offset.y

    def turn(self, page: Page, *, keep: bool) -> None:
        """Show another page; `keep`: at the same lines."""
        self.page = page
        rows = len(page.lines) + (page.note.count("\n") + 2 if page.note else 0)
        self.virtual_size = Size(page.width + self._gutter, rows)
        if not keep:
            self.marked = -1
            self.scroll_home(animate=False)
        self.refresh()

    def mark(self, found: Sequence[Place], here: Place | None) -> None:
        """Show where something was found, and bring one of the places into view."""
        self._found = {}
        for place in found:
            self._found.setdefault(place.line, []).append(place)
        self._here = here
        if here is not None:
            self.go(here.line, mark=False)
            self._show_columns(here)
        self.refresh()

    def go(self, line: int, *, mark: bool = True) -> None:
        """Bring a line into view, from 0; `mark`: with a sign beside its number."""
        if mark:
            self.marked = line
        height = self.scrollable_content_region.height
        if not self.first <= line < self.first + height:
            self.scroll_to(y=max(0, line - height // 3), animate=False, immediate=True, force=True)
        self.refresh()

    def _show_columns(self, place: Place) -> None:
        """Scroll sideways as far as the place needs."""
        line = self.page.lines[place.line]
        start, end = (Content(str(line)[:column]).cell_length for column in (place.start, place.end))
        room = self.scrollable_content_region.width - self._gutter
        if not self.scroll_offset.x <= start <= end <= self.scroll_offset.x + room:
            self.scroll_to(x=0 if end <= room else start - room // 3, animate=False, immediate=True, force=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self.post_message(self.Moved())

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self.post_message(self.Moved())

    def on_key(self, event: events.Key) -> None:
        if event.key in ("up", "down", "pageup", "pagedown", "home", "end", "left", "right", "j", "k"):
            self.post_message(self.Moved())

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        scroll_x, scroll_y = self.scroll_offset
        width = self.content_size.width
        index = scroll_y + y
        page = self.page
        if index < len(page.lines):
            return self._row(index, scroll_x, width)
        notes = page.note.split("\n") if page.note else []
        place = index - len(page.lines) - bool(page.lines)
        if 0 <= place < len(notes):
            style = self.get_visual_style("preview--note")
            note = Content(f" {plain_text(notes[place])}").truncate(width, ellipsis=True)
            return Visual.to_strips(self, note, width, 1, style, pad=True)[0]
        return Strip.blank(width, self.visual_style.rich_style)

    @property
    def _gutter(self) -> int:
        return len(str(len(self.page.lines))) + 3

    def _row(self, index: int, scroll_x: int, width: int) -> Strip:
        gutter = self._gutter
        number = self.get_visual_style("preview--number").rich_style
        base = self.visual_style
        line = self._line(index)
        strips = Visual.to_strips(self, line, max(1, line.cell_length), 1, base) if line else []
        text = strips[0] if strips else Strip([])
        room = max(0, width - gutter)
        text = text.crop(scroll_x, scroll_x + room).extend_cell_length(room, base.rich_style)
        sign = "▸" if index == self.marked else " "
        return Strip([Segment(f"{index + 1:>{gutter - 2}}{sign} ", number), *text], width)

    def _line(self, index: int) -> Content:
        line = self.page.lines[index]
        content = Content(line) if isinstance(line, str) else line
        for place in self._found.get(index, ()):
            content = content.stylize(HERE if place == self._here else FOUND, place.start, place.end)
        return content
