"""How this file nests and spaces its definitions: by that the depth of new ones is told where Python leaves it open.

known statements ─► usual gap above a definition at the margin, kinds that stand within each other
new definitions  ─► those that nothing below uses before the margin is reached, which nobody puts into a function
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.edits.statements import Statement

_NAMED = re.compile(r"(?:async\s+)?(def|class)\s+(\w+)")
_WORD = re.compile(r"\w+")
_USUAL = 2
"""Empty lines above a definition at the margin, where the file does not show."""
_ENOUGH = 3
"""Definitions from which on a file shows it."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What this file does."""

    gap: int = _USUAL
    """Empty lines above what comes at the margin after a block."""
    nestings: frozenset[tuple[str, str]] = frozenset()
    """Kinds of definitions, "def" or "class", with the kind that they stand within."""
    unused: frozenset[int] = frozenset()
    """Rows of new definitions without a decorator whose names do not come again above the next line at the margin."""

    def against(self, row: int, text: str, around: str) -> float:
        """What speaks against a definition within another.

        Args:
            row: its line.
            text: that line.
            around: the first line of the innermost definition around it.
        """
        own, outer = _kind(text), _kind(around)
        if not own or not outer:
            return 0
        never = (own, outer) not in self.nestings and (own, outer) != ("def", "class")
        return never + (2 if outer == "def" and row in self.unused else 0)


def learnt(statements: Sequence[Statement], known: Mapping[int, int], lines: Sequence[str]) -> Habits:
    """What the statements of known widths show, and which of the others nothing uses.

    Args:
        statements: all of a file.
        known: widths by row.
        lines: all of the file, to look for names in.
    """
    gaps = Counter(_gaps(statements, known))
    usual = gaps.most_common(1)[0][0] if gaps.total() >= _ENOUGH else _USUAL
    return Habits(
        min(usual, _USUAL), frozenset(_nestings(statements, known)), frozenset(_unused(statements, known, lines))
    )


def _kind(text: str) -> str:
    named = _NAMED.match(text)
    return named[1] if named else ""


def _gaps(statements: Sequence[Statement], known: Mapping[int, int]) -> Iterator[int]:
    before: int | None = 0
    decorated = False
    for statement in statements:
        width = known.get(statement.row)
        begins = statement.word == "@" or bool(_kind(statement.text))
        if width == 0 and before and begins and not decorated:
            yield statement.blank
        before, decorated = width, statement.word == "@"


def _nestings(statements: Sequence[Statement], known: Mapping[int, int]) -> Iterator[tuple[str, str]]:
    stack: list[tuple[int, str]] = []
    for statement in statements:
        width, kind = known.get(statement.row), _kind(statement.text)
        if width is None:
            continue
        stack = [level for level in stack if level[0] < width]
        if kind:
            if stack:
                yield kind, stack[-1][1]
            stack.append((width, kind))


def _unused(statements: Sequence[Statement], known: Mapping[int, int], lines: Sequence[str]) -> Iterator[int]:
    margin = [s.row for s in statements if known.get(s.row) == 0]
    new: list[tuple[int, str]] = []
    for before, statement in zip([None, *statements], statements, strict=False):
        named = _NAMED.match(statement.text)
        if named and statement.row not in known and not (before and before.word == "@"):
            new.append((statement.row, named[2]))
    used: dict[str, list[int]] = {name: [] for _, name in new}
    for row, line in enumerate(lines) if used else ():
        for name in used.keys() & set(_WORD.findall(line)):
            used[name].append(row)
    for row, name in new:
        end = margin[at] if (at := bisect_right(margin, row)) < len(margin) else len(lines)
        following = bisect_right(used[name], row)
        if following == len(used[name]) or used[name][following] >= end:
            yield row
