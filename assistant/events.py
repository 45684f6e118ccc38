"""What the assistant tells of a turn while it happens. The session file is the log of these events.

Frozen dataclasses of plain values: everything that a screen, the command line or a resumed session shows is here.

  TurnStarted ─► FrontChanged · Compacted ─► Composed ─► Reading · Thinking · Answering · Step… ─► Searching ─► Attempt…
              ─► Proposed ─► Reviewed ─► TurnFinished
"""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from ossa.assistant.change import Change
from ossa.assistant.context.parts import Action, Attached, FileState, FrontPart, Part, Replaced
from ossa.assistant.review import Alternatives, Decision
from ossa.assistant.verdict import Verdict
from ossa.model.base import Message, Usage

End: TypeAlias = Literal["answered", "proposed", "applied", "rejected", "no change", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class TurnStarted:
    """The user sent a prompt."""

    prompt: str
    command: bool = False
    """Whether it is a word to ossa, such as "/undo" or "!ls", and none to the model."""


@dataclass(frozen=True, slots=True)
class FrontChanged:
    """What stands in front of the conversation is another from now on: the system prompt, AGENTS.md, map and files."""

    parts: tuple[FrontPart, ...]


@dataclass(frozen=True, slots=True)
class Compacted:
    """The conversation was made to fit the window, or a part of it was brought back."""

    replaced: tuple[Replaced, ...]
    """All that is shown otherwise from now on."""


@dataclass(frozen=True, slots=True)
class Instructed:
    """The model came to a folder with an AGENTS.md of its own, and is shown that."""

    path: str
    message: Message


@dataclass(frozen=True, slots=True)
class Adjusted:
    """The person pinned, dropped, shortened or brought back a part of the context."""

    part: str
    action: Action
    limit: int = 0
    """Characters to which it is shortened."""


@dataclass(frozen=True, slots=True)
class Composed:
    """What the model is about to be shown: the new message, and every part in exact tokens."""

    message: Message
    parts: tuple[Part, ...]
    total: int
    window: int
    attached: tuple[Attached, ...] = ()
    """What of the message is attached."""
    unread: int = 0
    """Tokens of the total that the model has to read now, where it still has all that it read before."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The model reads its prompt: tokens done of total, and how many it still knew."""

    done: int
    total: int
    reused: int = 0


@dataclass(frozen=True, slots=True)
class Thinking:
    """The next bit of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Answering:
    """The next bit of the answer, in Markdown."""

    text: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """The model's message is complete; kept so that a resumed session shows the model the same tokens."""

    message: Message
    usage: Usage
    reasoned: float = 0.0
    """Seconds for which the model reasoned."""
    cut: bool = False
    """Whether it reached its limit of tokens before its end."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The model has answered; from now on, a change of a file that it knows is the person's."""

    files: tuple[FileState, ...]
    """Those that it knows, as they are now; without those that it was told to know so before."""


@dataclass(frozen=True, slots=True)
class StepStarted:
    """A tool, or a step of ossa's own, begins."""

    id: str
    title: str
    """For the person: "run tests", "open src/a.py:10-40"."""
    detail: str = ""
    """What exactly: the command, the arguments, the patch."""


@dataclass(frozen=True, slots=True)
class StepOutput:
    """A command printed something."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class StepFinished:
    """The step is over."""

    id: str
    ok: bool
    summary: str
    """For the person, a few words: "42 lines", "2 failed, 3 passed"."""
    output: str = ""
    """Whole, for whoever opens the step."""
    result: Message | None = None
    """What the model is told of it, where the model asked."""
    failing: tuple[str, ...] | None = None
    """The ids of the tests that failed, where it ran tests."""


@dataclass(frozen=True, slots=True)
class Searching:
    """The guided way begins to look for a repair, and may spend so much on it."""

    seconds: float
    """For all tests that are to be repaired."""
    candidates: int
    """To be tried, at most, for one test."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The guided way tried a candidate: the `number`-th of at most `limit`."""

    number: int
    limit: int
    place: str
    """Where: "calc.py:12 add"."""
    text: str
    """The candidate itself."""
    outcome: str
    """What came of it: "2 tests pass", "still fails: AssertionError: 3 != 4", "does not parse"."""
    ok: bool = False
    score: float = 0.0
    """By how much likelier the model finds it than what stood there, as a difference of logarithms, more or less."""
    seconds: float = 0.0
    """Of its tests."""


@dataclass(frozen=True, slots=True)
class Proposed:
    """There is a change, with what the tests said of it."""

    change: Change
    verdict: Verdict
    alternatives: Alternatives = field(default_factory=Alternatives)
    """Other repairs that passed, and which of them this one is."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The person decided, and the accepted hunks are in the working tree."""

    decisions: tuple[Decision, ...]
    files: tuple[str, ...] = ()
    """Those written."""
    checkpoint: str = ""
    """To undo it."""
    refused: tuple[str, ...] = ()
    """Accepted hunks that no longer fit, with the reason, a sentence each."""
    refused_hunks: tuple[str, ...] = ()
    """Their ids."""


@dataclass(frozen=True, slots=True)
class Undone:
    """An accept was taken back."""

    files: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Redone:
    """An accept that was taken back was made again."""

    files: tuple[str, ...]
    checkpoint: str


@dataclass(frozen=True, slots=True)
class Rewound:
    """The session went back by some turns."""

    turns: int
    """How many of the person's prompts were taken back."""
    files: tuple[str, ...] = ()
    """Those brought back to what they were before."""
    checkpoints: tuple[str, ...] = ()
    """The accepts taken back, newest first."""
    conversation: bool = True
    """Whether the model forgets those turns."""
    prompt: str = ""
    """The earliest of the prompts taken back, for whoever wants to put it otherwise."""


@dataclass(frozen=True, slots=True)
class Revised:
    """The person edited a hunk, or asked the model for another version of it."""

    hunk: str
    path: str
    line: int
    """The first that it replaces, from 1."""
    by: Literal["person", "model"]
    reason: str = ""
    after: tuple[str, ...] = ()
    """What the person wrote in its place."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of the person's own ran in the working tree, unconfined; the model is told with the next prompt."""

    command: str
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True)
class Committed:
    """Accepted files were committed at the person's word."""

    commit: str
    """Abbreviated id."""
    message: str
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth a line, that is neither the model's nor a step."""

    text: str
    told: bool = False
    """Whether the model is told, too, with the next prompt."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Something went wrong: what happened, and what to do."""

    text: str
    diff: str = ""
    """What is in the way, where that is somebody's work: unified, from what ossa left to what is there now."""


@dataclass(frozen=True, slots=True)
class TurnFinished:
    """The turn is over."""

    end: End
    seconds: float = 0.0


Event: TypeAlias = (
    TurnStarted
    | FrontChanged
    | Compacted
    | Instructed
    | Adjusted
    | Composed
    | Reading
    | Thinking
    | Answering
    | Spoken
    | Settled
    | StepStarted
    | StepOutput
    | StepFinished
    | Searching
    | Attempt
    | Proposed
    | Reviewed
    | Undone
    | Redone
    | Rewound
    | Revised
    | Ran
    | Committed
    | Notice
    | Failure
    | TurnFinished
)
