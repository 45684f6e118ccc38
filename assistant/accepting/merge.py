"""Hunks put into a file that the user may have changed since the draft found it.

    change, draft ─► the file as it was found ─► hunks that are in the file already ─► places for the others ─► the file

The file as it was found is what the draft has now with the hunks taken back out. While the user has changed nothing
but to accept some hunks before, every place is known; else `placing` looks for it, and a hunk has one or is refused.
"""

from collections.abc import Sequence
from typing import NamedTuple

from ossa.assistant.accepting.placing import Ground, Lines, NoPlace
from ossa.assistant.change import FileChange, Hunk
from ossa.assistant.text import join, lines_of


class Put(NamedTuple):
    """Where a hunk goes: lines `start:end` of the file as it is now become the hunk's."""

    start: int
    end: int
    hunk: Hunk


class Refused(NamedTuple):
    """A hunk that has no place."""

    hunk: Hunk
    why: str
    """Part of a sentence."""


class Merged(NamedTuple):
    """The file with the hunks in it, and those that had no place."""

    data: bytes
    refused: tuple[Refused, ...]


def merge(file: FileChange, hunks: Sequence[Hunk], now: bytes, draft: bytes | None) -> Merged:
    """Put some hunks of a file's change into the file as it is now; those that are in it already stay.

    Args:
        file: the change of which they are hunks.
        hunks: the ones to put in.
        now: the file as the user has it.
        draft: the file as the draft has it, with all hunks of the change in it.
    """
    lines, found = lines_of(now), _found(file, lines_of(draft))
    present = None if found is None else _present(file.hunks, found, lines, hunks)
    ground = Ground(found, lines)
    puts: list[Put] = []
    refused: list[Refused] = []
    for hunk in sorted(hunks, key=lambda h: h.start):
        try:
            place = ground.place(hunk) if present is None else _shifted(hunk, present)
            if place is not None:
                puts.append(_put(hunk, place, puts, len(lines)))
        except NoPlace as error:
            refused.append(Refused(hunk, str(error)))
    for put in sorted(puts, reverse=True, key=lambda p: (p.start, p.end)):
        lines[put.start : put.end] = put.hunk.after
    return Merged(join(lines), tuple(refused))


def _shifted(hunk: Hunk, present: set[Hunk]) -> int | None:
    """The hunk's place in a file that has these hunks already; None when it is one of them."""
    if hunk in present:
        return None
    return hunk.start + sum(len(h.after) - len(h.before) for h in present if h.start < hunk.start)


def _put(hunk: Hunk, start: int, others: Sequence[Put], length: int) -> Put:
    """The hunk at its place.

    Raises:
        NoPlace: it would overlap another one, or leave a line without an end in the middle of the file.
    """
    put = Put(start, start + len(hunk.before), hunk)
    if any((put.start < o.end and o.start < put.end) or put[:2] == o[:2] for o in others):
        raise NoPlace("another part of the change goes to the same lines by now")
    if hunk.after and not hunk.after[-1].endswith("\n") and put.end != length:
        raise NoPlace("the file goes on by now where this part would end it")
    return put


def _found(file: FileChange, draft: Lines) -> list[str] | None:
    """The file as the draft found it; None when the draft's is not what the change says."""
    lines: list[str] = []
    at = 0
    for hunk in file.hunks:
        if not hunk.before and not hunk.after:
            continue
        between = hunk.start - len(lines)
        lines += draft[at : at + between]
        at += between
        if between < 0 or tuple(draft[at : at + len(hunk.after)]) != hunk.after:
            return None
        lines += hunk.before
        at += len(hunk.after)
    return [*lines, *draft[at:]]


def _present(all_hunks: Sequence[Hunk], found: Lines, now: Lines, wanted: Sequence[Hunk]) -> set[Hunk] | None:
    """Which hunks are in the file, when it is as found but for some of them; None when it is not.

    Where several answers give the same text, the one that has the fewest of the wanted hunks.
    """
    ways: dict[int, tuple[int, tuple[Hunk, ...]]] = {0: (0, ())}
    done = 0
    for hunk in (h for h in all_hunks if h.before or h.after):
        between = found[done : hunk.start]
        done = hunk.start + len(hunk.before)
        following: dict[int, tuple[int, tuple[Hunk, ...]]] = {}
        for start, (cost, present) in ways.items():
            at = start + len(between)
            if now[start:at] != between:
                continue
            for lines, way in (
                (hunk.before, (cost, present)),
                (hunk.after, (cost + (hunk in wanted), (*present, hunk))),
            ):
                end = at + len(lines)
                if tuple(now[at:end]) == lines and (end not in following or way[0] < following[end][0]):
                    following[end] = way
        ways = following
    rest = found[done:]
    return next((set(present) for start, (_, present) in ways.items() if now[start:] == rest), None)
