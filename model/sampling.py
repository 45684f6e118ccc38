"""Chooses tokens, and ends an answer at its stop texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ossa.model.base import ModelError, Sampling

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sampler:
    """Chooses the next token from its logits, reproducibly where there is a seed."""

    def __init__(self, sampling: Sampling, row: int = 0) -> None:
        """`row` is its number among several answers with the same seed."""
        self._min_p = sampling.min_p
        self._temperature = sampling.temperature
        self._top_p = sampling.top_p
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed((sampling.seed + row) % 2**63)

    def __call__(self, logits: torch.Tensor, among: "NDArray[np.bool_] | Sequence[int] | None" = None) -> int:
        """The id chosen, of all or `among` some, as ids or as a mask; `logits` is float32 on the CPU, `[vocabulary]`.

        Raises:
            ModelError: the logits are no numbers.
        """
        check(logits)
        if among is not None:
            chosen = torch.tensor(among) if isinstance(among, Sequence) else torch.from_numpy(among).nonzero()[:, 0]
            return int(chosen[self(logits[chosen])])
        if self._temperature <= 0:
            return int(logits.argmax())
        odds = torch.softmax((logits - logits.max()) / self._temperature, dim=-1)
        if self._min_p > 0:
            odds = odds * (odds >= self._min_p * odds.max())
            odds = odds / odds.sum()
        if self._top_p < 1:
            odds = _nucleus(odds, self._top_p)
        return _drawn(odds, self._random)


def check(logits: torch.Tensor) -> None:
    """Refuse nonsense.

    Raises:
        ModelError: the logits are no numbers.
    """
    if not torch.isfinite(logits.max()):
        raise ModelError(
            "The model computed something that is no number; its weights may be damaged: fetch them again."
        )


def _drawn(odds: torch.Tensor, random: torch.Generator) -> int:
    """The token that is first where each comes at a random time, the likelier the sooner.

    So odds that differ in their last bits draw the same token. Torch's multinomial does just this, five times slower.
    """
    return int(torch.rand(len(odds), generator=random).log_().div_(odds).argmax())


def _nucleus(odds: torch.Tensor, top_p: float) -> torch.Tensor:
    """The odds of the likeliest tokens that together have `top_p`, at least one; 0 for the others."""
    ordered, places = odds.sort(descending=True)
    ordered[1:][ordered.cumsum(0)[:-1] >= top_p] = 0
    return torch.zeros_like(odds).scatter_(0, places, ordered)
