"""Lines that a section's context lacks at one place, put in from the file; or the finding that it stays open where.

    section ─► where a gap may be ─► the file has a line or two more there ─► on which side of it do new lines belong?

A gap among unchanged lines is filled, and one beside removed lines whose place others like them take. Where more come
in beside it than go, or where lines that come in nearby could as well come in there, nobody knows on which side of it
they belong; nor where an import beside it becomes another, as these are sorted. Signs that were found by comparing two
texts say less than signs that were written: there, a line that comes in beside a gap may always belong beyond it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise, takewhile

from ossa.assistant.edits.patch import Line, Section
from ossa.assistant.edits.places import Target, Tier, normal, runs_of
from ossa.assistant.edits.rows import alike

_LEFT_OUT = 2
"""Lines in a row that a model may have left out of its context."""
_CONTEXT = 3
"""Unchanged lines that diffs have around a change."""
_IMPORT = re.compile(r"\s*(from\s+\S+\s+import|import|#\s*include|use|using|require)\b")
"""Lines that are kept in the order of what they name, in most languages."""
_PAIRED = 2500
"""Product of removed and new lines up to which each is compared with each."""


def filled(target: Target, section: Section) -> list[Section] | None:
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
                if at is None or _sorted(section, at, target.lines[stop : stop + width]):
                    return None
                missing = tuple(Line(" ", text) for text in target.lines[stop : stop + width])
                found.append(replace(section, lines=section.lines[:at] + missing + section.lines[at:]))
    return found


def open_beyond(section: Section, missing: str, *, above: bool, reaches: bool) -> bool:
    """Whether new lines of a section may belong beyond the first or last line of the file, which it does not show.

    Args:
        section: it stands right below that line, or right above it.
        missing: that line.
        above: whether it is the first.
        reaches: whether the section goes to the other end of the file.
    """
    lines = section.lines if above else section.lines[::-1]
    nearest = next((line for line in lines if line.sign != "+"), None)
    if nearest is None or not _shows_more(lines, reaches) or (above and not section.compared):
        return False
    rim = 0 if above else len(section.lines)
    imports = all(_IMPORT.match(text) for text in (nearest.text, missing))
    if nearest.sign == " ":
        return imports and _slides(section, rim)
    run = [line.sign for line in takewhile(lambda line: line.sign != " ", lines)]
    instead = run.count("-") == run.count("+") or _takes_place(section, rim, 1 if above else -1)
    return not instead or (above and (imports or _moves(section)))


def _shows_more(lines: Sequence[Line], reaches: bool) -> bool:
    """Whether as many unchanged lines are at the other end as a diff has, so that here, too, there should be some.

    Where the other end is that of the file, a diff may have them only within.
    """
    if reaches and sum(line.sign == " " for line in lines) >= _CONTEXT:
        return True
    before, after = ([line.text for line in lines if line.sign != sign][-_CONTEXT:] for sign in "+-")
    return len(before) == _CONTEXT and before == after


def _gaps(section: Section) -> Iterator[tuple[int, int | None]]:
    """Where context may be lacking: how many lines that must stand there come before, and the index in the section.

    The index is None where lines come in, or may have: a gap there leaves their place open.
    """
    lines = section.lines
    moves = _moves(section)
    places = [n for n, line in enumerate(lines) if line.sign != "+"]
    for cut, (above, below) in enumerate(pairwise(places), 1):
        signs = lines[above].sign + lines[below].sign
        if signs == "--":
            if below > above + 1:
                yield cut, None
        elif signs == "  ":
            yield cut, None if below > above + 1 or _slides(section, below) else below
        else:
            yield cut, None if moves or not _replaces(section, above, below) else below


def _replaces(section: Section, above: int, below: int) -> bool:
    """Whether the changed lines beside a gap take the place of lines like them, at which the gap is not.

    Where signs were found by comparing, what comes in may belong beyond the gap whatever it is like.
    """
    downwards = section.lines[above].sign == " "
    if section.compared:
        return not _changed(section, below, 1 if downwards else -1)[1]
    return below == above + 1 if downwards else _takes_place(section, below, -1)


def _takes_place(section: Section, gap: int, step: int) -> bool:
    """Whether the changed lines there are like those in whose place they come.

    The same line as the first of both would be an unchanged one, were nothing missing between them.
    """
    gone, come = _changed(section, gap, step)
    like = [bool(alike(gone[0].strip(), text.strip())) for text in come]
    return not come or (like[0] and gone[0] != come[0] and not any(like[len(gone) :]))


def _changed(section: Section, gap: int, step: int) -> tuple[list[str], list[str]]:
    """The lines that go and those that come in from this index on, or with step -1 those before it, back from there."""
    at = gap if step > 0 else gap - 1
    run: list[Line] = []
    while 0 <= at < len(section.lines) and section.lines[at].sign != " ":
        run.append(section.lines[at])
        at += step
    return [line.text for line in run if line.sign == "-"], [line.text for line in run if line.sign == "+"]


def _moves(section: Section) -> bool:
    """Whether a line that goes is like one that comes in elsewhere: the comparison may have kept the wrong one."""
    if not section.compared:
        return False
    gone: list[tuple[int, str]] = []
    come: list[tuple[int, str]] = []
    run = 0
    for line in section.lines:
        run += line.sign == " "
        if line.sign != " " and line.text.strip():
            (gone if line.sign == "-" else come).append((run, line.text.strip()))
    if len(gone) * len(come) > _PAIRED:
        return True
    return any((one == other or a != b) and alike(one, other) for a, one in gone for b, other in come)


def _sorted(section: Section, at: int, missing: Sequence[str]) -> bool:
    """Whether the gap is among imports beside one that is replaced: they stand by their names, not in its place."""
    beside = [line.text for line in section.lines[max(at - 1, 0) : at + 1] if line.sign != " "]
    return bool(beside) and all(_IMPORT.match(text) for text in (*beside, *missing))


def _slides(section: Section, at: int) -> bool:
    """Whether lines that come in near this index could as well have come in there.

    They could where the result is the same, and where a single line is between: it may be the one that was moved.
    """
    if not section.compared:
        return False
    texts = [line.text.rstrip() for line in section.lines]
    signs = "".join(line.sign for line in section.lines)
    return _reaches(texts[at:], signs[at:]) or _reaches(texts[:at][::-1], signs[:at][::-1])


def _reaches(texts: Sequence[str], signs: str) -> bool:
    """Whether the first new lines can be moved up to the start, past what they end with or past blank lines."""
    context = len(signs) - len(signs.lstrip(" "))
    changed = len(signs[context:].split(" ")[0])
    between, run = texts[:context], texts[context : context + changed]
    come = [text for text, sign in zip(run, signs[context:], strict=False) if sign == "+"]
    if not context or not come:
        return False
    adds = len(come) == changed
    slides = adds and (texts[changed : changed + context] == between or sum(map(bool, between)) == 1)
    return slides or (not any(between) and not all(come))
