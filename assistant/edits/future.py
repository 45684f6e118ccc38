"""Where `from __future__ import …` goes when nothing around it is quoted: Python allows it at one place only."""

import ast
import warnings
from collections.abc import Sequence
from dataclasses import replace

from ossa.assistant.edits.patch import Section


def with_future(path: str, lines: Sequence[str], sections: Sequence[Section]) -> list[Section]:
    """The sections, where the first is such a line without any other, with the position that it must have."""
    if not path.endswith((".py", ".pyi")) or not sections or sections[0].old or sections[0].start is not None:
        return list(sections)
    new = sections[0].new
    first = next((text for text in new if text.strip()), "")
    at = _position(lines, above=not new[0].strip()) if first.startswith("from __future__ import ") else None
    return list(sections) if at is None else [replace(sections[0], start=at, numbered=True), *sections[1:]]


def _position(lines: Sequence[str], *, above: bool) -> int | None:
    """Index of the first statement after the docstring; or with `above` of the line after what comes before it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = ast.parse("\n".join(lines)).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None
    docstring = bool(found) and isinstance(found[0], ast.Expr) and isinstance(found[0].value, ast.Constant)
    rest = found[1:] if docstring else found
    start = (found[0].end_lineno or 1) if docstring else 0
    if not rest or (isinstance(rest[0], ast.ImportFrom) and rest[0].module == "__future__"):
        return None
    stop = rest[0].lineno - 1
    heading = [n for n in range(start, stop) if lines[n].strip()]
    if docstring and heading:
        return None
    if heading and any(not lines[n].strip() for n in range(heading[0], heading[-1])):
        return None
    if above:
        return heading[-1] + 1 if heading else start
    return stop if not heading or heading[-1] == stop - 1 else None
