"""What the model is told when a section of its patch has no place of its own: words to act on."""

from collections.abc import Sequence
from difflib import SequenceMatcher, get_close_matches

from ossa.assistant.edits.anchors import head
from ossa.assistant.edits.locate import Miss
from ossa.assistant.edits.patch import Section
from ossa.assistant.edits.places import Place, Target, Tier, enclosing, normal

_AROUND = 2
"""Lines shown above and below the nearest ones."""
_SHOWN = 30
_SEARCHED = 5_000
"""Lines of a file that are searched for something similar."""
_LIKE = 20
"""Lines that are compared for which is the most similar; of equal ones it is the first."""
_PLACES = 8
"""Places that are described."""
_COMMON = 50
"""Occurrences in the file up to which a line says something about the place."""


def explain(path: str, target: Target, miss: Miss) -> str:
    """Why the section was refused, the lines of the file that matter, and what to send instead."""
    if miss.places:
        return _ambiguous(path, target, miss)
    section = miss.section
    where = f"{path}, change {miss.number} of the patch"
    if not any(text.strip() for text in section.old):
        return (
            f"{where}: it has no line that tells where the new lines go. Put the line above and the line below them "
            "around them, each with a space before it."
        )
    if at := _already(target, section):
        return f"{where}: the new lines are in the file already, at line {at}. Leave this change out."
    if miss.elsewhere:
        named = ", ".join(f"`@@ {anchor[:80]}`" for anchor in section.anchors)
        return (
            f"{where}: its lines are not where {named} says. They stand at {_listed(target, miss.elsewhere)}. If "
            "that is meant, put the head of that function or class after `@@`; if not, read the file again."
        )
    shown = "\n".join(f"  {text}" for text in section.old[:_SHOWN])
    near = _nearest(target, section)
    if near is None:
        return f"{where}: no line of it is in the file. You wrote:\n{shown}\nRead the file again before you change it."
    first, last = near
    return (
        f"{where}: these lines are not in the file as you wrote them:\n{shown}\n"
        f"The nearest lines that are there:\n{numbered(target.lines, first, last)}\n"
        "Copy the lines exactly from the file, and send the whole patch again."
    )


def numbered(lines: Sequence[str], first: int, last: int) -> str:
    """Lines `first:last` with their numbers, as a model is shown them."""
    return "\n".join(f"{n + 1:>5}| {lines[n][:300]}" for n in range(max(first, 0), min(last, len(lines))))


def _ambiguous(path: str, target: Target, miss: Miss) -> str:
    if miss.overlaps:
        return (
            f"{path}, change {miss.number} of the patch is at {_describe(target, miss.places[1])}, where another "
            "change of it changes the same lines. Make one change of both."
        )
    if len(miss.places) == 1:
        at = miss.places[0].start
        return (
            f"{path}, change {miss.number} of the patch has unchanged lines on one side only, and a line seems to be "
            f"missing on the other. Put the line above and the line below around the new lines:\n"
            f"{numbered(target.lines, at - 4, at + min(len(miss.section.old), _SHOWN) + 4)}"
        )
    return (
        f"{path}, change {miss.number} of the patch could go to {len(miss.places)} places: "
        f"{_listed(target, miss.places)}. "
        "Give more unchanged lines above and below, or a line `@@ ` with the head of the function or class it is in."
    )


def _listed(target: Target, places: Sequence[Place]) -> str:
    more = len(places) - _PLACES
    return "; ".join(_describe(target, place) for place in places[:_PLACES]) + (
        f"; and {more} more" if more > 0 else ""
    )


def _describe(target: Target, place: Place) -> str:
    opens = enclosing(target.lines, place.start)
    inside = f" in `{target.lines[opens].strip()[:80]}`" if opens is not None else ""
    return f"line {place.start + 1}{inside}"


def _already(target: Target, section: Section) -> int:
    """Line number from which the result of the section stands, 0 where it does not."""
    after = [line.text for line in section.lines if line.sign != "-"]
    if sum(bool(text.strip()) for text in section.new) == 0:
        return 0
    wanted = [normal(text, Tier.TRAILING) for text in after]
    lines, index = target.form(Tier.TRAILING)
    starts = (n for n in index.get(wanted[0], ()) if lines[n : n + len(wanted)] == wanted)
    return next(starts, -1) + 1


def _nearest(target: Target, section: Section) -> tuple[int, int] | None:
    """The stretch of the file that has most of the lines, or one like the longest of them; below the anchors first."""
    lines, index = target.form(Tier.INDENTATION)
    old = [normal(text, Tier.INDENTATION) for text in section.old]
    top = head(target, section)
    votes: dict[int, int] = {}
    telling = [len(text) > 3 and text in index for text in old]
    any_tells = any(telling)
    for offset, text in enumerate(old):
        found = index.get(text, ()) if text and (telling[offset] or not any_tells) else ()
        for at in found if len(found) <= _COMMON else ():
            for start in (at - offset - 1, at - offset, at - offset + 1):
                votes[start] = votes.get(start, 0) + 1 + (start == at - offset)
    if votes:
        start = max(votes, key=lambda n: (votes[n], n >= top, -n))
        return start - _AROUND, start + min(len(old), _SHOWN) + _AROUND
    longest = max(old, key=len)[:200]
    for start in dict.fromkeys((top, 0)) if longest else ():
        known = [line[:200] for line in lines[start : start + _SEARCHED]]
        like = [known.index(line) for line in get_close_matches(longest, set(known) - {""}, _LIKE, 0.6)]
        if like:
            at = start + max(like, key=lambda n: (SequenceMatcher(None, known[n], longest).ratio(), -n))
            return at - _AROUND, at + min(len(old), _SHOWN) + _AROUND
    return None
