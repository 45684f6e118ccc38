"""Move: a function or class goes to another module, with what it needs; whoever imported it imports it there.

Imports are changed one by one where they stand: rope's own mover writes all those of a file anew, and drops what it
takes for unused.
"""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from ossa.assistant.refactor.loads import Loads, for_types, is_loaded
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.scopes import Function, Scope, Scopes
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.uses import Use, Uses
from ossa.assistant.refactor.wish import Refused


def moved(uses: Uses, texts: Iterable[Use], to: str) -> tuple[Mapping[str, list[Edit]], list[str]]:
    """The edits of each file, and what a person should know.

    Raises:
        Refused: it cannot go there.
    """
    return _Move(uses, to).edits(texts)


class _Move:
    def __init__(self, uses: Uses, to: str) -> None:
        self._uses, self._modules = uses, uses.modules
        self._from, self._name = uses.target.path, uses.name
        node = self._modules.definition(uses.target)
        if uses.owner or not isinstance(node, Function | ast.ClassDef):
            raise Refused(f"{uses.target.name} is no function or class at the top of its module; only such are moved.")
        self._node = node
        self._scopes = _needed(self._modules, self._from)
        self._source = self._modules.source(self._from)
        self._to, self._dotted = self._place(to)
        self._notes: list[str] = []
        self._edits: dict[str, list[Edit]] = defaultdict(list)
        self._typed: set[str] = set()
        """Imports for a type checker alone, of which there may be nothing to import otherwise."""
        self._wanted: dict[str, set[str]] = defaultdict(set)
        """By file, the import statements that it needs."""

    def edits(self, texts: Iterable[Use]) -> tuple[Mapping[str, list[Edit]], list[str]]:
        begin, end = self._segment()
        segment = self._source.text[begin:end].strip("\r\n")
        needs = self._needs()
        self._edits[self._from].append(Edit(begin, end, ""))
        for use in self._uses.found:
            if not (use.path == self._from and begin <= use.start < end):
                self._client(use)
        for use in texts:
            self._text(use, begin, end)
        self._arrive(segment, needs)
        for path, statements in self._wanted.items():
            if statements:
                self._import(path, statements)
        self._see_circle(needs)
        return self._edits, self._notes

    def _place(self, to: str) -> tuple[str, str]:
        """The file to go to, and its module's name."""
        modules = self._modules
        plain = to.removeprefix("./")
        if plain in modules.files:
            path, dotted = plain, modules.dotted(plain)
        elif found := modules.module(to):
            path, dotted = found, to
        else:
            path, dotted = self._new_place(plain)
        if path == self._from:
            raise Refused(f"{self._name} is in {path} already.")
        there = modules.exported(path, self._name) if path in modules.files else None
        if isinstance(there, Entity) and there != self._uses.target:
            raise Refused(f"{path} has a {self._name} already.")
        return path, dotted

    def _new_place(self, to: str) -> tuple[str, str]:
        if to.endswith(".py"):
            package, stem = PurePosixPath(to).parent, PurePosixPath(to).stem
            beside = [p for p in self._modules.files if PurePosixPath(p).parent == package and p.endswith(".py")]
            if beside and stem.isidentifier():
                known = self._modules.dotted(beside[0])
                stem_there = PurePosixPath(beside[0]).stem
                above = known if stem_there == "__init__" else known.rpartition(".")[0]
                return to, f"{above}.{stem}".lstrip(".")
            raise Refused(f"There is no folder with Python in it for {to}.")
        above, _, stem = to.rpartition(".")
        package = self._modules.module(above) if above else None
        if package and PurePosixPath(package).stem == "__init__" and stem.isidentifier():
            return str(PurePosixPath(package).parent / f"{stem}.py"), to
        raise Refused(f"There is no module {to[:80]}, and no package in which to make it.")

    def _segment(self) -> tuple[int, int]:
        """Where the definition begins, with its decorators and the comments right above, and where the next line is."""
        first = min([self._node.lineno, *(one.lineno for one in self._node.decorator_list)])
        while first > 1 and self._source.line(first - 1).startswith("#"):
            first -= 1
        end = self._source.line_start((self._node.end_lineno or first) + 1)
        while self._source.text[end : end + 1] in ("\n", "\r"):
            end += 1
        return self._source.line_start(first), end

    def _needs(self) -> Mapping[str, str]:
        """By each name from its module that the definition uses, the import that gives it elsewhere."""
        needs: dict[str, str] = {}
        inside = {id(part) for part in ast.walk(self._node)}
        used = {node.id for node, scope in self._scopes.names if id(node) in inside and self._is_global(node, scope)}
        for text, _, annotation in self._scopes.texts:
            if annotation and id(text) in inside:
                used |= {
                    word for word in self._scopes.module.bindings if word in str(text.value).replace(".", " ").split()
                }
        hidden = for_types(self._tree())
        for name in sorted(used - {self._name}):
            bindings = self._scopes.module.bindings.get(name)
            if not bindings:
                if not hasattr(builtins, name) and name not in ("__file__", "__name__"):
                    self._notes.append(
                        f"Where {name} comes from in {self._from} is not clear; see that {self._to} has it."
                    )
                continue
            needs[name] = self._statement(name, bindings[-1].node, bindings[-1].alias)
            if needs[name] and all(id(binding.node) in hidden for binding in bindings):
                self._typed.add(needs[name])
        return needs

    def _tree(self) -> ast.Module:
        assert isinstance(self._scopes.module.node, ast.Module)
        return self._scopes.module.node

    def _is_global(self, node: ast.Name, scope: Scope) -> bool:
        bound = self._scopes.lookup(node.id, scope)
        return bound is None or bound.kind == "module"

    def _statement(self, name: str, node: ast.AST, alias: ast.alias | None) -> str:
        """The import that gives a name of the old module in the new one."""
        if alias is None or not isinstance(node, ast.Import | ast.ImportFrom):
            return self._from_statement(self._modules.dotted(self._from), name, self._to, self._dotted)
        given = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if isinstance(node, ast.Import):
            return f"import {given}"
        dotted = self._modules.imported(self._from, node)
        if dotted == self._dotted and not alias.asname:
            return ""
        if not node.level:
            return f"from {node.module} import {given}"
        return self._from_statement(dotted, given, self._to, self._dotted)

    def _from_statement(self, dotted: str, given: str, path: str, own: str) -> str:
        """`from … import given`, relative where the file's own imports are."""
        package = own if PurePosixPath(path).stem == "__init__" else own.rpartition(".")[0]
        if self._is_relative(path) and package and dotted.partition(".")[0] == own.partition(".")[0]:
            parts, target = package.split("."), dotted.split(".")
            same = 0
            while same < min(len(parts), len(target)) and parts[same] == target[same]:
                same += 1
            return f"from {'.' * (len(parts) - same + 1)}{'.'.join(target[same:])} import {given}"
        return f"from {dotted} import {given}"

    def _is_relative(self, path: str) -> bool:
        for place in (path, self._from):
            scopes = self._modules.scopes(place) if place in self._modules.files else None
            found = [node for node, _, _ in (scopes.imports if scopes else ()) if isinstance(node, ast.ImportFrom)]
            found = [node for node in found if node.module != "__future__"]
            if found:
                return any(node.level > 0 for node in found)
        return False

    def _client(self, use: Use) -> None:
        """Whoever names it: an import of it, or an attribute of its module."""
        if use.kind == "import" and isinstance(use.node, ast.ImportFrom) and use.alias is not None:
            if self._modules.imported(use.path, use.node) == self._modules.dotted(self._from) or self._is_old(use):
                self._reimport(use, use.node, use.alias)
        elif use.kind == "attribute" and isinstance(use.node, ast.Attribute):
            scope = use.scope
            whole = scope and self._modules.meaning(use.node.value, use.path, scope)
            if whole == Entity(self._from):
                self._requalify(use, use.node)
        elif use.path == self._from and use.kind == "name":
            self._wanted[self._from].add(
                self._from_statement(self._dotted, self._name, self._from, self._modules.dotted(self._from))
            )

    def _is_old(self, use: Use) -> bool:
        assert isinstance(use.node, ast.ImportFrom)
        return self._modules.module(self._modules.imported(use.path, use.node)) == self._from

    def _reimport(self, use: Use, node: ast.ImportFrom, alias: ast.alias) -> None:
        """Take the name out of an import of the old module, and import it from the new one."""
        source = self._modules.source(use.path)
        given = source.text[slice(*source.span(alias))]
        start, end = source.span(node)
        if use.path == self._to:
            new = ""
        elif node.level:
            new = self._from_statement(self._dotted, given, use.path, self._modules.dotted(use.path))
        else:
            new = f"from {self._dotted} import {given}"
        if len(node.names) == 1:
            self._edits[use.path].append(Edit(start, end, new) if new else _whole_lines(source, start, end))
            return
        self._edits[use.path].append(_without(source, node, alias))
        if new:
            indent = source.text[source.line_start(node.lineno) : start]
            self._edits[use.path].append(Edit(end, end, f"{source.newline}{indent if indent.isspace() else ''}{new}"))

    def _requalify(self, use: Use, node: ast.Attribute) -> None:
        """`module.name` becomes `name`, imported from the new module."""
        source = self._modules.source(use.path)
        scopes = _needed(self._modules, use.path)
        start = source.span(node.value)[0]
        if use.path == self._to:
            self._edits[use.path].append(Edit(start, use.end, self._name))
            return
        stem = self._dotted.rpartition(".")[2]
        taken = use.scope is not None and scopes.lookup(stem, use.scope) is not None
        same = taken and use.scope is not None and self._modules.named(stem, use.path, use.scope) == Entity(self._to)
        if taken and not same:
            whole = self._dotted
            self._wanted[use.path].add(f"import {whole}")
        else:
            whole = stem
            above = self._dotted.rpartition(".")[0]
            own = self._modules.dotted(use.path)
            statement = self._from_statement(above, stem, use.path, own) if above else f"import {stem}"
            if not same:
                self._wanted[use.path].add(statement)
        self._edits[use.path].append(Edit(start, use.end, f"{whole}.{self._name}"))

    def _text(self, use: Use, begin: int, end: int) -> None:
        """A text: in `__all__` it goes along; a dotted path gets the new module."""
        if use.path == self._from and begin <= use.start < end:
            return
        source = self._modules.source(use.path)
        old = self._modules.dotted(self._from)
        prefix = source.text[max(0, use.start - len(old) - 1) : use.start]
        if prefix[:-1] == old:
            if (
                self._wanted.get(self._from)
                and "patch" in source.text[source.line_start(source.line_of(use.start)) : use.start]
            ):
                self._uses.doubt(
                    use.path, use.start, f"{self._from} uses it too, so what is meant here is for you to say"
                )
            else:
                self._edits[use.path].append(Edit(use.start - len(old) - 1, use.start - 1, self._dotted))
        elif use.path == self._from and source.text[use.end : use.end + 1] in "\"'":
            self._edits[use.path].append(_without_text(source, use))

    def _arrive(self, segment: str, needs: Mapping[str, str]) -> None:
        """Put the definition into its new file, with what it needs."""
        if self._to not in self._modules.files:
            heads = sorted({statement for statement in needs.values() if statement} - self._typed)
            text = "\n".join([*self._futures(self._source), *heads, *_guarded(self._typed)])
            whole = f"{text}\n\n\n{segment}\n".lstrip("\n").replace("\r\n", "\n")
            self._edits[self._to].append(Edit(0, 0, whole.replace("\n", self._source.newline)))
            return
        source, scopes = self._modules.source(self._to), _needed(self._modules, self._to)
        typed: set[str] = set()
        for name, statement in needs.items():
            there = scopes.module.bindings.get(name)
            if not there:
                self._wanted[self._to] |= {statement} - {"", *self._typed}
                typed |= {statement} & self._typed
            elif self._modules.exported(self._to, name) != self._modules.exported(self._from, name):
                raise Refused(f"{name} means something else in {self._to} than in {self._from}.")
        if typed and set(self._futures(self._source)) - set(self._futures(source)):
            raise Refused(f"{self._name} uses types that {self._to} would need `{self._futures(self._source)[0]}` for.")
        self._wanted[self._to] |= {one.replace("\n", source.newline) for one in _guarded(typed)}
        body = source.text.rstrip()
        place = self._behind(source, scopes, len(body))
        gap = source.newline * 3
        segment = segment.replace("\r\n", "\n").replace("\n", source.newline)
        if place < len(body):
            self._edits[self._to].append(Edit(place, place, segment + gap))
            return
        behind = "" if source.text[len(body) :] else source.newline
        self._edits[self._to].append(Edit(place, place, f"{gap if place else ''}{segment}{behind}"))

    def _behind(self, source: Source, scopes: Scopes, end: int) -> int:
        """The end of the file; or before the first statement that uses it while the file is read."""
        outside = [use for use in self._uses.found if use.path == self._to and use.kind == "name" and use.scope]
        early = [source.line_of(use.start) for use in outside if use.scope and use.scope.kind != "function"]
        for statement in _body(scopes):
            first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", ()))])
            if any(first <= line <= (statement.end_lineno or first) for line in early):
                return source.line_start(first)
        return end

    def _futures(self, source: Source) -> list[str]:
        tree = source.tree
        return [
            ast.unparse(n)
            for n in (tree.body if tree else ())
            if isinstance(n, ast.ImportFrom) and n.module == "__future__"
        ]

    def _import(self, path: str, statements: set[str]) -> None:
        """Add imports below those of their kind that a file has at its top."""
        source, body = self._modules.source(path), _body(_needed(self._modules, path))
        first = next((n for n, one in enumerate(body) if isinstance(one, Function | ast.ClassDef)), len(body))
        gone = [edit.start for edit in self._edits[path] if not edit.new]
        tops = [one for one in body[:first] if isinstance(one, ast.Import | ast.ImportFrom)]
        tops = [one for one in tops if source.span(one)[0] not in gone]
        if not tops:
            self._first_imports(path, source, body, source.newline.join(sorted(statements)))
            return
        for text in sorted(statements):
            alike = [one for one in tops if _kind(one) == ("import" if text[0] == "i" else text.startswith("from ."))]
            place = source.span((alike or tops)[-1])[1]
            self._edits[path].append(Edit(place, place, source.newline + text))

    def _first_imports(self, path: str, source: Source, body: Sequence[ast.stmt], text: str) -> None:
        doc = bool(body) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
        place = source.line_start((body[0].end_lineno or 0) + 1 if doc else body[0].lineno if body else 1)
        gap = source.newline
        self._edits[path].append(Edit(place, place, f"{gap if doc else ''}{text}{gap if doc else gap * 3}"))

    def _see_circle(self, needs: Mapping[str, str]) -> None:
        """See that no modules begin to import each other as they are loaded.

        Raises:
            Refused: some would.
        """
        loads = Loads(self._modules)
        new: list[tuple[str, str]] = []
        for name, statement in needs.items():
            if not statement or statement in self._typed:
                continue
            found = self._modules.exported(self._from, name)
            own = any(binding.alias is None for binding in self._scopes.module.bindings.get(name, ()))
            if isinstance(found, Entity):
                new.append((self._to, self._from if own else found.path))
        if self._wanted.get(self._from):
            new.append((self._from, self._to))
        new += [(use.path, self._to) for use in self._uses.found if use.kind == "import" and is_loaded(use.scope)]
        if circle := loads.circle([(one, other) for one, other in new if one != other]):
            raise Refused(
                f"With {self._name} in {self._to}, modules would import each other as they are loaded "
                f"({' → '.join(circle)}); move it elsewhere, or first what they share."
            )


def _guarded(statements: set[str]) -> list[str]:
    """Imports for a type checker alone, as one text."""
    lines = "".join(f"\n    {statement}" for statement in sorted(statements))
    return [f"from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:{lines}"] if statements else []


def _body(scopes: Scopes) -> list[ast.stmt]:
    assert isinstance(scopes.module.node, ast.Module)
    return scopes.module.node.body


def _kind(node: ast.Import | ast.ImportFrom) -> str | bool:
    return "import" if isinstance(node, ast.Import) else node.level > 0


def _needed(modules: Modules, path: str) -> Scopes:
    scopes = modules.scopes(path)
    if scopes is None:
        raise Refused(f"{path} is not Python as this version reads it.")
    return scopes


def _whole_lines(source: Source, start: int, end: int) -> Edit:
    """Take out a statement with its line."""
    line = source.line_of(start)
    return Edit(source.line_start(line), source.line_start(source.line_of(end) + 1), "")


def _without(source: Source, node: ast.ImportFrom, alias: ast.alias) -> Edit:
    """Take one name out of an import of several."""
    at = node.names.index(alias)
    start, end = source.span(alias)
    if at + 1 < len(node.names):
        return Edit(start, source.span(node.names[at + 1])[0], "")
    before = source.span(node.names[at - 1])[1]
    return Edit(before, end, "")


def _without_text(source: Source, use: Use) -> Edit:
    """Take a text out of a list of texts, with its comma, and its line where it has one of its own."""
    start, end = use.start - 1, use.end + 1
    behind = source.text[end:]
    cut = len(behind) - len(behind.lstrip(" ,"))
    line = source.line_start(source.line_of(start))
    rest = behind[cut : cut + 2]
    if source.text[line:start].isspace() and rest[:1] in ("\n", "\r"):
        return Edit(line, source.line_start(source.line_of(start) + 1), "")
    return Edit(start, end + cut, "")
