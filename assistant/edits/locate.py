"""Where in a file the sections of a patch belong: the only place, or none.

    section ─► tiers: exact → trailing white space → typographic characters → indentation → one mistake in the context
            ─► places of the first tier that has any
            ─► narrowed by end of file, anchors, line numbers, the order of the sections, what the file would become
            ─► the only one, or refused

A place that is merely the first of several is never taken: the wrong one costs more than asking again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise, product
from math import prod

from ossa.assistant.edits.anchors import anchored
from ossa.assistant.edits.gaps import open_beyond
from ossa.assistant.edits.patch import Section
from ossa.assistant.edits.places import TOO_MANY, Place, Target, Tier, matches
from ossa.assistant.edits.variants import mended, spelt_otherwise

Choose = Callable[[Sequence[Sequence[Place]]], int | None]
"""Which of several ways to place all sections is meant, by what the file would become; None where that is open."""
_TRIED = 64
"""Ways to place the sections of which one is chosen by its result."""
_MOST = 1_000_000
"""Places of all sections together that are weighed."""
_RIM = 3
"""Lines that are near the start or the end of a file."""
_ANCHORED = 200
"""Places that are looked at for the block they are in."""


@dataclass(frozen=True)
class Miss:
    """A section without a place of its own."""

    section: Section
    number: int
    """From 1, in the order of the patch."""
    places: tuple[Place, ...] = ()
    """Those that it could be, where there are several."""
    elsewhere: tuple[Place, ...] = ()
    """Those where it stands, and its anchors say that it is not meant."""
    overlaps: bool = False
    """Whether the places are those of two sections that change the same lines."""


def locate(target: Target, sections: Sequence[Section], choose: Choose, *, ordered: bool = True) -> list[Place] | Miss:
    """The place of every section, in the order of the file; or the first section that has none of its own."""
    options: list[list[Place]] = []
    total = 0
    for number, section in enumerate(sections, 1):
        places = _narrowed(target, section, _places(target, section))
        total += len(places)
        if not places or len(places) >= TOO_MANY or (total > _MOST and len(places) > 1):
            elsewhere = _places(target, section) if section.anchors and not places else []
            return Miss(section, number, tuple(places), tuple(elsewhere))
        options.append(places)
    _doubt(target, sections, options)
    for number, (section, places) in enumerate(zip(sections, options, strict=True), 1):
        if len(places) >= TOO_MANY:
            return Miss(section, number, tuple(places))
    options = _at_rim(target, sections, options)
    pairs = zip(sections, options, strict=True)
    written = all(p.section is section and p.tier <= Tier.TRAILING for section, places in pairs for p in places)
    left, apart = _in_order(options, written) if ordered else (options, None)
    if ordered and apart is None and not written:
        left, apart = _in_order(_mistaken(target, sections, options), written)
    elif not ordered and not written and (miss := _by_chance(target, sections, options)):
        return miss
    chosen = _only(left, choose if written else None, apart)
    if chosen is None:
        number = next(n for n, places in enumerate(left) if len(places) > 1)
        return Miss(sections[number], number + 1, tuple(left[number]))
    placed = sorted(enumerate(chosen, 1), key=lambda pair: pair[1].core)
    for (_, one), (number, following) in pairwise(placed):
        if one.core[1] > following.core[0]:
            return Miss(following.section, number, (one, following), overlaps=True)
    for number, place in placed:
        if _lacks_rim(target, place):
            return Miss(place.section, number, (place,))
    return [place for _, place in placed]


def _places(target: Target, section: Section) -> list[Place]:
    """Every place of the first tier that has any."""
    if not section.old:
        return _unquoted(target, section)
    variants = [section, *(spelt_otherwise(section) if any(text.strip() for text in section.old) else ())]
    for tier in Tier:
        for variant in variants:
            if places := list(matches(target, variant, tier)):
                return places
    return mended(target, section)


def _unquoted(target: Target, section: Section) -> list[Place]:
    """Where lines go that come with no other: into an empty file, at the end, or where trustworthy numbers say."""
    if section.numbered and section.start is not None and section.start <= len(target.lines):
        return [Place(section.start, section, Tier.EXACT)]
    whole = section.at_end or not any(target.lines)
    return [Place(len(target.lines), section, Tier.EXACT)] if whole else []


def _narrowed(target: Target, section: Section, places: list[Place]) -> list[Place]:
    """The places that fit what else the patch says: end of file, anchors, line numbers."""
    if section.at_end:
        last = max((n for n, line in enumerate(target.lines, 1) if line.strip()), default=0)
        places = [p for p in places if p.start + len(p.section.old) >= last] or places
    if section.anchors and len(places) < _ANCHORED:
        places = anchored(target, section, places)
    if len(places) > 1 and section.start is not None:
        places = [p for p in places if p.start == section.start] or places
    return places


def _at_rim(target: Target, sections: Sequence[Section], options: list[list[Place]]) -> list[list[Place]]:
    """The places, at the start or end of the file alone for sections that show lines on one side only.

    That holds if all others show lines on both sides, as diffs do: this one had none to show.
    """
    sides = [_sides(section) for section in sections]
    if (True, True) not in sides or (False, False) in sides:
        return options
    rims = [
        [p for p in places if (above or p.start == 0) and (below or p.room(whole=True)[1] == len(target.lines))]
        for (above, below), places in zip(sides, options, strict=True)
    ]
    return rims if all(rims) else options


def _sides(section: Section) -> tuple[bool, bool]:
    """Whether it shows unchanged lines above and below.

    Where two texts were compared, these are lines that both begin or end with: which of equal lines came in is open.
    """
    if section.compared:
        before, after = ([line.text for line in section.lines if line.sign != sign] for sign in "+-")
        return before[:1] == after[:1], before[-1:] == after[-1:]
    signs = "".join(line.sign for line in section.lines)
    return signs.startswith(" "), signs.endswith(" ")


def _doubt(target: Target, sections: Sequence[Section], options: list[list[Place]]) -> None:
    """Where one section has lost its indentation, another may seem to stand where it does not.

    So those that were found as they are written count as ambiguous when they also stand somewhere indented otherwise.
    """
    if all(place.tier < Tier.INDENTATION for places in options for place in places[:1]):
        return
    for number, (section, places) in enumerate(zip(sections, options, strict=True)):
        if places and places[0].tier < Tier.INDENTATION and any(text.strip() for text in section.old):
            loose = _narrowed(target, section, list(matches(target, section, Tier.LOST)))
            known = {place.start for place in places}
            options[number] = [*places, *(place for place in loose if place.start not in known)]


def _mistaken(target: Target, sections: Sequence[Section], options: Sequence[list[Place]]) -> list[list[Place]]:
    """The places, and those that suppose a mistake where none seemed to be, for patches with mistakes elsewhere.

    What a mistake makes of a section may stand in the file by chance, and out of the order of the others.
    """
    found: list[list[Place]] = []
    for section, places in zip(sections, options, strict=True):
        known = {place.runs for place in places}
        others = _narrowed(target, section, mended(target, section))
        found.append([*places, *(place for place in others if place.runs not in known)])
    return found


def _by_chance(target: Target, sections: Sequence[Section], options: list[list[Place]]) -> Miss | None:
    """The first section of a patch with mistakes that may stand by chance where it was found, out of the order.

    Search/replace blocks need not be in order, so order makes one doubt a place, but does not choose another.
    """
    if _in_order(options, written=False)[1] is not None:
        return None
    likely, apart = _in_order(_mistaken(target, sections, options), written=False)
    if apart is None:
        return None
    number = next(n for n, places in enumerate(likely) if places != options[n])
    others = (place for place in likely[number] if place not in options[number])
    return Miss(sections[number], number + 1, (*options[number], *others))


def _in_order(options: list[list[Place]], written: bool) -> tuple[list[list[Place]], bool | None]:
    """The places that leave room for the other sections, in their order, and whether there they are apart; else None.

    Apart, no section changes what another shows unchanged, nor puts lines between its lines. That is asked of patches
    that stand in the file as they are written.
    """
    for apart in (True, False) if written else (False,):
        if left := _with_room(options, apart):
            return left, apart
    return options, None


def _with_room(options: Sequence[list[Place]], apart: bool) -> list[list[Place]]:
    """The places that can follow each other in this order; none when there is no such order."""
    left: list[list[Place]] = []
    changed = shown = 0
    for places in options:
        left.append([p for p in places if p.core[0] >= shown and p.room(apart)[0] >= changed])
        if not left[-1]:
            return []
        changed, shown = min(p.core[1] for p in left[-1]), min(p.room(apart)[1] for p in left[-1])
    changes: float = float("inf")
    shows: float = float("inf")
    for number in range(len(left) - 1, -1, -1):
        left[number] = [p for p in left[number] if p.core[1] <= shows and p.room(apart)[1] <= changes]
        if not left[number]:
            return []
        changes, shows = max(p.core[0] for p in left[number]), max(p.room(apart)[0] for p in left[number])
    return left


def _only(options: Sequence[list[Place]], choose: Choose | None, apart: bool | None) -> list[Place] | None:
    """The only choice, or the only one of which the result makes sense."""
    if all(len(places) == 1 for places in options):
        return [places[0] for places in options]
    if choose is None or prod(len(places) for places in options) > _TRIED:
        return None
    choices = [list(choice) for choice in product(*options) if apart is None or _follow(choice, apart)]
    chosen = choose([sorted(choice, key=lambda p: p.core) for choice in choices])
    return None if chosen is None else choices[chosen]


def _follow(choice: Sequence[Place], apart: bool) -> bool:
    rooms = [(place.core, place.room(apart)) for place in choice]
    return all(core[1] <= showing[0] and shown[1] <= cores[0] for (core, shown), (cores, showing) in pairwise(rooms))


def _lacks_rim(target: Target, place: Place) -> bool:
    """Whether new lines look like ones at the very start or end of the file, but are some lines off.

    Context on one side only is what a patch has at the rim of a file; near it, a line between must have been left out.
    """
    signs = "".join(line.sign for line in place.section.lines)
    above, below = place.start, len(target.lines) - place.start - len(place.section.old)
    if above == 1 and open_beyond(place.section, target.lines[0], above=True, reaches=below == 0):
        return True
    if below == 1 and open_beyond(place.section, target.lines[-1], above=False, reaches=above == 0):
        return True
    shows = signs.count(" ") >= _RIM  # a section from one end of the file on has all its context within
    if signs.startswith("+") and (signs.endswith(" ") or (below == 0 and shows)):
        return 0 < above <= (_RIM if signs.endswith("  ") else _RIM - 1)
    if (signs.startswith(" ") or (above == 0 and shows)) and signs.endswith("+") and signs.rstrip("+").endswith(" "):
        return 0 < below <= (_RIM if signs.startswith("  ") else _RIM - 1)
    # Lines for removed ones may be meant so; of more than were removed, the last may belong further down.
    replaced = re.fullmatch(f"{' ' * _RIM}.*?(-+)([+]+)", signs)
    return replaced is not None and len(replaced[1]) < len(replaced[2]) and 0 < below <= _RIM
