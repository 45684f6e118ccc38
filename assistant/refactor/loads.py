"""Which modules import which as they are loaded, and whether new imports would lead in a circle."""

import ast
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import PurePosixPath

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
            more[one] |= self.loaded(one, other)
        for one, other in new:
            if other in self._named(one):
                continue  # it was loaded then already, as far as its names
            for first in sorted(more[one]):
                if way := self._way(first, one, more):
                    return [one, *way]
        return []

    def around(self, path: str) -> set[str]:
        """The module, and those that import it and are imported by it as they are loaded, on whatever way."""
        found, waiting = {path}, [path]
        for one in waiting:
            fresh = self.of(one) - found
            found |= fresh
            waiting += sorted(fresh)
        return {one for one in found if one == path or self._way(one, path, {})}

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
                found |= self.loaded(path, known)
        return frozenset(found - {path})

    def loaded(self, path: str, other: str) -> set[str]:
        """A module and the packages that are loaded before it, but for those that `path` itself is in."""
        if other not in self._modules.files:
            return {other}
        above = self._modules.dotted(other).split(".")[:-1]
        names = [".".join(above[: end + 1]) for end in range(len(above))]
        packages = {found for name in names if (found := self._modules.module(name))}
        around = PurePosixPath(path).parents
        return {other, *(one for one in packages if PurePosixPath(one).parent not in around)}

    def _named(self, path: str) -> set[str]:
        """The modules of which one has names as it is loaded."""
        scopes = self._modules.scopes(path) if path in self._modules.files else None
        hidden = for_types(scopes.module.node) if scopes and isinstance(scopes.module.node, ast.Module) else set[int]()
        found: set[str] = set()
        for node, alias, scope in scopes.imports if scopes else ():
            if isinstance(node, ast.ImportFrom) and is_loaded(scope) and id(node) not in hidden:
                other = self._modules.module(self._modules.imported(path, node))
                meaning = self._modules.exported(other, alias.name) if other else None
                if other and isinstance(meaning, Entity) and meaning == Entity(other, alias.name):
                    found.add(other)
        return found


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
