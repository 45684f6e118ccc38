"""What a definition that moves needs from its module, and whether each name means the same in the file it goes to.

definition ─► Needs.of() ─► Need(name, statements) ─► Needs.missing(): those that the other file lacks, or Refused
"""

import ast
import builtins
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ossa.assistant.refactor.destination import Place
from ossa.assistant.refactor.imports import Imports, body_of, scopes_of
from ossa.assistant.refactor.loads import for_types
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.scopes import Binding, Scope, Scopes
from ossa.assistant.refactor.wish import Refused

_OF_FILES = ("__file__", "__name__", "__package__", "__path__", "__spec__")


@dataclass(frozen=True, slots=True)
class Need:
    """A name of the old module, and how another gets it."""

    name: str
    statements: tuple[str, ...] = ()
    """Imports; none where it comes from the file to go to."""
    typed: bool = False
    """Only a type checker has it."""
    source: str = ""
    """The file that is loaded for it, where that is in the repository."""
    builtin: bool = False
    """It is Python's own."""


class Needs:
    """Of one definition that goes to a place."""

    def __init__(self, modules: Modules, target: Entity, node: ast.AST, to: Place) -> None:
        self._modules, self._from, self._name, self._node, self._to = modules, target.path, target.name, node, to
        self._scopes = scopes_of(modules, target.path)
        self._imports = Imports(modules, target.path)
        self._top = {id(one) for one in body_of(self._scopes)}
        self._hidden = _hidden(self._scopes)
        self.notes: list[str] = []

    def of(self) -> list[Need]:
        """What it needs, by names.

        Raises:
            Refused: a name may change, or it is not clear what it is.
        """
        return [need for name in sorted(self._used()) if (need := self._need(name)) is not None]

    def places(self, name: str) -> list[ast.AST]:
        """Where it needs a name."""
        return [node for word, node in self._words() if word == name and not isinstance(node, ast.Constant)]

    def is_quoted(self, name: str) -> bool:
        """Whether it has the name in an annotation in quotes."""
        return any(word == name and isinstance(node, ast.Constant) for word, node in self._words())

    def _used(self) -> set[str]:
        return {word for word, _ in self._words()} - {self._name}

    def _words(self) -> Iterator[tuple[str, ast.AST]]:
        """The names of the module in it, each with its place or the annotation in quotes."""
        inside = {id(part) for part in ast.walk(self._node)}
        for node, scope in self._scopes.names:
            if id(node) in inside and self._is_global(node, scope):
                yield node.id, node
        for text, _, annotation in self._scopes.texts:
            if annotation and id(text) in inside:
                words = re.findall(r"(?<![\w.])[^\W\d]\w*", str(text.value))
                yield from ((word, text) for word in words if word in self._scopes.module.bindings)

    def _is_global(self, node: ast.Name, scope: Scope) -> bool:
        bound = self._scopes.lookup(node.id, scope)
        return bound is None or bound.kind == "module"

    def _need(self, name: str) -> Need | None:
        bindings = self._scopes.module.bindings.get(name)
        if not bindings:
            return self._unbound(name)
        typed = all(id(binding.node) in self._hidden for binding in bindings)
        own = [binding for binding in bindings if binding.alias is None]
        if own and len(own) < len(bindings):
            raise Refused(f"{name}, which {self._name} needs, is both imported and defined in {self._from}.")
        if own:
            self._see_constant(name)
            return Need(name, (self._own_statement(name),), typed, self._from)
        if not typed and not all(id(binding.node) in self._top for binding in bindings):
            raise Refused(f"{name}, which {self._name} needs, is imported under a condition in {self._from}.")
        plain = all(isinstance(one.node, ast.Import) and one.alias and not one.alias.asname for one in bindings)
        if len(_origins(self._modules, self._from, name, bindings)) > 1:
            raise Refused(f"{name}, which {self._name} needs, is imported several times in {self._from}.")
        statements = {self._statement(binding) for binding in (bindings if plain else bindings[-1:])}
        found = self._modules.exported(self._from, name)
        return Need(name, tuple(sorted(statements - {""})), typed, found.path if isinstance(found, Entity) else "")

    def _unbound(self, name: str) -> Need | None:
        """A name from a star import, or Python's own."""
        found = self._modules.exported(self._from, name)
        if isinstance(found, Entity) and found.name == name:
            given = self._imports.statement(self._modules.dotted(found.path), name, self._to)
            return Need(name, () if found.path == self._to.path else (given,), source=found.path)
        if name in _OF_FILES:
            self.notes.append(f"{self._name} uses {name}, which is that of {self._to.path} now.")
        elif hasattr(builtins, name):
            return Need(name, builtin=True)
        elif "*" in self._scopes.module.bindings:
            raise Refused(f"{name}, which {self._name} needs, comes from a star import in {self._from}; name it there.")
        else:
            self.notes.append(f"Where {name} comes from in {self._from} is not clear; see that {self._to.path} has it.")
        return None

    def _see_constant(self, name: str) -> None:
        """See that a name of the module is not set anew later, of which an import would not know.

        Raises:
            Refused: it is.
        """
        for node, _ in self._scopes.sent:
            if isinstance(node, ast.Global) and name in node.names:
                raise Refused(f"{name}, which {self._name} needs, is set anew at {self._from}:{node.lineno}.")
        for path in self._modules.mentions(name):
            scopes = self._modules.scopes(path)
            for node, scope in scopes.attributes if scopes else ():
                stored = node.attr == name and not isinstance(node.ctx, ast.Load)
                if stored and self._modules.meaning(node.value, path, scope) == Entity(self._from):
                    raise Refused(f"{name}, which {self._name} needs, is set anew at {path}:{node.lineno}.")

    def _own_statement(self, name: str) -> str:
        return self._imports.statement(self._modules.dotted(self._from), name, self._to)

    def _statement(self, binding: Binding) -> str:
        """The import that gives an imported name of the old module in the new one."""
        alias, node = binding.alias, binding.node
        assert alias is not None
        given = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
        if not isinstance(node, ast.ImportFrom):
            return f"import {given}"
        dotted = self._modules.imported(self._from, node)
        if self._modules.module(dotted) == self._to.path:
            if alias.asname:
                raise Refused(
                    f"{self._name} calls {alias.name} of {self._to.path} {alias.asname}, which it is not there."
                )
            return ""
        return self._imports.statement(dotted, given, self._to) if node.level else f"from {node.module} import {given}"

    def missing(self, needs: Sequence[Need]) -> Iterator[Need]:
        """Those that an existing file lacks.

        Raises:
            Refused: a name means something else there.
        """
        scopes = scopes_of(self._modules, self._to.path)
        for need in needs:
            there = scopes.module.bindings.get(need.name)
            if there:
                self._see_same(need, scopes, there)
                if rest := self._rest(need, there, _hidden(scopes)):
                    yield Need(need.name, rest, need.typed, need.source)
            elif need.statements:
                see_builtin(scopes, need.name, self._to.path)
                yield need

    def _see_same(self, need: Need, scopes: Scopes, there: Sequence[Binding]) -> None:
        path, name = self._to.path, need.name
        if need.builtin:
            raise Refused(f"{name} is Python's own in {self._from}, and something else in {path}.")
        sure = {id(one) for one in body_of(scopes)} | _hidden(scopes)
        if any(one.alias and id(one.node) not in sure for one in there):
            raise Refused(f"{name}, which {self._name} needs, is imported under a condition in {path}.")
        other = _origins(self._modules, path, name, there)
        mine = _origins(self._modules, self._from, name, self._scopes.module.bindings.get(name, ()))
        one, two = self._modules.exported(path, name), self._modules.exported(self._from, name)
        same = other == mine or (isinstance(one, Entity) and one == two)
        if not same or len(other) > 1:
            raise Refused(f"{name} means something else in {path} than in {self._from}.")

    def _rest(self, need: Need, there: Sequence[Binding], hidden: set[int]) -> tuple[str, ...]:
        """The imports that are needed beside those that are there."""
        if not need.typed and all(id(binding.node) in hidden for binding in there):
            return need.statements
        known = {f"import {one.alias.name}" for one in there if one.alias and isinstance(one.node, ast.Import)}
        parts = [one for one in need.statements if one.startswith("import ") and "." in one and " as " not in one]
        return tuple(one for one in parts if one not in known)


def see_builtin(scopes: Scopes, name: str, path: str) -> None:
    """See that a file does not use Python's own by a name that is to come there.

    Raises:
        Refused: it does.
    """
    if hasattr(builtins, name):
        for node, scope in scopes.names:
            if node.id == name and scopes.lookup(name, scope) is None:
                raise Refused(f"{name} is Python's own at {path}:{node.lineno}; it would be another one there.")


def _hidden(scopes: Scopes) -> set[int]:
    assert isinstance(scopes.module.node, ast.Module)
    return for_types(scopes.module.node)


def _origins(modules: Modules, path: str, name: str, bindings: Sequence[Binding]) -> set[str]:
    """The dotted names of what bindings of one name bring."""
    found: set[str] = set()
    for binding in bindings:
        alias, node = binding.alias, binding.node
        if alias is None:
            found.add(f"{modules.dotted(path)}.{name}")
        elif isinstance(node, ast.ImportFrom):
            found.add(f"{modules.imported(path, node)}.{alias.name}")
        else:
            found.add(alias.name if alias.asname else alias.name.partition(".")[0])
    return found
