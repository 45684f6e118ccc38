"""Logits that are nearly known: of a large vocabulary only those that could be chosen are computed exactly.

near ± off ─► which may win, by the sampler's own race ─► exactly(those) ─► the token that all of them would give
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, slots=True)
class NearLogits:
    """The logits of one place."""

    near: torch.Tensor
    """float32 `[vocabulary]`"""
    off: torch.Tensor
    """float32 `[vocabulary]`: by how much each may be off."""
    exactly: Callable[[torch.Tensor], torch.Tensor]
    """The logits of some ids, int64 `[n]`."""
    whole: Callable[[], torch.Tensor]
    """All of them."""

    def winner(self, lead: torch.Tensor, ids: torch.Tensor | None = None) -> tuple[int, torch.Tensor]:
        """Which logit is the greatest together with its lead, of all or of those with these ids.

        Args:
            lead: float32 `[n]`, what is added to each.
            ids: int64 `[n]`.

        Returns:
            A number below n, and the logits that had to be computed, itself among them.
        """
        near, off = (self.near, self.off) if ids is None else (self.near[ids], self.off[ids])
        score = near + lead
        first = score.argmax()[None]
        beaten = self.exactly(first if ids is None else ids[first]) + lead[first]
        able = ~(score + off < beaten)
        able[first] = True  # whatever its own is off
        left = able.nonzero()[:, 0]
        exact = self.exactly(left if ids is None else ids[left])
        return int(left[(exact + lead[left]).argmax()]), exact
