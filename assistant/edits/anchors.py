"""What the `@@` lines of a section say of its place: it is in the block that they head, or at least below them.

Blocks are told by indentation, in whatever language. A line that closes a bracket belongs to what opened it, so that a
function whose parameters take several lines is one block with its first line.
"""

from collections.abc import Collection, Iterator, Sequence

from ossa.assistant.edits.indentation import indent
from ossa.assistant.edits.patch import Section
from ossa.assistant.edits.places import Place, Target, Tier, normal

_FEW = 200
"""Places up to which it is looked at the block that each is in."""
_TELLING = 3
"""Lines of a section from which on it says enough by itself to do without an anchor that is nowhere in the file."""
_DEFINITIONS = ("def ", "async def ", "class ")
"""What git names above a hunk, though the hunk may be below its block, in one that defines nothing."""


def anchored(target: Target, section: Section, places: Sequence[Place]) -> list[Place]:
    """The places where the section's anchors say that it is; none where it is elsewhere."""
    found = [_standing(target, anchor) for anchor in section.anchors]
    telling = sum(bool(text.strip()) for text in section.old) >= _TELLING
    if not all(found):
        return [p for p in places if telling or p.start == section.start]
    numbered = [p for p in places if telling and p.start == section.start]
    heads: list[int] = []
    for number, lines in enumerate(found):
        below = [n for n in lines if n > heads[0]] if number else lines
        heads = _under(target.lines, heads, [(n, n) for n in below], ("",)) if number and len(below) < _FEW else below
        rivals = _DEFINITIONS if telling else ("",)
        starts = set(_under(target.lines, heads, [(p.start, p.core[0]) for p in places], rivals))
        places = [p for p in places if p.start in starts]
        if not heads:
            break
    return list(places) or numbered


def head(target: Target, section: Section) -> int:
    """The line of the section's last anchor, the first one below those before it; 0 where it is not in the file."""
    at = 0
    for anchor in section.anchors:
        at = next((n for n in _standing(target, anchor) if n >= at), at)
    return at


def _standing(target: Target, anchor: str) -> list[int]:
    """Lines that are the anchor, else those that begin with it, at the end of a word if there are such."""
    wanted = normal(anchor, Tier.INDENTATION)
    lines, index = target.form(Tier.INDENTATION)
    if wanted in index:
        return index[wanted]
    begin = [n for n, line in enumerate(lines) if line.startswith(wanted)]
    return [n for n in begin if not lines[n][len(wanted)].isidentifier()] or begin


def _under(
    lines: Sequence[str], heads: Sequence[int], spans: Sequence[tuple[int, int]], rivals: tuple[str, ...]
) -> list[int]:
    """First lines of the spans that begin or end in a block that a head opens; else of those that follow one."""
    known = set(heads)
    inside = [s for s in spans if any(not known.isdisjoint(_around(lines, n)) for n in set(s))]
    return [first for first, _ in inside or [s for s in spans if _follows(lines, heads, s[0], rivals)]]


def _follows(lines: Sequence[str], heads: Collection[int], at: int, rivals: tuple[str, ...]) -> bool:
    """Whether a line is below the nearest head, with no block of a rival, by its first word, that begins between."""
    nearest = max((n for n in heads if n <= at), default=None)
    if nearest is None:
        return False
    width = len(indent(lines[nearest])) + _opens(lines, nearest)
    between = (n for n in range(nearest + 1, at) if len(indent(lines[n])) < width and _opens(lines, n))
    return not any(lines[n].lstrip().startswith(rivals) for n in between)


def _opens(lines: Sequence[str], at: int) -> bool:
    """Whether deeper lines come right below this one, which is neither a comment nor merely closes something."""
    text = lines[at].strip()
    if not text or text.startswith("#") or _closes(text):
        return False
    below = next((line for line in lines[at + 1 :] if line.strip() and not _closes(line.strip())), "")
    return len(indent(below)) > len(indent(lines[at]))


def _around(lines: Sequence[str], at: int) -> Iterator[int]:
    """This line, and those above that are indented less than all lines from them to this one, the nearest first."""
    width: float = float("inf")
    for n in range(min(at, len(lines) - 1), -1, -1):
        text = lines[n].strip()
        if not text or (text.startswith("#") and n < at):
            continue
        here = len(indent(lines[n]))
        if here < width:
            yield n
        width = min(width, here + _closes(text))
        if width == 0:
            return


def _closes(text: str) -> bool:
    return text.startswith((")", "]", "}", "{"))
