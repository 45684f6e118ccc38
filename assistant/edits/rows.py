"""The lines of a file as it will be, those that come in with what the patch shows of their indentation."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ossa.assistant.edits.indentation import indent
from ossa.assistant.edits.places import TYPOGRAPHIC, Place, Target, Tier

Fitted = Sequence[tuple[int, int, Sequence[str]]]
"""Runs `start:stop` of the file with the lines that come there."""
_ALIKE = 0.6
"""Ratio from which on lines resemble each other."""
_BEGINNING = 8
"""Characters that are enough where one line is the beginning of the other."""
_PAIRED = 2500
"""Product of removed and new lines up to which each is compared with each."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a section shows of the indentation that it lost."""

    shift: int | None
    """Width taken off the lines that have some left; None where there is no such line."""
    least: int
    """The most that any line lost."""
    alike: bool
    """Whether all lines may have lost as much."""

    @property
    def bound(self) -> int | None:
        """The most that a line at the margin can have lost; None where nothing bounds it."""
        return self.shift if self.shift is not None and self.shift >= self.least else None


@dataclass(slots=True)
class Row:
    """A line of the file as it will be."""

    text: str
    """Without its indentation."""
    width: int | None
    """Of its indentation; None: to be found."""
    given: int = 0
    """Width in the patch."""
    loss: Loss | None = None
    """Of its section; None for a line that was there before."""
    like: int | None = None
    """Width of the removed line that it resembles."""
    like_part: bool = False
    """Whether that line only went on what another began."""
    run: int = 0
    """Which run of new lines it is in."""

    def allows(self, width: int) -> bool:
        """Whether the patch would have shown this width as it did."""
        if self.loss is None:
            return True
        if self.loss.bound is None:
            return not self.given or width >= self.given + self.loss.least
        return width == self.given + self.loss.bound if self.given else width <= self.loss.bound


def loss(target: Target, place: Place, sign: str) -> Loss | None:
    """What the section lost; None where its lines differ otherwise.

    A line at the margin lost no more than the lines that have some left, but for the first, which models begin with.
    """
    lost: list[tuple[int, int]] = []
    there = target.lines[place.start : place.start + len(place.section.old)]
    for here, real in zip(place.section.old, there, strict=True):
        if not here.strip():
            continue
        blanks = indent(here.translate(TYPOGRAPHIC))
        given, width = len(blanks), len(indent(real))
        if given > width or blanks.strip(sign):
            return None
        lost.append((given, width - given))
    shift = next((less for given, less in lost if given), None)
    if shift is not None and any(less > shift or (given and less != shift) for given, less in lost[1:]):
        return None
    return Loss(shift, max((less for _, less in lost), default=0), place.tier != Tier.LOST)


def rows_of(
    target: Target, fitted: Sequence[Fitted], losses: Sequence[Loss], parts: frozenset[int], sign: str
) -> list[Row] | None:
    """All lines; None where a new one is indented with other characters than the file.

    Args:
        target: the file's lines.
        fitted: of each section the runs with their new lines.
        losses: of each section.
        parts: lines of the file that only go on what another began.
        sign: what the file is indented with, a space or a tab.
    """
    rows: list[Row] = []
    at = number = 0
    for runs, lost in zip(fitted, losses, strict=True):
        for start, stop, new in runs:
            number += 1
            rows += _old(target.lines[at:start])
            likes = _likes(target.lines[start:stop], new)
            for text, like in zip(new, likes, strict=True):
                blanks = indent(text)
                if blanks.strip(sign) and text.strip():
                    return None
                row = Row(text[len(blanks) :], None if text.strip() else 0, len(blanks), lost, run=number)
                if like is not None:
                    row.like, row.like_part = len(indent(target.lines[start + like])), start + like in parts
                rows.append(row)
            at = stop
    return [*rows, *_old(target.lines[at:])]


def refitted(rows: Sequence[Row], fitted: Sequence[Fitted], sign: str) -> list[Fitted]:
    """The runs with the widths that were found."""
    new: Iterator[str] = (_line(rows, number, sign) for number, row in enumerate(rows) if row.loss)
    result: list[Fitted] = []
    for runs in fitted:
        result.append([(start, stop, [next(new) for _ in lines]) for start, stop, lines in runs])
    return result


def _line(rows: Sequence[Row], number: int, sign: str) -> str:
    """The line with its width; one of blanks alone as the patch has it, or as its neighbours if it lost as much."""
    row = rows[number]
    if row.text or row.loss is None or not row.given:
        return sign * (row.width or 0) + row.text
    whole = row.given + (row.loss.least if row.loss.shift is None else row.loss.shift)
    near = [next((r.width for r in side if r.text), None) for side in (rows[number::-1], rows[number:])]
    return sign * (whole if row.given not in near and whole in near else row.given)


def _old(lines: Sequence[str]) -> list[Row]:
    return [Row(line[len(indent(line)) :], len(indent(line))) for line in lines]


def _likes(removed: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """For each new line the index of the removed line that it resembles, in order: the pairs that are most alike."""
    found: list[int | None] = [None] * len(new)
    if len(removed) * len(new) > _PAIRED:
        return found
    best = [[0.0] * (len(new) + 1) for _ in range(len(removed) + 1)]
    ratios = [[alike(a.strip(), b.strip()) for b in new] for a in removed]
    for a in range(len(removed) - 1, -1, -1):
        for b in range(len(new) - 1, -1, -1):
            paired = ratios[a][b] + best[a + 1][b + 1] if ratios[a][b] else 0
            best[a][b] = max(best[a + 1][b], best[a][b + 1], paired)
    a = b = 0
    while a < len(removed) and b < len(new):
        if ratios[a][b] and best[a][b] == ratios[a][b] + best[a + 1][b + 1]:
            found[b] = a
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return found


def alike(one: str, other: str) -> float:
    """How much two lines without their indentation resemble each other, from 0.6 to 1; 0 where they do not."""
    if not one or not other:
        return 0
    short, long = sorted((one, other), key=len)
    if len(short) >= _BEGINNING and long.startswith(short):
        return _ALIKE + 0.4 * len(short) / len(long)
    matcher = SequenceMatcher(None, one[:200], other[:200], autojunk=False)
    ratio = matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0
    return ratio if ratio >= _ALIKE else 0
