"""All Python files of a repository: which module each is, and what a name or an expression in one means.

path ─► dotted names · "pkg.mod" ─► path · (expression, scope) ─► Entity, OUTSIDE, or None where nothing tells
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from ossa.assistant.refactor.scopes import Binding, Scope, Scopes
from ossa.assistant.refactor.source import Source

_RELATIVE = re.compile(rb"^[ \t]*from[ \t]+\.", re.MULTILINE)
_DEEP = 30
"""Imports of imports that are followed."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A module (without a name), or what one defines: "function", "Class", "Class.method"."""

    path: str
    name: str = ""


OUTSIDE: Literal["outside"] = "outside"
"""What is known to come from elsewhere, or to be plain data."""
Meaning: TypeAlias = Entity | Literal["outside"] | None


class Modules:
    """The files; each is read when it is asked for."""

    def __init__(self, files: Mapping[str, bytes], before: "Modules | None" = None) -> None:
        """`files` are Python's, by their paths from the root; what `before` has read of the same is not read anew."""
        self.files, self._before = files, before
        self._folders = {str(PurePosixPath(p).parent) for p in files if PurePosixPath(p).stem == "__init__"}
        self._folders |= set(self._without_init())
        self._paths: dict[str, str] = {}
        self._names: dict[str, str] = {}
        for path in sorted(files, key=lambda p: (p.endswith(".pyi"), p)):
            dotted = list(self._dotted(path))
            self._names[path] = dotted[0]
            for name in dotted[:1]:
                self._paths.setdefault(name, path)
        for path in files:
            for name in list(self._dotted(path))[1:]:
                self._paths.setdefault(name, path)
        self._tops = {name.partition(".")[0] for name in self._names.values()}
        self.source = lru_cache(None)(self._source)
        self.scopes = lru_cache(None)(self._scopes)
        self.mentions = lru_cache(None)(self._mentions)

    def module(self, dotted: str) -> str | None:
        """The file of a module."""
        return self._paths.get(dotted)

    def is_own(self, top: str) -> bool:
        """Whether a package or module of this name is in the repository."""
        return top in self._tops or top in self._paths

    def dotted(self, path: str) -> str:
        """The module's name, as others import it."""
        return self._names[path]

    def own(self, path: str) -> str:
        """The file that a stub speaks of, where there is one; else the file itself."""
        plain = path.removesuffix("i")
        return plain if path.endswith(".pyi") and plain in self.files else path

    def imported(self, path: str, node: ast.ImportFrom) -> str:
        """The dotted name of the module that a `from` statement names."""
        if not node.level:
            return node.module or ""
        parts = self.dotted(path).split(".")
        kept = len(parts) - node.level + (PurePosixPath(path).stem == "__init__")
        return ".".join([*parts[: max(kept, 0)], *([node.module] if node.module else [])])

    def exported(self, path: str, name: str, depth: int = 0) -> Meaning:
        """What a name of a module means, imports followed to where it is defined."""
        scopes = self.scopes(path)
        if scopes is None or depth > _DEEP:
            return None
        bindings = [b for b in scopes.module.bindings.get(name, ()) if b.kind != "star"]
        if any(binding.kind in ("def", "class", "assign", "param") for binding in bindings):
            return Entity(self.own(path), name)
        if bindings:
            return self._bound(path, bindings, depth)
        for star in scopes.module.bindings.get("*", ()):
            if isinstance(star.node, ast.ImportFrom) and (other := self.module(self.imported(path, star.node))):
                found = self.exported(other, name, depth + 1)
                if isinstance(found, Entity):
                    return found
        inner = self.module(f"{self.dotted(path)}.{name}") if PurePosixPath(path).stem == "__init__" else None
        return Entity(inner) if inner else None

    def named(self, name: str, path: str, scope: Scope) -> Meaning:
        """What a name means at a place, where that is a module or what one defines at its top."""
        scopes = self.scopes(path)
        if scopes is None:
            return None
        bound = scopes.lookup(name, scope)
        if bound is None or bound.kind == "module":
            return self.exported(path, name)
        bindings = bound.bindings[name]
        if all(binding.kind in ("import", "from") for binding in bindings):
            return self._bound(path, bindings, 0)
        if bound.kind == "class" and bindings[0].kind in ("def", "class"):
            return Entity(self.own(path), bound.inner(name))
        return None

    def meaning(self, node: ast.expr, path: str, scope: Scope) -> Meaning:
        """What a dotted expression means, where that is a module or what one defines."""
        if isinstance(node, ast.Name):
            return self.named(node.id, path, scope)
        if isinstance(node, ast.Attribute):
            return self.inside(self.meaning(node.value, path, scope), node.attr)
        return None

    def inside(self, whole: Meaning, name: str) -> Meaning:
        """What `whole.name` means, as far as it is a module, a function or a class."""
        if not isinstance(whole, Entity):
            return whole
        if whole.name:
            defined = Entity(whole.path, f"{whole.name}.{name}")
            return defined if self.definition(defined) is not None else None
        found = self.exported(whole.path, name)
        inner = self.module(f"{self.dotted(whole.path)}.{name}")
        return found or (Entity(inner) if inner else None)

    def dotted_meaning(self, dotted: str) -> Meaning:
        """What a dotted path in a text means: "pkg.mod.Class.method", or "pkg.mod:Class"."""
        parts = dotted.replace(":", ".").split(".")
        for cut in range(len(parts), 0, -1):
            if path := self.module(".".join(parts[:cut])):
                found: Meaning = Entity(path)
                for part in parts[cut:]:
                    found = self.inside(found, part)
                return found
        return None

    def definition(self, entity: Entity) -> ast.AST | None:
        """The statement that defines it."""
        scopes = self.scopes(entity.path)
        if scopes is None:
            return None
        return next((node for node, outer, _ in scopes.definitions if outer.inner(node.name) == entity.name), None)

    def _bound(self, path: str, bindings: list[Binding], depth: int) -> Meaning:
        """What imports bring; the first that leads anywhere in the repository."""
        found: Meaning = None
        for binding in bindings:
            meaning = self._brought(path, binding, depth)
            if isinstance(meaning, Entity):
                return meaning
            found = found or meaning
        return found

    def _brought(self, path: str, binding: Binding, depth: int) -> Meaning:
        alias = binding.alias
        if alias is None:
            return None
        if isinstance(binding.node, ast.ImportFrom):
            dotted = self.imported(path, binding.node)
            if other := self.module(dotted):
                found = self.exported(other, alias.name, depth + 1)
                if isinstance(found, Entity):
                    return found
            inner = self.module(f"{dotted}.{alias.name}")
            return Entity(inner) if inner else None if other or dotted.partition(".")[0] in self._tops else OUTSIDE
        dotted = alias.name if alias.asname else alias.name.partition(".")[0]
        if known := self.module(dotted):
            return Entity(known)
        return None if dotted.partition(".")[0] in self._tops else OUTSIDE

    def _without_init(self) -> Iterator[str]:
        """Folders below a package that lack an `__init__.py`, and whose files import relatively: packages, too."""
        for folder in {str(PurePosixPath(path).parent) for path, data in self.files.items() if _RELATIVE.search(data)}:
            above = [str(one) for one in PurePosixPath(folder).parents]
            package = next((number for number, one in enumerate(above) if one in self._folders), None)
            if package is not None and folder not in self._folders:
                yield from (folder, *above[:package])

    def _dotted(self, path: str) -> Iterator[str]:
        """The names by which a file may be imported, the usual one first."""
        place = PurePosixPath(path)
        parts = [*place.parent.parts, place.stem]
        start = len(parts) - 1
        while start and "/".join(parts[:start]) in self._folders:
            start -= 1
        for first in (start, 0, *range(1, start)):
            name = parts[first:]
            yield ".".join(name[:-1] if name[-1] == "__init__" and len(name) > 1 else name)

    def after(self, changed: Mapping[str, bytes]) -> "Modules":
        """The same with some files changed or come."""
        return Modules({**self.files, **changed}, self)

    def _as_before(self, path: str) -> "Modules | None":
        """Who has read the file as it is, if anyone may have."""
        before = self._before
        return before if before and before.files.get(path) is self.files[path] else None

    def _source(self, path: str) -> Source:
        if before := self._as_before(path):
            return before.source(path)
        return Source(path, self.files[path])

    def _scopes(self, path: str) -> Scopes | None:
        if before := self._as_before(path):
            return before.scopes(path)
        tree = self.source(path).tree
        try:
            return None if tree is None else Scopes(tree)
        except RecursionError:
            return None

    def _mentions(self, word: str) -> list[str]:
        """The files in whose text a word stands."""
        sought = re.compile(rb"(?<!\w)" + re.escape(word.encode()) + rb"(?!\w)")
        return [path for path, data in self.files.items() if sought.search(data)]
