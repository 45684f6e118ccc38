"""Which modules import which as they are loaded, and whether new imports would lead in a circle."""

import ast
from collections import defaultdict
from collections.abc import Sequence
from functools import cache

from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.scopes import Scope


class Loads:
    """Imports at the top of modules; those that only a type checker sees do not count."""

    def __init__(self, modules: Modules) -> None:
        self._modules = modules
        self.of = cache(self._of)

    def circle(self, new: Sequence[tuple[str, str]]) -> list[str]:
        """The first circle that new imports (who, whom) make, as paths; empty where there is none."""
        more: dict[str, set[str]] = defaultdict(set)
        for one, other in new:
            more[one].add(other)
        for one, other in new:
            if self._way(one, other, {}):
                continue  # it was loaded then already
            if way := self._way(other, one, more):
                return [one, *way]
        return []

    def _way(self, start: str, end: str, more: dict[str, set[str]]) -> list[str]:
        """The modules from one to the other."""
        came: dict[str, str] = {start: ""}
        waiting = [start]
        for path in waiting:
            if path == end:
                way = [path]
                while came[way[0]]:
                    way.insert(0, came[way[0]])
                return way
            for other in sorted(self.of(path) | more.get(path, set())):
                if other not in came:
                    came[other] = path
                    waiting.append(other)
        return []

    def _of(self, path: str) -> frozenset[str]:
        scopes = self._modules.scopes(path) if path in self._modules.files else None
        if scopes is None:
            return frozenset()
        assert isinstance(scopes.module.node, ast.Module)
        hidden = for_types(scopes.module.node)
        found: set[str] = set()
        for node, alias, scope in scopes.imports:
            if not is_loaded(scope) or id(node) in hidden:
                continue
            dotted = alias.name if isinstance(node, ast.Import) else self._modules.imported(path, node)
            inner = self._modules.module(f"{dotted}.{alias.name}") if isinstance(node, ast.ImportFrom) else None
            other = self._modules.module(dotted)
            meaning = self._modules.exported(other, alias.name) if other and isinstance(node, ast.ImportFrom) else None
            if isinstance(meaning, Entity) and not meaning.name:
                inner = meaning.path
            if known := inner or other:
                found.add(known)
        return frozenset(found - {path})


def is_loaded(scope: Scope | None) -> bool:
    """Whether what stands in a scope is done as the module is loaded."""
    while scope is not None and scope.kind == "class":
        scope = scope.parent
    return scope is not None and scope.kind == "module"


def for_types(tree: ast.Module) -> set[int]:
    """The ids of the nodes of a module that only a type checker sees."""
    blocks = [one for one in tree.body if isinstance(one, ast.If) and is_for_types(one.test)]
    return {id(part) for block in blocks for one in block.body for part in ast.walk(one)}


def is_for_types(test: ast.expr) -> bool:
    """Whether a condition holds for a type checker alone."""
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"
