"""Whether new lines in the brackets of a Python file have lost indentation where all other lines of a patch had none.

A line at the margin cannot show that a patch was dedented. What stands in the brackets that such a line opens can: it
is never at the margin itself, and what is to be below the opening bracket is as far to the left of it as was lost.
"""

from collections.abc import Sequence
from itertools import pairwise

from ossa.assistant.edits.indentation import indent, usual_step
from ossa.assistant.edits.places import Place, Target
from ossa.assistant.edits.statements import Within, outline

_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_LARGEST = 30_000
"""Lines of a file up to which it is looked through."""


def unhung(path: str, target: Target, places: Sequence[Place]) -> bool:
    """Whether new lines in brackets stand as none of the file's do, and as a loss of indentation would leave them."""
    if not path.endswith((".py", ".pyi")) or len(target.lines) > _LARGEST or not any(map(_doubtful, places)):
        return False
    lines, new = _after(target, places)
    found = outline([line.lstrip(" \t\f") for line in lines])
    if found is None:
        return False
    unit = usual_step(target.lines)
    short = {
        row: lost
        for row, part in found.within.items()
        if part.kind == "bracket" and (lost := _lost(lines, row, part, unit))
    }
    coming = [lost for row, lost in short.items() if row in new]
    return bool(coming) and set(coming) == {unit} and not any(row not in new for row in short)


def _lost(lines: Sequence[str], row: int, part: Within, unit: int) -> int:
    """How much further to the left than usual the line stands, if its bracket was opened at the margin."""
    width = len(indent(lines[row]))
    if part.closes or not lines[row].strip() or indent(lines[part.row]):
        return 0
    if part.column < 0:
        return unit if width == 0 else 0
    return part.column - width if part.column - width in (0, unit) else 0


def _doubtful(place: Place) -> bool:
    """Whether a new line may be one of them, by those above it."""
    after = [line for line in place.section.lines if line.sign != "-"]
    for above, below in pairwise(after):
        if below.sign == "+" and below.text.strip() and not below.text.lstrip().startswith(_CLOSING):
            width = len(indent(below.text))
            if width == 0 and above.text.split("#")[0].rstrip().endswith(_OPENING):
                return True
            if width and not indent(above.text) and any(mark in above.text for mark in _OPENING):
                return True
    return False


def _after(target: Target, places: Sequence[Place]) -> tuple[list[str], set[int]]:
    """The lines of the file as they will be, and the rows of the new ones."""
    lines: list[str] = []
    new: set[int] = set()
    at = 0
    for start, stop, come in (run for place in places for run in place.runs):
        lines += target.lines[at:start]
        new.update(range(len(lines), len(lines) + len(come)))
        lines += come
        at = stop
    return [*lines, *target.lines[at:]], new
