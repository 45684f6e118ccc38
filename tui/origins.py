"""Which hunks of a change that is shown again come from the hunk that was edited or asked for anew.

A hunk's id is made of its content, so a rewritten hunk has another one, and may have become several.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, TypeAlias

from ossa.assistant.change import Change
from ossa.assistant.events import Event, Proposed, Revised

Origin: TypeAlias = Literal["edited by you", "another version"]
Origins: TypeAlias = Mapping[str, Origin]
"""By the id of the hunk; those that stand as the model wrote them first are not in it."""


def traced(known: Origins, before: Change, hunk: str, origin: Origin, after: Change) -> Origins:
    """The origins in the change `after`, which came of rewriting one hunk of `before`."""
    marks = still(known, after)
    source = next(((file, h) for file, h in before.hunks if h.id == hunk), None)
    if source is None:
        return marks
    path, first, last = source[0].path, source[1].start, source[1].start + len(source[1].before)
    old = {h.id for _, h in before.hunks}
    fresh = [h for f, h in after.hunks if f.path == path and h.id not in old]
    near = (h.id for h in fresh if h.start <= last and first <= h.start + len(h.before))
    return {**marks, **dict.fromkeys(near, origin)}


def still(known: Origins, change: Change) -> dict[str, Origin]:
    """Those of the origins whose hunks are in the change."""
    present = {hunk.id for _, hunk in change.hunks}
    return {hunk: origin for hunk, origin in known.items() if hunk in present}


def origin_of(by: str) -> Origin:
    """How a hunk is marked that the person, or else the model, wrote anew."""
    return "edited by you" if by == "person" else "another version"


def origins(events: Iterable[Event]) -> Origins:
    """The origins of the last change that a session's events tell of."""
    marks: Origins = {}
    change = Change()
    revised: Revised | None = None
    for event in events:
        if isinstance(event, Revised):
            revised = event
        elif isinstance(event, Proposed):
            if revised is not None:
                marks = traced(marks, change, revised.hunk, origin_of(revised.by), event.change)
            else:
                marks = still(marks, event.change)
            change, revised = event.change, None
    return marks
