"""Whether new lines of a list break what all lists of a text do: go on deeper than the bullet, where lines go on.

A bullet whose text goes on at the bullet's own depth is an error in reStructuredText and allowed in Markdown. In a text
that never does it, lines that do have lost their indentation.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from ossa.assistant.edits.indentation import indent
from ossa.assistant.edits.places import Place, Target

_TEXTS = ("", ".rst", ".md", ".txt", ".markdown")
_ITEM = re.compile(r"[ \t]*([-*+]|\d+[.)]|#\.)[ \t]+\S")
_WORDS = re.compile(r"[ \t]*[\w`:(\[{'\"<]")
"""A line that goes on; others may begin something else."""
_SHOWN = 3
"""Lines going on deeper from which on a text shows what it does."""


def unheld(path: str, target: Target, places: Sequence[Place]) -> bool:
    """Whether the text of a new item goes on at the depth of its bullet, which no item of the file does."""
    if PurePosixPath(path).suffix not in _TEXTS:
        return False
    if not any(False in _goes_on_deeper(_after(place)) for place in places):
        return False
    known = list(_goes_on_deeper([(line, False) for line in target.lines], new=False))
    return all(known) and len(known) >= _SHOWN


def _after(place: Place) -> list[tuple[str, bool]]:
    """The lines as they will be, each with whether it is new."""
    return [(line.text, line.sign == "+") for line in place.section.lines if line.sign != "-"]


def _goes_on_deeper(lines: Sequence[tuple[str, bool]], *, new: bool = True) -> Iterator[bool]:
    """For every item whose text goes on in the next line whether that is deeper; with `new` where that line is new."""
    for (above, _), (below, comes) in pairwise(lines):
        if _ITEM.match(above) and _WORDS.match(below) and not _ITEM.match(below) and (comes or not new):
            yield len(indent(below)) > len(indent(above))
