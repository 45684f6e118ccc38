"""Where the section of a new version goes into a list of versions when nothing around it is quoted: above the newest.

That is told only where the file's versions all come in falling order, and those of the section are newer than all.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from ossa.assistant.edits.patch import Section

_HEADING = re.compile(
    r"(?:#{1,3} +)?[\[(]?(?:(?:v|version +|release +)?(\d+(?:\.(?:\d+|x))+)(?![\w.])|unreleased\b)", re.IGNORECASE
)
_UNDERLINE = re.compile(r"([=\-~^*])\1{2,}\s*")
_ENOUGH = 3
"""Versions that a file must have for their order to be one."""
_NEWEST = (1 << 30,)


def with_newest(lines: Sequence[str], sections: Sequence[Section]) -> list[Section]:
    """The sections, where the only one without any quoted line is that of a new version, with its position."""
    bare = [number for number, section in enumerate(sections) if not section.old]
    if bare != [0] or sections[0].start is not None:
        return list(sections)
    new, known = sections[0].new, _versions(lines)
    coming = [version for _, version in _versions(new)]
    order = [*coming, *(version for _, version in known)]
    if not coming or len(known) < _ENOUGH or any(one <= other for one, other in pairwise(order)):
        return list(sections)
    at = _position(lines, known[0][0], known[1][0], new)
    return list(sections) if at is None else [replace(sections[0], start=at, numbered=True), *sections[1:]]


def _versions(lines: Sequence[str]) -> list[tuple[int, tuple[int, ...]]]:
    """The rows of headings that are versions, with their numbers."""
    found: list[tuple[int, tuple[int, ...]]] = []
    for row, line in enumerate(lines):
        heading = _HEADING.match(line)
        under = row + 1 < len(lines) and _UNDERLINE.fullmatch(lines[row + 1])
        if heading and (line.startswith("#") or under):
            parts = heading[1].split(".") if heading[1] else []
            found.append((row, tuple(_NEWEST[0] if p in "xX" else int(p) for p in parts) or _NEWEST))
    return found


def _position(lines: Sequence[str], first: int, second: int, new: Sequence[str]) -> int | None:
    """The row at which the section is as far from the newest as that is from the one below; None without such a row."""
    gap = _blanks(lines[:second])
    above = _blanks(lines[:first])
    begins, ends = _blanks(new[::-1]), _blanks(new)
    if not begins and ends == gap and (above == gap or first == above):
        return first
    return first - above if begins == above and not ends and above == gap else None


def _blanks(lines: Sequence[str]) -> int:
    """Blank lines at the end."""
    return next((n for n, line in enumerate(reversed(lines)) if line.strip()), len(lines))
