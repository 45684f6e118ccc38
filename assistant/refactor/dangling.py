"""After the change: imports of a name that is no longer there, and files that no longer parse.

files as they are to be ─► dangling() ─► Doubt for each place that leads nowhere
"""

import ast
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
                if other is not None and other == target.path and modules.exported(other, name) is None:
                    yield source.span(alias)[0], "it is still imported from where it is gone"
        for node, scope in scopes.attributes:
            whole = modules.meaning(node.value, path, scope) if node.attr == name else None
            if whole == Entity(target.path) and modules.inside(whole, name) is None:
                yield source.span(node)[0], "it is still looked for where it is gone"
    if path == target.path and "." not in target.name:
        for node, scope in scopes.names:
            if node.id == name and scopes.lookup(name, scope) is None and isinstance(node.ctx, ast.Load):
                yield source.span(node)[0], "nothing has this name here any more"
