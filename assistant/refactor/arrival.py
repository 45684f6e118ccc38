"""The file that a definition goes to: where in it the definition is put, and how with what it needs.

code, needs ─► made(): a new file · arrived() ─► Arrival.edits(): imports and definition in a file that is there
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.refactor.imports import FUTURE, body_of, guarded, scopes_of
from ossa.assistant.refactor.modules import Modules
from ossa.assistant.refactor.movable import first_line
from ossa.assistant.refactor.needs import Need
from ossa.assistant.refactor.scopes import Function, Scopes
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.uses import Use
from ossa.assistant.refactor.wish import Refused

_ROOM = 3
"""Line ends between what stands at the top of a file."""


def made(old: Source, needed: Sequence[Need], code: str) -> Edit:
    """A new file, with the line ends of the old one."""
    heads = {one for need in needed if not need.typed for one in need.statements}
    typed = sorted({one for need in needed if need.typed for one in need.statements})
    lines = [*_futures(old), *sorted(heads), *(guarded(typed) if typed else [])]
    text = "\n".join([*lines, "", "", code, ""]).lstrip("\n").replace("\r\n", "\n")
    return Edit(0, 0, text.replace("\n", old.newline))


@dataclass(frozen=True, slots=True)
class Arrival:
    """A definition on its way into a file."""

    old: Source
    new: Source
    scopes: Scopes
    """Those of the new file."""
    node: ast.stmt
    """The definition."""
    place: int
    """Where it goes in."""

    def futures(self, typed: bool) -> set[str]:
        """The statement by which annotations are not evaluated, where it has to come along.

        Raises:
            Refused: other annotations in the file may be read as it runs, or it would be needed for types alone.
        """
        if not is_late(self.old) or is_late(self.new) or not _annotated(self.node):
            return set()
        if typed or any(_is_read(one) for one in body_of(self.scopes)):
            name = getattr(self.node, "name", "it")
            raise Refused(f"{name} has annotations for which {self.new.path} would need `{FUTURE}`; add that first.")
        return {FUTURE}

    def edits(self, code: str, imports: Mapping[int, str], names: Sequence[str]) -> list[Edit]:
        """Imports and definition; what comes to one place is one edit.

        Raises:
            Refused: a name is only given below.
        """
        line = self.new.line_of(self.place) if self.place < len(self.new.text) else 0
        for name in names if line else ():
            for binding in self.scopes.module.bindings.get(name, ()):
                if getattr(binding.node, "lineno", 0) >= line:
                    raise Refused(f"{name} is given in {self.new.path} only below where it is needed.")
        if any(
            at >= self.place and text[:1].isspace() and text.strip("\r\n")[:1] == " " for at, text in imports.items()
        ):
            raise Refused(f"What a type checker needs is given in {self.new.path} only below where it is needed.")
        end = self.new.newline
        code = code.replace("\r\n", "\n").replace("\n", end) + end
        before = self.new.text[: self.place]
        heads = "".join(text for at, text in sorted(imports.items()) if at >= self.place)
        room = _ROOM - _ends(before)
        if heads:
            heads = end * (before.strip() != "" and room > 1) + heads.strip("\r\n") + end
            room = _ROOM - 1
        gap = end * max(0, room) if before.strip() or heads else ""
        tail = end * (_ROOM - 1) if line else ""
        found = [Edit(at, at, text) for at, text in imports.items() if at < self.place]
        return [*found, Edit(self.place, self.place, f"{heads}{gap}{code}{tail}")]


def arrived(modules: Modules, old: Source, path: str, node: ast.stmt, found: Sequence[Use]) -> Arrival:
    """A definition on its way into `path`; `found` are the places there that mean it already."""
    new, scopes = modules.source(path), scopes_of(modules, path)
    return Arrival(old, new, scopes, node, _place(new, scopes, found))


def _place(source: Source, scopes: Scopes, found: Sequence[Use]) -> int:
    """The end of the file; or before the first statement that uses it, or runs all, while the file is read."""
    early = [source.line_of(use.start) for use in found if use.scope and use.scope.kind != "function"]
    for statement in body_of(scopes):
        first = first_line(statement)
        runs = isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)
        if runs or any(first <= line <= (statement.end_lineno or first) for line in early):
            while first > 1 and source.line(first - 1).startswith("#"):
                first -= 1
            return source.line_start(first)
    return len(source.text)


def _ends(text: str) -> int:
    """How many line ends a text ends with."""
    rest = text[len(text.rstrip()) :]
    return rest.replace("\r\n", "\n").count("\n")


def _futures(source: Source) -> list[str]:
    body = source.tree.body if source.tree else ()
    return [ast.unparse(one) for one in body if isinstance(one, ast.ImportFrom) and one.module == "__future__"]


def is_late(source: Source) -> bool:
    """Whether annotations are not evaluated."""
    return any("annotations" in text for text in _futures(source))


def _annotated(node: ast.stmt) -> bool:
    for part in ast.walk(node):
        if getattr(part, "annotation", None) is not None or getattr(part, "returns", None) is not None:
            return True
    return False


def _is_read(node: ast.stmt) -> bool:
    """Whether annotations may be read as the program runs: those of a class's fields, or of what is decorated."""
    for part in ast.walk(node):
        if isinstance(part, ast.ClassDef) and any(isinstance(one, ast.AnnAssign) for one in part.body):
            return True
        if isinstance(part, Function) and part.decorator_list and _annotated(part):
            return True
    return False
