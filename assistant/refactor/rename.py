"""Rename: every use gets the new name, unless that means something else there already."""

import keyword
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping

from ossa.assistant.refactor.source import Edit
from ossa.assistant.refactor.taken import check_free
from ossa.assistant.refactor.uses import Use, Uses
from ossa.assistant.refactor.wish import Refused


def renamed(uses: Uses, texts: Iterable[Use], new: str) -> Mapping[str, list[Edit]]:
    """The edits of each file.

    Raises:
        Refused: the new name is none, or is taken.
    """
    check_name(uses.name, new)
    check_free(uses, new)
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
    if unicodedata.normalize("NFKC", new) != new:
        raise Refused(f"Python reads {new[:80]} as {unicodedata.normalize('NFKC', new)[:80]}; write it so.")
    if new == old:
        raise Refused(f"{old} is the name already.")
    for name in (old, new):
        if name.startswith("__") and name.endswith("__"):
            raise Refused(f"{name} is a name that Python itself looks for, so it is left alone.")
