"""Other readings of a section, for when it does not stand in the file as it is written.

Blank lines at its rim left out, context written without its sign, context written twice, a line of context left out
within, outer context that is made up. Lines that pin the place always stay: those to be removed, and the neighbours of
those that come in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ossa.assistant.edits.gaps import filled
from ossa.assistant.edits.patch import Line, Section
from ossa.assistant.edits.places import Place, Target, Tier, matches

_MADE_UP = 24
"""Lines of outer context that are left out at most."""
_LONGEST = 400
"""Lines of a section up to which it is read otherwise: a mistake in a longer one is cheaper to send again."""


def spelt_otherwise(section: Section) -> Iterator[Section]:
    """Other readings of the same text: blank lines at its rim left out; context written without its sign."""
    lines = section.lines
    lines = lines[: len(lines) - _idle(lines[::-1])]
    lines = lines[_idle(lines) :]
    if len(lines) < len(section.lines) and any(line.sign != "+" for line in lines):
        yield replace(section, lines=lines)
    bare = any(line.bare and line.text for line in lines)
    if bare or any(line.sign == " " and line.text.startswith(" ") for line in lines):
        yield replace(section, lines=tuple(_unsigned(line) for line in lines))


def _idle(lines: Sequence[Line]) -> int:
    """How many blank lines there are to leave out at this end.

    Before lines that come in only those without a sign, which got there by accident: others are their neighbours.
    """
    count = next((n for n, line in enumerate(lines) if line.sign != " " or line.text), 0)
    beside = count < len(lines) and lines[count].sign == "+"
    return 0 if beside and not all(line.bare for line in lines[:count]) else count


def mended(target: Target, section: Section) -> list[Place]:
    """Places where the section stands but for one mistake in its context; those of the smallest mistake."""
    if len(section.lines) > _LONGEST or sum(line.sign != "+" and bool(line.text.strip()) for line in section.lines) < 2:
        return []
    without_gap = filled(target, section)
    if without_gap is None:
        return []
    for ways in (_without_repetition(section), without_gap, *_less_context(section)):
        tiers = (Tier.EXACT, Tier.TRAILING)
        for tier in tiers:
            if found := _distinct([place for way in ways for place in matches(target, way, tier)]):
                return found
    return []


def _unsigned(line: Line) -> Line:
    """A context line, with its sign read as part of it."""
    return line._replace(text=" " + line.text) if line.sign == " " and line.text and not line.bare else line


def _without_repetition(section: Section) -> list[Section]:
    """The section with one line of context taken out that is written twice."""
    lines = section.lines
    twice = [n for n in range(1, len(lines)) if lines[n] == lines[n - 1] and lines[n].sign == " "]
    return [replace(section, lines=lines[:n] + lines[n + 1 :]) for n in twice]


def _distinct(places: Sequence[Place]) -> list[Place]:
    """One for each outcome: two readings may come to the same."""
    return list({place.runs: place for place in places}.values())


def _less_context(section: Section) -> Iterator[list[Section]]:
    """The section with ever less of its outer context."""
    signs = [line.sign for line in section.lines]
    changed = [n for n, sign in enumerate(signs) if sign != " "]
    if not changed:
        return
    above, below = changed[0], len(signs) - changed[-1] - 1
    keep_above = 0 if signs[changed[0]] == "-" else _to_word(section.lines[:above][::-1])
    keep_below = 0 if signs[changed[-1]] == "-" else _to_word(section.lines[changed[-1] + 1 :])
    for cut in range(1, min(above + below, _MADE_UP) + 1):
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
