"""Rename: every use gets the new name, unless that means something else there already."""

import keyword
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.source import Edit
from ossa.assistant.refactor.uses import Use, Uses
from ossa.assistant.refactor.wish import Refused


def renamed(uses: Uses, texts: Iterable[Use], new: str) -> Mapping[str, list[Edit]]:
    """The edits of each file.

    Raises:
        Refused: the new name is none, or is taken.
    """
    check_name(uses.name, new)
    _check_free(uses, new)
    edits: dict[str, list[Edit]] = defaultdict(list)
    for use in [*uses.found, *texts]:
        edits[use.path].append(Edit(use.start, use.end, f"{new} as {uses.name}" if use.keeps else new))
    return edits


def check_name(old: str, new: str) -> None:
    """See that a name may be given.

    Raises:
        Refused: it is no identifier, a keyword, the old one, or one of Python's own.
    """
    if not new.isidentifier() or keyword.iskeyword(new):
        raise Refused(f"{new[:80]!r} is no name in Python; a name has letters, digits and underscores.")
    if new == old:
        raise Refused(f"{old} is the name already.")
    for name in (old, new):
        if name.startswith("__") and name.endswith("__"):
            raise Refused(f"{name} is a name that Python itself looks for, so it is left alone.")


def _check_free(uses: Uses, new: str) -> None:
    """See that the name means nothing else where it is to stand.

    Raises:
        Refused: it does.
    """
    modules = uses.modules
    for cls in uses.family:
        for one in uses.classes.ancestors(cls):
            if uses.classes.defines(one, new):
                raise Refused(f"{one.name} in {one.path} has a {new} already; choose another name.")
    if not uses.owner and isinstance(modules.exported(uses.target.path, new), Entity):
        raise Refused(f"{uses.target.path} has a {new} already; choose another name.")
    for use in uses.found:
        scopes = modules.scopes(use.path)
        if scopes is None or use.scope is None or use.kind == "attribute" or uses.owner:
            continue
        bound = scopes.lookup(new, use.scope)
        if bound is not None and not use.keeps:
            line = modules.source(use.path).line_of(use.start)
            raise Refused(f"{new} means something else at {use.path}:{line}; choose another name.")
