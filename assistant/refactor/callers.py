"""Where a function or a method is called, or passed on: by its name, and by another one that an import gave it.

Uses ─► places() ─► Place(path, start, call, unbound)
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Scope
from ossa.assistant.refactor.uses import Uses


@dataclass(frozen=True, slots=True)
class Place:
    """One place where the function is named."""

    path: str
    start: int
    node: ast.expr
    scope: Scope
    call: ast.Call | None = None
    """None: it is passed on."""
    unbound: bool = False
    """Whether `self` is given by hand, as in `Class.method(self, …)`."""


def places(uses: Uses, *, method: bool = False) -> Iterator[Place]:
    """All that is sure to be the function; what is not is among the doubts of `uses`.

    Args:
        uses: those of the function's name.
        method: whether it takes an instance that comes by itself.
    """
    called: dict[str, dict[int, ast.Call]] = {}
    seen: set[ast.AST] = set()
    for path, start, end, node, scope in [*_named(uses), *_otherwise(uses)]:
        if node not in seen:
            seen.add(node)
            if path not in called:
                called[path] = _calls(uses, path)
            call = called[path].get(end)
            by_hand = method and call is not None and _is_unbound(uses, path, call, scope)
            yield Place(path, start, node, scope, call, by_hand)


def _named(uses: Uses) -> Iterator[tuple[str, int, int, ast.expr, Scope]]:
    heads = {use.node for use in uses.found if use.kind == "definition"}
    for use in uses.found:
        if use.kind in ("name", "attribute") and isinstance(use.node, ast.expr) and use.scope and use.node not in heads:
            yield use.path, use.start, use.end, use.node, use.scope


def _otherwise(uses: Uses) -> Iterator[tuple[str, int, int, ast.expr, Scope]]:
    """By other names: `from m import f as g`, and what imports g from there."""
    modules = uses.modules
    waiting = [use.alias.asname for use in uses.found if use.alias is not None and use.alias.asname]
    done: set[str] = {uses.name}
    while waiting:
        name = waiting.pop()
        for path in modules.mentions(name) if name not in done else ():
            scopes, source = modules.scopes(path), modules.source(path)
            for node, alias, _ in scopes.imports if scopes else ():
                if alias.name == name and alias.asname and isinstance(node, ast.ImportFrom):
                    other = modules.module(modules.imported(path, node))
                    waiting += [alias.asname] if other and modules.exported(other, name) == uses.target else []
            for node, scope in [*scopes.names, *scopes.attributes] if scopes else ():
                word = node.id if isinstance(node, ast.Name) else node.attr
                if word == name and modules.meaning(node, path, scope) == uses.target:
                    end = source.span(node)[1]
                    yield path, end - len(name), end, node, scope
        done.add(name)


def _calls(uses: Uses, path: str) -> dict[int, ast.Call]:
    """The calls of a file by the end of what is called."""
    scopes, source = uses.modules.scopes(path), uses.modules.source(path)
    return {source.span(call.func)[1]: call for call, _ in (scopes.calls if scopes else ())}


def _is_unbound(uses: Uses, path: str, call: ast.Call, scope: Scope) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    meaning = uses.modules.meaning(call.func.value, path, scope)
    return isinstance(meaning, Entity) and isinstance(uses.modules.definition(meaning), ast.ClassDef)
