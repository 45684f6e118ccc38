"""Chooses tokens, and ends an answer at its stop texts."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from ossa.model.base import ModelError, Sampling
from ossa.model.nearly import NearLogits

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_FEW = 2048
"""Logits that are sooner computed than chosen from."""


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

    def __call__(
        self, logits: torch.Tensor | NearLogits, among: "NDArray[np.bool_] | Sequence[int] | None" = None
    ) -> int:
        """The id chosen, of all or `among` some, as ids or as a mask.

        Args:
            logits: float32 on the CPU, `[vocabulary]`, or what is nearly known of them: the same is chosen.
            among: ids, or a mask.

        Raises:
            ModelError: the logits are no numbers.
        """
        check(logits)
        chosen = None
        if among is not None:
            chosen = torch.tensor(among) if isinstance(among, Sequence) else torch.from_numpy(among).nonzero()[:, 0]
        if isinstance(logits, NearLogits):
            return self._nearly(logits, chosen)
        if chosen is not None:
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

    def _nearly(self, logits: NearLogits, chosen: torch.Tensor | None) -> int:
        """What the exact ones would give."""
        if chosen is not None and len(chosen) <= _FEW:
            return int(chosen[self(logits.exactly(chosen))])
        if self._temperature > 0 and (self._min_p > 0 or self._top_p < 1):
            whole = logits.whole()
            return self(whole) if chosen is None else int(chosen[self(whole[chosen])])
        lead = torch.zeros(len(logits.near) if chosen is None else len(chosen))
        if self._temperature > 0:
            # The race of `_drawn`, seen from the logits: each has its start by chance.
            lead = torch.rand(len(lead), generator=self._random).log_().neg_().log_().mul_(-self._temperature)
        place, exact = logits.winner(lead, chosen)
        check(exact)
        return place if chosen is None else int(chosen[place])


def check(logits: torch.Tensor | NearLogits) -> None:
    """Refuse nonsense.

    Raises:
        ModelError: the logits are no numbers.
    """
    if not torch.isfinite((logits.near if isinstance(logits, NearLogits) else logits).max()):
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
