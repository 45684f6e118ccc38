"""The loop over a loaded model: read the prompt, write the answer token by token.

    messages ─► codec ─► ids ─► what the cache knows is skipped ─► chunks are read ─► tokens are sampled ─► pieces

Between any two chunks and any two tokens it looks whether it is to stop.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import torch

from ossa.model.base import (
    Finished,
    FinishReason,
    Message,
    ModelError,
    Piece,
    Prefill,
    Sampling,
    Text,
    ToolCall,
    ToolSpec,
    Usage,
    Weighed,
)
from ossa.model.cache import PrefixCache
from ossa.model.codec import Codec, read
from ossa.model.loading import Loaded
from ossa.model.sampling import Sampler, Stops, check

_CHUNK = 256
"""Tokens read at once by a model that is small or on a GPU; what it has to wait for when it is to stop."""
_CHUNK_OF_LARGE = 32
_LARGE = 2_000_000_000  # parameters


class Engine:
    """Generates with one model; not to be used by two threads at once, except for `count`."""

    def __init__(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.window = loaded.window
        self._module = loaded.module
        self._codec = loaded.codec
        self._cache = PrefixCache()
        slow = loaded.device.type == "cpu" and sum(p.numel() for p in loaded.module.parameters()) > _LARGE
        self._chunk = _CHUNK_OF_LARGE if slow else _CHUNK

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> int:
        """Tokens of the prompt."""
        return len(self._codec.prompt(messages, tools, Sampling()))

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Iterator[Piece]:
        """The pieces of the answer; the last one is `Finished`.

        Raises:
            ModelError: the prompt is longer than the window, or the model computes nonsense.
        """
        begin = time.perf_counter()
        answer = _Answer(self._codec, sampling)
        prompt = self._codec.prompt(messages, tools, sampling) + answer.opening
        self._check(len(prompt))
        reused = self._cache.rewind(prompt)
        yield Prefill(reused, len(prompt), reused)
        logits: torch.Tensor | None = None
        done = reused
        while done < len(prompt) and not cancelled():
            chunk = prompt[done : done + self._chunk]
            logits = self._forward(chunk)[-1]
            done += len(chunk)
            yield Prefill(done, len(prompt), reused)
        middle = time.perf_counter()
        reason: FinishReason = "cancelled"
        if logits is not None and done == len(prompt):
            room = min(sampling.max_tokens, self.window - len(prompt))
            reason = yield from self._write(answer, logits, sampling, room, cancelled)
        yield from answer.finish()
        end = time.perf_counter()
        usage = Usage(len(prompt), reused, len(answer.tokens), middle - begin, end - middle)
        yield Finished(answer.reason(reason), answer.message(), usage)

    def weigh(self, messages: Sequence[Message], answer: str, others: int) -> list[Weighed]:
        """How likely each token of the answer is, and the likeliest `others` in its place.

        Raises:
            ModelError: as `generate`.
        """
        prompt = self._codec.prompt(messages, (), Sampling())
        tokens = prompt + self._codec.opening(answer)
        self._check(len(tokens))
        done = self._cache.rewind(prompt)
        likely: list[tuple[float, list[tuple[int, float]]]] = []
        while done < len(tokens) - 1:
            chunk = tokens[done : min(done + self._chunk, len(tokens) - 1)]
            done += len(chunk)
            judged = min(len(chunk), done + 1 - len(prompt))
            logits = self._forward(chunk, max(judged, 1))
            if judged > 0:
                likely += _likely(logits, tokens[done + 1 - judged : done + 1], others)
        return self._spelled(tokens[len(prompt) :], likely)

    def _spelled(self, tokens: Sequence[int], likely: Sequence[tuple[float, list[tuple[int, float]]]]) -> list[Weighed]:
        """The tokens by where they stand in the text; control tokens stand nowhere."""
        reader, end = self._codec.reader(), 0
        weighed: list[Weighed] = []
        for token, (logprob, others) in zip(tokens, likely, strict=True):
            said = "".join(piece.text for piece in reader.feed(token) if isinstance(piece, Text))
            start, end = end, end + len(said)
            spelled = ((self._codec.spell(other), value) for other, value in others)
            if said:
                weighed.append(Weighed(start, end, logprob, tuple((text, value) for text, value in spelled if text)))
        return weighed

    def _check(self, tokens: int) -> None:
        if tokens >= self.window:
            raise ModelError(
                f"The prompt has {tokens:,} tokens, but prompt and answer together may have {self.window:,} with this "
                "model: leave out some files or begin a new conversation."
            )

    def _write(
        self,
        answer: "_Answer",
        logits: torch.Tensor,
        sampling: Sampling,
        room: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[Piece]:
        sampler = Sampler(sampling)
        for _ in range(room):
            if cancelled():
                return "cancelled"
            token = sampler(logits, answer.next_ids())
            yield from answer.feed(token)
            if answer.ended:
                return "stop"
            if len(answer.tokens) < room:
                logits = self._forward([token])[-1]
        return "length"

    @torch.inference_mode()
    def _forward(self, tokens: Sequence[int], keep: int = 1) -> torch.Tensor:
        """Logits after the last `keep` of the tokens: float32 on the CPU, `[keep, vocabulary]`."""
        ids = torch.tensor([tokens], device=self.loaded.device)
        try:
            output = self._module(
                input_ids=ids, past_key_values=self._cache.states, use_cache=True, logits_to_keep=keep
            )
        except BaseException:
            self._cache.clear()
            raise
        self._cache.extend(tokens)
        return output.logits[0].float().cpu()


def _likely(logits: torch.Tensor, tokens: Sequence[int], others: int) -> list[tuple[float, list[tuple[int, float]]]]:
    """For each row of `[n, vocabulary]`: the logprob of the token that follows, and the likeliest others."""
    check(logits)
    logprobs = logits.log_softmax(-1)
    best = logprobs.topk(min(others + 1, logprobs.shape[-1]))
    found: list[tuple[float, list[tuple[int, float]]]] = []
    for row, token in enumerate(tokens):
        ranked = zip(best.indices[row].tolist(), best.values[row].tolist(), strict=True)
        rest = [(other, value) for other, value in ranked if other != token][:others]
        found.append((float(logprobs[row, token]), rest))
    return found


class _Answer:
    """What the model has said so far."""

    def __init__(self, codec: Codec, sampling: Sampling) -> None:
        # Models write a blank together with the word behind it, so one at the end is left to the first token.
        self._owed = sampling.begin[-1:] if sampling.begin.endswith(" ") else ""
        self.opening = codec.opening(sampling.begin.removesuffix(self._owed)) if sampling.begin else []
        self.tokens: list[int] = []
        self.ended = False
        self._codec = codec
        self._reader = codec.reader()
        self._stops = Stops(sampling.stop)
        self._text = sampling.begin
        self._calls: list[ToolCall] = []
        for token in self.opening:
            self._reader.feed(token)

    def next_ids(self) -> Sequence[int]:
        """The tokens that may come next; empty for all."""
        return self._codec.blank_ids() if self._owed and not self.tokens else ()

    def feed(self, token: int) -> list[Piece]:
        """The pieces that the next token makes known."""
        self.tokens.append(token)
        pieces = self._shown(self._reader.feed(token))
        self.ended = self._stops.hit or self._reader.ended or token in self._codec.stop_ids
        return pieces

    def finish(self) -> list[Piece]:
        """The pieces held back until now."""
        pieces = self._shown(self._reader.finish())
        return pieces + self._said(self._stops.flush())

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why it ended, given how the loop did."""
        return "tool_calls" if self._calls and reason == "stop" else reason

    def message(self) -> Message:
        """The entry for the transcript, `begin` included; with its ids only if they say just what it says."""
        calls = tuple(self._calls)
        tokens = (*self.opening, *self.tokens)
        is_exact = read(self._codec.reader(), tokens) == (self._text, calls)
        return Message("assistant", self._text, calls, tokens=tokens if is_exact else ())

    def _shown(self, pieces: list[Piece]) -> list[Piece]:
        shown: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, Text):
                text, self._owed = piece.text.removeprefix(self._owed), ""
                shown += self._said(self._stops.feed(text))
            elif not self._stops.hit:
                shown += [*self._said(self._stops.flush()), piece]
            if isinstance(piece, ToolCall) and not self._stops.hit:
                self._calls.append(piece)
        return shown

    def _said(self, text: str) -> list[Piece]:
        self._text += text
        return [Text(text)] if text else []
