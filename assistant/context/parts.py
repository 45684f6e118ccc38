"""What the context is made of, as plain values: lines of the ledger, attached texts, the messages of the front.

Parts have ids, by which the person pins, drops, shortens and brings them back: "system", "agents", "agents:docs",
"map", "file:calc.py"; "m3" for the fourth message of the conversation, "m3.0" for the first text attached to it; "new"
and "new:calc.py" for what is about to be sent.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from ossa.model.base import Message

PartKind: TypeAlias = Literal[
    "system", "agents", "map", "file", "conversation", "prompt", "answer", "result", "attached", "left out"
]
Action: TypeAlias = Literal["pin", "drop", "shorten", "restore"]
PartState: TypeAlias = Literal[
    "", "pinned", "reasoning left out", "superseded", "shortened", "cut to fit", "summed up", "left out"
]
GONE: tuple[PartState, ...] = ("left out", "summed up")
"""Of these, the model is shown nothing, or something that stands for more."""


@dataclass(frozen=True, slots=True)
class Part:
    """One line of the ledger."""

    name: str
    tokens: int
    id: str = ""
    """By which it is pinned, dropped, shortened and brought back; empty for what can't be."""
    kind: PartKind = "conversation"
    reread: int = 0
    """Tokens that the model would have to read again, or anew, if this were dropped."""
    state: PartState = ""
    saved: int = 0
    """Tokens that it would have more, were it whole."""
    moved: int = 0
    """Tokens that dropping it would free, or bringing it back would add, with all that goes or comes along."""
    along: bool = False
    """Whether other messages do."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A text that is attached to a prompt: a file, a part of one, the output of a command."""

    name: str
    """For the person: "calc.py", "calc.py:10-40", "output of `make`"."""
    text: str
    """As it stands in the message, to the character."""
    path: str = ""
    """The file that it shows, where it shows one."""
    whole: bool = False
    """Whether that is the whole file."""
    digest: str = ""
    """Of the file's content, by which a later change is seen."""
    lasting: bool = False
    """Whether it stays word for word: an AGENTS.md."""


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A text that a new prompt is to have attached, and what is made of it."""

    whole: Attached
    shown: Attached | None
    """None where the person left it out."""
    state: PartState = ""


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as the model knew it."""

    path: str
    digest: str


@dataclass(frozen=True, slots=True)
class FrontPart:
    """One of the messages in front of the conversation, which stay as they are from turn to turn."""

    id: str
    kind: PartKind
    name: str
    message: Message


@dataclass(frozen=True, slots=True)
class Replaced:
    """A part of the conversation that the model is shown otherwise than the log has it."""

    part: str
    state: PartState
    text: str | None = None
    """What stands in its place; None where nothing does, or only its reasoning is left out."""


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a prompt when files are looked for that matter to it; paths from the root."""

    prompt: str
    mentioned: tuple[str, ...] = ()
    viewing: str = ""
    """What the person has open."""
