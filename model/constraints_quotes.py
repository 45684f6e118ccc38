"""What of a file a patch may quote, so that every quotation has one place alone.

    text ─► lines ─► for each line the shortest run from there that the file has only once ─► starts
                 └─► lines that head a block, as anchors

A hunk whose old lines begin with such a run is found at one place, however it goes on.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count, pairwise

_LONGEST_RUN = 64
"""Lines; a place that needs more of them to be told from others can't be the beginning of a hunk."""
_LONGEST_LINE = 4_000
_UNCLEAN = re.compile("[\0\ud800-\udfff]")
_ANCHORS = 8
"""At least so many for a file, and one for each so many lines."""
_WITHIN = (")", "]", "}", "{", "#")
"""What begins no block though it may stand at the margin: the end of the line that opens one, or a comment."""
_NO_WORD = re.compile(r"\W+")
_RIM = 3
"""At so few lines from an end of the file, the edit engine takes an insertion with context on one side for a slip."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A line that heads a block, for behind `@@`."""

    stem: str
    """What is enough of it to find it: up to the first bracket or colon."""
    rest: str
    indent: str
    at: int
    """The line from which on a hunk may name it."""
    reach: int
    """The last line at which such a hunk may begin."""
    last: int
    """The last up to there at which it may begin with new lines, too."""


@dataclass(frozen=True)
class Quotable:
    """A file's lines, of which the first `room` may be quoted."""

    lines: Sequence[str]
    room: int

    @cached_property
    def starts(self) -> dict[int, int]:
        """Lines at which a hunk may begin, and how many lines it has to quote at least."""
        runs = self._unique_runs()
        words = self._next_words()
        needed = {at: max(runs[at], words[at] - at + 1) for at in runs if words[at] < self.room}
        return {at: n for at, n in sorted(needed.items()) if n <= _LONGEST_RUN and at + n <= self.room}

    @cached_property
    def anchors(self) -> list[Anchor]:
        """The heads of blocks, each once; the outer ones where there are very many."""
        bare = [line.strip() for line in self.lines]
        first: dict[str, int] = {}
        for number, line in enumerate(bare):
            first.setdefault(line, number)
        plain = all(line.isascii() for line in self.lines)
        leads = [at for at in self.starts if self.can_lead(at)]
        heads = [n for n in self._heads() if first[bare[n]] == n and _can_be_anchor(bare[n])]
        outer = sorted(heads, key=lambda n: _width(self.lines[n]))[: _ANCHORS + len(self.lines) // _ANCHORS]
        found = (self._anchor(n, known=first if plain else None, leads=leads) for n in sorted(outer))
        return [anchor for anchor in found if anchor.at <= anchor.last]

    @property
    def rim(self) -> range:
        """Where a hunk of context and then new lines can't end, in lines quoted so far."""
        return range(max(len(self.lines) - _RIM, 0), len(self.lines))

    @staticmethod
    def can_lead(start: int) -> bool:
        """Whether new lines may come before the first old one."""
        return start == 0 or start > _RIM

    def _anchor(self, number: int, known: Collection[str] | None, leads: Sequence[int]) -> Anchor:
        """The anchor that a line is; only up to its first bracket or colon, where all `known` lines are others."""
        line = self.lines[number]
        bare = line.strip()
        end = next((n for n, char in enumerate(bare) if char in "(:{"), len(bare))
        stem = bare[:end].rstrip()
        stem = bare if known is None or not stem or stem in known else stem
        reach = self._reach(number, stem)
        upto = bisect_right(leads, reach)
        last = leads[upto - 1] if upto else -1
        return Anchor(stem, bare[len(stem) :], line[: len(line) - len(line.lstrip())], number, reach, last)

    def _reach(self, head: int, stem: str) -> int:
        """The first line that is no longer in the block below a head, or that the same anchor could mean.

        The edit engine accepts an anchor for what begins up to there; further down it may see another block begin.
        """
        width, words = len(_blanks(self.lines[head])), _NO_WORD.sub("", stem)
        for number in range(head + 1, len(self.lines)):
            bare = self.lines[number].strip()
            ends = bare and not bare.startswith(_WITHIN) and len(_blanks(self.lines[number])) <= width
            if ends or _NO_WORD.sub("", bare).startswith(words):
                return number
        return len(self.lines)

    def _unique_runs(self) -> dict[int, int]:
        """By the line where it begins: the length of the shortest run that stands in the file only once."""
        numbers: dict[str, int] = {}
        single = [numbers.setdefault(line, len(numbers)) for line in self.lines]
        kinds, open_ = list(single), list(range(len(single)))
        found: dict[int, int] = {}
        for length in range(1, _LONGEST_RUN + 1):
            open_ = [at for at in open_ if at + length <= len(single)]
            times = Counter(kinds[: len(single) - length + 1])
            found |= {at: length for at in open_ if times[kinds[at]] == 1}
            open_ = [at for at in open_ if times[kinds[at]] > 1]
            if not open_:
                break
            # The runs that are one line longer, numbered anew.
            fresh = count()
            longer: dict[tuple[int, int], int] = {}
            for at in range(len(single) - length):
                pair = kinds[at], single[at + length]
                kinds[at] = longer[pair] if pair in longer else longer.setdefault(pair, next(fresh))
        return found

    def _next_words(self) -> list[int]:
        """For each line, the first from there on that is not blank: blank lines alone have no place."""
        words, following = [0] * len(self.lines), len(self.lines)
        for at in range(len(self.lines) - 1, -1, -1):
            following = at if self.lines[at].strip() else following
            words[at] = following
        return words

    def _heads(self) -> list[int]:
        """Lines below which the next one is indented more."""
        written = [n for n, line in enumerate(self.lines) if line.strip()]
        return [n for n, below in pairwise(written) if _width(self.lines[below]) > _width(self.lines[n])]


def quotable(text: str, room: int) -> Quotable | None:
    """A file's lines, of which at most `room` may be quoted; None where no patch can be held to them.

    That is so where they are no clean text, with NULs, lone surrogates or stray carriage returns at their ends; and
    where they are too long to be worth quoting.
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    if not lines[-1]:
        lines.pop()
    if any(line.endswith("\r") or len(line) > _LONGEST_LINE for line in lines) or _UNCLEAN.search(text):
        return None
    # What is cut off is more than a rim.
    return Quotable(lines, len(lines) if len(lines) <= room + _RIM else room)


def _can_be_anchor(line: str) -> bool:
    return not line.startswith("-") and not line.endswith("@@") and len(line) <= 200


def _blanks(line: str) -> str:
    """Those that the edit engine counts, too."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def _width(line: str) -> int:
    return len(line) - len(line.lstrip())
