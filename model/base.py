"""The vocabulary between ossa and a model: messages go in, pieces come out.

    messages + tools + sampling ─► LanguageModel.generate() ─► Prefill · Thought · Text · ToolCall · Finished

Everything here is plain data, so it crosses the pipe to the model's process and the session file unchanged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any, Literal, Protocol, TypeAlias

from ossa.model.constraints import Constraint

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "tool_calls", "length", "cancelled"]


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as the model is told of it."""

    name: str
    """`namespace.function`, for example `repo_browser.search`."""
    description: str
    parameters: dict[str, Any] = field(default_factory=dict[str, Any])
    """JSON schema of its arguments; empty for a tool without any."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the model wants called; also a piece of its output."""

    name: str
    arguments: str
    """As the model wrote them: JSON as a rule, bare text now and then."""


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of the conversation, as the model is to see it."""

    role: Role
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    tool: str = ""
    """For a tool's result: the name of the tool that answers."""
    tokens: tuple[int, ...] = ()
    """For what the model wrote: the ids it sampled, kept verbatim and given back as they are."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How the next tokens are chosen."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int = 4096
    stop: tuple[str, ...] = ()
    """Texts at which the answer ends; they are not part of it."""
    effort: Literal["low", "medium", "high"] = "medium"
    """How long gpt-oss thinks; other models ignore it."""
    min_p: float = 0.0
    """Tokens less likely than this share of the likeliest one are left out."""
    thinking: int | None = None
    """Tokens of reasoning after which it has to answer; None for as many as it likes."""
    constraint: Constraint | None = None
    """What the answer may be: tokens that would break it are never chosen. None for anything."""
    begin: str = ""
    """The answer's first words, put into the model's mouth; the pieces bear only what follows them."""

    def reserve(self, window: int) -> int:
        """Tokens of a window that are kept for the answer: a quarter of it at most."""
        return min(self.max_tokens, window // 4)


@dataclass(frozen=True, slots=True)
class Prefill:
    """The prompt is being read: `done` of `total` tokens, of which `reused` were still known from before."""

    done: int
    total: int
    reused: int = 0


@dataclass(frozen=True, slots=True)
class Thought:
    """The next bit of reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Text:
    """The next bit of what is said to the user."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """What a generation cost."""

    prompt_tokens: int = 0
    reused_tokens: int = 0
    """Those of the prompt that did not have to be read again."""
    output_tokens: int = 0
    prefill_seconds: float = 0.0
    """Until the first token could be chosen."""
    decode_seconds: float = 0.0
    drafted_tokens: int = 0
    """Those that were guessed from what had been read or written before, …"""
    accepted_tokens: int = 0
    """… and of them those that the model would have written itself."""
    weights_bytes: int = 0
    """Memory of the model's weights."""
    states_bytes: int = 0
    """Memory of what it has read and keeps."""

    @property
    def tokens_per_second(self) -> float:
        """Speed of writing; 0 when nothing was written."""
        return self.output_tokens / self.decode_seconds if self.decode_seconds else 0.0


@dataclass(frozen=True, slots=True)
class Finished:
    """The last piece: why it ended, and the message to put into the transcript."""

    reason: FinishReason
    message: Message
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class Weighed:
    """One token of a given text: how likely the model finds it there, and what else it might have written."""

    start: int
    """Where it begins in the text, in characters."""
    end: int
    logprob: float
    """Natural logarithm of its probability, given all before it."""
    others: tuple[tuple[str, float], ...]
    """The likeliest other tokens in its place, with theirs."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """One of several answers to the same prompt."""

    text: str
    """Its given beginning included."""
    logprob: float
    """Natural logarithm of how likely what was written is, all tokens together; minus infinity where what it was
    held to is not how the model would go on, or the beginning already is none of it."""
    tokens: int
    """Written ones."""
    reason: FinishReason


Piece: TypeAlias = Prefill | Thought | Text | ToolCall | Finished


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What is known of a model once it is chosen."""

    name: str
    window: int
    """Tokens that prompt and answer may have together."""
    calls_tools: bool
    """Whether it was trained to call tools; if not, ossa guides it step by step."""
    why: str = ""
    """Why this one, on what device, in what type: one line for the status bar."""
    where: str = ""
    """The server to which everything is sent; empty for a model on this machine."""
    loading: str = ""
    """How far its loading is, in a few words; empty where nothing is being loaded."""

    @property
    def about(self) -> str:
        """All of it that a person wants to know, on one line."""
        return ", ".join(part for part in (self.name, self.where, self.why) if part)


class Pieces(Protocol):
    """An iterator of pieces that `close()` stops at the next token, from any thread."""

    def __iter__(self) -> "Pieces": ...
    def __next__(self) -> Piece: ...
    def close(self) -> None: ...


class Generation(Pieces, Protocol):
    """A running answer."""

    def answer_now(self) -> None:
        """Let it stop thinking and answer, from any thread; nothing where it does not think."""
        ...


class LanguageModel(Protocol):
    """What thinks. Synchronous: call it from a thread of your own."""

    @property
    def info(self) -> ModelInfo: ...

    def start(self) -> None:
        """Load it, if it is not loaded; returns when it is ready.

        Raises:
            ModelError: it cannot be loaded; the text says why and what to do.
        """
        ...

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> Generation:
        """Answer the last message; loads the model first where needed.

        Raises:
            ModelError: from the iterator, when the model cannot go on. The next call starts afresh.
        """
        ...

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: Event | None = None
    ) -> tuple[Weighed, ...]:
        """How likely each token of a given answer is; one reading of the prompt, nothing is sampled.

        Raises:
            ModelError: as `generate`, or `stop` was set meanwhile.
        """
        ...

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        *,
        held: Sequence[Constraint | None] = (),
        sampling: Sampling = Sampling(),
        stop: Event | None = None,
    ) -> tuple[Continuation, ...]:
        """One answer for each beginning, all written side by side; `held` says what its line may be, None for anything.

        `sampling.begin` and its constraint are not looked at.
        Those that are not finished when `stop` is set are cut off and say “cancelled”.

        Raises:
            ModelError: as `generate`.
        """
        ...

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        """Tokens of the prompt that `generate` would read for these messages, exactly."""
        ...

    def close(self) -> None:
        """End its process and free its memory; a later call loads it again."""
        ...


class ModelError(Exception):
    """The model cannot be had or cannot go on; the text is a sentence for the user, with what to do."""
