"""What is shown of a file, and where in it something stands. Reads the disk and may take long: call it in a thread.

bytes ─► decoded, as well as that can be ─► lines, harmless ─► coloured ─► Page ─► found: places of a text
"""

import codecs
import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import NamedTuple

from rich.cells import cell_len
from textual.content import Content

from ossa.tui.code import COLOURED, coloured, display_lines
from ossa.tui.safe import is_text

READ = 1 << 22
"""Bytes of a file that are read at most."""
FOUND = 10_000
"""Places of a text that are looked for at most."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Place(NamedTuple):
    """Where a text was found."""

    line: int
    """From 0."""
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """What is shown of a file."""

    lines: Sequence[str | Content]
    note: str = ""
    """Why there are no lines, or fewer than the file has, or how they were read."""
    width: int = field(default=0, compare=False)
    """Cells of the longest line, about."""

    def find(self, text: str) -> list[Place]:
        """Where a text stands, in order; capital letters matter only where it has any."""
        if not text:
            return []
        lines = [line if isinstance(line, str) else line.plain for line in self.lines]
        starts = [0, *accumulate(len(line) + 1 for line in lines)]
        pattern = re.compile(re.escape(text), 0 if text != text.lower() else re.IGNORECASE)
        found = islice(pattern.finditer("\n".join(lines)), FOUND)
        return [_place(match.start(), match.end(), starts) for match in found]


def read_page(root: Path, path: str, *, colours: bool = True) -> Page:
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
    except (OSError, RuntimeError, ValueError) as error:  # links in a circle, and what is no path at all
        return Page([], f"It cannot be read: {getattr(error, 'strerror', None) or error}.")
    return page_of(data, size, path, colours=colours)


def page_of(data: bytes, size: int, path: str, *, colours: bool = True) -> Page:
    """What to show of a file from its start, and its size in bytes."""
    if not data:
        return Page([], "An empty file.")
    text, note = decoded(data)
    if text is None:
        return Page([], f"A binary file of {size:,} bytes.")
    lines = display_lines(text)
    if size > READ:
        note = f"The first {READ:,} of {size:,} bytes. {note}".strip()
    shown = coloured(lines, path) if colours and sum(map(len, lines)) <= COLOURED else lines
    return Page(shown, note, max(map(_cells, lines)))


def decoded(data: bytes) -> tuple[str | None, str]:
    """The text of a file's start, and a sentence where it is not UTF-8; None where it is no text."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            note = "" if mark == codecs.BOM_UTF8 else f"Shown from {encoding.upper()}."
            return data.decode(encoding, "replace"), note
    if wide := _without_mark(data):
        return data.decode(wide, "replace"), f"Shown from {wide[:6].upper()}, which it says nowhere to be."
    if not is_text(data):
        return None, ""
    text = data.decode("utf-8", "surrogateescape")
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)  # the last character may be cut in two
    except UnicodeDecodeError:
        odd = sum("\udc80" <= character <= "\udcff" for character in text)
        if odd > (len(text) - len(text.encode("ascii", "ignore"))) / 2:
            return data.decode("cp1252", "replace"), "Not UTF-8: shown from Windows-1252, which is a guess."
        return text, "Bytes that are not UTF-8 are shown as �."
    return text, ""


def _without_mark(data: bytes) -> str:
    """Whether it looks like UTF-16 with mostly Latin letters: every other byte is zero."""
    start = data[:8192]
    even, odd = start[::2].count(0), start[1::2].count(0)
    half = len(start) // 2
    if half < 4 or max(even, odd) < half * 0.6 or min(even, odd) > half * 0.1:
        return ""
    return "utf-16-le" if odd > even else "utf-16-be"


def _place(start: int, end: int, starts: Sequence[int]) -> Place:
    line = bisect_right(starts, start) - 1
    return Place(line, start - starts[line], end - starts[line])


def _cells(line: str) -> int:
    return len(line) if line.isascii() else cell_len(line)
