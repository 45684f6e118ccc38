"""What every file of an index defines and uses, held in memory as numbers; only what has changed is read again.

index.digests() ─► files whose content is new ─► index.facts() ─► Facts ─► holders(name) · edges() · names_of
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ossa.assistant.index.terms import words

_MOST_DEFINERS = 10
"""A name that more files define ("get", "__init__") leads nowhere."""
_SHORTEST = 3
"""Letters of a name that leads anywhere."""

Numbers: TypeAlias = NDArray[np.int64]


class Told(Protocol):
    """What is asked of an index; see there."""

    def digests(self) -> Mapping[str, str]: ...
    def facts(self, paths: Iterable[str] | None = None) -> Iterator[tuple[str, Sequence[str], Mapping[str, int]]]: ...


class Edges(NamedTuple):
    """Which file uses what another defines: three arrays of one length."""

    users: Numbers
    holders: Numbers
    weights: NDArray[np.float64]
    """How much: the root of how often, shared among those that define the name; summed over all names."""


@dataclass(frozen=True, slots=True)
class _File:
    digest: str
    defines: Numbers
    uses: Numbers
    often: NDArray[np.float64]
    """The root of how often each is used."""
    words: Counter[str]
    """Of the names that it defines."""


class Facts:
    """The facts of all files of an index; `refresh` brings them up to date. One thread at a time."""

    def __init__(self, index: Told) -> None:
        """Nothing is read before `refresh`."""
        self._index = index
        self._numbers: dict[str, int] = {}
        self._files: dict[str, _File] = {}
        self.paths: tuple[str, ...] = ()
        """The files that count, sorted; each is known by its place here. Another object only when they are others."""

    def refresh(self) -> None:
        """Read what is new."""
        digests = self._index.digests()
        for path in self._files.keys() - digests.keys():
            del self._files[path]
        new = [
            path for path, digest in digests.items() if path not in self._files or self._files[path].digest != digest
        ]
        asked = None if len(new) == len(digests) else new
        for path, defined, used in self._index.facts(asked):
            if path in digests:
                self._files[path] = self._read(digests[path], defined, used)
        paths = tuple(sorted(self._files))
        if paths != self.paths:
            self.paths = paths
        self._gather()

    def names_of(self) -> Iterator[Counter[str]]:
        """For each file the words of the names that it defines."""
        return (self._files[path].words for path in self.paths)

    def holders(self, name: str) -> Sequence[int]:
        """The files that define a name of three letters or more."""
        number = self._numbers.get(name, -1)
        if number < 0:
            return ()
        start, end = np.searchsorted(self._defined, [number, number + 1])
        return [int(file) for file in self._holders[start:end]]

    def edges(self) -> Edges:
        """Who uses what of whom, by names that few enough files define."""
        files = [self._files[path] for path in self.paths]
        users, used = _joined([file.uses for file in files])
        often = np.concatenate([np.empty(0), *(file.often for file in files)])
        count = np.bincount(self._defined, minlength=len(self._numbers))
        telling = (count[used] > 0) & (count[used] <= _MOST_DEFINERS)
        users, used, often = users[telling], used[telling], often[telling]
        # Each use leads to all that define the name: the first of them is at `start`, the others behind it.
        each = count[used]
        start = np.repeat(np.searchsorted(self._defined, used), each)
        behind = np.arange(len(start)) - np.repeat(np.cumsum(each) - each, each)
        holders, users = self._holders[start + behind], np.repeat(users, each)
        weights = np.repeat(often / np.maximum(each, 1), each)
        other = users != holders
        pair, which = np.unique(users[other] * len(files) + holders[other], return_inverse=True)
        summed = np.bincount(which, weights[other], len(pair)).astype(np.float64)
        return Edges(pair // max(len(files), 1), pair % max(len(files), 1), summed)

    def _gather(self) -> None:
        """Who defines what, by name."""
        holders, defined = _joined([self._files[path].defines for path in self.paths])
        order = np.argsort(defined, kind="stable")
        self._defined, self._holders = defined[order], holders[order]

    def _read(self, digest: str, defined: Sequence[str], used: Mapping[str, int]) -> _File:
        counts: Counter[str] = Counter()
        for name in defined:
            counts.update(words(name))
        telling = {name: count for name, count in used.items() if len(name) >= _SHORTEST}
        return _File(
            digest,
            np.array([self._number(name) for name in defined if len(name) >= _SHORTEST], dtype=np.int64),
            np.array([self._number(name) for name in telling], dtype=np.int64),
            np.sqrt(np.array(list(telling.values()), dtype=np.float64)),
            counts,
        )

    def _number(self, name: str) -> int:
        return self._numbers.setdefault(name, len(self._numbers))


def _joined(lists: Sequence[Numbers]) -> tuple[Numbers, Numbers]:
    """All of them in a row, and for each number which list it comes from."""
    places = np.repeat(np.arange(len(lists)), [len(one) for one in lists])
    return places, np.concatenate([np.empty(0, dtype=np.int64), *lists])
