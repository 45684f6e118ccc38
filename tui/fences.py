"""Code in an answer: its lines as they are shown, coloured where they are looked at, and the whole for copying."""

from functools import cache

from pygments.lexers import find_lexer_class_by_name
from pygments.util import ClassNotFound
from textual.content import Content

from ossa.tui.code import coloured, display_lines

PIECE = 400
"""Lines that are coloured at once, and so without knowing what stands before them."""


class Fence:
    """One block of code."""

    def __init__(self, code: str, language: str = "") -> None:
        """`language` is what the model called it."""
        self.code, self.language = code, language
        self.number = 0
        """In its answer, from 1."""
        self.lines = display_lines(code.removesuffix("\n"))
        self._pieces: dict[int, list[Content]] = {}

    def coloured(self, index: int) -> Content:
        """A line of it."""
        piece, within = divmod(index, PIECE)
        if piece not in self._pieces:
            lines = self.lines[piece * PIECE : (piece + 1) * PIECE]
            self._pieces[piece] = coloured(lines, _name(self.language))
        return self._pieces[piece][within]


@cache
def _name(language: str) -> str:
    """The name of a file in this language; one in none where it is unknown."""
    try:
        patterns = find_lexer_class_by_name(language).filenames
    except ClassNotFound:
        return ""
    return patterns[0].replace("*", "a") if patterns else ""
