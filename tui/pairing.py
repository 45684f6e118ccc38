"""Which removed line became which added one, and what within the two differs.

    removed, added ─► pairs ─► (removed, added) or one alone, in the order to show them side by side
    an old line, a new one ─► differences ─► the characters of each that the other has not

Blocking: some milliseconds for a long hunk.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from typing import TypeAlias

Pair: TypeAlias = tuple[int | None, int | None]
"""Indices from 0 of a removed and an added line; None where a line has no other beside it."""
Stretch: TypeAlias = tuple[int, int]
"""Characters from, and up to but without."""

ALIKE = 0.4
"""The part of their words that two lines have in common, from which one is taken for the other's successor."""
_COMPARED = 2_500
"""Comparisons of lines above which they are paired by their place alone."""
_LONGEST = 600
"""Characters of a line above which nothing within it is marked."""
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")


def pairs(removed: Sequence[str], added: Sequence[str]) -> list[Pair]:
    """Every line once, in order, those that are alike beside each other."""
    if not removed or not added or len(removed) * len(added) > _COMPARED:
        return _by_place(0, len(removed), 0, len(added))
    found: list[Pair] = []
    row = column = 0
    for one, other in [*_aligned(removed, added), (len(removed), len(added))]:
        found += _by_place(row, one, column, other)
        if one < len(removed):
            found.append((one, other))
        row, column = one + 1, other + 1
    return found


def differences(old: str, new: str) -> tuple[list[Stretch], list[Stretch]]:
    """What of the old line is gone and what of the new one came; nothing where they have too little in common."""
    if old == new or max(len(old), len(new)) > _LONGEST:
        return [], []
    one, other = _WORDS.findall(old), _WORDS.findall(new)
    if _likeness(_bag(one), _bag(other)) < ALIKE:
        return [], []
    gone: list[Stretch] = []
    came: list[Stretch] = []
    at, to = _offsets(one), _offsets(other)
    for kind, i, j, k, m in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if kind != "equal":
            gone += [(at[i], at[j])] if j > i else []
            came += [(to[k], to[m])] if m > k else []
    return gone, came


def _by_place(row: int, rows: int, column: int, columns: int) -> list[Pair]:
    """Lines of two stretches, the first beside the first."""
    count = max(rows - row, columns - column)
    return [
        (row + n if row + n < rows else None, column + n if column + n < columns else None)
        for n in range(max(0, count))
    ]


def _aligned(removed: Sequence[str], added: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Those pairs of alike lines, both ascending, that have most in common."""
    one, other = [_bag(_WORDS.findall(line)) for line in removed], [_bag(_WORDS.findall(line)) for line in added]
    worth = [[_likeness(a, b) for b in other] for a in one]
    best = [[0.0] * (len(added) + 1) for _ in range(len(removed) + 1)]
    for i in range(len(removed) - 1, -1, -1):
        for j in range(len(added) - 1, -1, -1):
            here = best[i + 1][j + 1] + worth[i][j] if worth[i][j] >= ALIKE else 0.0
            best[i][j] = max(here, best[i + 1][j], best[i][j + 1])
    i = j = 0
    while i < len(removed) and j < len(added):
        if worth[i][j] >= ALIKE and best[i][j] == best[i + 1][j + 1] + worth[i][j]:
            yield i, j
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            i += 1
        else:
            j += 1


def _bag(words: Sequence[str]) -> Counter[str]:
    return Counter(word for word in words if not word.isspace())


def _likeness(one: Counter[str], other: Counter[str]) -> float:
    """From 0 to 1."""
    total = one.total() + other.total()
    return 2 * (one & other).total() / total if total else 0.0


def _offsets(words: Sequence[str]) -> list[int]:
    """Where each word begins, and where the last ends."""
    offsets = [0]
    for word in words:
        offsets.append(offsets[-1] + len(word))
    return offsets
