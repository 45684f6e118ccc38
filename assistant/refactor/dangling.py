"""After the change: imports and attributes of a name that is no longer there, and files that no longer parse.

files as they are to be ─► dangling() ─► Doubt for each place that leads nowhere
"""

import ast
import builtins
from collections.abc import Iterator, Mapping, Sequence

from ossa.assistant.refactor.classes import Classes
from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.scopes import Scope
from ossa.assistant.refactor.uses import Doubt


def dangling(files: Mapping[str, bytes], target: Entity, what: str, to: str) -> list[Doubt]:
    """Places where the old name still stands for what is gone."""
    if what == "signature":
        return []
    modules = Modules({path: data for path, data in files.items() if path.endswith((".py", ".pyi"))})
    classes = Classes(modules)
    name = target.name.rpartition(".")[2]
    found: list[Doubt] = []
    for path in modules.mentions(name):
        scopes = modules.scopes(path)
        if scopes is None:
            continue
        source = modules.source(path)
        inner = _members(modules, classes, path, target) if "." in target.name else ()
        for place, why in [*_gone(modules, path, name, target), *inner]:
            line = source.line_of(place)
            found.append(Doubt(path, line, source.line(line)[:160], why))
    return found


def _gone(modules: Modules, path: str, name: str, target: Entity) -> Iterator[tuple[int, str]]:
    """Uses of the name that lead to the file in which it is no longer defined."""
    scopes, source = modules.scopes(path), modules.source(path)
    assert scopes is not None
    if "." not in target.name:
        for node, alias, _ in scopes.imports:
            if isinstance(node, ast.ImportFrom) and alias.name == name:
                other = modules.module(modules.imported(path, node))
                if other and _reaches(modules, other, target.path) and modules.exported(other, name) is None:
                    yield source.span(alias)[0], "it is still imported from where it is gone"
        for node, scope in scopes.attributes:
            whole = modules.meaning(node.value, path, scope) if node.attr == name and _is_read(node) else None
            if not isinstance(whole, Entity) or whole.name or modules.inside(whole, name) is not None:
                continue
            if _reaches(modules, whole.path, target.path):
                yield source.span(node)[0], "it is still looked for where it is gone"
    if "." in target.name or (path != target.path and hasattr(builtins, name)):
        return
    if _reaches(modules, path, target.path) and modules.exported(path, name) is None:
        for node, scope in scopes.names:
            if node.id == name and scopes.lookup(name, scope) is None and _is_read(node):
                yield source.span(node)[0], "nothing has this name here any more"


def _members(modules: Modules, classes: Classes, path: str, target: Entity) -> Iterator[tuple[int, str]]:
    """Attributes of the class of a member, or of its heirs, that neither these nor their bases have any more."""
    owner, _, name = target.name.rpartition(".")
    scopes, source = modules.scopes(path), modules.source(path)
    for node, scope in scopes.attributes if scopes else ():
        cls = _class(modules, classes, node, path, scope) if node.attr == name and _is_read(node) else None
        line = classes.ancestors(cls) if cls else []
        if Entity(target.path, owner) not in line or any(classes.bases(one)[1] for one in line):
            continue
        defined = any(classes.defines(one, name) or name in classes.slots(one) for one in line)
        if not defined and not _is_stored(modules, classes, name, line):
            yield source.span(node)[1] - len(name), "it is still looked for in a class that has it no more"


def _is_stored(modules: Modules, classes: Classes, name: str, line: Sequence[Entity]) -> bool:
    """Whether an instance of one of the classes may get such an attribute."""
    for path in modules.mentions(name):
        scopes = modules.scopes(path)
        for node, scope in scopes.attributes if scopes else ():
            if (
                node.attr == name
                and not _is_read(node)
                and _class(modules, classes, node, path, scope) in (None, *line)
            ):
                return True
    return False


def _class(modules: Modules, classes: Classes, node: ast.Attribute, path: str, scope: Scope) -> Entity | None:
    """The class that what stands before the dot is, or is an instance of."""
    found = modules.meaning(node.value, path, scope)
    if not isinstance(found, Entity) or not isinstance(modules.definition(found), ast.ClassDef):
        found = classes.instance(node.value, path, scope)
    known = isinstance(found, Entity) and isinstance(modules.definition(found), ast.ClassDef)
    return found if known and isinstance(found, Entity) else None


def _is_read(node: ast.Name | ast.Attribute) -> bool:
    return isinstance(node.ctx, ast.Load)


def _reaches(modules: Modules, path: str, target: str) -> bool:
    """Whether a module is the target, or has what is in it by star imports."""
    seen = {path}
    waiting = [path]
    for one in waiting:
        if one == target:
            return True
        scopes = modules.scopes(one)
        for star in scopes.module.bindings.get("*", ()) if scopes else ():
            other = modules.module(modules.imported(one, star.node)) if isinstance(star.node, ast.ImportFrom) else None
            if other and other not in seen:
                seen.add(other)
                waiting.append(other)
    return False
