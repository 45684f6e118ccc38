"""What the assistant looks at: the file that a step opens, and the files that are in the model's context."""

import json
from typing import Any, cast

from ossa.assistant.context.parts import GONE
from ossa.assistant.events import (
    Adjusted,
    Compacted,
    Composed,
    Event,
    FrontChanged,
    Rewound,
    StepFinished,
    StepStarted,
)
from ossa.assistant.transcript import Entry, Transcript

TELLING = (Adjusted, Compacted, Composed, FrontChanged, Rewound, StepFinished)
"""Events after which other files may be in the context."""
_OPEN = "open "
"""How the titles of steps that open a file begin."""


def opened(event: Event) -> tuple[str, int] | None:
    """The file that a step opens and its first line, from 1, or 0 where none is named; None for any other event."""
    if not isinstance(event, StepStarted) or not event.title.startswith(_OPEN):
        return None
    return _asked(event.detail)


def in_context(transcript: Transcript) -> frozenset[str]:
    """The files of which the model is shown at least a part, by their paths from the root."""
    dropped = {part for part, choice in transcript.choices.items() if choice.action == "drop"}
    gone = dropped | {part for part, change in transcript.replaced.items() if change.state in GONE}
    found = {part.id.removeprefix("file:") for part in transcript.front if part.kind == "file" and part.id not in gone}
    for number, entry in enumerate(transcript.entries):
        if f"m{number}" not in gone:
            found |= {path for place, path in enumerate(_paths(entry)) if path and f"m{number}.{place}" not in gone}
    return frozenset(found)


def _paths(entry: Entry) -> list[str]:
    """The files that a message shows, in the order of what is attached to it."""
    if entry.call is not None and entry.message.tool and (asked := _asked(entry.call.arguments)):
        return [asked[0]] if entry.call.name.endswith("open_file") else []
    return [attached.path for attached in entry.attached]


def _asked(arguments: str) -> tuple[str, int] | None:
    """Path and line of a call's arguments, which the model wrote: they may be anything."""
    try:
        read: Any = json.loads(arguments)
    except (ValueError, RecursionError):
        return None
    if not isinstance(read, dict):
        return None
    given = cast("dict[str, Any]", read)
    path, line = given.get("path"), given.get("line_start", 0)
    return (path.removeprefix("./"), line if isinstance(line, int) else 0) if isinstance(path, str) and path else None
