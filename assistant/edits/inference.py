"""The indentation of lines that come in, where the patch has lost it: found from the file around them, or refused.

    places, new lines ─► loss of each section ─► the file as it will be, with gaps
                      ─► statements nested, other lines after their neighbours ─► one way that makes sense, or none

A model that loses indentation takes off the same width from every line, as far as a line has it: a line at the margin
may have stood anywhere up to that width.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from ossa.assistant.edits.filling import fill
from ossa.assistant.edits.habits import learnt
from ossa.assistant.edits.indentation import indent, usual_step
from ossa.assistant.edits.nesting import Solution, Unknown, nested
from ossa.assistant.edits.places import Place, Target
from ossa.assistant.edits.rows import Fitted, Row, loss, refitted, rows_of
from ossa.assistant.edits.statements import Outline, outline

_LARGEST = 30_000
"""Lines of a file up to which it is looked through."""
_SURE = 1
"""How much more than the best way any other must cost."""


def inferred(
    path: str, target: Target, places: Sequence[Place], fitted: Sequence[Fitted], *, hung: bool = True
) -> list[Fitted] | None:
    """The new lines with the indentation that they must have; None where that cannot be told.

    Args:
        path: of the file; Python is understood, of others only the neighbouring lines.
        target: its lines.
        places: where the sections belong, in the order of the file.
        fitted: of each place the changed runs with the lines that come there, indented as in the patch.
        hung: whether lines in brackets may stand as they are in a patch whose other lines lost nothing.
    """
    if len(target.lines) > _LARGEST:
        return None
    is_python = path.endswith((".py", ".pyi"))
    sign = _sign(target.lines)
    losses = [lost for place in places if (lost := loss(target, place, sign))]
    before = outline([line.lstrip(" \t\f") for line in target.lines]) if is_python else None
    parts = frozenset(before.within if before else ())
    rows = rows_of(target, fitted, losses, parts, sign) if len(losses) == len(places) else None
    if rows is None:
        return None
    unit = usual_step(target.lines, sign)
    python = outline([row.text for row in rows]) if is_python else None
    if python and not _nest(rows, python, unit, hung=hung):
        return None
    if not python:
        _share(rows)
    for row in rows:
        if row.width is None and row.loss and row.loss.shift is not None and row.given:
            row.width = row.given + row.loss.shift
    fill(rows, python, unit, PurePosixPath(path).suffix)
    if any(row.width is None for row in rows):
        return None
    return refitted(rows, fitted, sign)


def _share(rows: Sequence[Row]) -> None:
    """Let sections that do not show what they lost have lost what all others did: one hand wrote them."""
    shown = {row.loss.shift for row in rows if row.loss and row.loss.shift is not None}
    common = shown.pop() if len(shown) == 1 else None
    if common is None:
        return
    for row in rows:
        if row.loss and row.loss.shift is None and row.loss.least <= common:
            row.loss = replace(row.loss, shift=common)


def _sign(lines: Sequence[str]) -> str:
    tabs = sum(line.startswith("\t") for line in lines)
    return "\t" if tabs * 2 > sum(bool(indent(line)) for line in lines if line.strip()) else " "


def _nest(rows: Sequence[Row], python: Outline, unit: int, *, hung: bool) -> bool:
    """Give every new statement its width; False where that cannot be told."""
    known = {s.row: width for s in python.statements if (width := rows[s.row].width) is not None}
    new = [s.row for s in python.statements if rows[s.row].width is None]
    if not new:
        return True
    habits = learnt(python.statements, known, [row.text for row in rows])
    ways = [
        (lost, nested(python.statements, known, about, unit, habits)) for lost, about in _hypotheses(rows, new, unit)
    ]
    lost, best = _best([(lost, solution) for lost, solution in ways if solution is not None])
    told = {n: _alike(rows[n]) for n in new if _is_alike(rows[n])}
    shown = {shift for n in new if (about := rows[n].loss) and (shift := about.shift) is not None}
    alike = _hypothesis(rows, new, next(iter(shown)) if len(shown) == 1 else None, unit)
    alike |= {n: replace(alike[n], widths=(width,), bound=None) for n, width in told.items()}
    plain = nested(python.statements, known, alike, unit, habits) if told else None
    if plain is not None and plain.margin >= _SURE and (best is None or plain.cost <= best.cost):
        # Indentation that is off alike everywhere explains more than one that is not.
        best = plain
        _follow(rows, python, hung=hung)
    elif lost is not None:
        for row in rows:
            if row.loss and row.loss.shift is None and row.loss.least <= lost:
                row.loss = replace(row.loss, shift=lost)
    if best is None or best.margin < _SURE:
        return False
    for number, width in zip(new, best.widths, strict=True):
        rows[number].width = width
    return True


def _follow(rows: Sequence[Row], python: Outline, *, hung: bool) -> None:
    """Give the lines that are no statements the width that all lines of their section lost."""
    uneven = any(row.loss and not row.loss.alike for row in rows)
    for number, row in enumerate(rows):
        part = python.within.get(number)
        stripped = uneven and row.loss is not None and row.loss.shift is None and not row.given
        lost = part is not None and part.kind == "bracket" and (stripped or not hung)
        if row.width is None and _is_alike(row) and not lost:
            row.width = _alike(row)


def _is_alike(row: Row) -> bool:
    return row.loss is not None and row.loss.alike


def _alike(row: Row) -> int:
    return row.given + (row.loss.least if row.loss else 0)


def _hypotheses(
    rows: Sequence[Row], new: Sequence[int], unit: int
) -> Iterator[tuple[int | None, Mapping[int, Unknown]]]:
    """What the new statements may be, for each width that the sections may have lost which do not show it."""
    losses = [lost for n in new if (lost := rows[n].loss)]
    shown = {lost.shift for lost in losses if lost.shift is not None}
    dark = [n for n in new if (lost := rows[n].loss) and lost.shift is None]
    if len(shown) == 1 or not any(rows[n].given for n in dark):
        common = next(iter(shown)) if len(shown) == 1 else None
        yield common, _hypothesis(rows, new, common, unit)
        return
    least = max(lost.least for n in dark if (lost := rows[n].loss))
    for more in range(3):
        yield least + more * unit, _hypothesis(rows, new, least + more * unit, unit, strict=True)


def _hypothesis(
    rows: Sequence[Row], new: Sequence[int], common: int | None, unit: int, *, strict: bool = False
) -> dict[int, Unknown]:
    """What the new statements may be if sections that do not show what they lost have lost this."""
    found: dict[int, Unknown] = {}
    for number in new:
        row = rows[number]
        lost = row.loss
        widths: tuple[int, ...] | None = None
        bound: int | None = None
        if lost is not None and lost.shift is not None:
            widths, bound = ((row.given + lost.shift,), None) if row.given else (None, lost.bound)
        elif lost is not None and common is not None:
            most = max(common, lost.least)
            widths = tuple({row.given + most, row.given + (most if strict else lost.least)}) if row.given else None
            bound = None if row.given else most
        elif lost is not None and row.given:
            widths = tuple(row.given + lost.least + n * unit for n in range(3))
        found[number] = Unknown(widths, bound, None if row.like_part else row.like, row.run)
    return found


def _best(solutions: Sequence[tuple[int | None, Solution]]) -> tuple[int | None, Solution | None]:
    """The cheapest, with its margin to the others, and the loss that it supposes."""
    if not solutions:
        return None, None
    lost, best = min(solutions, key=lambda way: way[1].cost)
    others = [way.cost - best.cost for _, way in solutions if way.widths != best.widths]
    return lost, replace(best, margin=min([best.margin, *others]))
