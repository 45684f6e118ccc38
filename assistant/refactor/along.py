"""Private helpers of a definition that moves: one that nothing else names goes along, instead of being imported back.

Outcome of the move ─► the private names in what moved ─► named nowhere else? ─► moved, too ─► one Outcome
"""

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.movable import segment
from ossa.assistant.refactor.scopes import Function
from ossa.assistant.refactor.wish import Outcome, Refused

Step = Callable[[Modules, Entity], Outcome]
"""Moves one helper, given the files as they have become."""


def along(modules: Modules, others: Mapping[str, bytes], target: Entity, done: Outcome, step: Step) -> Outcome:
    """The outcome of a move, with those helpers moved that can follow; one that cannot stays and is imported.

    Args:
        modules: as they were.
        others: files that are not Python, in which a helper may be named, too.
        target: what moved.
        done: what came of its move.
        step: moves a helper to the same place.
    """
    known = {target.name}
    waiting = _private(modules.definition(target))
    changed = _python(done)
    current = modules.after({path: done.files[path] for path in changed})
    while waiting:
        name = waiting.pop(0)
        if name in known:
            continue
        known.add(name)
        helper = Entity(target.path, name)
        node = current.definition(helper)
        there = [path for path in changed if current.definition(Entity(path, target.name))]
        if not isinstance(node, Function | ast.ClassDef) or not _is_alone(current, helper, node, there):
            continue
        if any(_is_named(name, data.decode(errors="replace")) for data in others.values()):
            continue
        try:
            found = step(current, helper)
        except Refused:
            continue
        if _is_whole(found):
            done = _both(done, found, name)
            changed = _python(done)
            current = current.after({path: found.files[path] for path in _python(found)})
            waiting += _private(node)
    return done


def _python(done: Outcome) -> list[str]:
    return [path for path in done.files if path.endswith((".py", ".pyi"))]


def _private(node: ast.AST | None) -> list[str]:
    """The private names in a definition, as they come; those with two underscores are Python's or of a class."""
    names = [one.id for one in ast.walk(node) if isinstance(one, ast.Name)] if node else []
    return [name for name in dict.fromkeys(names) if name.startswith("_") and not name.startswith("__")]


def _is_alone(modules: Modules, helper: Entity, node: Function | ast.ClassDef, there: Sequence[str]) -> bool:
    """Whether nothing names it, be it in a comment, but itself and the file to which went what it helps."""
    source = modules.source(helper.path)
    try:
        begin, end = segment(source, node)
    except Refused:
        return False
    rest = source.text[:begin] + source.text[end:]
    if _is_named(helper.name, rest):
        return False
    return set(modules.mentions(helper.name)) <= {helper.path, *there}


def _is_named(name: str, text: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _is_whole(found: Outcome) -> bool:
    """Whether nothing is left to a person, and all files can be read."""
    after = Modules({path: found.files[path] for path in _python(found)})
    return not found.left and all(after.source(path).tree is not None for path in after.files)


def _both(done: Outcome, found: Outcome, name: str) -> Outcome:
    late = f"{name} is imported in "
    notes = [note for note in done.notes if not note.startswith(late)]
    return replace(
        done,
        files={**done.files, **found.files},
        places=done.places + found.places,
        notes=[*notes, f"{name}, which nothing else names, went along.", *found.notes],
    )
