"""Whether a new name is free where it is to stand: what reads, stores, imports or inherits it already.

Uses, new name ─► check_free() ─► nothing, a doubt of a place that may store it, or a sentence that says who has it
"""

import ast
import re
from abc import ABCMeta
from collections.abc import Iterator
from enum import Enum

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.scopes import Scope
from ossa.assistant.refactor.uses import Uses
from ossa.assistant.refactor.wish import Refused

_BASES = {
    **dict.fromkeys(("Exception", "BaseException"), (BaseException,)),
    **dict.fromkeys(("Enum", "IntEnum", "StrEnum", "Flag", "IntFlag"), (Enum,)),
    "NamedTuple": (tuple,),
    "TypedDict": (dict,),
    "ABC": (ABCMeta,),
}
"""Where the bases that classes have most often keep their members."""
_ALL = rb"import\s*\(?\s*\*"


def check_free(uses: Uses, new: str) -> None:
    """See that the name means nothing else where it is to stand.

    Raises:
        Refused: it does.
    """
    _check_mangled(uses, new)
    if uses.owner:
        _check_members(uses, new)
        _check_bodies(uses, new)
        _check_stored(uses, new)
    else:
        _check_exports(uses, new)
        _check_places(uses, new)


def is_mangled(name: str) -> bool:
    """Whether Python puts the class's name before it within a class."""
    return name.startswith("__") and not name.endswith("__")


def _check_mangled(uses: Uses, new: str) -> None:
    """A name with two underscores before it is another one in each class."""
    if not is_mangled(new) and not is_mangled(uses.name):
        return
    told = f"{new if is_mangled(new) else uses.name} is another name in each class, as Python mangles it"
    if not uses.owner:
        if any(_in_class(use.scope) for use in uses.found):
            raise Refused(f"{told}; choose a name without two underscores before it.")
        return
    if is_mangled(new) != is_mangled(uses.name):
        raise Refused(f"{told}, so a member gets or loses such a name by hand alone.")
    whole = f"_{uses.owner.rpartition('.')[2].lstrip('_')}{uses.name}"
    if written := uses.modules.mentions(whole):
        raise Refused(f"{written[0]} speaks of {uses.name} as {whole}; change that first.")


def _in_class(scope: Scope | None) -> bool:
    while scope is not None and scope.kind != "class":
        scope = scope.parent
    return scope is not None


def _check_members(uses: Uses, new: str) -> None:
    """The classes that share the member, and all that they inherit from, have no such member."""
    for cls in sorted(uses.family, key=lambda one: (one.path, one.name)):
        for one in uses.classes.ancestors(cls):
            if uses.classes.defines(one, new) or new in uses.classes.slots(one):
                raise Refused(f"{one.name} in {one.path} has a {new} already; choose another name.")
            if kind := _inherits(uses, one, new):
                raise Refused(f"{one.name} in {one.path} has a {new} already, from {kind}; choose another name.")


def _inherits(uses: Uses, cls: Entity, new: str) -> str:
    """Which of Python's usual bases gives the class such a member."""
    node = uses.modules.definition(cls)
    for base in node.bases if isinstance(node, ast.ClassDef) else ():
        name = ast.unparse(base).rpartition(".")[2]
        if any(new in vars(kind) for kind in _BASES.get(name, ())):
            return name
    return ""


def _check_bodies(uses: Uses, new: str) -> None:
    """The body of a class that gets the name does not read it, as in `-> list[int]` below a method `list`."""
    for path in uses.modules.mentions(new):
        scopes = uses.modules.scopes(path)
        own = uses.modules.own(path)
        for node, scope in scopes.names if scopes else ():
            cls = Entity(own, scope.name)
            if node.id == new and scope.kind == "class" and cls in uses.family and uses.classes.defines(cls, uses.name):
                raise Refused(f"{path}:{node.lineno} reads {new} in the body of {scope.name}; choose another name.")


def _check_stored(uses: Uses, new: str) -> None:
    """No instance gets an attribute of the name, as by `self.new = …`."""
    related = {one for cls in uses.family for one in uses.classes.ancestors(cls)}
    for path in uses.modules.mentions(new):
        scopes = uses.modules.scopes(path)
        for node, scope in scopes.attributes if scopes else ():
            if node.attr != new or isinstance(node.ctx, ast.Load):
                continue
            owner = uses.classes.instance(node.value, path, scope)
            if owner is None:
                meaning = uses.modules.meaning(node.value, path, scope)
                owner = meaning if isinstance(meaning, Entity) else owner
            if owner in related:
                raise Refused(f"{path}:{node.lineno} stores a {new} on the same objects; choose another name.")
            if owner is None:
                start = uses.modules.source(path).span(node)[1] - len(new)
                uses.doubt(path, start, f"this may store a {new} on the same objects")


def _check_exports(uses: Uses, new: str) -> None:
    """No module through which the definition can be had has the name, nor reads it as Python's own."""
    modules = uses.modules
    keeping = {use.path for use in uses.found if use.keeps}
    stars = [path for path, data in modules.files.items() if re.search(_ALL, data)]
    for path in sorted({*modules.mentions(uses.name), *stars}):
        if path in keeping or modules.exported(path, uses.name) != uses.target:
            continue
        if isinstance(modules.exported(path, new), Entity):
            raise Refused(f"{path} has a {new} already; choose another name.")
        for line in _read_freely(uses, path, new, None):
            raise Refused(f"{path}:{line} reads {new}, which means something else there; choose another name.")
        _doubt_stars(uses, path, new)
    for use in uses.found:
        if use.kind == "import" and use.alias and not use.alias.asname and not use.keeps and use.scope is not None:
            for line in _read_freely(uses, use.path, new, use.scope):
                raise Refused(f"{use.path}:{line} reads {new}, which means something else there; choose another name.")


def _read_freely(uses: Uses, path: str, new: str, within: Scope | None) -> Iterator[int]:
    """The lines where a file reads the name without giving it a meaning itself."""
    scopes = uses.modules.scopes(path)
    for node, scope in scopes.names if scopes else ():
        if node.id == new and scopes and scopes.lookup(new, scope) is None and (not within or _is_in(scope, within)):
            yield node.lineno


def _is_in(scope: Scope | None, outer: Scope) -> bool:
    while scope is not None and scope is not outer:
        scope = scope.parent
    return scope is outer


def _doubt_stars(uses: Uses, path: str, new: str) -> None:
    """What a star import brings from elsewhere is not known."""
    modules = uses.modules
    scopes = modules.scopes(path)
    for binding in scopes.module.bindings.get("*", ()) if scopes else ():
        node = binding.node
        if isinstance(node, ast.ImportFrom) and not modules.module(modules.imported(path, node)):
            uses.doubt(path, modules.source(path).span(node)[0], f"this may bring a {new}, too")


def _check_places(uses: Uses, new: str) -> None:
    """Where the old name stands, the new one is not bound to something else."""
    for use in uses.found:
        scopes = uses.modules.scopes(use.path)
        if scopes is None or use.scope is None or use.kind == "attribute" or use.keeps:
            continue
        if scopes.lookup(new, use.scope) is not None:
            line = uses.modules.source(use.path).line_of(use.start)
            raise Refused(f"{new} means something else at {use.path}:{line}; choose another name.")
