"""Import statements: how one is written in a file, where new ones go, and how one loses a name.

(module, name, file) ─► Imports.statement() ─► Imports.added() ─► texts by the places where they go in
"""

import ast
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from ossa.assistant.refactor.destination import Place
from ossa.assistant.refactor.loads import is_for_types
from ossa.assistant.refactor.modules import Modules
from ossa.assistant.refactor.movable import first_line
from ossa.assistant.refactor.scopes import Function, Scopes
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.wish import Refused

FUTURE = "from __future__ import annotations"


_HEAD = re.compile(r"from[ \t]*\.[. \t\w]*[ \t]import[ \t]*")


class Imports:
    """Writes the imports of a move in the manner of each file."""

    def __init__(self, modules: Modules, old: str) -> None:
        """`old` is the file that new ones are written like."""
        self._modules, self._old = modules, old

    def statement(self, dotted: str, given: str, place: Place) -> str:
        """`from … import given`, relative where the file's own imports are."""
        above = place.package
        if above and self._is_relative(place.path) and dotted.partition(".")[0] == above.partition(".")[0]:
            parts, target = above.split("."), dotted.split(".")
            same = 0
            while same < min(len(parts), len(target)) and parts[same] == target[same]:
                same += 1
            return f"from {'.' * (len(parts) - same + 1)}{'.'.join(target[same:])} import {given}"
        return f"from {dotted} import {given}"

    def led_anew(self, node: ast.AST, place: Place) -> list[Edit]:
        """The relative imports within a definition of the old module, as they lead to the same from another place.

        Raises:
            Refused: one leads nowhere.
        """
        source = self._modules.source(self._old)
        edits: list[Edit] = []
        for part in ast.walk(node):
            if isinstance(part, ast.ImportFrom) and part.level:
                start, end = source.span(part)
                head = _HEAD.match(source.text, start, end)
                dotted = self._modules.imported(self._old, part)
                if head is None or not dotted:
                    raise Refused(f"The relative import at {self._old}:{part.lineno} would lead elsewhere.")
                edits.append(Edit(start, head.end(), self.statement(dotted, "", place)))
        return edits

    def _is_relative(self, path: str) -> bool:
        for place in (path, self._old):
            scopes = self._modules.scopes(place) if place in self._modules.files else None
            found = [node for node, _, _ in (scopes.imports if scopes else ()) if isinstance(node, ast.ImportFrom)]
            found = [node for node in found if node.module != "__future__"]
            if found:
                return any(node.level > 0 for node in found)
        return False

    def added(self, path: str, wanted: Collection[str], typed: Collection[str]) -> Mapping[int, str]:
        """Whole lines with imports, by the places where they go in: below those of their kind at the file's top.

        Args:
            path: the file.
            wanted: statements.
            typed: those for a type checker alone.
        """
        source, body = self._modules.source(path), body_of(scopes_of(self._modules, path))
        found: dict[int, list[str]] = defaultdict(list)
        first = next((n for n, one in enumerate(body) if isinstance(one, Function | ast.ClassDef)), len(body))
        tops = [one for one in body[:first] if isinstance(one, ast.Import | ast.ImportFrom)]
        head = _head(source, body)
        if FUTURE in wanted:
            above = tops[0] if tops and tops[0] in body[:2] and source.span(tops[0])[0] >= head else None
            found[source.line_start(above.lineno) if above else head].append(FUTURE)
        for text in sorted({*wanted} - {FUTURE}):
            alike = [one for one in tops if _kind(one) == ("import" if text[0] == "i" else text.startswith("from ."))]
            found[_below(source, body, (alike or tops)[-1]) if tops else head].append(text)
        if typed:
            place, lines = self._guarded(source, body, sorted(typed))
            found[place if place >= 0 else _below(source, body, tops[-1]) if tops else head] += lines
        return {place: _lines(source, place, lines, bool(tops)) for place, lines in found.items()}

    def _guarded(self, source: Source, body: Sequence[ast.stmt], typed: Sequence[str]) -> tuple[int, list[str]]:
        """The lines for a type checker and their place in a block that is there; a new block, and -1, else."""
        for one in body:
            if isinstance(one, ast.If) and is_for_types(one.test) and one.body[0].lineno > one.lineno:
                start = source.line_start(one.body[0].lineno)
                return start, [source.text[start : source.span(one.body[0])[0]] + text for text in typed]
        return -1, guarded(typed)


def guarded(typed: Sequence[str]) -> list[str]:
    """The lines of a new block for a type checker alone."""
    return ["from typing import TYPE_CHECKING", "", "if TYPE_CHECKING:", *(f"    {text}" for text in typed)]


def _lines(source: Source, place: int, lines: Sequence[str], tops: bool) -> str:
    """Lines as they go in; the first imports of a file have room around them."""
    end = source.newline
    text = "".join(line + end for line in lines)
    before = source.text[:place]
    broken = end if before and before[-1] not in "\r\n" else ""
    if tops:
        return broken + text
    return f"{broken}{end}{text}" if before else text + end * 2 * bool(source.text.strip())


def _head(source: Source, body: Sequence[ast.stmt]) -> int:
    """Where the first imports go: below the text that describes the module, or above the first statement."""
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        return source.line_start((body[0].end_lineno or 0) + 1)
    line = first_line(body[0]) if body else 1
    above = line
    while above > 1 and source.line(above - 1).startswith("#"):
        above -= 1
    return source.line_start(line if above == 1 else above)


def _below(source: Source, body: Sequence[ast.stmt], node: ast.stmt) -> int:
    """The first line below a statement, and below those that share its last line."""
    end = node.end_lineno or node.lineno
    for one in body:
        if one.lineno <= end:
            end = max(end, one.end_lineno or end)
    return source.line_start(end + 1)


def _kind(node: ast.Import | ast.ImportFrom) -> str | bool:
    return "import" if isinstance(node, ast.Import) else node.level > 0


def scopes_of(modules: Modules, path: str) -> Scopes:
    """The scopes of a file.

    Raises:
        Refused: it cannot be read.
    """
    scopes = modules.scopes(path)
    if scopes is None:
        raise Refused(f"{path} is not Python as this version reads it.")
    return scopes


def body_of(scopes: Scopes) -> list[ast.stmt]:
    """The statements of the module."""
    assert isinstance(scopes.module.node, ast.Module)
    return scopes.module.node.body


def without(source: Source, node: ast.ImportFrom, alias: ast.alias) -> Edit:
    """Take one name out of an import of several."""
    at = node.names.index(alias)
    start, end = source.span(alias)
    if at + 1 < len(node.names):
        return Edit(start, source.span(node.names[at + 1])[0], "")
    before = source.span(node.names[at - 1])[1]
    return Edit(before, end, "")


def whole_lines(source: Source, node: ast.stmt) -> Edit:
    """Take out a statement with its lines.

    Raises:
        Refused: it shares them.
    """
    start, end = source.span(node)
    first, last = source.line_start(source.line_of(start)), source.line_start(source.line_of(end) + 1)
    rest = source.text[end:last].strip()
    if source.text[first:start].strip() or (rest and not rest.startswith("#")):
        raise Refused(f"The import at {source.path}:{node.lineno} shares its line; write it on one of its own first.")
    return Edit(first, last, "")
