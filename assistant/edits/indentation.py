"""How a patch is indented against the file: found from the lines that both have, then applied to the new ones.

A model that dedents what it quotes, or writes tabs for spaces, does it to the whole section alike. So one rule must
explain every line that has to stand in the file; then the lines that come in follow the same rule.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

Reindent: TypeAlias = Callable[[str], str | None]
"""From a line of the patch to the line as the file would have it; None where the rule cannot apply."""
Convert: TypeAlias = Callable[[str], str]
"""From one way to write blanks to another."""

_UNITS = (4, 2, 8, 3)


def indent(line: str) -> str:
    """The blanks at the start of a line."""
    return line[: len(line) - len(line.lstrip(" \t"))]


def rule(pairs: Sequence[tuple[str, str]]) -> Reindent | None:
    """The one rule that makes each patch line's indentation the file line's; None when there is none.

    Args:
        pairs: lines of the patch with the lines of the file they stand for; blank lines say nothing.
    """
    indents = [(indent(a), indent(b)) for a, b in pairs if a.strip()]
    found: list[tuple[Convert, str, str]] = []
    for convert in _conversions():
        if shift := _shift([(convert(a), b) for a, b in indents]):
            found.append((convert, *shift))
    best = min(found, key=lambda way: bool(way[1] or way[2]) and way[0] is not _as_is, default=None)
    return _reindent(*best) if best else None


def spaces_for_tabs(lines: Iterable[str]) -> Reindent | None:
    """Turns tabs into the indentation of a file that is indented by spaces alone; None for other files."""
    known = list(lines)
    if any("\t" in indent(line) for line in known) or not any(indent(line) for line in known if line.strip()):
        return None
    unit = usual_step(known)
    return _reindent(lambda blanks: blanks.replace("\t", " " * unit), "", "")


def usual_step(lines: Iterable[str], sign: str = " ") -> int:
    """How much deeper than the line before it a line stands in most cases."""
    steps: Counter[int] = Counter()
    before = 0
    for line in lines:
        if line.strip():
            width = len(indent(line))
            steps[width - before] += width > before
            before = width
    usual = steps.most_common(1)
    return usual[0][0] if usual and usual[0][1] and usual[0][0] <= 8 else 1 if sign == "\t" else 4


def _as_is(blanks: str) -> str:
    return blanks


def _conversions() -> Iterator[Convert]:
    yield _as_is
    for unit in _UNITS:
        yield lambda blanks, unit=unit: blanks.replace("\t", " " * unit)
    for unit in _UNITS:
        yield lambda blanks, unit=unit: "\t" * (len(blanks) // unit) + " " * (len(blanks) % unit)


def _shift(indents: Sequence[tuple[str, str]]) -> tuple[str, str] | None:
    """What to take off and what to put before each indentation; None when the lines disagree."""
    if not indents:
        return "", ""
    here, there = indents[0]
    if there.endswith(here):
        off, on = "", there[: len(there) - len(here)]
    elif here.endswith(there):
        off, on = here[: len(here) - len(there)], ""
    else:
        return None
    fits = all(a.startswith(off) and on + a[len(off) :] == b for a, b in indents)
    return (off, on) if fits else None


def _reindent(convert: Convert, off: str, on: str) -> Reindent:
    def apply(line: str) -> str | None:
        if not line.strip():
            return line
        blanks = indent(line)
        converted = convert(blanks)
        return on + converted[len(off) :] + line[len(blanks) :] if converted.startswith(off) else None

    return apply
