"""Several answers to one prompt at once: what they have in common is read once and lies in memory once.

prompts ─► common beginning, in the engine's cache ─► rows: the rest of each, padded on the left ─► a token a row
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers.cache_utils import Cache

from ossa.model.answer import Answer
from ossa.model.attention import Shared
from ossa.model.base import Continuation, FinishReason, Sampling
from ossa.model.cache import common, empty, select
from ossa.model.forward import Forward
from ossa.model.sampling import Sampler, check

_HOPELESS = -9.0
"""Logarithm of how likely the likeliest token that may come is, for what comes of it to be of no use."""


@dataclass(slots=True)
class _Row:
    """One answer of the batch."""

    number: int
    answer: Answer
    sampler: Sampler
    logprob: float = 0.0
    reason: FinishReason = "length"
    hopeless: bool = False
    """Whether it can only go on with what the model would hardly ever write."""

    def take(self, logits: torch.Tensor, total: float) -> int:
        """Choose its next token and note it; `total` is the logarithm of what all tokens weigh."""
        allowed = self.answer.allowed()
        token = self.sampler(logits, allowed)
        logprob = float(logits[token]) - total
        self.answer.feed(token)
        self.hopeless = allowed is not None and logprob < _HOPELESS
        self.logprob += -math.inf if self.hopeless else logprob
        if self.ended:
            self.reason = "stop"
        return token

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self.answer.ended or self.hopeless

    def result(self) -> Continuation:
        """What came of it."""
        self.answer.finish()
        return Continuation(self.answer.text, self.logprob, len(self.answer.tokens), self.reason)


def common_length(prompts: Sequence[Sequence[int]]) -> int:
    """How many tokens all of them begin with, less one: each has to read its last by itself."""
    first, *others = prompts
    return min([len(p) - 1 for p in prompts] + [common(first, other) for other in others])


def answer_all(
    forward: Forward,
    prompts: Sequence[Sequence[int]],
    answers: Sequence[Answer],
    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...],
    sampling: Sampling,
    cancelled: Callable[[], bool],
) -> list[Continuation]:
    """Write all answers, a token of each at a time.

    Args:
        forward: the model.
        prompts: one for each answer, its opening included.
        answers: that grow.
        layers: the states of what the prompts have in common.
        sampling: how tokens are chosen; each row has a seed of its own.
        cancelled: tells whether to end now.
    """
    known = layers[0][0].shape[2] if layers else 0
    rest = [list(prompt[known:]) for prompt in prompts]
    longest = max(len(tokens) for tokens in rest)
    pads = torch.tensor([longest - len(tokens) for tokens in rest])
    shared = Shared(layers, pads, int(pads.max()))
    states = empty()
    ids = torch.tensor([[0] * (longest - len(tokens)) + tokens for tokens in rest])
    rows = [_Row(n, answer, Sampler(sampling, n)) for n, answer in enumerate(answers)]
    going = rows
    logits = forward(ids, states, 1, shared)[:, -1]
    for step in range(sampling.max_tokens):
        check(logits)
        totals = logits.logsumexp(-1).tolist()
        tokens = [row.take(line, total) for row, line, total in zip(going, logits, totals, strict=True)]
        left = [place for place, row in enumerate(going) if not row.ended]
        if not left or cancelled() or step + 1 == sampling.max_tokens:
            break
        if len(left) < len(going):
            going = [going[place] for place in left]
            states, shared = _fewer(states, shared, left)
        logits = forward(torch.tensor([[tokens[place]] for place in left]), states, 1, shared)[:, -1]
    for row in rows:
        if cancelled() and not row.ended:
            row.reason = "cancelled"
    return [row.result() for row in rows]


def _fewer(states: Cache, shared: Shared, left: Sequence[int]) -> tuple[Cache, Shared]:
    """The rows that still go on."""
    pads = shared.pads[list(left)]
    return select(states, left), Shared(shared.layers, pads, int(pads.max()))
