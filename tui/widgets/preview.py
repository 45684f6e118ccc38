"""A file to read: line numbers and colours, drawn a row at a time. It is read and coloured in a thread."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from ossa.tui.code import COLOURED, coloured_lines, display_lines
from ossa.tui.commands import bindings
from ossa.tui.safe import is_text, plain_text

READ = 1 << 20
"""Bytes of a file that are read at most."""


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a file."""

    lines: Sequence[str | Content]
    note: str = ""
    """Why there are no lines, or fewer than the file has."""


class Preview(ScrollView, can_focus=True):
    """The file that the user looks at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("preview"),
        Binding("j", "scroll_down", show=False),
        Binding("k", "scroll_up", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {"preview--number", "preview--note"}

    path = reactive("")
    """From the root of the repository; empty when no file is shown."""

    def __init__(self, root: Path) -> None:
        super().__init__(id="preview")
        self.root = root
        self.page = Page([], "Choose a file on the left to read it here.\nChanges appear here as well.")

    async def show(self, path: str) -> None:
        """Show a file, or the same one as it is now without scrolling away."""
        again = path == self.path
        page = await asyncio.to_thread(read_page, self.root, path, coloured=False)
        self._turn(path, page, again)
        if 0 < sum(map(len, page.lines)) <= COLOURED:
            self._turn(path, await asyncio.to_thread(read_page, self.root, path), True)

    def action_top(self) -> None:
        self.scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.scroll_end(animate=False)

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

    def _turn(self, path: str, page: Page, keep: bool) -> None:
        self.page = page
        self.path = path
        longest = max((_width(line) for line in page.lines), default=0)
        rows = len(page.lines) + (page.note.count("\n") + 2 if page.note else 0)
        self.virtual_size = Size(longest + self._gutter, rows)
        if not keep:
            self.scroll_home(animate=False)
        self.refresh()

    @property
    def _gutter(self) -> int:
        return len(str(len(self.page.lines))) + 3

    def _row(self, index: int, scroll_x: int, width: int) -> Strip:
        gutter = self._gutter
        number = self.get_visual_style("preview--number").rich_style
        base = self.visual_style
        line = self.page.lines[index]
        line = Content(line) if isinstance(line, str) else line
        strips = Visual.to_strips(self, line, max(1, line.cell_length), 1, base) if line else []
        text = strips[0] if strips else Strip.blank(0)
        room = max(0, width - gutter)
        text = text.crop(scroll_x, scroll_x + room).extend_cell_length(room, base.rich_style)
        return Strip([Segment(f"{index + 1:>{gutter - 2}}  ", number), *text], width)


def _width(line: str | Content) -> int:
    """Cells of a line, at most: exact counting is slow for a huge file."""
    text = line if isinstance(line, str) else line.plain
    return len(text) if text.isascii() else 2 * len(text)


def read_page(root: Path, path: str, *, coloured: bool = True) -> Page:
    """What to show of a file; never raises for what can be wrong with one."""
    place = root / path
    try:
        if not place.resolve().is_relative_to(root.resolve()):
            return Page([], "A link that leads out of the repository; it is not followed.")
        if not place.is_file():
            return Page([], "There is no such file any more." if not place.exists() else "Not a regular file.")
        size = place.stat().st_size
        with place.open("rb") as file:
            data = file.read(READ)
    except OSError as error:
        return Page([], f"It cannot be read: {error.strerror or error}.")
    if not data:
        return Page([], "An empty file.")
    if not is_text(data):
        return Page([], f"A binary file of {size:,} bytes.")
    text = data.decode("utf-8", "surrogateescape")
    lines = coloured_lines(text, path) if coloured and len(text) <= COLOURED else display_lines(text)
    return Page(lines, f"The first {READ:,} of {size:,} bytes." if size > READ else "")
