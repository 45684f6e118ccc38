"""gpt-oss by token ids: our own prompt goes to the server as it is, and what it samples comes back verbatim.

    messages ─► HarmonyCodec ─► ids ─► Ids.request() ─► server ─► Ids.hear() ─► sampled ids ─► Answer ─► pieces

So the transcript, the parser and the beginning that prompts share are those of the local engine, and the server's own
cache finds what it has read before. When it is to stop thinking, the request is dropped and made anew behind the end of
the reasoning.
"""

from collections.abc import Callable, Iterator, Sequence
from threading import Event
from typing import Any, Protocol

from ossa.model.answer import Answer
from ossa.model.base import (
    Continuation,
    FinishReason,
    Message,
    ModelError,
    Piece,
    Prefill,
    Sampling,
    ToolSpec,
    Weighed,
)
from ossa.model.constraints import Constraint
from ossa.model.harmony import HarmonyCodec
from ossa.model.harmony_reader import CALL, RETURN, HarmonyReader
from ossa.model.server.heard import Counted, Ended, Form, Heard, Reading, Request, Tally, Written


class Ids(Protocol):
    """A server that takes token ids and gives them."""

    about: str
    window: int

    def forms(self, constraint: Constraint, tools: Sequence[ToolSpec]) -> tuple[Form, ...]:
        """What has the server hold a whole answer to its constraint, the best first; none where nothing can."""
        ...

    def request(self, tokens: Sequence[int], sampling: Sampling, room: int, forms: tuple[Form, ...] = ()) -> Request:
        """What to send to have these tokens continued, in the first of these forms that it takes."""
        ...

    def hear(self, content: dict[str, Any]) -> Iterator[Heard]:
        """What one object of the stream says.

        Raises:
            Fault: it has no tokens.
        """
        ...


class IdsWay:
    """The `Way` to gpt-oss on a server that speaks in token ids."""

    def __init__(self, ids: Ids, *, holds: bool) -> None:
        """`holds`: whether the server is known to hold all of an answer to a grammar."""
        self.about = f"{ids.about}, {'answers held to the format' if holds else 'answers parsed and repaired'}"
        self._ids, self._holds = ids, holds
        self._codec = HarmonyCodec()

    def begin(
        self, messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling, hurried: Callable[[], bool]
    ) -> "IdsWriter":
        """A new answer."""
        prompt = self._codec.prompt(messages, tools, sampling)
        check(len(prompt), self._ids.window)
        held = sampling.constraint if self._holds and not sampling.begin else None
        forms = self._ids.forms(held, tools) if held else ()
        return IdsWriter(self._ids, self._codec, prompt, sampling, forms, hurried)

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec]) -> int:
        """Tokens of the prompt, counted here."""
        return len(self._codec.prompt(messages, tools, Sampling()))

    def weigh(self, messages: Sequence[Message], answer: str, others: int, stop: Event | None) -> tuple[Weighed, ...]:
        """Never: only models without tools are asked this."""
        raise ModelError("A model on a server that calls tools is not asked how likely a text is.")

    def go_on(
        self, messages: Sequence[Message], begin: str, held: Constraint | None, sampling: Sampling, stop: Event | None
    ) -> Continuation:
        """Never: only models without tools are asked this."""
        raise ModelError("A model on a server that calls tools is not asked to go on with lines.")


class IdsWriter:
    """An answer of gpt-oss."""

    def __init__(
        self,
        ids: Ids,
        codec: HarmonyCodec,
        prompt: Sequence[int],
        sampling: Sampling,
        forms: tuple[Form, ...],
        hurried: Callable[[], bool],
    ) -> None:
        self._ids, self._codec, self._sampling, self._forms = ids, codec, sampling, forms
        self._answer = Answer(codec, sampling, hurried)
        self._prompt = [*prompt, *self._answer.opening]
        self.tally = Tally(prompt=len(self._prompt))
        self.begun, self.turns, self.cuts = False, False, False
        self.ended: FinishReason | None = None

    def request(self) -> Request:
        """To have the prompt, and what has been written, continued."""
        self.turns = False
        room = min(self._sampling.max_tokens, self._ids.window - len(self._prompt)) - len(self._answer.tokens)
        # A grammar describes a whole answer, so it cannot hold the rest of one.
        forms = () if self._answer.tokens else self._forms
        return self._ids.request([*self._prompt, *self._answer.tokens], self._sampling, room, forms)

    def hear(self, content: dict[str, Any]) -> list[Piece]:
        """The pieces that the next object makes known."""
        pieces: list[Piece] = []
        for heard in self._ids.hear(content):
            match heard:
                case Reading() if not self.begun:
                    pieces.append(Prefill(heard.done, heard.total, heard.reused))
                case Written():
                    pieces += self._written(heard.tokens)
                case Counted() if heard.reused and not self._turned:
                    self.tally.reused = heard.reused
                case Ended() if not self.turns:
                    pieces += self._closed(heard.reason)
                case _:
                    pass
        return pieces

    def finish(self) -> list[Piece]:
        """The pieces that were held back."""
        self.tally.written = len(self._answer.tokens)
        return self._answer.finish()

    def result(self, reason: FinishReason) -> tuple[FinishReason, Message]:
        """Why it ended, and the entry for the transcript."""
        return self._answer.reason(reason), self._answer.message()

    _turned = False
    """Whether the request was made anew; what the server then counts is not of the prompt."""

    def _written(self, tokens: Sequence[int]) -> list[Piece]:
        pieces: list[Piece] = []
        for token in tokens:
            if self.turns or self.ended:
                break  # what the server wrote before it was stopped
            forced = list(self._answer.forced())
            if forced and forced[0] != token:
                for each in forced:
                    pieces += self._answer.feed(each)
                self.turns = self._turned = True
            else:
                pieces += self._answer.feed(token)
            self.begun = True
            if self._answer.ended:
                self.ended = "stop"
                self.cuts = self._answer.tokens[-1] not in self._codec.stop_ids
        return pieces

    def _closed(self, reason: FinishReason) -> list[Piece]:
        """The end; some servers keep the token to themselves by which the model said so."""
        pieces: list[Piece] = []
        if reason == "stop" and not self._answer.ended:
            reader: HarmonyReader = self._codec.reader()
            for token in self._answer.tokens:
                reader.feed(token)
            pieces = self._answer.feed(CALL if reader.segments[-1].recipient else RETURN)
            self.begun = True
        self.ended = self.ended or reason
        return pieces


def check(tokens: int, window: int) -> None:
    """Raise a `ModelError` where the prompt leaves no room for an answer."""
    if tokens >= window:
        raise ModelError(
            f"The prompt has {tokens:,} tokens, but prompt and answer together may have {window:,} on this server: "
            "leave out some files or begin a new conversation."
        )
