"""After the change: imports of a name that is no longer there, and files that no longer parse.

files as they are to be ─► dangling() ─► Doubt for each place that leads nowhere
"""

import ast
import builtins
from collections.abc import Iterator, Mapping

from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.uses import Doubt


def dangling(files: Mapping[str, bytes], target: Entity, what: str, to: str) -> list[Doubt]:
    """Places where the old name still stands for what is gone."""
    if what == "signature":
        return []
    modules = Modules({path: data for path, data in files.items() if path.endswith((".py", ".pyi"))})
    name = target.name.rpartition(".")[2]
    found: list[Doubt] = []
    for path in modules.mentions(name):
        scopes = modules.scopes(path)
        if scopes is None:
            continue
        source = modules.source(path)
        for place, why in _gone(modules, path, name, target):
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
