"""The words between the parts of this package: what is sent, what is heard, and who understands it.

Way.begin() ─► Writer.request() ─► server ─► Writer.hear() ─► pieces
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Protocol, TypeAlias

from ossa.model.base import (
    Continuation,
    FinishReason,
    Message,
    Piece,
    Sampling,
    ToolSpec,
    Weighed,
)
from ossa.model.constraints import Constraint
from ossa.model.server.faults import Fault


@dataclass(frozen=True, slots=True)
class Reading:
    """It reads the prompt."""

    done: int
    total: int
    reused: int


@dataclass(frozen=True, slots=True)
class Written:
    """The next tokens, as they were sampled."""

    tokens: tuple[int, ...]
    text: str = ""
    """The same as text, without control tokens."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer is complete."""

    reason: FinishReason


def ending(reason: str) -> FinishReason:
    """Why an answer ended, from a server's word for it.

    Raises:
        Fault: it was cut off, so that no call in it may be made.
    """
    if reason in ("abort", "cancelled", "content_filter", "error"):
        raise Fault(f"The server broke the answer off ({reason}); what it had said so far is no whole answer.")
    return "length" if reason in ("length", "max_tokens") else "stop"


@dataclass(frozen=True, slots=True)
class Counted:
    """What the server counted; None where it does not say."""

    prompt: int | None = None
    reused: int | None = None
    written: int | None = None


Heard: TypeAlias = Reading | Written | Ended | Counted


@dataclass(frozen=True, slots=True)
class Form:
    """What has the server hold an answer to its form, in place of our masks."""

    name: str
    """Under which a refusal is remembered."""
    body: Mapping[str, Any]
    """Laid over the request's own body; None leaves a key out."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent to have an answer streamed."""

    path: str
    body: dict[str, Any]
    extras: tuple[str, ...] = ()
    """Keys of the body that can be left out where the server refuses them."""
    forms: tuple[Form, ...] = ()
    """The best first: the first that the server does not refuse is sent, and none where it refuses all."""
    check: Callable[[], None] = lambda: None
    """To be called before each sending: raises a `ModelError` where the server has another model by now."""


@dataclass(slots=True)
class Tally:
    """What is counted of an answer."""

    prompt: int = 0
    reused: int = 0
    written: int = 0


class Writer(Protocol):
    """One answer in the making."""

    tally: Tally
    begun: bool
    """Whether anything of it has come; from then on it cannot be asked for again."""
    ended: FinishReason | None
    """Why it is complete; None while it is not."""
    cuts: bool
    """Whether the server has to be stopped, because it would go on."""
    turns: bool
    """Whether it has to be asked anew, because the answer is to go on otherwise than the server would."""

    def request(self) -> Request:
        """What to send for it, or for the rest of it."""
        ...

    def hear(self, content: dict[str, Any]) -> list[Piece]:
        """The pieces that the next object of the stream makes known.

        Raises:
            Fault: it is none that this server should send.
        """
        ...

    def finish(self) -> list[Piece]:
        """The pieces that were held back."""
        ...

    def result(self, reason: FinishReason) -> tuple[FinishReason, Message]:
        """Why it ended, given how the stream did, and the entry for the transcript."""
        ...


class Way(Protocol):
    """One protocol, in which one kind of server is asked and answers."""

    @property
    def about(self) -> str:
        """How it is spoken to: some words for the status."""
        ...

    def begin(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling, hurried: Callable[[], bool]
    ) -> Writer:
        """A new answer.

        Raises:
            ModelError: the prompt is too long, or this server cannot be asked for such an answer.
        """
        ...

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        """Tokens of the prompt.

        Raises:
            ModelError: the server has to be asked, and cannot be.
        """
        ...

    def weigh(self, messages: Sequence[Message], answer: str, others: int, stop: Event | None) -> tuple[Weighed, ...]:
        """As `LanguageModel.weigh`.

        Raises:
            ModelError: this server cannot tell.
        """
        ...

    def go_on(
        self, messages: Sequence[Message], begin: str, held: Constraint | None, sampling: Sampling, stop: Event | None
    ) -> Continuation:
        """One of the answers of `LanguageModel.continue_all`.

        Raises:
            ModelError: this server cannot be asked so.
        """
        ...


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of a server and of the model that is asked for."""

    kind: str
    """`vLLM`, `llama.cpp` and so on; empty for one that ossa does not know."""
    model: str
    window: int
    calls_tools: bool
    is_gpt_oss: bool = False
    """Whether its tokens are those of gpt-oss."""
    notes: tuple[str, ...] = field(default=())
    """What the user should know, some words each."""


def chosen(sampling: Sampling) -> dict[str, Any]:
    """How tokens are chosen, in the words that all servers share."""
    seed = {} if sampling.seed is None else {"seed": sampling.seed}
    return {"temperature": sampling.temperature, "top_p": sampling.top_p, **seed}
