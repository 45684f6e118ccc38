"""What the log of a session tells: its turns, the prompts, the change still open. Plain functions over events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from ossa.assistant.events import (
    Adjusted,
    Answering,
    Compacted,
    Composed,
    Event,
    FrontChanged,
    Instructed,
    Proposed,
    Reading,
    Redone,
    Reviewed,
    Rewound,
    StepOutput,
    Thinking,
    TurnStarted,
    Undone,
)

_TRACELESS = (Reading, StepOutput, Composed, FrontChanged, Compacted, Instructed)


class Told(Protocol):
    """A turn, wherever its events are."""

    back: bool

    @property
    def is_prompt(self) -> bool: ...


@dataclass(slots=True)
class Turn:
    """The events of one turn."""

    events: list[Event] = field(default_factory=list[Event])
    back: bool = False
    """Whether a rewind took it back, and the model has forgotten it."""

    @property
    def is_prompt(self) -> bool:
        """Whether it began with a prompt to the model, and none to ossa."""
        return bool(self.events) and isinstance(first := self.events[0], TurnStarted) and not first.command

    @property
    def prompt(self) -> str:
        """What the user typed; empty where nothing was."""
        return first.prompt if self.events and isinstance(first := self.events[0], TurnStarted) else ""

    @property
    def is_adjustment(self) -> bool:
        """Whether it is a key pressed in the ledger, and nothing that was said."""
        return any(isinstance(event, Adjusted) for event in self.events)


def merged(events: Iterable[Event]) -> list[Event]:
    """The same events with neighbouring bits of an answer or of reasoning joined, and without what leaves no trace."""
    joined: list[Event] = []
    for kind, run in groupby((event for event in events if not isinstance(event, _TRACELESS)), type):
        if issubclass(kind, Answering | Thinking):
            joined.append(kind("".join(event.text for event in run if isinstance(event, Answering | Thinking))))
        else:
            joined += run
    return joined


def turns(events: Sequence[Event]) -> list[Turn]:
    """What was said and done in a session, turn by turn; turns that a later one took back are marked."""
    told: list[Turn] = []
    for event in events:
        if isinstance(event, TurnStarted) or not told:
            told.append(Turn())
        told[-1].events.append(event)
        if isinstance(event, Rewound) and event.conversation:
            take_back(told[:-1], event.turns)
    return [turn for turn in told if not turn.is_adjustment]


def take_back(told: Sequence[Told], count: int) -> None:
    """Mark the last `count` prompts that still stand, and all that came after the first of them."""
    for turn in reversed(told):
        if not count:
            break
        count -= turn.is_prompt and not turn.back
        turn.back = True


def prompts(events: Sequence[Event]) -> list[str]:
    """What the user asked, in order."""
    return [event.prompt for turn in turns(events) for event in turn.events if isinstance(event, TurnStarted)]


def undecided(events: Sequence[Event]) -> Proposed | None:
    """The last change, unless something was decided about it."""
    last = next((e for e in reversed(events) if isinstance(e, Proposed | Reviewed | Undone | Redone | Rewound)), None)
    return last if isinstance(last, Proposed) else None
