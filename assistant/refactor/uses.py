"""Every place that means one definition: by scopes, by what is known of classes, by rope, by being the only one.

Entity ─► Uses.find() ─► Use(path, start, end, kind) for what is sure, Doubt for what a person should look at
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ossa.assistant.refactor.classes import Classes
from ossa.assistant.refactor.known import is_common
from ossa.assistant.refactor.modules import OUTSIDE, Entity, Modules
from ossa.assistant.refactor.scopes import Import, Scope, Scopes

Kind: TypeAlias = Literal["definition", "name", "attribute", "import", "text"]
Ask: TypeAlias = Callable[[str, int], bool | None]
"""(path, place) ─► whether rope takes it for the definition; None where it cannot tell."""


@dataclass(frozen=True, slots=True)
class Use:
    """One place where the name stands and means the definition."""

    path: str
    start: int
    end: int
    kind: Kind
    node: ast.AST | None = None
    scope: Scope | None = None
    alias: ast.alias | None = None
    keeps: bool = False
    """An import whose name has other meanings here too, and so stays by `as`."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A place where the name stands, and nothing tells whether it means the definition."""

    path: str
    line: int
    text: str
    why: str


@dataclass
class Uses:
    """Looks for the uses of one definition."""

    modules: Modules
    classes: Classes
    target: Entity
    ask: Ask = lambda path, place: None
    defined: Callable[[str, str], bool | None] = lambda top, name: None
    """(package from elsewhere, name) ─► whether it defines such an attribute; None where it cannot be read."""
    found: list[Use] = field(default_factory=list[Use])
    doubts: list[Doubt] = field(default_factory=list[Doubt])
    asked: int = 0
    """How many places rope was asked for, and how many it knew."""
    known: int = 0
    family: set[Entity] = field(default_factory=set[Entity])
    """Where it is a member: the classes that share it."""

    def __post_init__(self) -> None:
        self.owner, _, self.name = self.target.name.rpartition(".")

    def find(self) -> None:
        """Fill `found` and `doubts`."""
        own = Entity(self.target.path, self.owner)
        if self.owner:
            self.family = {own} if self.name.startswith("__") else self.classes.family(own, self.name)
        only = bool(self.owner) and self._is_only()
        for path in self.modules.mentions(self.name):
            scopes = self.modules.scopes(path)
            if scopes is None:
                self._unread(path)
                continue
            self.found += self._definitions(path, scopes)
            if self.owner:
                self._members(path, scopes, only)
            else:
                self.found += self._imports(path, scopes)
                self.found += self._names(path, scopes)
                self.found += self._captures(path, scopes)
                self.found += self._attributes(path, scopes)

    def is_target(self, meaning: object) -> bool:
        """Whether an entity is the definition, or one that has to keep its name."""
        if meaning == self.target:
            return True
        if not self.owner or not isinstance(meaning, Entity):
            return False
        owner, _, name = meaning.name.rpartition(".")
        return name == self.name and Entity(meaning.path, owner) in self.family

    def doubt(self, path: str, place: int, why: str) -> None:
        """Note a place for the person."""
        source = self.modules.source(path)
        line = source.line_of(place)
        self.doubts.append(Doubt(path, line, source.line(line)[:160], why))

    def _definitions(self, path: str, scopes: Scopes) -> Iterator[Use]:
        own = self.modules.own(path)
        source = self.modules.source(path)
        for node, outer, _ in scopes.definitions:
            if node.name == self.name and self.is_target(Entity(own, outer.inner(node.name))):
                yield self._named(path, node, rf"(?:class|def)\s+({re.escape(self.name)})", "definition", outer)
        for binding, scope in self._assigned(path, scopes):
            start, end = source.span(binding)
            yield Use(path, start, end, "definition", binding, scope)
        if not self.owner and own == self.target.path:
            for node, scope in scopes.sent:
                if isinstance(node, ast.Global) and self.name in node.names:
                    yield self._named(path, node, rf"(?<!\w)({re.escape(self.name)})(?!\w)", "name", scope)

    def _assigned(self, path: str, scopes: Scopes) -> Iterator[tuple[ast.Name, Scope]]:
        """Assignments in the bodies of the classes, where it is a member."""
        if self.owner:
            for node, scope in scopes.names:
                own = Entity(self.modules.own(path), scope.name)
                if node.id == self.name and own in self.family and not isinstance(node.ctx, ast.Load):
                    yield node, scope

    def _imports(self, path: str, scopes: Scopes) -> Iterator[Use]:
        source = self.modules.source(path)
        for node, alias, scope in scopes.imports:
            if not self._is_imported(path, node, alias):
                if (alias.asname or alias.name) == self.name and self.modules.named(
                    self.name, path, scope
                ) == self.target:
                    self.doubt(path, source.span(node)[0], f"this gives {self.name} another meaning")
                elif alias.name == self.name and self._leads_nowhere(path, node):
                    self.doubt(path, source.span(node)[0], "where this is imported from is not known")
                continue
            assert isinstance(node, ast.ImportFrom)
            start = source.span(alias)[0]
            plain = alias.asname is None
            keeps = plain and not self._is_pure(path, scopes, scope)
            yield Use(path, start, start + len(self.name), "import", node, scope, alias, keeps)
            if alias.asname == self.name:
                end = source.span(alias)[1]
                yield Use(path, end - len(self.name), end, "name", alias, scope)

    def _is_imported(self, path: str, node: Import, alias: ast.alias) -> bool:
        if alias.name != self.name or not isinstance(node, ast.ImportFrom):
            return False
        other = self.modules.module(self.modules.imported(path, node))
        return other is not None and self.modules.exported(other, self.name) == self.target

    def _leads_nowhere(self, path: str, node: Import) -> bool:
        """Whether a relative import is of a module that is not there."""
        return (
            isinstance(node, ast.ImportFrom)
            and bool(node.level)
            and not self.modules.module(self.modules.imported(path, node))
        )

    def _is_pure(self, path: str, scopes: Scopes, scope: Scope) -> bool:
        """Whether the name means nothing but the definition in a scope."""
        bound = scopes.lookup(self.name, scope)
        return bound is None or self.modules.named(self.name, path, scope) == self.target

    def _names(self, path: str, scopes: Scopes) -> Iterator[Use]:
        source = self.modules.source(path)
        for node, scope in scopes.names:
            if node.id == self.name and self._is_meant(node, path, scopes, scope):
                start = self._place(path, node, source.span(node)[0])
                if start >= 0:
                    yield Use(path, start, start + len(self.name), "name", node, scope)

    def _is_meant(self, node: ast.Name, path: str, scopes: Scopes, scope: Scope) -> bool:
        """Whether a name is the definition; one that the class around binds, too, may be it before that."""
        around = scope.kind == "class" and self.name in scope.bindings and isinstance(node.ctx, ast.Load)
        if not around or self.modules.exported(path, self.name) != self.target:
            return self.modules.named(self.name, path, scope) == self.target
        before = scopes.is_before(node, scope)
        if before is None:
            self.doubt(path, self.modules.source(path).span(node)[0], "the class around binds the name, too")
        return bool(before)

    def _captures(self, path: str, scopes: Scopes) -> Iterator[Use]:
        """Patterns and handlers that bind the name at the module's top."""
        source = self.modules.source(path)
        for node, name, scope in scopes.captures:
            if name != self.name or self.modules.named(name, path, scope) != self.target:
                continue
            start, end = source.span(node)
            if isinstance(node, ast.MatchAs | ast.MatchStar) and source.text[start:end].endswith(name):
                yield Use(path, end - len(name), end, "name", node, scope)
            else:
                self.doubt(path, start, f"this binds {name}, too")

    def _attributes(self, path: str, scopes: Scopes) -> Iterator[Use]:
        source = self.modules.source(path)
        for node, scope in scopes.attributes:
            if node.attr == self.name and self.modules.meaning(node, path, scope) == self.target:
                start = self._place(path, node, source.span(node)[1] - len(self.name))
                if start >= 0:
                    yield Use(path, start, start + len(self.name), "attribute", node, scope)

    def _members(self, path: str, scopes: Scopes, only: bool) -> None:
        """The uses of a method: the class of what stands before the dot decides."""
        source = self.modules.source(path)
        for node, scope in scopes.attributes:
            if node.attr != self.name:
                continue
            start = self._place(path, node, source.span(node)[1] - len(self.name))
            if start < 0:
                continue
            sure = self._is_member(node, path, scope)
            if sure is None:
                self.asked += 1
                sure = self.ask(path, start)
                self.known += sure is not None
            if sure or (sure is None and only and not self._strangers(scopes)):
                self.found.append(Use(path, start, start + len(self.name), "attribute", node, scope))
            elif sure is None:
                self.doubt(path, start, f"what stands before .{self.name} may be another class")
        self._protocols(path, scopes)
        for node, scope in scopes.names:  # in the class's body itself, as in `alias = method`
            around = Entity(self.modules.own(path), scope.name)
            if (
                node.id == self.name
                and scope.kind == "class"
                and around in self.family
                and isinstance(node.ctx, ast.Load)
            ):
                start = source.span(node)[0]
                before = scopes.is_before(node, scope)
                if before is None:
                    self.doubt(path, start, "it may be read before the class defines it")
                if before is not False:
                    continue
                self.found.append(Use(path, start, start + len(self.name), "name", node, scope))

    def _strangers(self, scopes: Scopes) -> list[str]:
        """The packages from elsewhere that a file imports, and that may have such an attribute."""
        dotted = {
            node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
            for node, alias, _ in scopes.imports
            if not (isinstance(node, ast.ImportFrom) and node.level)
        }
        # A repository may be its package's own folder: `pkg.mod` is then its `mod`.
        tops = {one.partition(".")[0] for one in dotted if not self.modules.module(one.partition(".")[2])}
        foreign = [top for top in tops if top not in sys.stdlib_module_names and not self.modules.is_own(top)]
        return [top for top in foreign if self.defined(top, self.name) is not False]

    def _protocols(self, path: str, scopes: Scopes) -> None:
        """Methods of the name in other classes, where they or the family's are those of a protocol."""
        own = self.modules.own(path)
        for node, outer, _ in scopes.definitions:
            cls = Entity(own, outer.name)
            other = node.name == self.name and outer.kind == "class" and cls not in self.family
            if other and any(self._is_protocol(one) for one in (cls, *self.family)):
                start = self.modules.source(path).span(node)[0]
                self.doubt(path, start, f"this {self.name} may stand for that of a protocol")

    def _is_protocol(self, cls: Entity) -> bool:
        node = self.modules.definition(cls)
        bases = node.bases if isinstance(node, ast.ClassDef) else []
        return any(re.search(r"\bProtocol\b", ast.unparse(base)) for base in bases)

    def _is_member(self, node: ast.Attribute, path: str, scope: Scope) -> bool | None:
        """Whether the attribute is that of the family; None where the class is not known."""
        if self.name.startswith("__"):  # Python puts the name of the class around before it
            return self.classes.around(path, scope) in self.family
        meaning = self.modules.meaning(node.value, path, scope)
        if isinstance(meaning, Entity) and self._is_class(meaning):
            owner: object = meaning
        elif isinstance(meaning, Entity) and not meaning.name:
            return False
        else:
            owner = meaning if meaning == OUTSIDE else self.classes.instance(node.value, path, scope)
        if owner == OUTSIDE:
            return False
        if not isinstance(owner, Entity) or not self._is_class(owner):
            return None
        line = self.classes.ancestors(owner)
        if self.family.intersection(line):
            return True
        foreign = any(self.classes.bases(one)[1] for one in line)
        return False if any(self.classes.defines(one, self.name) for one in line) or not foreign else None

    def _is_class(self, entity: Entity) -> bool:
        return isinstance(self.modules.definition(entity), ast.ClassDef)

    def _is_only(self) -> bool:
        """Whether all of this name in the repository is of the family, and Python itself has no such attribute."""
        if is_common(self.name):
            return False
        for path in self.modules.mentions(self.name):
            scopes = self.modules.scopes(path)
            if scopes is None:
                return False
            own = self.modules.own(path)
            for node, outer, _ in scopes.definitions:
                if node.name == self.name and outer.kind != "function" and Entity(own, outer.name) not in self.family:
                    return False
            for node, scope in scopes.attributes:
                stored = node.attr == self.name and not isinstance(node.ctx, ast.Load)
                if stored and self._is_member(node, path, scope) is not True:
                    return False
        return True

    def _place(self, path: str, node: ast.expr, start: int) -> int:
        """Where the name stands; -1 where it is in an f-string in which the tree does not tell, which is noted."""
        source = self.modules.source(path)
        if source.text[start : start + len(self.name)] == self.name:
            return start
        scopes = self.modules.scopes(path)
        for first, last in scopes.joined if scopes else ():
            if first <= node.lineno <= last:
                begin, end = source.line_start(first), source.line_start(last + 1)
                text = source.text[begin:end]
                inner = [m.start() for m in re.finditer(rf"(?<!\w){re.escape(self.name)}(?!\w)", text)]
                inner = [at for at in inner if "{" in text[:at] and text.rfind("{", 0, at) > text.rfind("}", 0, at)]
                if len(inner) == 1:
                    return begin + inner[0]
        self.doubt(path, source.line_start(node.lineno), "its place in an f-string is not certain")
        return -1

    def _named(self, path: str, node: ast.stmt, pattern: str, kind: Kind, scope: Scope) -> Use:
        """The name within a statement that the tree has no place for."""
        source = self.modules.source(path)
        match = re.compile(pattern).search(source.text, source.span(node)[0])
        assert match is not None
        return Use(path, match.start(1), match.end(1), kind, node, scope)

    def _unread(self, path: str) -> None:
        """A file that is no Python of this version: each line with the name is for the person."""
        text = self.modules.source(path).text
        for match in re.finditer(rf"(?<!\w){re.escape(self.name)}(?!\w)", text):
            self.doubt(path, match.start(), "the file is not Python as this version reads it")
