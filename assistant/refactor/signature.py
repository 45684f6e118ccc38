"""Change of a signature: the head of the function, of those that override it, and the arguments of every call.

"(a, c, b=1)" ─► parameters, old and new ─► which are gone, new, renamed ─► heads ─► calls, bound as Python does it
"""

import ast
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Function, parameters
from ossa.assistant.refactor.source import Edit, Source
from ossa.assistant.refactor.uses import Use, Uses
from ossa.assistant.refactor.wish import Refused

_HARMLESS = frozenset({"staticmethod", "classmethod", "property", "contextmanager", "cache", "lru_cache", "override"})
_ABSTRACT = frozenset({"abstractmethod", "overload", "asynccontextmanager", "final", "cached_property"})


@dataclass(frozen=True, slots=True)
class Head:
    """Parameters as a call sees them, without `self`."""

    arguments: ast.arguments
    skip: int = 0
    """How many come by themselves: 1 for `self` and `cls`."""

    @property
    def positional(self) -> list[str]:
        """Those that may be given by place."""
        return [one.arg for one in [*self.arguments.posonlyargs, *self.arguments.args]][self.skip :]

    @property
    def only_keywords(self) -> list[str]:
        """Those that may be given by name alone."""
        return [one.arg for one in self.arguments.kwonlyargs]

    @property
    def names(self) -> list[str]:
        """All of them but `*args` and `**kwargs`."""
        return [*self.positional, *self.only_keywords]

    @property
    def required(self) -> set[str]:
        """Those without a default."""
        places = [one.arg for one in [*self.arguments.posonlyargs, *self.arguments.args]]
        bare = places[: len(places) - len(self.arguments.defaults)]
        pairs = zip(self.arguments.kwonlyargs, self.arguments.kw_defaults, strict=True)
        return {*bare[self.skip :], *(one.arg for one, default in pairs if default is None)}


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
        scopes = self._modules.scopes(self._target.path)
        known = scopes.definitions if scopes else ()
        if sum(outer.inner(one.name) == self._target.name for one, outer, _ in known) > 1:
            often = f"{self._target.name} is defined several times in {self._target.path}, as overloads are"
            raise Refused(f"{often}; change its signature by hand.")
        skip = int("." in self._target.name and "staticmethod" not in _decorators(node))
        self._old, self._new = Head(node.args, skip), _read(to, node, skip)
        self._renamed = self._pairs()
        self._check()
        self._edits: dict[str, list[Edit]] = defaultdict(list)

    def edits(self) -> Mapping[str, list[Edit]]:
        self._define(self._target.path, self._node)
        heads = {use.node for use in self._uses.found if use.kind == "definition"}
        for use in self._uses.found:
            if use.kind == "definition" and isinstance(use.node, Function) and use.node is not self._node:
                self._override(use.path, use.node)
        for decorator in _decorators(self._node):
            if decorator not in _HARMLESS | _ABSTRACT:
                place = self._modules.source(self._target.path).span(self._node)[0]
                self._uses.doubt(self._target.path, place, f"@{decorator} may call it with arguments of its own")
        calls = self._calls()
        for use in self._uses.found:
            if use.kind in ("name", "attribute") and use.node not in heads:
                self._call(use, calls.get((use.path, use.end)))
        return self._edits

    def _pairs(self) -> dict[str, str]:
        """Old name to new: one is gone, one is new, at the same place."""
        gone = [name for name in self._old.names if name not in self._new.names]
        new = [name for name in self._new.names if name not in self._old.names]
        if len(gone) == len(new) == 1 and self._old.names.index(gone[0]) == self._new.names.index(new[0]):
            return {gone[0]: new[0]}
        return {}

    def _check(self) -> None:
        came = {*self._old.names, *self._renamed.values()}
        for name in self._new.required - came:
            need = f"so callers would have nothing to give; give it one, as in {name}=None"
            raise Refused(f"{name} is new and has no default, {need}.")
        for name in self._new.required & (set(self._old.names) - self._old.required):
            raise Refused(f"{name} has a default that callers rely on; keep it, or give it another one.")
        old, new = self._old.arguments, self._new.arguments
        for stars, mine, theirs in (("*", old.vararg, new.vararg), ("**", old.kwarg, new.kwarg)):
            if mine and not theirs:
                raise Refused(f"The new signature lacks {stars}{mine.arg}, which callers may use.")
        gone = set(self._old.names) - set(self._new.names) - self._renamed.keys()
        for part in (sub for statement in self._node.body for sub in ast.walk(statement)):
            if isinstance(part, ast.Name) and part.id in gone:
                raise Refused(
                    f"{part.id} is still used in {self._target.name} (line {part.lineno}); change that first."
                )

    def _define(self, path: str, node: Function) -> None:
        """Write the head anew, and the parameter's new name in the body."""
        source = self._modules.source(path)
        start, end = _brackets(source, node)
        self._edits[path].append(Edit(start, end, ", ".join(_written(self._new, node, self._old.skip, self._renamed))))
        scopes = self._modules.scopes(path)
        inner = next((own for one, _, own in (scopes.definitions if scopes else ()) if one is node), None)
        for name, scope in scopes.names if scopes else ():
            if name.id in self._renamed and inner is not None and scopes and scopes.lookup(name.id, scope) is inner:
                where = source.span(name)
                if source.text[slice(*where)] == name.id:
                    self._edits[path].append(Edit(*where, self._renamed[name.id]))
                else:
                    raise Refused(
                        f"{name.id} stands in an f-string at {path}:{name.lineno} that cannot be changed safely."
                    )

    def _override(self, path: str, node: Function) -> None:
        """A method that overrides it, or is overridden, changes alike where it has the same parameters."""
        if Head(node.args, self._old.skip).names == self._old.names:
            gone = set(self._old.names) - set(self._new.names) - self._renamed.keys()
            if not any(isinstance(part, ast.Name) and part.id in gone for one in node.body for part in ast.walk(one)):
                self._define(path, node)
                return
        source = self._modules.source(path)
        self._uses.doubt(path, source.span(node)[0], "it overrides, or is overridden, with other parameters")

    def _calls(self) -> dict[tuple[str, int], ast.Call]:
        """By path and the end of what is called."""
        found: dict[tuple[str, int], ast.Call] = {}
        for path in {use.path for use in self._uses.found}:
            scopes, source = self._modules.scopes(path), self._modules.source(path)
            for call, _ in scopes.calls if scopes else ():
                found[path, source.span(call.func)[1]] = call
        return found

    def _call(self, use: Use, call: ast.Call | None) -> None:
        if call is None:
            if not isinstance(use.node, ast.alias):
                self._uses.doubt(use.path, use.start, "it is passed on here, so who calls it is not seen")
            return
        source = self._modules.source(use.path)
        if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
            if self._matters(call):
                self._uses.doubt(
                    use.path, use.start, "it is called with * or **, so which arguments are given is not seen"
                )
            return
        skip = int(self._is_unbound(use, call))
        given = self._given(source, call, skip)
        if given is None:
            self._uses.doubt(use.path, use.start, "the call does not fit the old signature")
            return
        old = [*(source.text[slice(*source.span(one))] for one in call.args)]
        old += [source.text[slice(*source.span(one))] for one in call.keywords]
        if given != old:
            self._write(use, source, call, given)

    def _matters(self, call: ast.Call) -> bool:
        """Whether a call with * or ** may have to change: not where parameters were only added behind."""
        return self._new.names[: len(self._old.names)] != self._old.names

    def _is_unbound(self, use: Use, call: ast.Call) -> bool:
        """Whether `self` is given by hand, as in `Class.method(self, …)`."""
        if not self._old.skip or not isinstance(call.func, ast.Attribute) or use.scope is None:
            return False
        if "classmethod" in _decorators(self._node) or not self._uses.owner:
            return False
        meaning = self._modules.meaning(call.func.value, use.path, use.scope)
        return isinstance(meaning, Entity) and isinstance(self._modules.definition(meaning), ast.ClassDef)

    def _given(self, source: Source, call: ast.Call, skip: int) -> list[str] | None:
        """The arguments as the new signature wants them; None where they do not fit the old one."""
        texts = [source.text[slice(*source.span(one))] for one in call.args]
        head, texts = texts[:skip], texts[skip:]
        values: dict[str, str] = {}
        for name, text in zip(self._old.positional, texts, strict=False):
            values[self._renamed.get(name, name)] = text
        more = texts[len(self._old.positional) :]
        named: set[str] = set()
        extra: list[str] = []
        for word in call.keywords:
            assert word.arg is not None
            text = source.text[slice(*source.span(word.value))]
            if word.arg in self._old.names:
                name = self._renamed.get(word.arg, word.arg)
                named.add(name)
                values[name] = text
            else:
                extra.append(f"{word.arg}={text}")
        if (more and not self._old.arguments.vararg) or (extra and not self._old.arguments.kwarg):
            return None
        return [*head, *self._ordered(values, named, more), *extra]

    def _ordered(self, values: Mapping[str, str], named: set[str], more: Sequence[str]) -> list[str]:
        by_place: list[str] = []
        by_name: list[str] = []
        gap = False
        for name in self._new.positional:
            if name not in values:
                gap = True
            elif gap or name in named:
                gap = True
                by_name.append(f"{name}={values[name]}")
            else:
                by_place.append(values[name])
        if more and gap:
            raise Refused("A caller gives more arguments by place than the new signature has room for.")
        order = {name: number for number, name in enumerate(values)}
        by_name += [f"{name}={values[name]}" for name in self._new.only_keywords if name in values]
        by_name.sort(key=lambda text: order.get(text.partition("=")[0], len(order)))
        return [*by_place, *more, *by_name]

    def _write(self, use: Use, source: Source, call: ast.Call, given: Sequence[str]) -> None:
        """Put other arguments into a call; one a line where they stood so."""
        parts = [*call.args, *call.keywords]
        if not parts:
            return
        spans = [source.span(part) for part in parts]
        start, end = min(first for first, _ in spans), max(last for _, last in spans)
        between = [source.text[a:b] for (_, a), (b, _) in pairwise(spans)]
        if any("#" in text for text in between):
            self._uses.doubt(use.path, use.start, "there are comments between the arguments of this call")
            return
        broken = next((text for text in between if "\n" in text), ", ")
        dropped = [
            text
            for text in (source.text[slice(*span)] for span in spans)
            if text.partition("=")[2] not in "".join(given)
        ]
        if any("(" in text for text in dropped if text not in "".join(given)):
            self._uses.doubt(use.path, use.start, "an argument that is a call of its own was taken out")
        if not given and source.text[end : end + 1] == ",":
            end += 1
        self._edits[use.path].append(Edit(start, end, broken.join(given)))


def _read(to: str, node: Function, skip: int) -> Head:
    """The new parameters, with `self` where it was left out."""
    inside = to.strip()
    inside = inside[inside.index("(") :] if inside.startswith("def ") and "(" in inside else inside
    inside = inside if inside.startswith("(") else f"({inside})"
    inside = inside.rstrip().removesuffix(":")
    try:
        function = ast.parse(f"def f{inside}: pass").body[0]
    except (SyntaxError, ValueError) as error:
        raise Refused(f"{to[:120]!r} is no list of parameters in Python, such as (a, b=1, *, c=None).") from error
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    own = next(parameters(node.args), None)
    if skip and own is not None and next((one.arg for one in parameters(arguments)), "") != own.arg:
        place = arguments.posonlyargs if arguments.posonlyargs else arguments.args
        place.insert(0, own)
    return Head(arguments, skip)


def _written(head: Head, node: Function, skip: int, renamed: Mapping[str, str]) -> list[str]:
    """The parameters as text; an annotation that the new ones lack is taken over."""
    back = {new: old for old, new in renamed.items()}
    old = {one.arg: one.annotation for one in parameters(node.args)}
    for one in parameters(head.arguments):
        one.annotation = one.annotation or old.get(back.get(one.arg, one.arg))
    return [ast.unparse(head.arguments)]


def _brackets(source: Source, node: Function) -> tuple[int, int]:
    """What stands between the brackets of a function's head."""
    start = source.text.index("(", source.text.index(node.name, source.span(node)[0] + 3)) + 1
    depth, at = 1, start
    last = max([start, *(source.span(part)[1] for part in _parts(node.args))])
    at = last
    while depth:
        depth += {"(": 1, ")": -1}.get(source.text[at], 0)
        at += 1
    return start, at - 1


def _parts(arguments: ast.arguments) -> list[ast.AST]:
    return [*parameters(arguments), *arguments.defaults, *(one for one in arguments.kw_defaults if one)]


def _decorators(node: Function) -> set[str]:
    """The last part of each decorator's name."""
    plain = [one.func if isinstance(one, ast.Call) else one for one in node.decorator_list]
    return {ast.unparse(one).rpartition(".")[2] for one in plain}
