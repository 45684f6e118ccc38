"""Where a class's `__init__` is called: by the class, by heirs without one of their own, by `super()`, by `cls`.

Class ─► heirs: built by it, perhaps, or by their own ─► Place for what is sure, a doubt of `uses` for what is not
"""

import ast
from collections.abc import Iterator

from ossa.assistant.refactor.callers import Place, places
from ossa.assistant.refactor.modules import OUTSIDE, Entity
from ossa.assistant.refactor.scopes import Scope
from ossa.assistant.refactor.uses import Doubt, Uses
from ossa.assistant.refactor.wish import Refused

_OWN_CLASS = frozenset({"cls", "type(self)", "self.__class__"})
_UNSURE = "whether its arguments go to the changed __init__ is not sure"
_TESTS = frozenset({"isinstance", "issubclass", "cast", "TypeVar", "NewType"})
"""Calls that take a class and do not build it."""


class Builders:
    """The places that build a class."""

    def __init__(self, uses: Uses, cls: Entity) -> None:
        """Take `uses` for its doubts, which become those of the class.

        Raises:
            Refused: the class has a `__new__`, which takes the same arguments.
        """
        self._uses, self._modules, self._classes, self._cls = uses, uses.modules, uses.classes, cls
        for one in self._classes.ancestors(cls):
            if self._classes.defines(one, "__new__"):
                raise Refused(f"{one.name} in {one.path} has a __new__, which takes the same arguments as __init__.")
        if uses.target != cls:
            uses.doubts.clear()  # they are of every __init__ that there is
        self._sure, self._unsure, self._apart = {cls}, set[Entity](), set[Entity]()
        self._sort()

    def places(self) -> list[Place]:
        """All calls that are sure, and what passes the class on."""
        found: list[Place] = []
        for cls in sorted(self._sure | self._unsure, key=lambda one: (one.path, one.name)):
            for place in self._named(cls):
                if cls in self._sure:
                    found.append(place)
                else:
                    self._doubt(place.path, place.start, _UNSURE)
        found += self._by_own_class()
        found += self._by_name()
        self._uses.doubts[:] = list(dict.fromkeys(self._uses.doubts))
        return list({place.node: place for place in found}.values())

    def _sort(self) -> None:
        """Which heirs the class's `__init__` builds."""
        waiting = [self._cls]
        for cls in waiting:
            for heir in self._classes.heirs(cls):
                if heir in waiting:
                    continue
                waiting.append(heir)
                bases, others = self._classes.bases(heir)
                node = self._modules.definition(heir)
                odd = not isinstance(node, ast.ClassDef) or bool(node.keywords or node.decorator_list)
                if self._classes.defines(heir, "__init__"):
                    self._apart.add(heir)
                elif len(bases) != 1 or others or odd or self._classes.defines(heir, "__new__"):
                    self._unsure.add(heir)
                else:
                    kin = next(kin for kin in (self._sure, self._unsure, self._apart) if cls in kin)
                    kin.add(heir)

    def _named(self, cls: Entity) -> Iterator[Place]:
        """Where the class is called, or passed on."""
        uses = self._uses
        if cls != uses.target:
            uses = Uses(self._modules, self._classes, cls, self._uses.ask)
            uses.find()
            self._uses.doubts += uses.doubts
        if "<locals>" in cls.name and (node := self._modules.definition(cls)):
            self._doubt(cls.path, self._modules.source(cls.path).span(node)[0], "calls of a class in a function")
        known: dict[str, set[ast.AST]] = {}
        for place in places(uses):
            if place.path not in known:
                tree = self._modules.source(place.path).tree
                known[place.path] = set(_harmless(tree)) if tree else set()
            if place.call is not None or place.node not in known[place.path]:
                yield place

    def _by_own_class(self) -> Iterator[Place]:
        """`cls(…)`, `type(self)(…)` and `self.__class__(…)` in the class, its bases and its heirs."""
        line = {*self._sure, *self._unsure, *self._classes.ancestors(self._cls)}
        for path in sorted({cls.path for cls in line}):
            scopes, source = self._modules.scopes(path), self._modules.source(path)
            for call, scope in scopes.calls if scopes else ():
                if ast.unparse(call.func) not in _OWN_CLASS:
                    continue
                around = self._classes.around(path, scope)
                if around in line:
                    start = source.span(call)[0]
                    if around in self._sure and all(heir in self._sure for heir in self._below(around)):
                        yield Place(path, start, call.func, scope, call)
                    else:
                        self._doubt(path, start, f"it builds {around.name}, or an heir: {_UNSURE}")

    def _by_name(self) -> Iterator[Place]:
        """`super().__init__(…)`, `Class.__init__(self, …)`, `object.__init__(…)`."""
        for path in self._modules.mentions("__init__"):
            scopes, source = self._modules.scopes(path), self._modules.source(path)
            called = {call.func: call for call, _ in (scopes.calls if scopes else ())}
            for node, scope in scopes.attributes if scopes else ():
                if node.attr != "__init__":
                    continue
                start = source.span(node)[0]
                meaning = self._modules.meaning(node.value, path, scope)
                by_hand = isinstance(meaning, Entity) and isinstance(self._modules.definition(meaning), ast.ClassDef)
                sure = self._is_ours(node, path, scope, meaning if by_hand and isinstance(meaning, Entity) else None)
                if sure:
                    yield Place(path, start, node, scope, called.get(node), by_hand)
                elif sure is None and meaning != OUTSIDE:
                    self._doubt(path, start, _UNSURE)

    def _is_ours(self, node: ast.Attribute, path: str, scope: Scope, cls: Entity | None) -> bool | None:
        """Whether such an attribute is the changed `__init__`; None where that is not known."""
        if isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super":
            around = self._classes.around(path, scope)
            return around is not None and self._is_above(around)
        if cls is None:
            kind = self._classes.instance(node.value, path, scope)
            if not isinstance(kind, Entity):
                return False if kind == OUTSIDE else None
            cls = kind
        return True if cls in self._sure else None if cls in self._unsure else False

    def _is_above(self, cls: Entity) -> bool | None:
        """Whether `super()` in a class leads to the changed `__init__`."""
        heirs = self._sure | self._unsure | self._apart
        if cls not in heirs - {self._cls}:
            mixed = [heir for heir in heirs if len(self._classes.bases(heir)[0]) > 1]
            beside = {one for heir in mixed for one in self._classes.ancestors(heir)}
            return None if cls in beside - {*self._classes.ancestors(self._cls)} else False
        bases, others = self._classes.bases(cls)
        several = any(len(self._classes.bases(one)[0]) > 1 for one in [cls, *self._below(cls)])
        if several or others or bases[0] in self._unsure:
            return None
        return bases[0] in self._sure

    def _below(self, cls: Entity) -> list[Entity]:
        """All that inherit from a class."""
        found = list(self._classes.heirs(cls))
        for one in found:
            found += [heir for heir in self._classes.heirs(one) if heir not in found]
        return found

    def _doubt(self, path: str, place: int, why: str) -> None:
        source = self._modules.source(path)
        line = source.line_of(place)
        self._uses.doubts.append(Doubt(path, line, source.line(line)[:160], why))


def _harmless(tree: ast.AST) -> Iterator[ast.AST]:
    """Expressions that name a class and do not pass it on: bases, annotations, tests, what stands before a dot."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef():
                yield from (sub for base in node.bases for sub in ast.walk(base))
            case ast.arg(annotation=ast.expr() as note) | ast.AnnAssign(annotation=note):
                yield from ast.walk(note)
            case ast.FunctionDef(returns=ast.expr() as note) | ast.AsyncFunctionDef(returns=ast.expr() as note):
                yield from ast.walk(note)
            case ast.Attribute(value=value) | ast.ExceptHandler(type=ast.expr() as value) | ast.MatchClass(cls=value):
                yield value
            case ast.Call(func=ast.Name(id=name)) if name in _TESTS:
                yield from (sub for part in node.args for sub in ast.walk(part))
            case _:
                pass
