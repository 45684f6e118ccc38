"""What is needed only as functions run, or by a type checker: imports that make no circle of modules being loaded.

places of a name ─► Late.when() ─► When(functions, typed), or the place that needs it at once
When ─► Late.within() ─► the import as the first line of each function
"""

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from ossa.assistant.refactor.heads import decorators
from ossa.assistant.refactor.movable import first_line
from ossa.assistant.refactor.scopes import Function
from ossa.assistant.refactor.source import Edit, Source

_PLAIN = frozenset(
    {"abstractmethod", "cache", "cached_property", "classmethod", "contextmanager", "deleter", "final", "fixture"}
    | {"getter", "lru_cache", "overload", "override", "property", "setter", "staticmethod", "wraps"}
)
"""Decorators that do not read annotations."""


@dataclass(frozen=True, slots=True)
class When:
    """When a name is needed, other than as its module is loaded."""

    functions: tuple[Function, ...] = ()
    """In whose bodies."""
    typed: bool = False
    """Whether a type checker needs it in annotations, too."""


class Late:
    """The functions of one file, and what in it stands in their bodies."""

    def __init__(self, source: Source, tree: ast.Module) -> None:
        self._source, self._tree = source, tree

    def when(self, nodes: Iterable[ast.AST], *, unread: bool) -> When | int:
        """When names are needed; the line of the first that is needed as the module is loaded.

        Args:
            nodes: where they stand.
            unread: whether annotations are not evaluated there.
        """
        functions: dict[int, Function] = {}
        typed = False
        for node in nodes:
            if (function := self._bodies.get(id(node))) is not None:
                if not self._has_room(function):
                    return function.lineno
                functions[id(function)] = function
            elif unread and id(node) in self._notes:
                typed = True
            else:
                return getattr(node, "lineno", 0)
        return When(tuple(functions.values()), typed)

    def run(self, functions: Iterable[Function]) -> int:
        """The line of the first of some functions that runs while the module is loaded; 0 where none does."""
        return min((one.lineno for one in functions if id(one) in self._running), default=0)

    def within(self, when: When, statement: str) -> list[Edit]:
        """The import as the first line of each body, below what describes the function."""
        found: list[Edit] = []
        for function in when.functions:
            first = self._first(function)
            line = first_line(first)
            while self._source.line(line - 1).startswith("#"):
                line -= 1
            at = self._source.line_start(line)
            start = self._source.line_start(first.lineno)
            indent = self._source.text[start : self._source.span(first)[0]]
            found.append(Edit(at, at, f"{indent}{statement}{self._source.newline}"))
        return found

    def _has_room(self, function: Function) -> bool:
        """Whether the body begins on a line of its own, and no name in it is sent outwards."""
        first = self._first(function)
        line = first_line(first)
        start = self._source.line_start(line)
        above = function.body[0] if first is not function.body[0] else None
        alone = self._source.text[start : self._source.offset(line, first.col_offset)].isspace()
        return alone and (above is None or (above.end_lineno or 0) < line)

    def _first(self, function: Function) -> ast.stmt:
        told = function.body[0]
        is_text = isinstance(told, ast.Expr) and isinstance(told.value, ast.Constant)
        return function.body[1] if is_text and len(function.body) > 1 else told

    @cached_property
    def _bodies(self) -> dict[int, Function]:
        """By the ids of the nodes that are run as a function is called, the outermost such function."""
        found: dict[int, Function] = {}
        waiting: list[ast.AST] = [self._tree]
        while waiting:
            node = waiting.pop()
            if isinstance(node, Function):
                found.update((id(part), node) for one in node.body for part in ast.walk(one))
            else:
                waiting += ast.iter_child_nodes(node)
        return found

    @cached_property
    def _running(self) -> set[int]:
        """The ids of the functions that are called as the module is loaded, as far as they are called by name."""
        tops = {one.name: one for one in self._tree.body if isinstance(one, Function | ast.ClassDef)}
        waiting = _called(part for part in ast.walk(self._tree) if id(part) not in self._bodies)
        found: set[str] = set()
        while waiting:
            found |= (fresh := waiting & tops.keys() - found)
            waiting = {name for one in fresh for name in _called(ast.walk(tops[one]))}
        return {id(part) for name in found for part in ast.walk(tops[name]) if isinstance(part, Function)}

    @cached_property
    def _notes(self) -> set[int]:
        """The ids of the nodes in annotations of functions outside of others, but of those that may be read."""
        found: set[int] = set()
        for node in ast.walk(self._tree):
            if isinstance(node, Function) and id(node) not in self._bodies and decorators(node) <= _PLAIN:
                own = (part for part in ast.walk(node.args) if isinstance(part, ast.arg))
                notes = [node.returns, *(one.annotation for one in own)]
                found |= {id(part) for note in notes if note is not None for part in ast.walk(note)}
        return found


def _called(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that are called, or decorate something."""
    found: set[str] = set()
    for node in nodes:
        called = [node.func] if isinstance(node, ast.Call) else getattr(node, "decorator_list", [])
        found |= {one.id for one in called if isinstance(one, ast.Name)}
    return found


def joined(edits: Iterable[Edit]) -> list[Edit]:
    """Edits of which those that put something in at one place are one."""
    found: dict[tuple[int, int], list[str]] = {}
    for start, end, new in sorted(set(edits)):
        found.setdefault((start, end), []).append(new)
    return [Edit(start, end, "".join(new)) for (start, end), new in found.items()]
