"""The indentation of lines that come in, where the patch has lost it: found from the file and the lines around, or refused.

    places, new lines ─► loss of each section ─► the file as it will be, with gaps ─► statements nested, other lines after
                         their neighbours ─► one way that makes sense, or none

A model that loses indentation takes off the same width from every line, as far as a line has it: a line at the margin may
have stood anywhere up to that width.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from ossa.assistant.edits.indentation import indent, usual_step
from ossa.assistant.edits.nesting import Solution, Unknown, nested
from ossa.assistant.edits.places import TYPOGRAPHIC, Place, Target, Tier
from ossa.assistant.edits.statements import Outline, outline

Fitted = Sequence[tuple[int, int, Sequence[str]]]
"""Runs `start:stop` of the file with the lines that come there."""
_ALIKE = 0.6
_PAIRED = 2500
"""Product of removed and new lines up to which each is compared with each."""
_LARGEST = 30_000
"""Lines of a file up to which it is looked through."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a section shows of the indentation that it lost."""

    shift: int | None
    """Width taken off, None where no line shows it."""
    least: int
    """It is not smaller than this."""
    alike: bool
    """Whether all lines may have lost as much."""


@dataclass(slots=True)
class Row:
    """A line of the file as it will be."""

    text: str
    """Without its indentation."""
    width: int | None
    """None: to be found."""
    new: bool = False
    given: int = 0
    """Width in the patch."""
    loss: Loss | None = None
    like: int | None = None
    """Width of the removed line that it resembles."""
    run: int = 0


def inferred(path: str, target: Target, places: Sequence[Place], fitted: Sequence[Fitted]) -> list[Fitted] | None:
    """The new lines with the indentation that they must have; None where that cannot be told.

    Args:
        path: of the file; Python is understood, of others only the neighbouring lines.
        target: its lines.
        places: where the sections belong, in the order of the file.
        fitted: of each place the changed runs with the lines that come there, indented as in the patch.
    """
    sign = _sign(target.lines)
    losses = [_loss(target, place, sign) for place in places]
    if len(target.lines) > _LARGEST or None in losses:
        return None
    rows = list(_rows(target, fitted, [loss for loss in losses if loss], sign))
    if any(
        row.new and row.text and indent(text).strip(sign)
        for row, text in zip(rows, _texts(target, fitted), strict=True)
    ):
        return None
    shown = {loss.shift for loss in losses if loss and loss.shift is not None}
    common = shown.pop() if len(shown) == 1 else None
    unit = usual_step(target.lines, sign)
    python = outline([row.text for row in rows]) if path.endswith((".py", ".pyi")) else None
    if python and not _nest(rows, python, common, unit):
        return None
    for row in rows:
        if row.width is None and row.loss and row.loss.shift is not None and row.given:
            row.width = row.given + row.loss.shift
    _fill(rows, python, unit)
    if any(row.width is None and row.text for row in rows):
        return None
    return _refitted(rows, fitted, sign)


def _sign(lines: Sequence[str]) -> str:
    tabs = sum(line.startswith("\t") for line in lines)
    return "\t" if tabs * 2 > sum(line[:1] in "\t " for line in lines if line.strip()) else " "


def _loss(target: Target, place: Place, sign: str) -> Loss | None:
    """None where it is no loss of one width."""
    shifts, least = set[int](), 0
    there = target.lines[place.start : place.start + len(place.section.old)]
    for here, real in zip(place.section.old, there, strict=True):
        if not here.strip():
            continue
        given, width = len(indent(here.translate(TYPOGRAPHIC))), len(indent(real))
        if given > width or indent(here).strip(sign):
            return None
        least = max(least, width - given)
        if given:
            shifts.add(width - given)
    if len(shifts) > 1 or (shifts and min(shifts) < least):
        return None
    return Loss(shifts.pop() if shifts else None, least, place.tier != Tier.LOST)


def _texts(target: Target, fitted: Sequence[Fitted]) -> Iterator[str]:
    at = 0
    for runs in fitted:
        for start, stop, new in runs:
            yield from target.lines[at:start]
            yield from new
            at = stop
    yield from target.lines[at:]


def _rows(target: Target, fitted: Sequence[Fitted], losses: Sequence[Loss], sign: str) -> Iterator[Row]:
    at = number = 0
    for runs, loss in zip(fitted, losses, strict=True):
        for start, stop, new in runs:
            number += 1
            yield from (_old(line) for line in target.lines[at:start])
            likes = _likes(target.lines[start:stop], new)
            for text, like in zip(new, likes, strict=True):
                given = len(indent(text))
                yield Row(text.lstrip(" \t\f"), None if text.strip() else 0, True, given, loss, like, number)
            at = stop
    yield from (_old(line) for line in target.lines[at:])


def _old(line: str) -> Row:
    return Row(line.lstrip(" \t\f"), len(indent(line)))


def _likes(removed: Sequence[str], new: Sequence[str]) -> list[int | None]:
    """For each new line the width of the removed line that it resembles, in order."""
    found: list[int | None] = [None] * len(new)
    if len(removed) * len(new) > _PAIRED:
        return found
    best = [[0.0] * (len(new) + 1) for _ in range(len(removed) + 1)]
    alike = [[_alike(a.strip(), b.strip()) for b in new] for a in removed]
    for a in range(len(removed) - 1, -1, -1):
        for b in range(len(new) - 1, -1, -1):
            best[a][b] = max(best[a + 1][b], best[a][b + 1], alike[a][b] + best[a + 1][b + 1] if alike[a][b] else 0)
    a = b = 0
    while a < len(removed) and b < len(new):
        if alike[a][b] and best[a][b] == alike[a][b] + best[a + 1][b + 1]:
            found[b] = len(indent(removed[a]))
            a, b = a + 1, b + 1
        elif best[a][b] == best[a + 1][b]:
            a += 1
        else:
            b += 1
    return found


def _alike(one: str, other: str) -> float:
    if not one or not other:
        return 0
    matcher = SequenceMatcher(None, one[:200], other[:200], autojunk=False)
    ratio = matcher.ratio() if matcher.real_quick_ratio() >= _ALIKE and matcher.quick_ratio() >= _ALIKE else 0
    return ratio if ratio >= _ALIKE else 0


def _nest(rows: Sequence[Row], python: Outline, common: int | None, unit: int) -> bool:
    """Give every new statement its width."""
    known: dict[int, int] = {}
    certain: dict[int, Unknown] = {}
    free: dict[int, Unknown] = {}
    for statement in python.statements:
        row = rows[statement.row]
        if row.width is not None:
            known[statement.row] = row.width
        elif row.loss:
            free[statement.row] = _unknown(row, row.loss, common, unit)
            alike = Unknown((row.given + row.loss.least,), None, row.like, row.run)
            certain[statement.row] = alike if row.loss.alike else free[statement.row]
    if not free:
        return True
    solution = nested(python.statements, known, free, unit)
    plain = nested(python.statements, known, certain, unit)
    found = _better(solution, plain)
    if found is None:
        return False
    for number, row in enumerate(free):
        rows[row].width = found.widths[number]
    return True


def _better(free: Solution | None, plain: Solution | None) -> Solution | None:
    """Indentation that is off alike everywhere explains more than one that is not, unless habits speak against it."""
    if plain is not None and plain.margin >= 1 and (free is None or plain.cost <= free.cost):
        return plain
    return free if free is not None and free.margin >= 1 else None


def _unknown(row: Row, loss: Loss, common: int | None, unit: int) -> Unknown:
    """What can be said of a new statement: visible indentation tells the true one, the margin only bounds it."""
    shift = loss.shift if loss.shift is not None else common if common is not None and common >= loss.least else None
    if row.given and shift is not None:
        widths = {row.given + shift} | ({row.given + loss.least} if loss.shift is None else set())
        return Unknown(tuple(sorted(widths)), None, row.like, row.run)
    if row.given:
        return Unknown(tuple(row.given + loss.least + n * unit for n in range(3)), None, row.like, row.run)
    bound = None if shift is None else max(shift, loss.least)
    return Unknown(None, bound, row.like, row.run)


def _fill(rows: Sequence[Row], python: Outline | None, unit: int) -> None:
    """Give the lines that are no statements the width that their statement and neighbours suggest."""
    for number, row in enumerate(rows):
        if row.width is None and row.text:
            row.width = _within(rows, number, python, unit) if python and number in python.within else None
    for number in range(len(rows) - 1, -1, -1):
        if rows[number].width is None and rows[number].text:
            rows[number].width = _like_neighbours(rows, number, is_comment=bool(python))


def _within(rows: Sequence[Row], number: int, python: Outline, unit: int) -> int | None:
    row, part = rows[number], python.within[number]
    options = [row.like]
    above = rows[number - 1]
    beside = python.within.get(number - 1)
    if beside and beside.kind == part.kind and beside.row == part.row and not part.closes:
        options.append(above.width)
    below = python.within.get(number + 1)
    if below and below.kind == part.kind and below.row == part.row and not part.closes and not rows[number + 1].new:
        options.insert(1, rows[number + 1].width)
    base = rows[part.row].width
    if base is not None and part.kind == "bracket":
        options.append(base + part.column if part.column >= 0 else base if part.closes else base + unit)
    elif base is not None and part.kind == "string":
        options.append(base)
    elif base is not None:
        options.append(base + unit)
    return next((width for width in options if width is not None and _bounded(row, width)), None)


def _bounded(row: Row, width: int) -> bool:
    """Whether the patch can have shown this width as it did."""
    if row.loss is None or row.loss.shift is None:
        return True
    return width == row.given + row.loss.shift if row.given else width <= row.loss.shift


def _like_neighbours(rows: Sequence[Row], number: int, *, is_comment: bool) -> int | None:
    """As the removed line it resembles, else as the lines above and below where they agree, or just the one below."""
    row = rows[number]
    if row.like is not None and _bounded(row, row.like):
        return row.like
    below = next((other for other in rows[number + 1 :] if other.text), None)
    above = next((other for other in reversed(rows[:number]) if other.text), None)
    if is_comment:
        near = [other for other in (below, above) if other]
        return next((o.width for o in near if o.width is not None and _bounded(row, o.width)), None)
    if not above or not below or above.width != below.width or above.width is None:
        return None
    alone = not (above.new or below.new) or (row.loss is not None and row.loss.shift is not None)
    return above.width if alone and _bounded(row, above.width) else None


def _refitted(rows: Sequence[Row], fitted: Sequence[Fitted], sign: str) -> list[Fitted]:
    """The runs with the widths found."""
    new: Iterator[Row] = (row for row in rows if row.new)
    result: list[Fitted] = []
    for runs in fitted:
        result.append([(start, stop, [_line(next(new), sign) for _ in lines]) for start, stop, lines in runs])
    return result


def _line(row: Row, sign: str) -> str:
    return sign * (row.width or 0) + row.text
