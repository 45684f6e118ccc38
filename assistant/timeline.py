"""What a session has come through: its prompts and its accepts, in order, derived from its events alone.

    events ─► prompts (to which a rewind goes back) · accepts that stand · files accepted but not committed yet

A prompt is what the person asked the model, by `run` or `fix`; commands such as /undo or !ls are none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ossa.assistant.events import Committed, Event, Proposed, Redone, Reviewed, Rewound, TurnStarted, Undone


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the person asked."""

    text: str
    at: int
    """Its place among the events."""
    waiting: frozenset[str]
    """Ids of the hunks that were undecided then."""


@dataclass(slots=True)
class Accept:
    """Hunks that went into the working tree."""

    checkpoint: str
    """Empty where the files had been so already."""
    files: tuple[str, ...]
    at: int
    """Its place among the events."""
    fixed: tuple[str, ...]
    """Tests that pass by the whole change it was of."""
    uncommitted: set[str]
    stands: bool = True
    """Whether it is not taken back."""


class Timeline:
    """Grows by every event it sees."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Start from the log of an earlier session, or from nothing."""
        self.prompts: list[Prompt] = []
        """Those that the model still knows of."""
        self._accepts: list[Accept] = []
        self._seen = 0
        self._waiting: frozenset[str] = frozenset()
        self._fixed: tuple[str, ...] = ()
        for event in events:
            self.see(event)

    @property
    def uncommitted(self) -> list[str]:
        """Files with accepted hunks that stand and were not committed yet, sorted."""
        return sorted({path for accept in self._accepts if accept.stands for path in accept.uncommitted})

    @property
    def fixed(self) -> list[str]:
        """Tests that pass by what is not committed yet, sorted."""
        return sorted({test for a in self._accepts if a.stands and a.uncommitted for test in a.fixed})

    def checkpoints(self, path: str) -> list[str]:
        """Of the accepts that make up what is not committed of a file, oldest first."""
        return [a.checkpoint for a in self._accepts if a.stands and a.checkpoint and path in a.uncommitted]

    def since(self, prompt: Prompt) -> list[Accept]:
        """The accepts since a prompt that stand and can be taken back, oldest first."""
        return [a for a in self._accepts if a.at > prompt.at and a.stands and a.checkpoint]

    def see(self, event: Event) -> None:
        """Take in the next event."""
        self._seen += 1
        match event:
            case TurnStarted(prompt="/discard", command=True):
                self._waiting = frozenset()
            case TurnStarted(prompt=text, command=False):
                self.prompts.append(Prompt(text, self._seen, self._waiting))
            case Proposed(change=change, verdict=verdict):
                self._waiting = frozenset(hunk.id for _, hunk in change.hunks)
                self._fixed = verdict.fixed
            case Reviewed():
                self._review(event)
            case Undone(checkpoint=checkpoint):
                self._set({checkpoint}, stands=False)
            case Redone(checkpoint=checkpoint):
                self._set({checkpoint}, stands=True)
            case Rewound(turns=turns, checkpoints=checkpoints, conversation=conversation):
                self._set(set(checkpoints), stands=False)
                if conversation:
                    del self.prompts[-turns:]
            case Committed(files=files):
                for accept in self._accepts:
                    if accept.stands:
                        accept.uncommitted.difference_update(files)
            case _:
                pass

    def _review(self, event: Reviewed) -> None:
        refused = set(event.refused_hunks)
        self._waiting -= {d.hunk for d in event.decisions if not (d.accepted and d.hunk in refused)}
        if event.files:
            self._accepts.append(Accept(event.checkpoint, event.files, self._seen, self._fixed, set(event.files)))

    def _set(self, checkpoints: set[str], *, stands: bool) -> None:
        for accept in self._accepts:
            if accept.checkpoint in checkpoints:
                accept.stands = stands
