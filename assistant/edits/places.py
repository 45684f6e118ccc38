"""Places of a file that a section of a patch could belong to, by how much they differ from what the patch says.

A tier forgives one kind of difference more than the one before: trailing white space, typographic characters,
indentation that is off alike, indentation that is lost line by line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from itertools import islice

from ossa.assistant.edits.indentation import Reindent, indent, rule
from ossa.assistant.edits.patch import Section

TYPOGRAPHIC = str.maketrans(
    {
        **dict.fromkeys("\u2018\u2019\u201a\u201b\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u201f\u2033", '"'),
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212", "-"),
        **dict.fromkeys(
            "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "
        ),
        "\u2026": "...",
        **dict.fromkeys("\u200b\u2060\ufeff"),
    }
)
"""What models and word processors make of plain characters."""

TOO_MANY = 2000
"""Places from which on a section counts as repeated beyond telling."""
_NEAR = 50
"""Lines below a place that are looked at for its indentation."""
_COSTLY = 200_000
"""Comparisons of lines from which on repetitions would be felt."""


class Tier(IntEnum):
    """How much a place may differ from what the patch says of it."""

    EXACT = 0
    TRAILING = 1
    TYPOGRAPHIC = 2
    INDENTATION = 3
    """By one rule for all lines."""
    LOST = 4
    """Line by line; that of the new lines has to be inferred."""


@dataclass(frozen=True)
class Place:
    """Where a section belongs, and how its lines are to be read there."""

    start: int
    section: Section
    """As it fits: less of its context than the patch gave, perhaps."""
    tier: Tier
    reindent: Reindent | None = None

    @cached_property
    def core(self) -> tuple[int, int]:
        """The lines from its first change to its last: contexts may overlap, cores may not."""
        lines = self.section.lines
        changed = [n for n, line in enumerate(lines) if line.sign != " "]
        first, last = (changed[0], changed[-1] + 1) if changed else (0, 0)
        return self._at(first), self._at(last)

    def room(self, whole: bool) -> tuple[int, int]:
        """All lines that it shows, or just the core."""
        return (self.start, self.start + len(self.section.old)) if whole else self.core

    @cached_property
    def runs(self) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
        """The changed runs as `start:stop` of the file, with the lines of the patch that come there."""
        found: list[tuple[int, int, tuple[str, ...]]] = []
        at = start = self.start
        new: list[str] = []
        for line in self.section.lines:
            if line.sign == " ":
                if new or at > start:
                    found.append((start, at, tuple(new)))
                at += 1
                start, new = at, []
            elif line.sign == "-":
                at += 1
            else:
                new.append(line.text)
        if new or at > start:
            found.append((start, at, tuple(new)))
        return tuple(found)

    def _at(self, number: int) -> int:
        return self.start + sum(line.sign != "+" for line in self.section.lines[:number])


@dataclass(frozen=True)
class Target:
    """A file's lines, without their endings, in the forms in which the tiers compare them."""

    lines: Sequence[str]
    _forms: dict[Tier, tuple[list[str], dict[str, list[int]]]] = field(
        default_factory=dict[Tier, tuple[list[str], dict[str, list[int]]]], repr=False
    )

    def form(self, tier: Tier) -> tuple[list[str], dict[str, list[int]]]:
        """The lines as the tier sees them, and where each stands."""
        tier = min(tier, Tier.INDENTATION)
        if tier not in self._forms:
            seen = [normal(line, tier) for line in self.lines]
            index: dict[str, list[int]] = {}
            for number, line in enumerate(seen):
                index.setdefault(line, []).append(number)
            self._forms[tier] = seen, index
        return self._forms[tier]

    @cached_property
    def characters(self) -> set[str]:
        """Every character of the file."""
        return set[str]().union(*self.lines)


def normal(line: str, tier: Tier) -> str:
    """A line as a tier compares it."""
    if tier >= Tier.TYPOGRAPHIC:
        line = line.translate(TYPOGRAPHIC)
    if tier >= Tier.INDENTATION:
        return line.strip()
    return line.rstrip() if tier >= Tier.TRAILING else line


def matches(target: Target, section: Section, tier: Tier) -> Iterator[Place]:
    """Where all lines that have to stand in the file do, as the tier sees them."""
    lines, index = target.form(tier)
    old = [normal(line, tier) for line in section.old]
    if not old or (tier >= Tier.INDENTATION and not any(old)):
        return
    starts = list(runs_of(old, lines, index))
    repeated = len(starts) > 1 and len(starts) * len(old) * 10 > _COSTLY
    for start in starts:
        if tier < Tier.INDENTATION or (tier == Tier.LOST and repeated):
            yield Place(start, section, tier)
            continue
        if repeated:
            return
        there = target.lines[start : start + len(old)]
        plain = [(a.translate(TYPOGRAPHIC), b.translate(TYPOGRAPHIC)) for a, b in zip(section.old, there, strict=True)]
        if reindent := rule(plain):
            yield Place(start, section, Tier.INDENTATION, reindent)
        elif tier == Tier.LOST:
            yield Place(start, section, tier)


def runs_of(wanted: Sequence[str], lines: Sequence[str], index: dict[str, list[int]]) -> Iterator[int]:
    """Where these lines follow each other; `TOO_MANY` times at most."""
    rarest = min(range(len(wanted)), key=lambda n: len(index.get(wanted[n], ())))
    candidates = index.get(wanted[rarest], ())
    if len(candidates) * len(wanted) > _COSTLY:
        yield from islice(_linear(wanted, lines), TOO_MANY)
        return
    found = (at - rarest for at in candidates if at >= rarest)
    yield from islice((n for n in found if lines[n : n + len(wanted)] == wanted), TOO_MANY)


def _linear(wanted: Sequence[str], lines: Sequence[str]) -> Iterator[int]:
    """The same by Knuth, Morris and Pratt, whose time does not grow with repetitions."""
    back = [0] * len(wanted)
    state = 0
    for n in range(1, len(wanted)):
        while state and wanted[n] != wanted[state]:
            state = back[state - 1]
        state += wanted[n] == wanted[state]
        back[n] = state
    state = 0
    for n, line in enumerate(lines):
        while state and (state == len(wanted) or line != wanted[state]):
            state = back[state - 1]
        state += line == wanted[state]
        if state == len(wanted):
            yield n + 1 - len(wanted)


def enclosing(lines: Sequence[str], at: int) -> int | None:
    """The nearest line above that is indented less: the head of the block that a line is in."""
    width = next((len(indent(line)) for line in lines[at : at + _NEAR] if line.strip()), 0)
    return next((n for n in range(min(at, len(lines)) - 1, -1, -1) if _heads(lines[n], width)), None) if width else None


def _heads(line: str, width: int) -> bool:
    return bool(line.strip()) and len(indent(line)) < width
