"""Other readings of a section, for when it does not stand in the file as it is written.

Blank lines at its rim left out, context written without its sign, context written twice, a line of context left out
within, outer context that is made up. Lines that pin the place always stay: those to be removed, and the neighbours of
those that come in.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from ossa.assistant.edits.patch import Line, Section
from ossa.assistant.edits.places import Place, Target, Tier, matches, normal, runs_of

_LEFT_OUT = 2
"""Lines in a row that a model may have left out of its context."""
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
    for ways in (_without_repetition(section), _with_gap(target, section), *_less_context(section)):
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


def _with_gap(target: Target, section: Section) -> list[Section]:
    """The section with those lines of the file put in that its context lacks at one place.

    None where the gap could as well be where lines come in: nobody knows on which side of it they belong.
    """
    lines, index = target.form(Tier.TRAILING)
    old = [normal(text, Tier.TRAILING) for text in section.old]
    found: list[Section] = []
    for cut, at in _gaps(section):
        head, tail = old[:cut], old[cut:]
        if not any(head) or not any(tail):
            continue
        for start in runs_of(head, lines, index):
            stop = start + cut
            for width in range(1, _LEFT_OUT + 1):
                if lines[stop + width : stop + width + len(tail)] != tail:
                    continue
                if at is None:
                    return []
                missing = tuple(Line(" ", text) for text in target.lines[stop : stop + width])
                found.append(replace(section, lines=section.lines[:at] + missing + section.lines[at:]))
    return found


def _gaps(section: Section) -> Iterator[tuple[int, int | None]]:
    """Where context may be lacking: how many lines that must stand there come before, and the index in the section.

    The index is None where lines come in, or may have: a gap there leaves their place open.
    """
    places = [n for n, line in enumerate(section.lines) if line.sign != "+"]
    for cut, (above, below) in enumerate(pairwise(places), 1):
        signs = section.lines[above].sign + section.lines[below].sign
        plain = below == above + 1 and (signs == "  " or not section.compared)
        if signs != "--" or not plain:
            yield cut, below if plain else None


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
