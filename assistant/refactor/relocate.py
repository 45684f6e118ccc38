"""Rename and move of a whole module or package: every import of it, what names it in code, and its own imports.

Relocation ─► _File for each file of Python ─► edits ─► Outcome: the files, and which of them came from where
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from ossa.assistant.refactor.destination import package
from ossa.assistant.refactor.imports import Imports, body_of, scopes_of, whole_lines, without
from ossa.assistant.refactor.loads import Loads
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.pathtexts import PathTexts
from ossa.assistant.refactor.relocation import Relocation, relocation
from ossa.assistant.refactor.scopes import Scope, Scopes
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.wish import Left, Outcome, Refused, What

_HEAD = re.compile(r"from([ \t]*\.[. \t\w]*?|[ \t]+\w[\w.]*)[ \t]+import\b")


def relocated(modules: Modules, others: Mapping[str, bytes], path: str, what: What, to: str) -> Outcome:
    """What the files become.

    Raises:
        Refused: it cannot go there.
    """
    way = relocation(modules, {**modules.files, **others}, path, what, to)
    texts = PathTexts(way)
    after: dict[str, bytes] = {}
    places = 0
    for one, data in {**modules.files, **others}.items():
        source = modules.source(one) if one in modules.files else Source(one, data)
        edits = _File(way, one).edits() if one in modules.files and modules.scopes(one) is not None else []
        told = [
            each for each in texts.edits(source) if not any(each.start < e.end and e.start < each.end for e in edits)
        ]
        edits = [*told, *edits]
        places += len(set(edits))
        if edits or one in way.paths:
            after[way.place(one)] = source.after(edits)
    if way.made:
        after[way.made] = b""
    kept = {one: data for one, data in modules.files.items() if one not in way.paths}
    now = Modules({**kept, **{one: data for one, data in after.items() if _is_python(one)}})
    _see_circles(way, now)
    came = {new: old for old, new in way.paths.items()}
    return Outcome(after, came, places, [*texts.left, *_dangling(way, now), *_unnamed(way, now)], list(_remarks(way)))


@dataclass
class _File:
    """One file of Python."""

    way: Relocation
    path: str
    _edits: list[Edit] = field(default_factory=list[Edit])
    _wanted: set[str] = field(default_factory=set[str])

    def edits(self) -> list[Edit]:
        """What changes in it.

        Raises:
            Refused: a name in it would mean something else.
        """
        self._modules, self._imports = self.way.modules, Imports(self.way.after, self.way.place(self.path))
        self._source, self._scopes = self._modules.source(self.path), scopes_of(self._modules, self.path)
        self._plain: set[str] = set()
        """The modules that go elsewhere of which `import` gives the dotted name here."""
        for node in {id(node): node for node, _, _ in self._scopes.imports}.values():
            scope = next(scope for other, _, scope in self._scopes.imports if other is node)
            self._import(node, scope) if isinstance(node, ast.Import) else self._from(node)
        self._chains()
        self._listed()
        added = Imports(self._modules, self.path).added(self.path, self._wanted, ())
        return [*self._edits, *(Edit(at, at, text) for at, text in added.items())]

    def _import(self, node: ast.Import, scope: Scope) -> None:
        for alias in node.names:
            new = self.way.dotted(alias.name)
            if new == alias.name:
                continue
            start = self._source.span(alias)[0]
            above, _, stem = new.rpartition(".")
            if "." in alias.name or alias.asname or not above:
                self._edits.append(Edit(start, start + len(alias.name), new))
                self._plain.add(alias.name)
                if not alias.asname:
                    self._see_root(alias.name, new, scope, node.lineno)
                    self._rooted(alias.name.partition(".")[0])
                continue
            if len(node.names) > 1:
                raise Refused(f"{self.path}:{node.lineno} imports {alias.name} with others; give it a line first.")
            name = stem if stem == alias.name else f"{stem} as {alias.name}"
            self._edits.append(Edit(*self._source.span(node), f"from {above} import {name}"))

    def _rooted(self, root: str) -> None:
        """The package that dotted names begin with, where it goes elsewhere itself."""
        new = self.way.dotted(root)
        for node, scope in self._scopes.names if new != root else ():
            meaning = self._modules.named(root, self.path, scope) if node.id == root else None
            if isinstance(meaning, Entity) and not meaning.name and self.way.is_moved(meaning.path):
                self._edits.append(Edit(*self._source.span(node), new))

    def _see_root(self, old: str, new: str, scope: Scope, line: int) -> None:
        """See that what stands before the first dot means what it should.

        Raises:
            Refused: the old one is used for others, too, or the new one means something else.
        """
        before, after = old.partition(".")[0], new.partition(".")[0]
        if before == after:
            return
        if self._scopes.lookup(after, scope) is not None:
            bound = self._modules.named(after, self.path, scope)
            if not isinstance(bound, Entity) or bound.name:
                raise Refused(f"{after} means something else at {self.path}:{line}.")
        taken = sum(b.alias is not None for b in self._scopes.module.bindings.get(before, ()))
        used = [node for node, where in self._scopes.names if node.id == before and self._scopes.lookup(before, where)]
        mine = {id(_root(node)) for node, where in self._scopes.attributes if self._moved(node, where)}
        if taken < 2 and "." in old and any(id(node) not in mine for node in used):
            self._wanted.add(f"import {before}")

    def _from(self, node: ast.ImportFrom) -> None:
        """The module that names come from, and names that are the module itself."""
        dotted = self._modules.imported(self.path, node)
        new = self.way.dotted(dotted)
        leaving = [alias for alias in node.names if self._goes(dotted, alias)]
        gone: list[ast.alias] = []
        for alias in leaving:
            module = self.way.dotted(self._whole(dotted, alias))
            above, _, stem = module.rpartition(".")
            given = self._given(alias, stem)
            if above == new and above:
                start, end = self._source.span(alias)
                self._edits.append(Edit(start, end, given))
                continue
            gone.append(alias)
            statement = self._written(above, given, relative=node.level > 0) if above else f"import {given}"
            self._put(node, statement, alone=len(gone) == len(node.names))
        if len(gone) == len(node.names):
            return
        for alias in gone:
            self._edits.append(without(self._source, node, alias))
        if len(gone) > 1:
            raise Refused(f"{self.path}:{node.lineno} imports several of them in one line; give each a line first.")
        self._head(node, dotted, new)

    def _goes(self, dotted: str, alias: ast.alias) -> bool:
        """Whether an imported name is a module that goes elsewhere, other than with its package."""
        above = self._modules.module(dotted)
        if self.way.is_moved(above):
            return False
        meaning = self._modules.exported(above, alias.name) if above else None
        inner = self._modules.module(f"{dotted}.{alias.name}")
        found = meaning if meaning is not None else Entity(inner) if inner else None
        return isinstance(found, Entity) and not found.name and self.way.is_moved(found.path)

    def _whole(self, dotted: str, alias: ast.alias) -> str:
        """The dotted name of a module that is imported by name."""
        above = self._modules.module(dotted)
        meaning = self._modules.exported(above, alias.name) if above else None
        return self._modules.dotted(meaning.path) if isinstance(meaning, Entity) else f"{dotted}.{alias.name}"

    def _given(self, alias: ast.alias, stem: str) -> str:
        """The name in its import; the places where it stands follow, unless its new name has a meaning here."""
        if alias.asname or stem == alias.name:
            return f"{stem} as {alias.asname}" if alias.asname else stem
        if stem in {node.id for node, _ in self._scopes.names} or _is_bound(self._scopes, stem):
            return f"{stem} as {alias.name}"
        places = [(node, scope) for node, scope in self._scopes.names if node.id == alias.name]
        mine = [node for node, scope in places if self._is_mine(node, scope)]
        if any(node not in mine and self._is_imported(node, scope) for node, scope in places):
            return f"{stem} as {alias.name}"
        self._edits += [Edit(*self._source.span(node), stem) for node in mine]
        return stem

    def _is_mine(self, node: ast.Name, scope: Scope) -> bool:
        """Whether a name is a module that goes elsewhere."""
        meaning = self._modules.named(node.id, self.path, scope)
        return isinstance(meaning, Entity) and not meaning.name and self.way.is_moved(meaning.path)

    def _is_imported(self, node: ast.Name, scope: Scope) -> bool:
        """Whether a name is imported, perhaps with another meaning at times."""
        bound = self._scopes.lookup(node.id, scope)
        return bound is not None and any(one.alias is not None for one in bound.bindings[node.id])

    def _put(self, node: ast.ImportFrom, statement: str, *, alone: bool) -> None:
        start, end = self._source.span(node)
        if alone and len(node.names) == 1:
            self._edits.append(Edit(start, end, statement))
        elif alone:
            whole_lines(self._source, node)
            raise Refused(f"{self.path}:{node.lineno} imports several of them in one line; give each a line first.")
        else:
            indent = self._source.text[self._source.line_start(node.lineno) : start]
            if indent.strip():
                raise Refused(f"The import at {self.path}:{node.lineno} shares its line; give it one of its own first.")
            self._edits.append(Edit(end, end, f"{self._source.newline}{indent}{statement}"))

    def _written(self, dotted: str, given: str, *, relative: bool) -> str:
        """`from … import given`, in the file as it is then."""
        place = self.way.place(self.path)
        above = package(place, self.way.after.dotted(place))
        if not relative or not above or above.partition(".")[0] != dotted.partition(".")[0]:
            return f"from {dotted} import {given}"
        parts, target = above.split("."), dotted.split(".")
        same = 0
        while same < min(len(parts), len(target)) and parts[same] == target[same]:
            same += 1
        return f"from {'.' * (len(parts) - same + 1)}{'.'.join(target[same:])} import {given}"

    def _head(self, node: ast.ImportFrom, dotted: str, new: str) -> None:
        """What stands between `from` and `import`."""
        place = self.way.place(self.path)
        here, there = (
            package(one, modules.dotted(one)) for one, modules in ((self.path, self._modules), (place, self.way.after))
        )
        if new == dotted and (not node.level or here == there):
            return
        start, end = self._source.span(node)
        found = _HEAD.match(self._source.text, start, end)
        if found is None:
            raise Refused(f"The import at {self.path}:{node.lineno} is written in a way that this cannot change.")
        head = self._written(new, "", relative=node.level > 0).rstrip()
        if head != found[0]:
            self._edits.append(Edit(start, found.end(), head))

    def _listed(self) -> None:
        """The module's new name in the `__all__` of its package, where the package has it by that."""
        above, _, stem = self.way.name.rpartition(".")
        there, _, new = self.way.to.rpartition(".")
        if not above or self._modules.module(above) != self.path:
            return
        texts = [edit.new for edit in self._edits]
        is_there = above == there or any(text.endswith(f" import {new}") for text in texts)
        if not is_there or any(text.endswith(f" as {stem}") for text in texts):
            return
        for node in _all(self._scopes, stem):
            start, end = self._source.span(node)
            self._edits.append(Edit(start, end, self._source.text[start:end].replace(stem, new)))

    def _moved(self, node: ast.Attribute, scope: Scope) -> str:
        """The dotted name of the module that an expression is, where that goes elsewhere; else empty."""
        meaning = self._modules.meaning(node, self.path, scope)
        is_moved = isinstance(meaning, Entity) and not meaning.name and self.way.is_moved(meaning.path)
        return self._modules.dotted(meaning.path) if is_moved and isinstance(meaning, Entity) else ""

    def _chains(self) -> None:
        """`pkg.old` in code."""
        inner: set[int] = set()
        for node, scope in self._scopes.attributes:
            old = "" if id(node) in inner else self._moved(node, scope)
            if not old:
                continue
            value = self._modules.meaning(node.value, self.path, scope)
            if isinstance(value, Entity) and not value.name and self.way.is_moved(value.path):
                continue  # what stands before the dot goes with it, and is changed by itself
            inner |= {id(part) for part in ast.walk(node.value)}
            start, end = self._source.span(node)
            new = self.way.dotted(old)
            above, _, stem = new.rpartition(".")
            if above == old.rpartition(".")[0]:
                self._edits.append(Edit(end - len(node.attr), end, stem))
                continue
            self._edits.append(Edit(start, end, new))
            if not self._plain & {old, ast.unparse(node)}:
                self._see_root(old, new, scope, node.lineno)
                self._wanted.add(f"import {new}")


def _root(node: ast.expr) -> ast.expr:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node


def _all(scopes: Scopes, name: str) -> list[ast.Constant]:
    """Where a name stands in `__all__`."""
    tops = [one for one in body_of(scopes) if isinstance(one, ast.Assign | ast.AugAssign | ast.AnnAssign)]
    told = [one for one in tops if "__all__" in ast.unparse(getattr(one, "targets", [getattr(one, "target", one)])[0])]
    parts = [part for one in told for part in ast.walk(one)]
    return [part for part in parts if isinstance(part, ast.Constant) and part.value == name]


def _is_bound(scopes: Scopes, name: str) -> bool:
    found = [scopes.module, *(inner for _, _, inner in scopes.definitions)]
    return any(name in one.bindings for one in found)


def _is_python(path: str) -> bool:
    return path.endswith((".py", ".pyi"))


def _see_circles(way: Relocation, now: Modules) -> None:
    """See that modules that did not import each other as they are loaded do not begin to.

    Raises:
        Refused: some would.
    """
    back = {new: old for old, new in way.paths.items()}
    before, after = Loads(way.modules), Loads(now)
    for old, new in way.paths.items():
        if old in way.modules.files:
            mine = {back.get(one, one) for one in after.around(new)}
            if fresh := mine - before.around(old) - {way.made}:
                raise Refused(
                    f"With {new}, modules would import each other as they are loaded "
                    f"({new}, {', '.join(sorted(fresh)[:4])}); move it elsewhere, or first what they share."
                )


def _dangling(way: Relocation, now: Modules) -> Iterator[Left]:
    """Imports of the old name that are left."""
    gone = {way.modules.dotted(one) for one in way.paths if one in way.modules.files}
    for path in now.files:
        scopes = now.scopes(path)
        for node, alias, _ in scopes.imports if scopes else ():
            dotted = now.imported(path, node) if isinstance(node, ast.ImportFrom) else alias.name
            names = {dotted, f"{dotted}.{alias.name}"} if isinstance(node, ast.ImportFrom) else {dotted}
            if any(name in gone and now.module(name) is None for name in names) and now.module(dotted) is None:
                line = now.source(path).line(node.lineno)
                yield Left(path, node.lineno, line[:160], "it is still imported from where it is gone")


def _unnamed(way: Relocation, now: Modules) -> Iterator[Left]:
    """Where a star import, or the `__all__` of a package, had the module by a name that leads nowhere now."""
    stem = way.name.rpartition(".")[2]
    for path in way.modules.files:
        scopes, place = way.modules.scopes(path), way.place(path)
        if scopes is None or now.exported(place, stem) is not None:
            continue
        module = way.modules.exported(path, stem)
        if not isinstance(module, Entity) or module.name or not way.is_moved(module.path):
            continue
        after = now.scopes(place)
        nodes = [
            (one, "the module is not in its package by this name now") for one in (_all(after, stem) if after else ())
        ]
        stars = (
            [node for node, scope in after.names if node.id == stem and after.lookup(stem, scope) is None]
            if after
            else []
        )
        nodes += [
            (one, "it came by a star import, and has another name now")
            for one in stars
            if "*" in scopes.module.bindings
        ]
        for node, why in nodes:
            yield Left(place, node.lineno, now.source(place).line(node.lineno)[:160], why)


def _remarks(way: Relocation) -> Iterator[str]:
    for old, new in way.paths.items():
        if old in way.modules.files and b"__file__" in way.modules.files[old]:
            yield f"{new} uses __file__, which is another path now."
    if way.made:
        folder = str(PurePosixPath(way.made).parent)
        yield f"{folder} is a new package; where its settings list packages by name, it has to be added."
    stem, to = way.name.rpartition(".")[2], way.to.rpartition(".")[2]
    tests = (f"test_{stem}.py", f"{stem}_test.py")
    named = [path for path in way.modules.files if PurePosixPath(path).name in tests]
    if stem != to:
        yield from (f"{path} is still named so." for path in named if path not in way.paths)
