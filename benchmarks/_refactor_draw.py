"""What is asked of the engines, drawn by a seed from the text and `ast` alone, so that neither of them has a say.

files ─► definitions and who imports whom ─► renames, moves and new orders of parameters

Of the moves, half go to any module of the package. The other half are of definitions that could go somewhere without
modules importing each other in a circle, to a module where that is so: by turns one that is there, and a new one.
"""

import ast
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, cached_property
from pathlib import PurePosixPath
from typing import TypeAlias, TypeVar

from ossa.assistant.refactor.wish import Target, Wish

Defined: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
Drawn = TypeVar("Drawn")
NEW = "moved_here.py"
"""The module that moves to a new one make, beside where the definition was."""


def draw(source: str, files: Mapping[str, bytes], each: int, chance: random.Random) -> list[tuple[Wish, Target]]:
    """Renames at the top of modules and as many within classes; half as many moves, orders of parameters, modules."""
    package = Package(source, files)
    found = [one for one in package.definitions() if package.is_mentioned(one[1].name.rpartition(".")[2])]
    top = [(node, target) for node, target in found if "." not in target.name]
    inner = [target for _, target in found if "." in target.name]
    orders = [(target, text) for node, target in top if isinstance(node, ast.FunctionDef) and (text := reordered(node))]
    renamed = [*_some(chance, [target for _, target in top], each), *_some(chance, inner, each)]
    half = (each + 1) // 2
    return [
        *((Wish("rename", one.name, f"{one.name.rpartition('.')[2]}_renamed"), one) for one in renamed),
        *_moves(package, top, half, chance),
        *((Wish("signature", one.name, text), one) for one, text in _some(chance, orders, half)),
        *_whole(package, half, chance),
    ]


def _whole(package: "Package", count: int, chance: random.Random) -> Iterator[tuple[Wish, Target]]:
    """Modules, by turns with a new name and in another package; the file of a package is none."""
    folders = sorted({str(PurePosixPath(path).parent) for path in package.trees if path.endswith("/__init__.py")})
    for number, path in enumerate(_some(chance, package.paths, count)):
        others = [one for one in folders if one != str(PurePosixPath(path).parent)]
        if number % 2 and others:
            yield Wish("move", path, f"{chance.choice(others)}/"), Target(path, "", 1)
        else:
            yield Wish("rename", path, f"{PurePosixPath(path).stem}_renamed"), Target(path, "", 1)


def _moves(
    package: "Package", top: Sequence[tuple[Defined, Target]], count: int, chance: random.Random
) -> Iterator[tuple[Wish, Target]]:
    shuffled = _some(chance, top, len(top))
    for _, one in shuffled[: count // 2]:
        yield Wish("move", one.name, chance.choice([path for path in package.paths if path != one.path])), one
    free = count - count // 2
    for node, one in shuffled[count // 2 :] if free else ():
        new = str(PurePosixPath(one.path).with_name(NEW))
        there = [new] if free % 2 == 0 else package.paths
        if goals := [path for path in there if path != one.path and package.is_free(node, one.path, path)]:
            yield Wish("move", one.name, chance.choice(goals)), one
            free -= 1
            if not free:
                return


class Package:
    """The modules below a folder, and which of them import which when they are loaded."""

    def __init__(self, source: str, files: Mapping[str, bytes]) -> None:
        self._files, self._source = files, source
        self.trees = {path: ast.parse(data) for path, data in sorted(files.items()) if self._is_own(path)}
        self.paths = [path for path in self.trees if not PurePosixPath(path).stem.startswith("__")]
        self._modules = {self._dotted(path): path for path in self.trees}
        self._given, self._attributes = cache(self._imports), cache(self._taken)

    def _is_own(self, path: str) -> bool:
        return path.startswith(f"{self._source}/") and path.endswith(".py")

    def definitions(self) -> Iterator[tuple[Defined, Target]]:
        """Functions, classes and methods, but no inner functions and nothing with a name of Python's."""
        for path, tree in self.trees.items():
            waiting: list[tuple[ast.AST, str]] = [(tree, "")]
            while waiting:
                node, outer = waiting.pop()
                for child in ast.iter_child_nodes(node):
                    if not isinstance(child, Defined):
                        waiting += [(child, outer)] if isinstance(child, ast.If | ast.Try) else []
                        continue
                    if not child.name.startswith("__"):
                        yield child, Target(path, outer + child.name, child.lineno)
                    waiting += [(child, f"{outer}{child.name}.")] if isinstance(child, ast.ClassDef) else []

    def is_mentioned(self, name: str) -> bool:
        """Whether a name stands in two files of Python at least."""
        word = re.compile(rb"\b" + name.encode() + rb"\b")
        return sum(bool(word.search(data)) for path, data in self._files.items() if path.endswith(".py")) > 1

    def is_free(self, node: Defined, old: str, new: str) -> bool:
        """Whether a definition can go from one module to another without a circle of imports."""
        words = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)} - {node.name}
        needs = {path for name, path in self._given(old) if name in words} - {new}
        if any(name in words for name in _bound(self.trees[old])):
            needs.add(old)
        if new in self.trees and node.name in _bound(self.trees[new]):
            return False
        users = {path for path in self.trees if path != new and self._is_user(path, node.name, old)}
        inside = {id(one) for one in ast.walk(node)}
        others = (one for one in ast.walk(self.trees[old]) if id(one) not in inside)
        if any(isinstance(one, ast.Name) and one.id == node.name for one in others):
            users.add(old)
        graph = {path: set(self.loads[path]) for path in self.trees} | ({} if new in self.trees else {new: set[str]()})
        graph[new] |= needs
        return not any(user == new or user in _reached(graph, new) for user in users)

    def _is_user(self, path: str, name: str, old: str) -> bool:
        """Whether a module imports a name of another, or imports the other and takes an attribute of that name."""
        return (name, old) in self._given(path) or (old in self.loads[path] and name in self._attributes(path))

    def _taken(self, path: str) -> set[str]:
        return {one.attr for one in ast.walk(self.trees[path]) if isinstance(one, ast.Attribute)}

    @cached_property
    def loads(self) -> Mapping[str, set[str]]:
        """By each module, those that it imports as it is loaded."""
        return {path: {other for _, other in self._given(path)} - {path} for path in self.trees}

    def _imports(self, path: str) -> set[tuple[str, str]]:
        """The names that a module imports at its top, each with the module that it is imported from."""
        given: set[tuple[str, str]] = set()
        own = self._dotted(path).split(".")
        for node in _loaded(self.trees[path]):
            if isinstance(node, ast.Import):
                found = {(one.name.partition(".")[0], self._modules.get(one.name)) for one in node.names}
                given |= {(name, other) for name, other in found if other}
            elif isinstance(node, ast.ImportFrom):
                kept = len(own) - node.level + (PurePosixPath(path).stem == "__init__")
                above = own[:kept] if node.level else []
                dotted = ".".join([*above, *([node.module] if node.module else [])])
                for one in node.names:
                    other = self._modules.get(f"{dotted}.{one.name}") or self._modules.get(dotted)
                    given |= {(one.asname or one.name, other)} if other else set()
        return given

    def _dotted(self, path: str) -> str:
        parts = PurePosixPath(path).relative_to(PurePosixPath(self._source).parent).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _reached(graph: Mapping[str, set[str]], start: str) -> set[str]:
    seen = {start}
    waiting = [start]
    for path in waiting:
        waiting += sorted(graph[path] - seen)
        seen |= graph[path]
    return seen


def _loaded(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements that are done as a module is loaded, but not those for type checkers alone."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        for child in ast.iter_child_nodes(waiting.pop()):
            hidden = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if isinstance(child, ast.stmt) and not hidden:
                yield child
                waiting += [] if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else [child]


def _bound(tree: ast.Module) -> set[str]:
    """The names that a module defines itself."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, Defined):
            found.add(node.name)
        elif not isinstance(node, ast.Import | ast.ImportFrom):
            stored = (one for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store))
            found |= {one.id for one in stored}
    return found


def _some(chance: random.Random, given: Sequence[Drawn], count: int) -> list[Drawn]:
    return chance.sample(given, min(count, len(given)))


def reordered(node: ast.FunctionDef) -> str:
    """The parameters with the first two changed round, where these have no defaults."""
    given = node.args
    plain = len(given.args) - len(given.defaults)
    if plain < 2 or given.posonlyargs or given.vararg or given.kwarg or given.kwonlyargs:
        return ""
    given = arguments(f"({ast.unparse(given)})")
    given.args[:2] = given.args[1::-1]
    return f"({ast.unparse(given)})"


def arguments(brackets: str) -> ast.arguments:
    """The parameters that stand in brackets."""
    function = ast.parse(f"def f{brackets}: pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    return function.args
