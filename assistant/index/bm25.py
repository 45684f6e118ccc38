"""BM25 over short texts that are held in memory: the names that files define, their paths, what commits say.

documents as words ─► Bag ─► score(terms): one number a document
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

_K1 = 1.2
"""How soon a word's repetition stops to count; the value that Robertson recommends, and SQLite's."""
_B = 0.75
"""How much a long document pays for its length; likewise."""


class Bag:
    """Documents of which only the words count."""

    def __init__(self, documents: Iterable[Iterable[str]]) -> None:
        """Documents are numbered in the order that they come in; one that is counted already is taken as it is."""
        self._counts = [one if isinstance(one, Counter) else Counter(one) for one in documents]
        self._holders: dict[str, list[int]] = {}
        for number, counts in enumerate(self._counts):
            for term in counts:
                self._holders.setdefault(term, []).append(number)
        self._length = np.array([count.total() for count in self._counts], dtype=np.float64)
        mean = self._length.mean() if self._counts else 0.0
        self._penalty = _K1 * (1 - _B + _B * self._length / (mean or 1.0))

    def score(self, terms: Mapping[str, float]) -> NDArray[np.float64]:
        """How well each document fits the words, each with its weight; 0 where none occurs."""
        found = np.zeros(len(self._counts))
        for term, weight in terms.items():
            if holders := self._holders.get(term):
                count = np.array([self._counts[number][term] for number in holders], dtype=np.float64)
                gain = count * (_K1 + 1) / (count + self._penalty[holders])
                found[holders] += weight * self.rarity(term) * gain
        return found

    def shared(self, document: int, terms: Mapping[str, float], most: int) -> list[str]:
        """The words that a document has of these, those that say most about it first."""
        counts = self._counts[document]
        held = [term for term in terms if term in counts]
        return sorted(held, key=lambda term: -terms[term] * self.rarity(term))[:most]

    def rarity(self, term: str) -> float:
        """The word's inverse document frequency, in the form that is above 0 even for a word that all have."""
        holders = len(self._holders.get(term, ()))
        return math.log(1 + (len(self._counts) - holders + 0.5) / (holders + 0.5))
