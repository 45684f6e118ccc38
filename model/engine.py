"""The loop over a loaded model: read the prompt, write the answer token by token.

    messages ─► codec ─► ids ─► what the cache knows is skipped ─► chunks are read ─► tokens are sampled ─► pieces

Between any two chunks and any two tokens it looks whether it is to stop. Where the answer copies what is known already,
several tokens go through the model at once (`lookup`); what it then would not have written is taken back.
"""

import math
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import torch

from ossa.model.answer import Answer
from ossa.model.base import (
    Continuation,
    Finished,
    FinishReason,
    Message,
    ModelError,
    Piece,
    Prefill,
    Sampling,
    Text,
    ToolSpec,
    Usage,
    Weighed,
)
from ossa.model.batch import answer_all, common_length
from ossa.model.cache import PrefixCache
from ossa.model.constraints import Constraint
from ossa.model.loading import Loaded
from ossa.model.lookup import MOST, Lookup
from ossa.model.nearly import NearLogits
from ossa.model.sampling import Sampler, check

if TYPE_CHECKING:
    from ossa.model.constraints_matcher import Constrainer, Matcher

_CHUNK = 512
"""Tokens read at once by a model that is small or on a GPU; what it has to wait for when it is to stop."""
_CHUNK_OF_LARGE = 32
_LARGE = 2 << 30  # bytes of weights

Line = torch.Tensor | NearLogits
"""What a token is chosen by."""


def _never() -> bool:
    return False


class Engine:
    """Generates with one model; not to be used by two threads at once, except for `count`."""

    def __init__(self, loaded: Loaded, lookup: Callable[[Sequence[int]], Lookup] | None = None) -> None:
        """`lookup` makes from a prompt what proposes drafts."""
        self.loaded, self._lookup = loaded, lookup or partial(Lookup, most=loaded.drafted or MOST)
        self.window = loaded.window
        self.cache = PrefixCache()
        self._codec = loaded.codec
        self._constrainer: Constrainer | None = None
        slow = loaded.device.type == "cpu" and loaded.forward.size > _LARGE
        self._chunk = loaded.chunk or (_CHUNK_OF_LARGE if slow else _CHUNK)

    def count(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> int:
        """Tokens of the prompt."""
        return len(self._codec.prompt(messages, tools, Sampling()))

    def generate(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec] = (),
        sampling: Sampling = Sampling(),
        cancelled: Callable[[], bool] = _never,
        hurried: Callable[[], bool] = _never,
    ) -> Iterator[Piece]:
        """The pieces of the answer; the last one is `Finished`.

        Raises:
            ModelError: the prompt is longer than the window, or the model computes nonsense.
        """
        begin = time.perf_counter()
        answer = Answer(self._codec, sampling, hurried)
        prompt = self._codec.prompt(messages, tools, sampling) + answer.opening
        self._check(len(prompt))
        reused = self.cache.rewind(prompt)
        yield Prefill(reused, len(prompt), reused)
        lines: Sequence[Line] = ()
        for done, chunk in self._chunks(prompt, reused, cancelled):
            lines = self._lines(chunk)
            yield Prefill(done, len(prompt), reused)
        middle = time.perf_counter()
        reason: FinishReason = "cancelled"
        lookup = self._lookup(prompt)
        if lines and len(self.cache.tokens) == len(prompt):
            room = min(sampling.max_tokens, self.window - len(prompt))
            self._hold(answer, sampling, tools)
            reason = yield from self._write(answer, lines, Sampler(sampling), lookup, room, cancelled)
        yield from answer.finish()
        end = time.perf_counter()
        usage = Usage(
            prompt_tokens=len(prompt),
            reused_tokens=reused,
            output_tokens=len(answer.tokens),
            drafted_tokens=lookup.drafted,
            accepted_tokens=lookup.taken,
            prefill_seconds=middle - begin,
            decode_seconds=end - middle,
            weights_bytes=self.loaded.forward.size,
            states_bytes=self.cache.size,
        )
        yield Finished(answer.reason(reason), answer.message(), usage)

    def weigh(
        self, messages: Sequence[Message], answer: str, others: int, cancelled: Callable[[], bool] = _never
    ) -> list[Weighed]:
        """How likely each token of the answer is, and the likeliest `others` in its place.

        Raises:
            ModelError: as `generate`, or it was cancelled.
        """
        prompt = self._codec.prompt(messages, (), Sampling())
        tokens = prompt + self._codec.opening(answer)
        self._check(len(tokens))
        known = self.cache.rewind(prompt)
        likely: list[tuple[float, list[tuple[int, float]]]] = []
        for done, chunk in self._chunks(tokens[:-1], known, cancelled):
            judged = min(len(chunk), done - len(prompt) + 1)
            logits = self._forward(chunk, max(judged, 1))
            if judged > 0:
                likely += _likely(logits, tokens[done + 1 - judged : done + 1], others)
        if len(likely) < len(tokens) - len(prompt):
            raise ModelError("The reading was cancelled.")
        return self._spelled(tokens[len(prompt) :], likely)

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        sampling: Sampling = Sampling(),
        cancelled: Callable[[], bool] = _never,
        held: Sequence[Constraint | None] = (),
    ) -> list[Continuation]:
        """One answer for each beginning, written side by side; `held` says what the line of each may be.

        Raises:
            ModelError: as `generate`.
        """
        every = [Answer(self._codec, replace(sampling, begin=begin)) for begin in begins]
        possible = [self._hold_line(*each) for each in zip(every, begins, held or [None] * len(begins), strict=True)]
        answers = [answer for answer, can_be in zip(every, possible, strict=True) if can_be]
        written = iter(self._answered(messages, answers, sampling, cancelled) if answers else ())
        impossible = (Continuation(begin, -math.inf, 0, "stop") for begin in begins)
        return [next(written) if can_be else other for can_be, other in zip(possible, impossible, strict=True)]

    def _answered(
        self, messages: Sequence[Message], answers: Sequence[Answer], sampling: Sampling, cancelled: Callable[[], bool]
    ) -> list[Continuation]:
        """What comes of answers that have begun."""
        prompt = self._codec.prompt(messages, (), sampling)
        prompts = [prompt + answer.opening for answer in answers]
        self._check(max(len(each) for each in prompts))
        room = min(sampling.max_tokens, self.window - max(len(each) for each in prompts))
        known = common_length(prompts)
        for _, chunk in self._chunks(prompts[0][:known], self.cache.rewind(prompts[0][: known + 1]), cancelled):
            self._forward(chunk)
        if cancelled():
            raise ModelError("The answers were cancelled before they began.")
        layers = self.cache.layers(stop=known)
        return answer_all(self.loaded.forward, prompts, answers, layers, replace(sampling, max_tokens=room), cancelled)

    def _chunks(
        self, tokens: Sequence[int], done: int, cancelled: Callable[[], bool]
    ) -> Iterator[tuple[int, Sequence[int]]]:
        """What is still to be read, in chunks: how many tokens are read with each, and the chunk."""
        while done < len(tokens) and not cancelled():
            chunk = tokens[done : done + self._chunk]
            done += len(chunk)
            yield done, chunk

    def _write(
        self,
        answer: Answer,
        lines: Sequence[Line],
        sampler: Sampler,
        lookup: Lookup,
        room: int,
        cancelled: Callable[[], bool],
    ) -> Generator[Piece, None, FinishReason]:
        """Write until the end: each time round one token, and of a draft as many as the model agrees with."""
        draft: list[int] = []
        certain: Sequence[int] = ()
        while not cancelled():
            read = len(self.cache.tokens) - len(draft)
            taken, token = 0, -1
            for place, line in enumerate(lines):
                check(line)
                forced = answer.forced()
                token = forced[0] if forced else sampler(line, answer.allowed())
                lookup.feed(token)
                yield from answer.feed(token)
                if answer.ended or len(answer.tokens) == room or place == len(draft) or token != draft[place]:
                    break
                taken += 1
            if draft and not certain:
                lookup.judge(len(draft), taken)
            self.cache.crop(read + taken)
            if answer.ended:
                return "stop"
            if len(answer.tokens) >= room:
                return "length"
            left = room - len(answer.tokens) - 1
            certain = answer.forced()[:left]
            draft = [*(certain or answer.possible(lookup.draft(left)))]
            lines = self._lines([token, *draft], len(draft) + 1)
        return "cancelled"

    def _hold(self, answer: Answer, sampling: Sampling, tools: Sequence[ToolSpec]) -> None:
        """Hold the answer to what is asked of it."""
        if sampling.constraint is None:
            return
        if sampling.constraint.of_line:
            if not self._hold_line(answer, sampling.begin, sampling.constraint):
                raise ModelError("What the answer begins with is none of what it is held to.")
            return
        matcher = self._matcher(sampling.constraint, tools)
        for token in answer.opening:
            matcher.accept(token)
        answer.hold_to(matcher)

    def _hold_line(self, answer: Answer, begin: str, constraint: Constraint | None) -> bool:
        """Hold an answer to what the line may be in which its beginning ends; False if that can't be such a line."""
        if constraint is None:
            return True
        matcher = self._matcher(constraint)
        answer.hold_to(matcher)
        return matcher.begin(begin.rpartition("\n")[2].removesuffix(" "))

    def _matcher(self, constraint: Constraint, tools: Sequence[ToolSpec] = ()) -> "Matcher":
        # Imported and made here since both take a while, and many answers are free.
        from ossa.model.constraints_matcher import Constrainer

        if self._constrainer is None:
            self._constrainer = Constrainer(self._codec.vocabulary(self.loaded.forward.vocabulary))
        return self._constrainer.matcher(constraint, tools)

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

    def _forward(self, tokens: Sequence[int], keep: int = 1) -> torch.Tensor:
        """Logits after the last `keep` of the tokens, `[keep, vocabulary]`."""
        with self._reading(tokens) as ids:
            return self.loaded.forward(ids, self.cache.states, keep)[0]

    def _lines(self, tokens: Sequence[int], keep: int = 1) -> Sequence[Line]:
        """What to choose tokens by, after the last `keep` of those that are read."""
        if keep > 1:
            return list(self._forward(tokens, keep))
        with self._reading(tokens) as ids:
            return [self.loaded.forward.last(ids, self.cache.states)]

    @contextmanager
    def _reading(self, tokens: Sequence[int]) -> Generator[torch.Tensor]:
        """The cache knows the tokens afterwards, or nothing where it went wrong."""
        try:
            yield torch.tensor([tokens])
        except BaseException:
            self.cache.clear()
            raise
        self.cache.extend(tokens)


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
