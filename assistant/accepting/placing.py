"""Where a hunk belongs in a file that the user has changed since the draft found it: one place, or none.

    found, now ─► the user's edits, looked at from the top and from the end ─► lines left alone have one place
               ─► else the only place with the hunk's lines and their surroundings ─► else refused, with the reason

Lines that stand in several places can be matched in several ways. So both looks must agree, and of the same lines in
the same surroundings there must be as many as before, with the hunk's at the same place among them.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TypeAlias

from ossa.assistant.change import Hunk
from ossa.assistant.diff import CONTEXT, Run, changed_runs

Lines: TypeAlias = Sequence[str]

CHANGED = "these lines or their surroundings changed in the working tree since the draft was made"
TWINS = "the same lines stand in several places by now, and nothing tells which of them are meant"
ENDINGS = "the line endings changed in the working tree since the draft was made"


class NoPlace(Exception):
    """The hunk cannot go in; the text is a part of a sentence that says why."""


class Ground:
    """A file as the draft found it, as far as that is known, and as it is now."""

    def __init__(self, found: Lines | None, now: Lines) -> None:
        self._found = None if found is None else _Indexed(found)
        self._now = _Indexed(now)

    def place(self, hunk: Hunk) -> int | None:
        """The index in the file as it is now at which the hunk's lines begin; None when the hunk is in it already.

        Raises:
            NoPlace: there is none, or more than one could be meant.
        """
        if self._found is None:
            return self._searched(hunk)
        start = self._kept(hunk, self._edits)
        if start is None:
            return None
        if start < 0:
            return self._searched(hunk)
        if self._kept(hunk, self._mirrored) != start or not self._told_apart(hunk, start):
            raise NoPlace(TWINS)
        return start

    @cached_property
    def _edits(self) -> list[Run]:
        """What the user changed."""
        return changed_runs(self._found.lines, self._now.lines) if self._found else []

    @cached_property
    def _mirrored(self) -> list[Run]:
        """The same, as it looks from the end of the file."""
        if not self._found:
            return []
        a, c = len(self._found.lines), len(self._now.lines)
        runs = changed_runs(self._found.lines[::-1], self._now.lines[::-1])
        return [Run(a - run.b, a - run.a, c - run.d, c - run.c) for run in reversed(runs)]

    def _kept(self, hunk: Hunk, edits: Iterable[Run]) -> int | None:
        """Where its lines are if the user left them alone; -1 if not, None when the user made the same change."""
        start, end, shift = hunk.start, hunk.start + len(hunk.before), 0
        near: list[Run] = []
        for run in edits:
            if run.b < start:
                shift = run.d - run.b
            elif run.a <= end:
                near.append(run)
        if not near:
            return start + shift
        if any((r.a, r.b) == (start, end) and tuple(self._now.lines[r.c : r.d]) == hunk.after for r in near):
            return None
        if not _telling(hunk.before) or any(r.b > start and r.a < end for r in near):
            return -1
        above = [r.d - r.b for r in near if r.b <= start]
        return start + (above[-1] if above else shift)

    def _told_apart(self, hunk: Hunk, start: int) -> bool:
        """Whether its lines, with what is left of their surroundings, are the same ones of as many as before."""
        assert self._found
        found, now = self._found.lines, self._now.lines
        end, stop = hunk.start + len(hunk.before), start + len(hunk.before)
        above = _alike(_above(found, hunk.start), _above(now, start))
        below = _alike(found[end : end + CONTEXT], now[stop : stop + CONTEXT])
        block = found[hunk.start - above : end + below]
        there, here = self._found.places(block), self._now.places(block)
        return len(there) == len(here) and there.index(hunk.start - above) == here.index(start - above)

    def _searched(self, hunk: Hunk) -> int:
        """The only place with the hunk's lines and their surroundings, or on one side of them where the user wrote.

        Raises:
            NoPlace: there is none, or more than one.
        """
        ways = [(len(hunk.lead), len(hunk.trail))]
        if any(line.strip() for line in hunk.before):
            ways += [(len(hunk.lead), 0), (0, len(hunk.trail))]
        several = False
        for above, below in ways:
            block = [*hunk.lead[len(hunk.lead) - above :], *hunk.before, *hunk.trail[:below]]
            if above + below == 0 or not any(line.strip() for line in block):
                continue
            hits = [at + above for at in self._now.places(block)]
            if self._found and (above, below) != ways[0]:
                hits = [at for at in hits if any(r.c <= at and at + len(hunk.before) <= r.d for r in self._edits)]
            twins = len(hits) > 1 or bool(hits and self._found and len(self._found.places(block)) != 1)
            if hits and not twins:
                return hits[0]
            several |= twins
        raise NoPlace(TWINS if several else ENDINGS if self._converted else CHANGED)

    @cached_property
    def _converted(self) -> bool:
        """Whether nearly every line ends by now in the other of the two ways."""
        if not self._found or not self._found.lines:
            return False
        before, after = (sum(line.endswith("\r\n") for line in lines.lines) for lines in (self._found, self._now))
        most = len(self._now.lines) * 0.8
        return (before == 0 and after > most) or (before > len(self._found.lines) * 0.8 and after == 0)


class _Indexed:
    """Lines, and where each of them stands."""

    def __init__(self, lines: Lines) -> None:
        self.lines = list(lines)

    @cached_property
    def _index(self) -> dict[str, list[int]]:
        index: dict[str, list[int]] = {}
        for number, line in enumerate(self.lines):
            index.setdefault(line, []).append(number)
        return index

    def places(self, block: Lines) -> list[int]:
        """Where these lines stand, one after the other."""
        wanted = list(block)
        offset = min(range(len(wanted)), key=lambda n: len(self._index.get(wanted[n], ())), default=-1)
        if offset < 0:
            return list(range(len(self.lines) + 1))
        starts = (at - offset for at in self._index.get(wanted[offset], ()))
        return [at for at in starts if at >= 0 and self.lines[at : at + len(wanted)] == wanted]


def _above(lines: Lines, at: int) -> Lines:
    """The lines above a place, the nearest first."""
    return lines[max(at - CONTEXT, 0) : at][::-1]


def _alike(one: Lines, other: Lines) -> int:
    """How many lines at the start are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _telling(lines: Lines) -> bool:
    """Whether there is a letter or digit in them: blank lines and brackets match anything."""
    return any(c.isalnum() for line in lines for c in line)
