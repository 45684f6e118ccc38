"""Which file uses what another defines, and what lies near some of them: personalised PageRank by numpy arrays.

facts' edges ─► Graph ─► near(start): how much of a walk from there is spent in each file
"""

import numpy as np
from numpy.typing import NDArray

from ossa.assistant.index.facts import Edges

_STAY = 0.5
"""How likely each step goes on instead of back to the start: a fix lies one or two uses from what is mentioned."""
_ROUNDS = 12
"""After these what is still on its way is 1/4000."""


class Graph:
    """Files, joined by what they use of each other, in both directions: who calls a thing knows of its faults."""

    def __init__(self, size: int, edges: Edges) -> None:
        """`size` is how many files there are."""
        self._size = size
        self._from = np.concatenate([edges.users, edges.holders])
        self._to = np.concatenate([edges.holders, edges.users])
        both = np.concatenate([edges.weights, edges.weights])
        leaving = np.bincount(self._from, both, size)
        self._share = both / leaving[self._from]
        self._alone = leaving == 0

    def near(self, start: NDArray[np.float64]) -> NDArray[np.float64]:
        """The share of time in each file of a walk that begins, and begins again, in `start`; sums to 1, or is 0."""
        total = start.sum()
        if total <= 0:
            return np.zeros(self._size)
        begin = start / total
        now = begin
        for _ in range(_ROUNDS):
            moved = np.bincount(self._to, self._share * now[self._from], self._size)
            now = (1 - _STAY) * begin + _STAY * (moved + now[self._alone].sum() * begin)
        return now

    def neighbours(self, file: int) -> list[int]:
        """Files that use it or that it uses, those that do so most first."""
        mine = np.flatnonzero(self._from == file)
        return [int(self._to[edge]) for edge in mine[np.argsort(-self._share[mine], kind="stable")]]
