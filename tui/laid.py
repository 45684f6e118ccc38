"""Rows of Markdown laid into a width: what each row of the screen shows, and where in the text that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from textual.content import Content, Span
from textual.strip import Strip

from ossa.tui.growth import Growth
from ossa.tui.markdown import Block, Kind, Row
from ossa.tui.wrapping import breaks


@dataclass(slots=True)
class Laid:
    """One row of the screen."""

    row: Row
    number: int
    """Of the row in its block, from 0."""
    before: Content
    """What stands before the text: bullets, bars, indentation."""
    at: int
    """Where in the row, as it is copied, the text begins."""
    start: int = 0
    """What of the row's text is shown, as it lies in it."""
    end: int | None = None
    cells: tuple[Content, ...] = ()
    """Of a table, what of each cell is shown."""
    strip: Strip | None = None
    """As it was drawn last."""

    @property
    def kind(self) -> Kind:
        return self.row.kind

    def content(self) -> Content:
        """The text, with the colours of code where it is some."""
        row = self.row
        if row.kind == "cells" and row.grid:
            return Content(" │ ").join(self.cells)
        return self._shown(row.fence.coloured(row.index) if row.kind == "code" and row.fence else row.text)

    def is_like(self, other: "Laid") -> bool:
        """Whether both look the same; code may have got other colours by what came below it."""
        if (self.kind, self.at, self.before.plain) != (other.kind, other.at, other.before.plain):
            return False
        if self.kind == "head":
            return _names(self.row) == _names(other.row)
        if self.kind == "cells":
            return [_looks(cell) for cell in self.cells] == [_looks(cell) for cell in other.cells]
        return _looks(self._shown(self.row.text)) == _looks(other._shown(other.row.text))

    def _shown(self, whole: Content) -> Content:
        return whole if not self.start and self.end is None else whole[self.start : self.end]


@dataclass(slots=True)
class Page:
    """The rows of some blocks in one width."""

    width: int
    lines: list[Laid] = field(default_factory=list[Laid])
    rows: int = 0
    """Of the text, in the lines."""


@dataclass(slots=True)
class Read:
    """An answer that is all there, as it lies in a width."""

    text: Growth
    page: Page


def read(source: str, width: int) -> Read:
    """Take a whole answer in. For a long one that lasts; nothing in it needs the window, so any thread may do it."""
    text = Growth()
    text.finish(source)
    return Read(text, lay(text.blocks, width))


def lay(blocks: Sequence[Block], width: int) -> Page:
    """Wrap blocks."""
    page = Page(width)
    for block in blocks:
        for row in block.rows:
            page.lines += _wrapped(row, page.rows, width)
            page.rows += 1
    return page


def _wrapped(row: Row, number: int, width: int) -> Iterator[Laid]:
    at = len(row.head.plain)
    room = max(4, width - max(row.head.cell_length, row.rest.cell_length) - (2 if row.kind == "code" else 0))
    if row.kind == "cells" and row.grid:
        yield from _table_row(row, number, room)
        return
    plain = row.text.plain
    if len(plain) <= room and (plain.isascii() or row.text.cell_length <= room):
        yield Laid(row, number, row.head, at)
        return
    start = 0
    is_code = row.kind == "code"
    for index, line in enumerate(row.text.divide(breaks(plain, room)[1:]) if is_code else row.text.wrap(room)):
        # Wrapping drops the blanks at which it wraps.
        start = max(start, plain.find(line.plain, start))
        end = start + len(line.plain)
        yield Laid(row, number, row.rest if index else row.head, at + start, start, end)
        start = end


def _table_row(row: Row, number: int, room: int) -> Iterator[Laid]:
    grid = row.grid
    if grid is None:
        return
    widths = grid.widths(room)
    cells = [cell.wrap(width) if cell else [Content("")] for cell, width in zip(grid.rows[row.index], widths)]  # noqa: B905
    style = "bold" if row.index == 0 else ""
    for line in range(max(map(len, cells), default=1)):
        placed = [
            _placed(cell[line] if line < len(cell) else Content(""), width, align).stylize(style)
            for cell, width, align in zip(cells, widths, [*grid.aligns, *[""] * len(widths)])  # noqa: B905
        ]
        yield Laid(row, number, row.rest if line else row.head, 0, cells=tuple(placed))


def _placed(cell: Content, width: int, align: str) -> Content:
    gap = max(0, width - cell.cell_length)
    left = gap if align == "right" else gap // 2 if align == "center" else 0
    return cell.pad(left, gap - left)


def _looks(content: Content) -> tuple[str, list[Span]]:
    return content.plain, list(content.spans)


def _names(row: Row) -> tuple[str, int]:
    return (row.fence.language, row.fence.number) if row.fence else ("", 0)
