"""What speaks for each file, in numbers: a dozen features of the files of a repository for what a prompt says.

index, facts, git's log ─► Evidence ─► features(clues, around) ─► {"text": one number in 0–1 for each file, …}
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ossa.assistant.index.bm25 import Bag
from ossa.assistant.index.clues import Clues
from ossa.assistant.index.facts import Facts, Told
from ossa.assistant.index.graph import Graph
from ossa.assistant.index.places import Kind, Places, kind
from ossa.assistant.index.recency import Commit, History
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.index.terms import words

Scores: TypeAlias = NDArray[np.float64]
"""A number for each file."""

_SHARP = 3
"""The power by which what fits best outweighs the rest where the walk through the graph begins."""
_AT_HAND = 0.5
"""How strongly that walk begins in what is changed or open, beside 1 for what is attached or fails."""
_NO_CODE = 0.3
"""How strongly it begins in tests and texts, beside 1 for code."""


class Searched(Told, Protocol):
    """What is asked of an index."""

    def symbols(self, path: str) -> Sequence[Symbol]: ...
    def generation(self) -> int: ...
    def matching(
        self, terms: Iterable[str], *, path: float = 1.0, names: float = 1.0, text: float = 1.0
    ) -> Mapping[str, float]: ...


@dataclass(frozen=True, slots=True)
class Around:
    """What else is known when a prompt is sent; paths from the root."""

    mentioned: Sequence[str] = ()
    """Files that were attached, by @path for example."""
    open: Sequence[str] = ()
    """What is shown in the window."""
    changed: Sequence[str] = ()
    """What differs from the last commit."""
    failing: Sequence[str] = ()
    """The files of a failing test's traceback."""


class Layout:
    """What the paths of a repository alone tell."""

    def __init__(self, paths: Sequence[str]) -> None:
        """Files are numbered in the order of the paths."""
        self.paths = paths
        self.number = {path: number for number, path in enumerate(paths)}
        self.kinds: list[Kind] = [kind(path) for path in paths]
        self.begins = np.array([1.0 if of in (Kind.CODE, Kind.ASIDE) else _NO_CODE for of in self.kinds])
        self.words = Bag(words(path) for path in paths)
        self.places = Places(paths)


class Evidence:
    """One state of a repository, made ready for many prompts; when the index has changed, the next is made of it."""

    def __init__(self, index: Searched, facts: Facts, log: Sequence[Commit], before: "Evidence | None" = None) -> None:
        """`log` is git's, newest first; what is the same as `before` is taken from there."""
        same_paths = before is not None and before.paths is facts.paths
        self.layout = before.layout if before and same_paths else Layout(facts.paths)
        self.paths = facts.paths
        self.log = log
        same_log = before is not None and before.log is log
        self.history = before.history if before and same_paths and same_log else History(log, facts.paths)
        self.symbols = index.symbols
        self._matching = index.matching
        self.holders = facts.holders
        self.names = Bag(facts.names_of())
        self.graph = Graph(len(facts.paths), facts.edges())

    def features(self, clues: Clues, around: Around) -> dict[str, Scores]:
        """Each by its name, 1 for the file that has most of it, or that is meant beyond doubt; 0 where it has none."""
        found = {
            "text": self._array(self._matching(_repeated(clues.terms), path=0.0, names=0.0, text=1.0)),
            "title": self._array(self._matching(clues.title, path=5.0, names=3.0, text=1.0)),
            "names": self.names.score(clues.told),
            "title_names": self.names.score(clues.title),
            "path": self.layout.words.score(clues.told),
            "title_path": self.layout.words.score(clues.title),
            "defines": self._defining(clues.names),
            "module": self._gathered(clues.modules, self.layout.places.module),
            "alike": self.history.alike(clues.terms),
            "recent": self.history.recent(),
        }
        found = {name: _scaled(scores) for name, scores in found.items()} | self._around(clues, around)
        found["named"] = self._gathered(clues.files, self.layout.places.named)
        found["near"] = _scaled(self.graph.near(self._start(found)))
        return found

    def _around(self, clues: Clues, around: Around) -> dict[str, Scores]:
        """1 for what a person has at hand; of a traceback's files the innermost is 1."""
        found = {name: np.zeros(len(self.paths)) for name in ("mentioned", "failing", "changed", "open")}
        for name, paths in {"mentioned": around.mentioned, "changed": around.changed, "open": around.open}.items():
            found[name][[self.layout.number[path] for path in paths if path in self.layout.number]] = 1.0
        trail = [self.layout.number[path] for path in around.failing if path in self.layout.number] or self._trail(
            clues.trace
        )
        for depth, file in enumerate(trail, 1):
            found["failing"][file] = max(found["failing"][file], depth / len(trail))
        return found

    def _trail(self, written: Iterable[str]) -> list[int]:
        """The files of the repository that a traceback in the prompt went through, outermost first."""
        found = (self.layout.places.named(path) for path in written)
        return [file for files in found for file, strength in files.items() if strength >= 1.0]

    def _start(self, found: Mapping[str, Scores]) -> Scores:
        """Where the walk through the graph begins: at all code where a prompt says nothing."""
        fits = _scaled(found["text"] + found["title"] + found["names"] + found["path"]) ** _SHARP
        start = (fits + found["defines"] + found["named"]) * self.layout.begins
        start += found["mentioned"] + found["failing"] + _AT_HAND * (found["changed"] + found["open"])
        return start if start.any() else self.layout.begins

    def _defining(self, names: Iterable[str]) -> Scores:
        """The more files define a name, the less it says of each."""
        found = np.zeros(len(self.paths))
        for name in names:
            if holders := self.holders(name):
                found[holders] += 1 / len(holders) ** 0.5
        return found

    def _gathered(self, written: Iterable[object], find: Callable[..., dict[int, float]]) -> Scores:
        """The best of what is found for each."""
        found = np.zeros(len(self.paths))
        for what in written:
            for file, strength in find(what).items():
                found[file] = max(found[file], strength)
        return found

    def _array(self, scores: Mapping[str, float]) -> Scores:
        found = np.zeros(len(self.paths))
        for path, score in scores.items():
            if (number := self.layout.number.get(path)) is not None:
                found[number] = score
        return found


def _scaled(scores: Scores) -> Scores:
    """The same, 1 at most."""
    most = scores.max(initial=0.0)
    return scores / most if most > 0 else np.zeros_like(scores)


def _repeated(terms: Mapping[str, float]) -> list[str]:
    """The words, one as often as its weight says: an index knows no weights."""
    return [term for term, weight in terms.items() for _ in range(round(weight))]
