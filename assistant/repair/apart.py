"""A function parsed apart from its file, so that what one candidate costs does not grow with the file.

    lines of the outermost function around it ─► as the body of a class, with a statement behind ─► Written, or None

What stands around these lines stays as it is. If they begin at their margin, hold one function and nothing else, and
a statement can follow there, then the whole file parses with them as it did before.
"""

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from ossa.assistant.repair.functions import Function, is_function, outermost, parse


@dataclass(frozen=True, slots=True)
class Written:
    """A function as it is written in one version of its file."""

    place: str
    """Which of its file's outermost functions it is in: "calc.py 0"."""
    nodes: Sequence[ast.AST]
    """All of the function's, itself first."""
    around: Sequence[ast.AST]
    """All of the outermost function's around it, which may be itself; that comes first."""

    @property
    def normal(self) -> str:
        """The same for whatever differs in layout only, and for nothing else; empty where it nests too deeply."""
        try:
            tree = ast.dump(self.around[0])
        except (RecursionError, MemoryError):
            return ""
        return f"{self.place} {hashlib.sha256(tree.encode()).hexdigest()}"


class Apart:
    """One function, found again in other versions of its file that differ within the outermost function around it."""

    def __init__(self, source: str, function: Function) -> None:
        """The function as it is in this source."""
        found = enumerate(outermost(function.path, source))
        number, outer = next((n, f) for n, f in found if f.start <= function.start < f.end)
        lines = source.split("\n")
        self._place, self._at = f"{function.path} {number}", function.start - outer.start
        self._start, self._below = outer.start, len(lines) - _end(lines, outer)

    def written(self, source: str) -> Written | None:
        """The function in another version of the file; None unless it is still one, with nothing else beside it."""
        lines = source.split("\n")
        return _written(self._place, lines[self._start : len(lines) - self._below], self._at)


def normals(path: str, source: str) -> set[str]:
    """The normal forms of all functions of a file that are in no other."""
    lines = source.split("\n")
    found = enumerate(outermost(path, source))
    each = (_written(f"{path} {number}", lines[f.start : _end(lines, f)], 0) for number, f in found)
    return {written.normal for written in each if written}


def _end(lines: Sequence[str], outer: Function) -> int:
    """Where what stands behind a function begins; blank lines are its own, since its last line may go on into one."""
    behind = range(outer.end, len(lines) - 1)  # the last is no line, but what follows the last "\n"
    return next((n for n in behind if lines[n].strip()), max(outer.end, len(lines) - 1))


def _written(place: str, lines: Sequence[str], at: int) -> Written | None:
    """The function that begins on the line `at` of the outermost one's lines."""
    first = lines[0] if lines else ""
    margin = first[: len(first) - len(first.lstrip())]
    tree = parse("\n".join(["class _:" if margin else "class _: pass", *lines, f"{margin}pass"]))
    match tree.body if tree else []:
        case [ast.ClassDef(body=[outer, ast.Pass()])] | [ast.ClassDef(), outer, ast.Pass()]:
            around = list(ast.walk(outer))
        case _:
            return None
    inside = next((node for node in around if is_function(node) and node.lineno == at + 2), None)
    return Written(place, list(ast.walk(inside)), around) if inside else None
