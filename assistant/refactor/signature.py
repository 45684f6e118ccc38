"""Change of a signature: the head of the function, of those that override it, and the arguments of every call.

"(a, c, b=1)" ─► Change ─► checked against the body ─► heads ─► callers, or builders of a class ─► calls
"""

import ast
import builtins
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from ossa.assistant.refactor.builders import Builders
from ossa.assistant.refactor.callers import Place, places
from ossa.assistant.refactor.calls import Calls
from ossa.assistant.refactor.heads import Change, Head, alike, brackets, decorators, read, written
from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Function, Scope, parameters
from ossa.assistant.refactor.source import Edit
from ossa.assistant.refactor.uses import Uses
from ossa.assistant.refactor.wish import Refused

_HARMLESS = frozenset({"staticmethod", "classmethod", "property", "contextmanager", "cache", "lru_cache", "override"})
_ABSTRACT = frozenset({"abstractmethod", "overload", "asynccontextmanager", "final", "cached_property"})
_READERS = frozenset({"locals", "vars", "eval", "exec"})


def changed(uses: Uses, to: str) -> Mapping[str, list[Edit]]:
    """The edits of each file.

    Raises:
        Refused: the new signature cannot be read, or cannot be.
    """
    return _Signature(uses, to).edits()


class _Signature:
    def __init__(self, uses: Uses, to: str) -> None:
        self._uses, self._modules = uses, uses.modules
        self._target = uses.target
        node = self._modules.definition(self._target)
        if isinstance(node, ast.ClassDef):
            self._target = Entity(self._target.path, f"{self._target.name}.__init__")
            node = self._modules.definition(self._target)
        if not isinstance(node, Function):
            raise Refused(f"{uses.target.name} in {uses.target.path} is no function, and no class with an __init__.")
        self._node = node
        self._owner, _, self._name = self._target.name.rpartition(".")
        scopes = self._modules.scopes(self._target.path)
        known = scopes.definitions if scopes else ()
        if sum(outer.inner(one.name) == self._target.name for one, outer, _ in known) > 1:
            often = f"{self._target.name} is defined several times in {self._target.path}, as overloads are"
            raise Refused(f"{often}; change its signature by hand.")
        self._kinds = decorators(node)
        skip = int(bool(self._owner) and "staticmethod" not in self._kinds)
        self._change = Change(Head(node.args, skip), read(to, node, skip))
        self._check()
        self._edits: dict[str, list[Edit]] = defaultdict(list)
        self._left: set[Entity] = set()
        """Classes whose own version was left as it is."""

    def edits(self) -> Mapping[str, list[Edit]]:
        self._define(self._target.path, self._node)
        if self._name == "__init__" and self._owner:
            found = Builders(self._uses, Entity(self._target.path, self._owner)).places()
        else:
            self._overrides()
            found = list(places(self._uses, method=bool(self._change.old.skip) and "classmethod" not in self._kinds))
        for decorator in sorted(self._kinds - _HARMLESS - _ABSTRACT):
            self._doubt(self._target.path, self._node, f"@{decorator} may call it with arguments of its own")
        calls = Calls(self._uses, self._change, self._edits)
        for place in sorted(found, key=lambda one: _length(one.call)):  # what stands within others comes first
            if self._is_left(place):
                self._uses.doubt(place.path, place.start, "it may call a method whose parameters were left as they are")
            else:
                calls.rewrite(place)
        self._uses.doubts.sort(key=lambda doubt: (doubt.path, doubt.line))
        return self._edits

    def _check(self) -> None:
        """See that the new head can be.

        Raises:
            Refused: callers or the function's body would miss something.
        """
        old, new = self._change.old, self._change.new
        for name in new.required - {*old.names, *self._change.renamed.values()}:
            need = f"so callers would have nothing to give; give it one, as in {name}=None"
            raise Refused(f"{name} is new and has no default, {need}.")
        back = {after: before for before, after in self._change.renamed.items()}
        for name in (one for one in new.required if back.get(one, one) in old.defaults):
            raise Refused(f"{name} has a default that callers rely on; keep it, or give it another one.")
        before, after = old.arguments, new.arguments
        for stars, mine, theirs in (("*", before.vararg, after.vararg), ("**", before.kwarg, after.kwarg)):
            if mine and not theirs:
                raise Refused(f"The new signature lacks {stars}{mine.arg}, which callers may use.")
        if problem := self._problem(self._node):
            raise Refused(problem)

    def _problem(self, node: Function) -> str:
        """What in a function's body stands against the new head; "" where nothing does."""
        for name, line in _words(node):
            if name in self._change.gone:
                return f"{name} is still used in {self._target.name} (line {line}); change that first."
            if name in self._change.fresh:
                return f"{name} already means something in {self._target.name} (line {line}); choose another name."
        for part in (sub for statement in node.body for sub in ast.walk(statement)):
            if not isinstance(part, ast.Name | ast.arg):
                line = getattr(part, "lineno", node.lineno)
                for name in self._change.renamed.keys() & set(_called(part)):
                    return f"{name} is bound anew in {self._target.name} (line {line}); rename it there first."
        return ""

    def _define(self, path: str, node: Function) -> None:
        """Write the head anew, and the parameters' new names in the body."""
        source, renamed = self._modules.source(path), self._change.renamed
        where = brackets(source, node)
        text, lost = written(source, node, self._change)
        for comment in lost:
            self._doubt(path, node, f"a comment in its head found no place: {comment[:80]}")
        self._edits[path].append(Edit(where.start, where.end, text))
        scopes = self._modules.scopes(path)
        inner = next((own for one, _, own in (scopes.definitions if scopes else ()) if one is node), None)
        for name, scope in scopes.names if scopes else ():
            if name.id in renamed and inner is not None and scopes and scopes.lookup(name.id, scope) is inner:
                start, end = source.span(name)
                if source.text[start:end] != name.id:
                    raise Refused(
                        f"{name.id} stands in an f-string at {path}:{name.lineno} that cannot be changed safely."
                    )
                self._edits[path].append(Edit(start, end, renamed[name.id]))
        if self._change.gone or renamed:
            for name, line in _words(node):
                if name in _READERS:
                    self._uses.doubt(path, source.line_start(line), f"{name}() may read a parameter by its old name")

    def _overrides(self) -> None:
        """Methods that override it, or are overridden, change alike where they have the same head."""
        for use in self._uses.found:
            if use.kind != "definition" or use.node is self._node or use.node is None:
                continue
            if why := self._against(use.path, use.node, use.scope):
                self._doubt(use.path, use.node, why)
                self._left |= {Entity(self._modules.own(use.path), use.scope.name)} if use.scope else set()
            elif isinstance(use.node, Function):
                self._define(use.path, use.node)

    def _against(self, path: str, node: ast.AST, scope: Scope | None) -> str:
        """Why an override is left as it is; "" where it is not."""
        if not isinstance(node, Function):
            return "the class assigns it here, with parameters that are not seen"
        if not self._is_alike(node):
            return "it overrides, or is overridden, with other parameters or defaults"
        if self._problem(node):
            return "its body stands against the new parameters, which its base has"
        if missing := self._missing(path, scope):
            return f"{missing}, which the new parameters name, is not known here"
        return ""

    def _is_left(self, place: Place) -> bool:
        """Whether a call goes to an override that was left, or may go there."""
        if not self._left or self._change.is_behind or not isinstance(place.node, ast.Attribute):
            return False
        classes, value = self._uses.classes, place.node.value
        owner = self._modules.meaning(value, place.path, place.scope)
        if not isinstance(owner, Entity):
            owner = classes.instance(value, place.path, place.scope)
        if not isinstance(owner, Entity):
            return True
        above = isinstance(value, ast.Call) and ast.unparse(value.func) == "super"
        line = classes.ancestors(owner)[int(above) :]
        return next((one for one in line if classes.defines(one, self._name)), None) in self._left

    def _is_alike(self, node: Function) -> bool:
        kinds = {"staticmethod", "classmethod"}
        return alike(node.args, self._node.args) and decorators(node) & kinds == self._kinds & kinds

    def _missing(self, path: str, scope: Scope | None) -> str:
        """A name in new defaults or annotations that a place does not know."""
        scopes = self._modules.scopes(path)
        if scopes is None or scope is None or path == self._target.path or "*" in scopes.module.bindings:
            return ""
        fresh = [one for one in parameters(self._change.new.arguments) if one.arg in self._change.fresh]
        parts = [one.annotation for one in fresh] + list(self._change.new.defaults.values())
        names = [sub.id for part in parts if part for sub in ast.walk(part) if isinstance(sub, ast.Name)]
        return next((n for n in names if not hasattr(builtins, n) and scopes.lookup(n, scope) is None), "")

    def _doubt(self, path: str, node: ast.AST, why: str) -> None:
        self._uses.doubt(path, self._modules.source(path).span(node)[0], why)


def _length(call: ast.Call | None) -> tuple[int, int]:
    """How far a call reaches."""
    if call is None:
        return 0, 0
    return (call.end_lineno or call.lineno) - call.lineno, (call.end_col_offset or 0) - call.col_offset


def _words(node: Function) -> Iterator[tuple[str, int]]:
    """Every name that a function's body reads or binds, with its line."""
    for part in (sub for statement in node.body for sub in ast.walk(statement)):
        for name in _called(part):
            yield name, getattr(part, "lineno", node.lineno)


def _called(part: ast.AST) -> Sequence[str]:
    """The names that a node of the tree itself reads or binds."""
    match part:
        case ast.Name(id=name) | ast.arg(arg=name):
            return [name]
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return [name]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            return [name]
        case ast.MatchMapping(rest=str(name)):
            return [name]
        case ast.alias(name=name, asname=other):
            return [other or name.partition(".")[0]]
        case ast.Global(names=names) | ast.Nonlocal(names=names):
            return names
        case _:
            return ()
