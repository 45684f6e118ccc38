"""One Python file: its text, its tree, and where in the text a node of the tree stands.

bytes ─► text, without its byte order mark ─► tree ─► span(node) ─► edits ─► bytes again, all else to the byte
"""

import ast
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

_MARK = b"\xef\xbb\xbf"
_BREAK = re.compile(r"\r\n|\r|\n")


class Edit(NamedTuple):
    """Characters from `start` to `end` become `new`."""

    start: int
    end: int
    new: str


@dataclass(frozen=True)
class Source:
    """A file; a syntax error, or a tree too deep, leaves `tree` None."""

    path: str
    data: bytes

    @cached_property
    def encoding(self) -> str:
        """UTF-8, or Latin-1, which takes every byte and gives it back."""
        try:
            self.data.decode("utf-8")
        except UnicodeDecodeError:
            return "latin-1"
        return "utf-8"

    @cached_property
    def text(self) -> str:
        """Without the byte order mark, line ends as they are."""
        return self.data.removeprefix(_MARK).decode(self.encoding)

    @cached_property
    def tree(self) -> ast.Module | None:
        """What the file says."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return ast.parse(self.text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    @cached_property
    def newline(self) -> str:
        """The first line end that there is."""
        found = _BREAK.search(self.text)
        return found[0] if found else "\n"

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def line_start(self, line: int) -> int:
        """Where a line begins, from 1; behind the last one: where the text ends."""
        return self._starts[line - 1] if line <= len(self._starts) else len(self.text)

    def line_of(self, offset: int) -> int:
        """The line of a place, from 1."""
        from bisect import bisect_right

        return bisect_right(self._starts, offset)

    def line(self, number: int) -> str:
        """One line without what is around it."""
        return self.text[self.line_start(number) : self.line_start(number + 1)].strip()

    def offset(self, line: int, column: int) -> int:
        """A place as the tree tells it: columns are bytes of UTF-8."""
        start = self.line_start(line)
        text = self.text[start : self.line_start(line + 1)]
        return start + (column if text.isascii() else len(text.encode()[:column].decode(errors="ignore")))

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Where a node of the tree begins and ends."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        end, last = getattr(node, "end_lineno", line), getattr(node, "end_col_offset", column)
        return self.offset(line, column), self.offset(end, last)

    def part(self, begin: int, end: int, edits: Iterable[Edit]) -> str:
        """A stretch of the text with the edits that are in it."""
        inside = [Edit(one.start - begin, one.end - begin, one.new) for one in edits]
        return Source(self.path, self.text[begin:end].encode()).after(inside).decode()

    def after(self, edits: Iterable[Edit]) -> bytes:
        """The file with these edits; one that is said twice is made once.

        Raises:
            ValueError: two of them overlap, or a name has letters that the file's encoding lacks.
        """
        pieces: list[str] = []
        at = 0
        for start, end, new in sorted(set(edits)):
            if start < at:
                raise ValueError(f"{self.path} would have two edits at one place (line {self.line_of(start)})")
            pieces += [self.text[at:start], new]
            at = end
        text = "".join([*pieces, self.text[at:]])
        return (_MARK if self.data.startswith(_MARK) else b"") + text.encode(self.encoding)
