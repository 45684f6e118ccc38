"""Lines cut into rows of so many cells, whatever is in them: wide, combining and other characters."""

import re
from collections.abc import Sequence

from rich.cells import cell_len, get_character_cell_size

_WORD = re.compile(r"\S+")
_SEAMS = tuple(re.compile(rf".*{sign}(?=\w)", re.DOTALL) for sign in (r"(?:::|[/\\])", r"[._\-,;:=&?)\]]"))
"""As much of a word as possible up to where it may be parted, the better places first: names and paths have such."""


def rows(text: str, room: int) -> int:
    """How many rows a line takes; at least one."""
    return 1 if (len(text) if text.isascii() else cell_len(text)) <= room else len(breaks(text, room))


def breaks(text: str, room: int) -> Sequence[int]:
    """Where the rows of a line begin: behind a blank, if one is near; what combines with a character stays with it."""
    if text.isascii():
        return _ascii_breaks(text, room)
    starts, used, behind, before = [0], 0, 0, 0
    for index, character in enumerate(text):
        cells = get_character_cell_size(character)
        if cells and index and text[index - 1] == " " and used >= room - room // 3:
            behind, before = index, used
        if used + cells > room:
            blank = behind > starts[-1]
            starts.append(behind if blank else index)
            used = used - before if blank else 0
        used += cells
    return starts


def _ascii_breaks(text: str, room: int) -> list[int]:
    starts = [0]
    while len(text) - starts[-1] > room:
        end = starts[-1] + room
        starts.append(text.rfind(" ", end - room // 3, end) + 1 or end)
    return starts


def seams(text: str, room: int) -> list[int]:
    """Where words that are longer than a row are to be parted: at a seam of the name where it has one."""
    places: list[int] = []
    for match in _WORD.finditer(text):
        word, start = match[0], match.start()
        while cell_len(word) > room > 1:
            end = _parting(word, [*breaks(word, room), len(word)][1])
            start, word = start + end, word[end:]
            places.append(start)
    return places


def _parting(word: str, most: int) -> int:
    """Where a word is parted of which so many characters fit; a seam near its beginning is no use."""
    for seams_of in _SEAMS:
        seam = seams_of.match(word, 0, most + 1)
        if seam and most // 3 <= seam.end() <= most:
            return seam.end()
    return most
