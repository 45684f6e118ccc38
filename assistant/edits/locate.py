"""Where in a file the sections of a patch belong: the only place, or none.

    section ─► tiers: exact → trailing white space → typographic characters → indentation → outer context left out
            ─► places of the first tier that has any
            ─► narrowed by end of file, anchors, line numbers, the order of the sections ─► the only one, or refused

A place that is merely the first of several is never taken: the wrong one costs more than asking again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import IntEnum
from functools import cached_property
from itertools import pairwise

from ossa.assistant.edits.indentation import Reindent, indent, rule
from ossa.assistant.edits.patch import Line, Section

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


class Tier(IntEnum):
    """How much a place may differ from what the patch says of it."""

    EXACT = 0
    TRAILING = 1
    TYPOGRAPHIC = 2
    INDENTATION = 3


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

    def _at(self, number: int) -> int:
        return self.start + sum(line.sign != "+" for line in self.section.lines[:number])


@dataclass(frozen=True)
class Miss:
    """A section without a place of its own."""

    section: Section
    number: int
    """From 1, in the order of the patch."""
    places: tuple[Place, ...] = ()
    """Those that it could be, where there are several."""


@dataclass(frozen=True)
class Target:
    """A file's lines, without their endings, in the forms in which the tiers compare them."""

    lines: Sequence[str]
    _forms: dict[Tier, tuple[list[str], dict[str, list[int]]]] = field(
        default_factory=dict[Tier, tuple[list[str], dict[str, list[int]]]], repr=False
    )

    def form(self, tier: Tier) -> tuple[list[str], dict[str, list[int]]]:
        """The lines as the tier sees them, and where each stands."""
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


def locate(target: Target, sections: Sequence[Section], *, ordered: bool = True) -> list[Place] | Miss:
    """The place of every section, in the order of the file; or the first section that has none of its own."""
    options = [_narrowed(target, section, _places(target, section)) for section in sections]
    for number, (section, places) in enumerate(zip(sections, options, strict=True), 1):
        if not places:
            return Miss(section, number)
    chosen = _in_order(options) if ordered else None
    if chosen is None:
        for number, (section, places) in enumerate(zip(sections, options, strict=True), 1):
            if len(places) > 1:
                return Miss(section, number, tuple(places))
        chosen = sorted((places[0] for places in options), key=lambda p: p.core)
    for one, following in pairwise(chosen):
        if one.core[1] > following.core[0]:
            return Miss(following.section, 1 + options.index([following]), (one, following))
    for place in chosen:
        if _lacks_rim(target, place):
            return Miss(place.section, 1 + next(n for n, places in enumerate(options) if place in places), (place,))
    return chosen


def anchor_lines(target: Target, anchors: Sequence[str], before: int) -> list[int]:
    """Lines where the innermost anchor stands, at or above `before`, with the outer ones above it in order."""
    at = [-1]
    for anchor in anchors:
        wanted = normal(anchor, Tier.INDENTATION)
        lines, index = target.form(Tier.INDENTATION)
        found = index.get(wanted) or [n for n, line in enumerate(lines) if line.startswith(wanted)]
        at = [n for n in found if min(at) < n <= before]
        if not at:
            return []
    return at


def enclosing(lines: Sequence[str], at: int) -> int | None:
    """The nearest line above that is indented less: the head of the block that a line is in."""
    width = next((len(indent(line)) for line in lines[at:] if line.strip()), 0)
    return next((n for n in range(min(at, len(lines)) - 1, -1, -1) if _heads(lines[n], width)), None)


def _heads(line: str, width: int) -> bool:
    return bool(line.strip()) and len(indent(line)) < width


def _places(target: Target, section: Section) -> list[Place]:
    """Every place of the first tier that has any."""
    if not section.old:
        return [Place(len(target.lines), section, Tier.EXACT)] if section.at_end or not any(target.lines) else []
    if not any(text.strip() for text in section.old):
        return []
    variants = [section, *_bare_context(section)]
    for tier in Tier:
        for variant in variants:
            if places := list(_matches(target, variant, tier)):
                return places
    for variants in _less_context(section):
        for tier in (Tier.EXACT, Tier.TRAILING):
            if places := [p for variant in variants for p in _matches(target, variant, tier)]:
                return places
    return []


def _matches(target: Target, section: Section, tier: Tier) -> Iterator[Place]:
    lines, index = target.form(tier)
    old = [normal(line, tier) for line in section.old]
    if not old:
        return
    rarest = min(range(len(old)), key=lambda n: len(index.get(old[n], ())))
    for at in index.get(old[rarest], ()):
        start = at - rarest
        if start < 0 or lines[start : start + len(old)] != old:
            continue
        if tier < Tier.INDENTATION:
            yield Place(start, section, tier)
        elif any(old):
            pairs = list(zip(section.old, target.lines[start : start + len(old)], strict=True))
            if reindent := rule([(a.translate(TYPOGRAPHIC), b.translate(TYPOGRAPHIC)) for a, b in pairs]):
                yield Place(start, section, tier, reindent)


def _bare_context(section: Section) -> Iterator[Section]:
    """Other readings of the same text: blank lines at its rim left out; context written without its sign."""
    lines = list(section.lines)
    while lines and lines[-1] == Line(" ", ""):
        lines.pop()
    while lines and lines[0] == Line(" ", ""):
        del lines[0]
    if len(lines) < len(section.lines) and any(line.sign != "+" for line in lines):
        yield replace(section, lines=tuple(lines))
    if any(line.bare for line in lines) or any(line.sign == " " and line.text.startswith(" ") for line in lines):
        yield replace(section, lines=tuple(_unsigned(line) for line in lines))


def _unsigned(line: Line) -> Line:
    """A context line, with its sign read as part of it."""
    return line._replace(text=" " + line.text) if line.sign == " " and line.text and not line.bare else line


def _less_context(section: Section) -> Iterator[list[Section]]:
    """The section with ever less of its outer context, for when a line of it was dropped, repeated or made up.

    The lines that pin the place stay: those to be removed, and the neighbours of those that come in at the rim.
    """
    signs = [line.sign for line in section.lines]
    changed = [n for n, sign in enumerate(signs) if sign != " "]
    if not changed:
        return
    above, below = changed[0], len(signs) - changed[-1] - 1
    keep_above = 0 if signs[changed[0]] == "-" else _to_word(section.lines[:above][::-1])
    keep_below = 0 if signs[changed[-1]] == "-" else _to_word(section.lines[changed[-1] + 1 :])
    for cut in range(1, above + below + 1):
        variants: list[Section] = []
        for top in range(max(0, cut - below), min(cut, above) + 1):
            left = section.lines[top : len(signs) - (cut - top)]
            enough = sum(line.sign != "+" and bool(line.text.strip()) for line in left) >= 2
            if enough and above - top >= keep_above and below - (cut - top) >= keep_below:
                variants.append(replace(section, lines=left))
        if variants:
            yield variants


def _to_word(context: Sequence[Line]) -> int:
    """How many of these lines up to the first that is not blank."""
    return next((n for n, line in enumerate(context, 1) if line.text.strip()), len(context))


def _narrowed(target: Target, section: Section, places: list[Place]) -> list[Place]:
    """The places that fit what else the patch says: end of file, anchors, line numbers."""
    if section.at_end:
        last = max((n for n, line in enumerate(target.lines, 1) if line.strip()), default=0)
        places = [p for p in places if p.start + len(p.section.old) >= last] or places
    if section.anchors:
        places = _anchored(target, section.anchors, places)
    if len(places) > 1 and section.start is not None:
        places = [p for p in places if p.start == section.start] or places
    return places


def _lacks_rim(target: Target, place: Place) -> bool:
    """Whether an insertion looks like one at the very start or end of the file, but is some lines off.

    Context on one side only is what a patch has at the rim of a file; near it, a line between must have been left out.
    """
    signs = "".join(line.sign for line in place.section.lines)
    below = len(target.lines) - place.start - len(place.section.old)
    return (signs.startswith("+") and signs.endswith("  ") and 0 < place.start <= 3) or (
        signs.startswith("  ") and signs.rstrip("+").endswith(" ") and signs.endswith("+") and 0 < below <= 3
    )


def _anchored(target: Target, anchors: Sequence[str], places: list[Place]) -> list[Place]:
    """Places in a block that the anchor heads, else below it; an anchor that is not in the file says nothing."""
    if not anchor_lines(target, anchors, len(target.lines)):
        return places
    below = [(p, anchor_lines(target, anchors, p.start)) for p in places]
    inside = [p for p, heads in below if any(_in_block(target.lines, head, p.start) for head in heads)]
    return inside or [p for p, heads in below if heads]


def _in_block(lines: Sequence[str], head: int, at: int) -> bool:
    width = len(indent(lines[head]))
    between = (line for line in lines[head + 1 : at + 1] if line.strip())
    return all(len(indent(line)) > width for line in between)


def _in_order(options: Sequence[list[Place]]) -> list[Place] | None:
    """The only choice of places that follow each other; None when there is none, or more than one."""
    earliest: list[Place] = []
    for places in options:
        floor = earliest[-1].core[1] if earliest else 0
        fitting = [p for p in places if p.core[0] >= floor]
        if not fitting:
            return None
        earliest.append(min(fitting, key=lambda p: p.core[::-1]))
    latest: list[Place] = []
    for places in reversed(options):
        fitting = [p for p in places if not latest or p.core[1] <= latest[-1].core[0]]
        if not fitting:
            return None
        latest.append(max(fitting, key=lambda p: p.core))
    return earliest if earliest == latest[::-1] else None
