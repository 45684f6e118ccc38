"""The lines of a hunk as they are shown: laid out one below the other or side by side, coloured where they are seen.

hunk ─► lines, harmless ─► Layout (which line stands in which row) ─► drawn row by row
             └─► blocks of lines, coloured in a thread once one of them is drawn, with what differs marked
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Literal, NamedTuple, TypeAlias

from textual.content import Content

from ossa.assistant.change import Hunk
from ossa.tui.begun import begun
from ossa.tui.code import coloured, display_lines
from ossa.tui.pairing import Pair, Stretch, differences, pairs
from ossa.tui.wrapping import breaks, rows

Sign: TypeAlias = Literal[" ", "-", "+"]
Side: TypeAlias = Literal["old", "new"]
Block: TypeAlias = tuple[Side, int]

BLOCK = 200
"""Lines that are coloured together, as if they were a file's only ones."""
_SHORT = 50_000
"""Characters above which a block stays without colours."""
GONE, CAME = "underline on $error 20%", "underline on $success 20%"
"""What within a line differs: a sign beside the colour."""


class Cell(NamedTuple):
    """A line, where it is shown."""

    sign: Sign
    number: int
    """Of the line in the file, from 1."""
    side: Side
    place: int
    """Of the line among those of its side, from 0."""


Entry: TypeAlias = tuple[Cell | None, Cell | None]
"""What stands beside each other; one below the other, the second is None."""


class Layout:
    """Which line stands in which row."""

    def __init__(self, entries: Sequence[Entry], heights: Iterable[int]) -> None:
        self._entries = entries
        self._ends = list(accumulate(heights))

    @property
    def height(self) -> int:
        """Rows of all."""
        return self._ends[-1] if self._ends else 0

    def at(self, row: int) -> tuple[Entry, int]:
        """What stands in a row, and the how manieth row of it that is, from 0."""
        index = bisect_right(self._ends, row)
        return self._entries[index], row - (self._ends[index - 1] if index else 0)


class HunkLines:
    """Those of one hunk."""

    def __init__(self, hunk: Hunk, path: str, want: Callable[[Block], None]) -> None:
        """`want` is called with a block that was drawn without its colours: it is to be put into `colour`."""
        self._path, self._want = path, want
        self._start = hunk.start
        self._lead, self._before, self._after, self._trail = (
            _shown(lines) for lines in (hunk.lead, hunk.before, hunk.after, hunk.trail)
        )
        self._sides: dict[Side, list[str]] = {
            "old": [*self._lead, *self._before],
            "new": [*self._lead, *self._after, *self._trail],
        }
        self._coloured: dict[Block, list[Content]] = {}

    @property
    def digits(self) -> int:
        """Of the highest line number."""
        return len(str(self._start + len(self._trail) + max(len(self._before), len(self._after))))

    @property
    def coloured(self) -> int:
        """How many lines have their colours."""
        return sum(map(len, self._coloured.values()))

    def below(self, room: int, *, old: bool = False) -> Layout:
        """One below the other in rows of `room` cells; `old`: only what was there, without what comes."""
        lead, trail, before = len(self._lead), self._start + len(self._after), self._removed()
        cells = [*self._kept(0, lead, self._start - lead), *before]
        if not old:
            cells += [*self._added(), *self._kept(lead + len(self._after), len(self._trail), trail)]
        return Layout([(cell, None) for cell in cells], [rows(self._text(cell), room) for cell in cells])

    def beside(self, room: int) -> Layout:
        """Old and new side by side, each in rows of `room` cells."""
        lead, before, after = len(self._lead), self._removed(), self._added()
        shift = len(self._after) - len(self._before)
        entries: list[Entry] = [(cell, cell) for cell in self._kept(0, lead, self._start - lead)]
        for one, other in self.pairs:
            entries.append((None if one is None else before[one], None if other is None else after[other]))
        for cell in self._kept(lead + len(self._after), len(self._trail), self._start + len(self._after)):
            entries.append((cell._replace(number=cell.number - shift), cell))
        return Layout(
            entries, [max(rows(self._text(cell), room) for cell in entry if cell is not None) for entry in entries]
        )

    @cached_property
    def pairs(self) -> list[Pair]:
        """Removed and added lines, beside each other where they are alike."""
        return pairs(self._before, self._after)

    def part(self, cell: Cell, row: int, room: int) -> Content | None:
        """What of a line stands in its `row`-th row; None where it has not so many."""
        starts = breaks(self._text(cell), room)
        if row >= len(starts):
            return None
        line = self._line(cell)
        return line if len(starts) == 1 else line[starts[row] : starts[row + 1] if row + 1 < len(starts) else None]

    def colour(self, block: Block) -> None:
        """Colour a block and mark what differs in it; slow, call it in a thread."""
        side, number = block
        first = number * BLOCK
        plain = self._sides[side][first : first + BLOCK]
        short = sum(map(len, plain)) <= _SHORT
        lines = self._colours(plain, first) if short else [Content(line) for line in plain]
        for index, stretches in self._changed(side, first, first + len(lines)):
            for start, end in stretches:
                lines[index - first] = lines[index - first].stylize(GONE if side == "old" else CAME, start, end)
        self._coloured[block] = lines

    def _colours(self, plain: Sequence[str], first: int) -> list[Content]:
        """Lines in their colours, of which the first may stand in a long string or comment."""
        sign = begun(plain, self._path, whole=self._start - len(self._lead) + first == 0)
        return coloured([sign, *plain], self._path)[1:] if sign else coloured(plain, self._path)

    def _changed(self, side: Side, first: int, end: int) -> Iterator[tuple[int, list[Stretch]]]:
        """Of those lines of a side that have another beside them, what differs."""
        lead = len(self._lead)
        for one, other in self.pairs:
            index = one if side == "old" else other
            if one is not None and other is not None and index is not None and first <= lead + index < end:
                gone, came = differences(self._before[one], self._after[other])
                yield lead + index, gone if side == "old" else came

    def _line(self, cell: Cell) -> Content:
        block = cell.side, cell.place // BLOCK
        if lines := self._coloured.get(block):
            return lines[cell.place % BLOCK]
        self._want(block)
        return Content(self._text(cell))

    def _text(self, cell: Cell) -> str:
        return self._sides[cell.side][cell.place]

    def _kept(self, first: int, count: int, line: int) -> list[Cell]:
        return [Cell(" ", line + n + 1, "new", first + n) for n in range(count)]

    def _removed(self) -> list[Cell]:
        return [Cell("-", self._start + n + 1, "old", len(self._lead) + n) for n in range(len(self._before))]

    def _added(self) -> list[Cell]:
        return [Cell("+", self._start + n + 1, "new", len(self._lead) + n) for n in range(len(self._after))]


def _shown(lines: Sequence[str]) -> list[str]:
    return display_lines("".join(lines)) if lines else []
