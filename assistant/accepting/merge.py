"""Hunks put into a file that the user may have changed since the draft found it.

The file as it was found is what the draft has now with the hunks taken back out. Against it the user's own changes are
known line by line, so a hunk whose lines they left alone has one place, however far it moved. Where that fails, a hunk
goes to the only place with its lines and their surroundings, or is refused.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from ossa.assistant.change import FileChange, Hunk
from ossa.assistant.diff import Run, changed_runs
from ossa.assistant.text import join, lines_of

_Lines: TypeAlias = Sequence[str]


class Put(NamedTuple):
    """Where a hunk goes: lines `start:end` of the file as it is now become the hunk's."""

    start: int
    end: int
    hunk: Hunk


class Merged(NamedTuple):
    """The file with the hunks in it, and those that had no place."""

    data: bytes
    refused: tuple[Hunk, ...]


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
    edits = changed_runs(found, lines) if found is not None and present is None else []
    puts: list[Put] = []
    refused: list[Hunk] = []
    for hunk in sorted(hunks, key=lambda h: h.start):
        place = _place(hunk, found, lines, edits) if present is None else _shifted(hunk, present)
        if place is None:
            continue
        put = Put(place, place + len(hunk.before), hunk)
        if place < 0 or _unfit(put, puts, len(lines)):
            refused.append(hunk)
        else:
            puts.append(put)
    for put in sorted(puts, reverse=True, key=lambda p: (p.start, p.end)):
        lines[put.start : put.end] = put.hunk.after
    return Merged(join(lines), tuple(refused))


def _shifted(hunk: Hunk, present: set[Hunk]) -> int | None:
    """The hunk's place in a file that has these hunks already; None when it is one of them."""
    if hunk in present:
        return None
    return hunk.start + sum(len(h.after) - len(h.before) for h in present if h.start < hunk.start)


def _unfit(put: Put, others: Sequence[Put], length: int) -> bool:
    """Whether it would overlap another one, or leave a line without an end in the middle of the file."""
    open_end = bool(put.hunk.after) and not put.hunk.after[-1].endswith("\n")
    overlaps = any((put.start < o.end and o.start < put.end) or put[:2] == o[:2] for o in others)
    return overlaps or (open_end and put.end != length)


def _found(file: FileChange, draft: _Lines) -> list[str] | None:
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


def _present(all_hunks: Sequence[Hunk], found: _Lines, now: _Lines, wanted: Sequence[Hunk]) -> set[Hunk] | None:
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


def _place(hunk: Hunk, found: _Lines | None, now: _Lines, edits: Sequence[Run]) -> int | None:
    """Where the hunk's lines stand now; -1 for nowhere or in several places, None when it is in the file already."""
    if found is not None:
        start, end, shift = hunk.start, hunk.start + len(hunk.before), 0
        near: list[Run] = []
        for run in edits:
            if run.b < start:
                shift = run.d - run.b
            elif run.a <= end:
                near.append(run)
        if not near:
            return start + shift
        if any((r.a, r.b) == (start, end) and tuple(now[r.c : r.d]) == hunk.after for r in near):
            return None
        if hunk.before and all(r.b <= start or r.a >= end for r in near):
            above = [r.d - r.b for r in near if r.b <= start]
            return start + (above[-1] if above else shift)
    return _searched(hunk, found, now, edits)


def _searched(hunk: Hunk, found: _Lines | None, now: _Lines, edits: Sequence[Run]) -> int:
    """The only place with the hunk's lines and their surroundings, or on one side of them where the user moved them."""
    ways = [(len(hunk.lead), len(hunk.trail))]
    if any(line.strip() for line in hunk.before):
        ways += [(len(hunk.lead), 0), (0, len(hunk.trail))]
    for above, below in ways:
        block = [*hunk.lead[len(hunk.lead) - above :], *hunk.before, *hunk.trail[:below]]
        if above + below == 0 or not any(line.strip() for line in block):
            continue
        hits = [at + above for at in _stands(block, now)]
        if found is None:
            hits = hits if len(hits) == 1 else [at for at in hits if at == hunk.start]
        elif len(_stands(block, found)) != 1:
            hits = []
        elif (above, below) != ways[0]:
            hits = [at for at in hits if any(r.c <= at and at + len(hunk.before) <= r.d for r in edits)]
        if len(hits) == 1:
            return hits[0]
    return -1


def _stands(block: _Lines, lines: _Lines) -> list[int]:
    return [n for n in range(len(lines) - len(block) + 1) if list(lines[n : n + len(block)]) == block]
