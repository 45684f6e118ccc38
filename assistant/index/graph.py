"""Which file uses what another defines, and what lies near some of them: personalised PageRank by numpy arrays.

references, definers ─► Graph ─► near(start): how much of a walk from there is spent in each file
"""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

_MOST_DEFINERS = 10
"""A name that more files define ("get", "__init__") leads nowhere."""
_SHORTEST = 3
_STAY = 0.5
"""How likely each step goes on instead of back to the start: a fix lies one or two uses from what is mentioned."""
_ROUNDS = 12
"""After these what is still on its way is 1/4000."""


class Graph:
    """Files, joined by what they use of each other, in both directions: who calls a thing knows of its faults."""

    def __init__(
        self, paths: Sequence[str], definers: Mapping[str, Sequence[str]], references: Iterable[tuple[str, str, int]]
    ) -> None:
        """`references` are path, name and how often it is used there."""
        number = {path: index for index, path in enumerate(paths)}
        telling = {
            name: [number[path] for path in holders if path in number]
            for name, holders in definers.items()
            if len(name) >= _SHORTEST and len(holders) <= _MOST_DEFINERS
        }
        weights: dict[tuple[int, int], float] = {}
        for path, name, count in references:
            user = number.get(path)
            if user is None or not (holders := telling.get(name)):
                continue
            share = math.sqrt(count) / len(holders)
            for holder in holders:
                if holder != user:
                    weights[user, holder] = weights.get((user, holder), 0.0) + share
        self._size = len(paths)
        ends = np.array(list(weights), dtype=np.int64).reshape(-1, 2)
        weight = np.array(list(weights.values()), dtype=np.float64)
        self._users, self._holders, self._weight = ends[:, 0], ends[:, 1], weight
        self._from = np.concatenate([ends[:, 0], ends[:, 1]])
        self._to = np.concatenate([ends[:, 1], ends[:, 0]])
        both = np.concatenate([weight, weight])
        leaving = np.bincount(self._from, both, self._size)
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
