"""Move: a function or class goes to another module, with what it needs; whoever imported it imports it there.

Imports are changed one by one where they stand: rope's own mover writes all those of a file anew, and drops what it
takes for unused.
"""

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from ossa.assistant.refactor.arrival import arrived, is_late, made
from ossa.assistant.refactor.circles import Load, Untangled, untangled
from ossa.assistant.refactor.destination import Place, place_of
from ossa.assistant.refactor.imports import Imports, scopes_of, whole_lines, without
from ossa.assistant.refactor.late import Late, When, joined
from ossa.assistant.refactor.loads import is_loaded
from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.movable import see_letters, see_movable, segment
from ossa.assistant.refactor.needs import Need, Needs, see_builtin
from ossa.assistant.refactor.offered import is_listed, is_public, without_text
from ossa.assistant.refactor.scopes import Function, Scopes
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.uses import Use, Uses
from ossa.assistant.refactor.wish import Refused

_STAR = re.compile(rb"import\s*\(?\s*\*")


def moved(
    uses: Uses, texts: Iterable[Use], to: str, *, keep: bool = False
) -> tuple[Mapping[str, list[Edit]], list[str]]:
    """The edits of each file, and what a person should know; `keep`: its old module goes on offering it.

    Raises:
        Refused: it cannot go there.
    """
    return _Move(uses, to, keep).edits(texts)


class _Move:
    def __init__(self, uses: Uses, to: str, keep: bool) -> None:
        self._keep = keep
        self._uses, self._modules = uses, uses.modules
        self._from, self._name = uses.target.path, uses.name
        node = self._modules.definition(uses.target)
        if uses.owner or not isinstance(node, Function | ast.ClassDef):
            raise Refused(f"{uses.target.name} is no function or class at the top of its module; only such are moved.")
        self._node = node
        self._scopes = scopes_of(self._modules, self._from)
        self._source = self._modules.source(self._from)
        self._imports = Imports(self._modules, self._from)
        self._to = self._free(place_of(self._modules, to))
        see_movable(self._scopes, uses.target, node)
        assert self._source.tree is not None
        self._late = Late(self._source, self._source.tree)
        self._own: list[ast.AST] = []
        """Where its old module has it, other than in annotations in quotes."""
        self._is_quoted = False
        """Whether it has it in one of these, too."""
        self._edits: dict[str, list[Edit]] = defaultdict(list)
        self._wanted: dict[str, set[str]] = defaultdict(set)
        """By file, the import statements that it needs."""
        self._loading: list[str] = []
        """Files that import the new module as they are loaded."""

    def edits(self, texts: Iterable[Use]) -> tuple[Mapping[str, list[Edit]], list[str]]:
        begin, end = segment(self._source, self._node)
        there = self._modules.source(self._to.path) if self._to.path in self._modules.files else None
        see_letters(self._source, there, self._source.text[begin:end].strip("\r\n"), self._name)
        needs = Needs(self._modules, self._uses.target, self._node, self._to)
        needed = needs.of()
        self._edits[self._from].append(Edit(begin, end, ""))
        for use in self._uses.found:
            if not (use.path == self._from and begin <= use.start < end):
                self._client(use)
        for use in texts:
            self._text(use, begin, end)
        self._stars()
        self._tell(needed)
        if self._keep:
            self._wanted[self._from].add(self._statement)
        plan = untangled(self._modules, self._loads(needed), self._when(needs, there), self._told, self._from)
        code = self._code(begin, end, plan, needed)
        top = list(plan.at_top(needed))
        if there is None:
            self._edits[self._to.path].append(made(self._source, top, code))
        else:
            self._arrive(needs, top, code)
        typed = self._own_late(plan.own)
        for path, statements in self._wanted.items():
            self._edits[path] += self._outside(path, self._imports.added(path, statements, typed.get(path, ())))
        return self._edits, [*needs.notes, *self._remarks(plan)]

    @property
    def _told(self) -> str:
        return f"With {self._name} in {self._to.path}"

    def _loads(self, needed: Sequence[Need]) -> list[Load]:
        """The imports that come new, those that can wait first."""
        to = self._to.path
        new = [
            Load(to, need.source, need.name) for need in needed if need.source and need.statements and not need.typed
        ]
        own = self._statement in self._wanted[self._from]
        new += [Load(self._from, to, self._name, own=True)] if own else []
        for path, statements in self._wanted.items():
            if statements - ({self._statement} if path == self._from else set()):
                new.append(Load(path, to))
        new += [Load(path, to) for path in self._loading]
        early = [use for use in self._uses.found if use.kind in ("import", "attribute") and is_loaded(use.scope)]
        return new + [Load(use.path, to) for use in early]

    def _when(self, needs: Needs, there: Source | None) -> Callable[[Load], When | int]:
        """Tells when what an import brings is needed."""

        def when(load: Load) -> When | int:
            if load.own and self._keep:
                return self._node.lineno  # others may take it from there at once
            if load.own:
                found, quoted = self._late.when(self._own, unread=is_late(self._source)), self._is_quoted
                if isinstance(found, When) and (line := self._late.run(found.functions)):
                    return line
            else:
                unread = is_late(self._source) and (there is None or is_late(there))
                found = self._late.when(needs.places(load.name), unread=unread)
                quoted = needs.is_quoted(load.name)
            return replace(found, typed=found.typed or quoted) if isinstance(found, When) else found

        return when

    def _code(self, begin: int, end: int, plan: Untangled, needed: Sequence[Need]) -> str:
        """The definition as it is to be, with the imports that wait."""
        edits = self._imports.led_anew(self._node, self._to) if self._is_elsewhere else []
        statements = {need.name: need.statements for need in needed}
        for name, when in plan.needs.items():
            edits += [edit for one in statements[name] for edit in self._late.within(when, one)]
        return self._source.part(begin, end, joined(edits)).strip("\r\n")

    @property
    def _is_elsewhere(self) -> bool:
        """Whether relative imports lead elsewhere from the new file."""
        return self._place(self._from).package != self._to.package

    def _own_late(self, own: When | None) -> dict[str, set[str]]:
        """Let the old module import it as its functions run; what a type checker needs there comes back."""
        if own is None:
            return {}
        self._wanted[self._from].discard(self._statement)
        self._edits[self._from] += self._late.within(own, self._statement)
        return {self._from: {self._statement}} if own.typed else {}

    def _remarks(self, plan: Untangled) -> Iterator[str]:
        """What waits, for the person."""
        why = "as the modules would import each other otherwise"
        for name, when in plan.needs.items():
            yield f"{name} is imported in {self._to.path} {_only(when)}, {why}."
        if plan.own is not None:
            yield f"{self._name} is imported in {self._from} {_only(plan.own)}, {why}."

    def _free(self, to: Place) -> Place:
        """The place, where the name is not taken there.

        Raises:
            Refused: it is, or it is the old one.
        """
        if to.path == self._from:
            raise Refused(f"{self._name} is in {to.path} already.")
        if to.path in self._modules.files:
            there = self._modules.exported(to.path, self._name)
            bound = self._name in scopes_of(self._modules, to.path).module.bindings
            if there != self._uses.target and (bound or isinstance(there, Entity)):
                raise Refused(f"{to.path} has a {self._name} already.")
            see_builtin(scopes_of(self._modules, to.path), self._name, to.path)
        return to

    def _place(self, path: str) -> Place:
        return Place(path, self._modules.dotted(path))

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
            self._wanted[self._from].add(self._statement)
            if use.node is not None:
                self._own.append(use.node)

    def _is_old(self, use: Use) -> bool:
        assert isinstance(use.node, ast.ImportFrom)
        return self._modules.module(self._modules.imported(use.path, use.node)) == self._from

    def _reimport(self, use: Use, node: ast.ImportFrom, alias: ast.alias) -> None:
        """Take the name out of an import of the old module, and import it from the new one."""
        source = self._modules.source(use.path)
        given = source.text[slice(*source.span(alias))]
        start, end = source.span(node)
        if use.path == self._to.path:
            if alias.asname not in (None, self._name):
                raise Refused(f"{self._to.path} calls {self._name} {alias.asname}; import it by its own name first.")
            new = ""
        elif node.level:
            new = self._imports.statement(self._to.dotted, given, self._place(use.path))
        else:
            new = f"from {self._to.dotted} import {given}"
        if len(node.names) == 1:
            self._edits[use.path].append(Edit(start, end, new) if new else whole_lines(source, node))
            return
        self._edits[use.path].append(without(source, node, alias))
        if new:
            indent = source.text[source.line_start(node.lineno) : start]
            self._edits[use.path].append(Edit(end, end, f"{source.newline}{indent if indent.isspace() else ''}{new}"))

    def _requalify(self, use: Use, node: ast.Attribute) -> None:
        """`module.name` becomes `name`, imported from the new module."""
        source = self._modules.source(use.path)
        scopes, start = scopes_of(self._modules, use.path), source.span(node.value)[0]
        assert use.scope is not None
        if not isinstance(node.ctx, ast.Load):
            self._uses.doubt(use.path, use.start, "it is replaced here, and where that counts is for you to say")
            return
        if use.path == self._to.path:
            if scopes.lookup(self._name, use.scope) not in (None, scopes.module):
                raise Refused(f"{self._name} means something else at {use.path}:{node.lineno}.")
            self._edits[use.path].append(Edit(start, use.end, self._name))
            return
        above, _, stem = self._to.dotted.rpartition(".")
        whole = stem
        if scopes.lookup(stem, use.scope) is None:
            see_builtin(scopes, stem, use.path)
            statement = self._imports.statement(above, stem, self._place(use.path)) if above else f"import {stem}"
            self._wanted[use.path].add(statement)
        elif self._modules.named(stem, use.path, use.scope) != Entity(self._to.path):
            whole = self._to.dotted
            self._see_root(scopes, use, whole.partition(".")[0])
            self._wanted[use.path].add(f"import {whole}")
        self._edits[use.path].append(Edit(start, use.end, f"{whole}.{self._name}"))

    def _see_root(self, scopes: Scopes, use: Use, root: str) -> None:
        """See that a package can be imported by its name where that is used.

        Raises:
            Refused: the name has another meaning there.
        """
        bound = scopes.lookup(root, use.scope) if use.scope else None
        for binding in bound.bindings[root] if bound else ():
            if not isinstance(binding.node, ast.Import) or (binding.alias and binding.alias.asname):
                line = self._modules.source(use.path).line_of(use.start)
                raise Refused(f"{root} means something else at {use.path}:{line}; import {self._name} there first.")

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
                self._edits[use.path].append(Edit(use.start - len(old) - 1, use.start - 1, self._to.dotted))
        elif use.path == self._from and is_listed(self._scopes, source, use.start):
            if not self._keep:
                self._edits[use.path].append(without_text(source, use.start, use.end))
        elif use.path == self._from:  # an annotation in quotes
            self._wanted[self._from].add(self._statement)
            self._is_quoted = True

    @cached_property
    def _statement(self) -> str:
        """The import by which the old module has it."""
        # Linters take what is imported for nothing as offered where it is named twice.
        given = f"{self._name} as {self._name}" if self._keep else self._name
        return self._imports.statement(self._to.dotted, given, self._place(self._from))

    def _stars(self) -> None:
        """Whoever has the name by a star import of the old module imports it by name, too."""
        public = not self._keep and is_public(self._scopes, self._name)
        for path, data in self._modules.files.items():
            scopes = self._modules.scopes(path) if public and path != self._to.path and _STAR.search(data) else None
            for node, alias, _ in scopes.imports if scopes else ():
                if not isinstance(node, ast.ImportFrom) or alias.name != "*":
                    continue
                if self._modules.module(self._modules.imported(path, node)) != self._from:
                    continue
                self._star(path, node, self._name in (scopes.module.bindings if scopes else ()))

    def _star(self, path: str, node: ast.ImportFrom, bound: bool) -> None:
        source = self._modules.source(path)
        start, end = source.span(node)
        if bound:
            self._uses.doubt(path, start, f"{self._name} came by this star, and has another meaning here, too")
            return
        indent = source.text[source.line_start(node.lineno) : start]
        if indent.strip():
            raise Refused(f"The star import at {path}:{node.lineno} shares its line; write it on one of its own first.")
        own = self._place(path)
        relative = self._imports.statement(self._to.dotted, self._name, own)
        statement = relative if node.level else f"from {self._to.dotted} import {self._name}"
        self._edits[path].append(Edit(end, end, f"{source.newline}{indent}{statement}"))
        self._loading.append(path)
        if ".__all__" in source.text:
            self._uses.doubt(path, start, f"its __all__ is made of another's; see that {self._name} is in it")

    def _tell(self, needed: Sequence[Need]) -> None:
        """Places that replace what it needs in the old module, as tests do; and its stub."""
        old = self._modules.dotted(self._from)
        for need in needed:
            whole = f"{old}.{need.name}"
            for path in self._modules.mentions(need.name):
                scopes = self._modules.scopes(path)
                for node, _, _ in scopes.texts if scopes else ():
                    if node.value == whole:
                        place = self._modules.source(path).span(node)[0]
                        self._uses.doubt(path, place, f"{self._name} has {need.name} from {self._to.path} now")
        self._tell_aliases()
        stub = f"{self._from}i"
        scopes = self._modules.scopes(stub) if stub in self._modules.files else None
        for binding in scopes.module.bindings.get(self._name, ()) if scopes else ():
            place = self._modules.source(stub).span(binding.node)[0]
            self._uses.doubt(stub, place, "the stub is still to be moved")

    def _tell_aliases(self) -> None:
        """Places where the old module goes by another name that it was assigned."""
        for path in self._modules.mentions(self._name):
            scopes = self._modules.scopes(path)
            for node, scope in scopes.attributes if scopes else ():
                whole = self._modules.meaning(node.value, path, scope) if node.attr == self._name else None
                other = self._modules.scopes(whole.path) if isinstance(whole, Entity) and whole.name else None
                if other is None or not isinstance(whole, Entity):
                    continue
                for binding in other.module.bindings.get(whole.name, ()):
                    value = self._modules.meaning(binding.value, whole.path, other.module) if binding.value else None
                    if value == Entity(self._from):
                        place = self._modules.source(path).span(node)[0]
                        self._uses.doubt(path, place, f"{whole.name} is {self._from}, which has no {self._name} now")

    def _arrive(self, needs: Needs, needed: Sequence[Need], code: str) -> None:
        """Put the definition into a file that is there, with what it lacks."""
        path = self._to.path
        missing = list(needs.missing(needed))
        statements = {one for need in missing if not need.typed for one in need.statements} | self._wanted.pop(
            path, set()
        )
        typed = {one for need in missing if need.typed for one in need.statements}
        found = [use for use in self._uses.found if use.path == path and use.kind == "name"]
        after = arrived(self._modules, self._source, path, self._node, found)
        statements |= after.futures(bool(typed))
        names = [need.name for need in needed]
        self._edits[path] += after.edits(code, self._imports.added(path, statements, typed), names)

    def _outside(self, path: str, texts: Mapping[int, str]) -> list[Edit]:
        """Texts that go in, none of them within what is taken out."""
        out = [edit for edit in self._edits[path] if not edit.new]
        places = {at: next((edit.start for edit in out if edit.start <= at < edit.end), at) for at in texts}
        return [Edit(places[at], places[at], text) for at, text in texts.items()]


def _only(when: When) -> str:
    within = ", ".join(one.name for one in when.functions)
    parts = [f"within {within} as it runs"] if within else []
    return " and ".join([*parts, *(["for type checkers alone"] if when.typed else [])])
