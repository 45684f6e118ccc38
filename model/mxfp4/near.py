"""The output layer of a large vocabulary: in MXFP4 to find the tokens that could be chosen, in int8 for those.

    hidden ─┬► its few outliers, by exact columns ─┬► nearly all logits ─► probes: how far off? ─► NearLogits
            └► all else, by all rows in MXFP4 ─────┘

A token that is written waits for memory, and this reads half of what the int8 has. Where too many tokens come near the
best one, that would be in vain, and all is computed at once for a while.
"""

from collections import OrderedDict

import torch

from ossa.model.mxfp4.layers import Dense
from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.weights import Near, column_of
from ossa.model.nearly import NearLogits

_PROBES = 64
_SURE = 6.0
"""Standard deviations that a logit may be off: more happens to one of 10⁹."""
_OUTLIER = 0.01
"""What a value is of all, squared, from which it is an outlier: chance makes none."""
_COLUMNS = 32
"""Columns that are kept: models have their outliers in the same few places, whatever the text."""
_MANY = 16
"""Where more than this share of the rows is asked for, all are computed."""
_VAIN, _PAUSE = 4, 200
"""After so many tokens in a row for which all had to be computed, so many are not tried."""


class Head(Dense):
    """A `Dense` in int8 without a bias, of which a nearer look at few rows can be had."""

    def __init__(self, weight: torch.Tensor, scales: torch.Tensor, near: Near, library: Library) -> None:
        super().__init__(weight, scales, None, library)
        self._near, self._narrow = near, scales
        self._probes = torch.arange(_PROBES) * len(weight) // _PROBES
        self._columns: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._vain = 0

    def last(self, x: torch.Tensor) -> torch.Tensor | NearLogits:
        """Of `[columns]`; errors of single weights add up by chance, and the probes say whether they do."""
        if self._vain >= _VAIN:
            self._vain = self._vain + 1 if self._vain < _VAIN + _PAUSE else 0
            return self(x[None])[0]
        rest, outlying = self._apart(x)
        near = self._library.near(self._near, rest) + outlying
        off = self._near.off * (rest.norm() / len(x) ** 0.5)
        wrong = self._library.rows(self.weight, self._narrow, x, self._probes) - near[self._probes]
        unlike = max(1.0, float((wrong / off[self._probes].clamp(min=1e-30)).square().nanmean().sqrt()))
        return NearLogits(near, off * (_SURE * unlike), lambda ids: self._rows(x, ids), lambda: self._all(x))

    def _apart(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The values without outliers, and what these add to each logit; a new column is read for one of them alone."""
        shares = x.square() / x.square().sum()
        large = [place for place in shares.topk(_COLUMNS).indices.tolist() if shares[place] > _OUTLIER]
        new = next((place for place in large if place not in self._columns), None)
        if new is not None:
            self._columns[new] = column_of(self.weight, self._narrow, new)
            if len(self._columns) > _COLUMNS:
                self._columns.popitem(last=False)
        rest, outlying = x.clone(), torch.zeros(len(self.weight))
        for place in large:
            if place in self._columns:
                self._columns.move_to_end(place)
                outlying.add_(self._columns[place], alpha=float(x[place]))
                rest[place] = 0
        return rest, outlying

    def _all(self, x: torch.Tensor) -> torch.Tensor:
        self._vain += 1
        return self(x[None])[0]

    def _rows(self, x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        many = len(ids) > len(self.weight) // _MANY
        if len(ids) > 1:
            self._vain = self._vain + 1 if many else 0
        return self(x[None])[0][ids] if many else self._library.rows(self.weight, self._narrow, x, ids)

    @property
    def size(self) -> int:
        """Bytes of what a token reads: the int8 is left to the disk where memory is short."""
        return sum(part.nbytes for part in self._near)
