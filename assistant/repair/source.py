"""A function's text and its tree: where a node stands, and what the text is with something else in its place."""

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """Some characters of a text exchanged."""

    start: int
    end: int
    text: str
    cost: float = 0.0
    """How much less it counts than the usual ones, since a place has many such."""


class Source:
    """A text in which nodes of its tree are found."""

    def __init__(self, text: str) -> None:
        """The text is that of the tree whose nodes are asked for."""
        self.text = text
        self.lines = text.split("\n")
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def at(self, line: int, column: int) -> int:
        """Where a place of the tree is, whose columns are bytes."""
        return self._starts[line - 1] + len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self.at(node.lineno, node.col_offset), self.at(end_line, end_column)

    def of(self, node: ast.expr | ast.stmt) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def exchanged(self, node: ast.expr | ast.stmt, text: str, *, cost: float = 0.0) -> Edit:
        return Edit(*self.span(node), text, cost)

    def between(self, left: ast.expr, right: ast.expr, sign: str) -> tuple[int, int] | None:
        """Where an operator stands between its operands."""
        start, end = self.span(left)[1], self.span(right)[0]
        pattern = r"\s+".join(map(re.escape, sign.split()))
        match = re.compile(pattern).search(self.text, start, end)
        return match.span() if match else None

    def rows(self, node: ast.stmt) -> tuple[int, int] | None:
        """The lines of a statement that has them to itself, decorators included."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        last = node.end_lineno or node.lineno
        before = self.text[self._starts[first - 1] : self.at(first, node.col_offset)]
        behind = self.text[self.span(node)[1] : self._starts[last] - 1].split("#")[0]
        return None if before.strip() or behind.strip() else (first - 1, last)

    def lines_exchanged(self, first: int, last: int, lines: Sequence[str]) -> Edit:
        """The lines `first:last`, counted from 0, become others."""
        return Edit(self._starts[first], self._starts[last] - 1, "\n".join(lines))
