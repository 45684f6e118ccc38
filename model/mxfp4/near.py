"""The output layer of a large vocabulary: in MXFP4 to find the tokens that could be chosen, in int8 for those.

    hidden ─► all rows in MXFP4, nearly ─► a few rows as a probe: how far off? ─► NearLogits

A token written waits for memory, and this reads half of what the int8 has.
"""

import torch

from ossa.model.mxfp4.layers import Dense
from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.weights import Near
from ossa.model.nearly import NearLogits

_PROBES = 64
_SURE = 6.0
"""Standard deviations that a logit may be off: more happens to one of 10⁹."""
_MANY = 8
"""Where more than this share of the rows is asked for, all are computed: side by side they take less."""


class Head(Dense):
    """A `Dense` in int8 without a bias, of which a nearer look at few rows can be had."""

    def __init__(self, weight: torch.Tensor, scales: torch.Tensor, near: Near, library: Library) -> None:
        super().__init__(weight, scales, None, library)
        self._near, self._narrow = near, scales
        self._probes = torch.arange(_PROBES) * len(weight) // _PROBES

    def nearly(self, x: torch.Tensor) -> NearLogits:
        """Of `[columns]`: errors of single weights add up by chance, and the probes say whether they do."""
        near = self._library.near(self._near, x)
        off = self._near.off * (x.norm() / len(x) ** 0.5)
        rest = (self._rows(x, self._probes) - near[self._probes]) / off[self._probes].clamp(min=1e-30)
        unlike = max(1.0, float(rest.square().nanmean().sqrt()))
        return NearLogits(near, off * (_SURE * unlike), lambda ids: self._rows(x, ids), lambda: self(x[None])[0])

    def _rows(self, x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        if len(ids) > len(self.weight) // _MANY:
            return self(x[None])[0][ids]
        return self._library.rows(self.weight, self._narrow, x, ids)

    @property
    def size(self) -> int:
        """Bytes of what a token reads: the int8 is left to the disk where memory is short."""
        return sum(part.nbytes for part in self._near)
