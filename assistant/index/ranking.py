"""Which files a prompt is about: one function, and beside it every weight with what it stands for.

prompt, Around ─► rank(evidence, …) ─► Ranked(path, score, reasons, symbols), the best first

A score is the weighted sum of a file's features, each 1 at most; what is not the product's code gets a share of it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ossa.assistant.index.clues import Clues, read
from ossa.assistant.index.facts import Facts
from ossa.assistant.index.features import Around, Evidence, Scores, Searched
from ossa.assistant.index.places import Kind
from ossa.assistant.index.reasons import Told
from ossa.assistant.index.recency import Commit
from ossa.assistant.index.symbols import Symbol

_SHARES = {Kind.CODE: 1.0, Kind.ASIDE: 0.7, Kind.TEST: 0.3, Kind.OTHER: 0.2}
"""What a file keeps of its score by its kind: a test is rarely what a prompt asks to change, and full of its words."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What a file that has most of a feature gets for it.

    All down to `near`, and `failing`, were fitted by a listwise softmax (benchmarks/_index_fit.py) on 630 commits of
    eleven repositories (messages against the source files that they changed) and 187 issues of thirteen (texts against
    those that the fixes changed), in five languages, and rounded between this fit and an earlier one on 2,200 commits:
    the best is flat, half a weight more or less moves recall@5 by less than a point. On 63 issues of twelve other
    repositories, asked once, recall@5 is 0.79, against 0.42 by plain BM25; of the commits it is 0.83. What a person
    does around the prompt is in no log, so the rest was set by hand.

    Tried on the same issues and worth nothing beside these: error messages looked up word for word in the source,
    names of which the prompt has all words, what changed together in the log, files beside the best, squares and roots.
    """

    text: float = 2.5
    """BM25 of the whole file, code, comments and texts, over all words of the prompt."""
    title: float = 1.3
    """The same over the prompt's first line alone; there a word counts five times in a path, three times in a name."""
    names: float = 0.6
    """BM25 over the names that the file defines, by the words of the prompt's prose: examples define names, too."""
    title_names: float = 0.3
    """The same by the words of the first line."""
    path: float = 0.7
    """BM25 over its path: few words, so each says much; by the words of the prompt's prose."""
    title_path: float = 0.6
    """The same by the words of the first line."""
    defines: float = 1.0
    """It defines names that the prompt writes as code is; what many files define says less of each."""
    named: float = 1.0
    """The prompt names it, or has a traceback that went through it."""
    module: float = 0.5
    """A dotted name in the prompt leads to it, as `package.module.function` does."""
    alike: float = 1.5
    """Earlier commits whose message said the like changed it."""
    recent: float = 1.3
    """It was changed often and lately: work goes on where work was."""
    near: float = 1.5
    """PageRank: it uses, or is used by, what fits best, what is mentioned, open, changed or failing."""
    mentioned: float = 6.0
    """It was attached to the prompt: nothing else weighs as much."""
    failing: float = 1.6
    """The traceback of a failing test, or one in the prompt, went through it; the innermost file gets all of this."""
    changed: float = 0.5
    """It differs from the last commit."""
    open: float = 0.5
    """It is what the window shows."""


_FITTED = Weights()
_NOTHING = Around()


@dataclass(frozen=True, slots=True)
class Ranked:
    """One file, and why it stands where it stands."""

    path: str
    score: float
    reasons: tuple[str, ...]
    """What added most, the most first: "defines Card", "changed by “Parse cards faster”"."""
    symbols: tuple[Symbol, ...] = ()
    """What in it fits the prompt best, the best first."""


class Ranker:
    """The evidence of one repository, kept as long as its index stays the same. One thread at a time."""

    def __init__(self, index: Searched, log: Callable[[], Sequence[Commit]] = lambda: ()) -> None:
        """`log` reads git's log, newest first; it is asked with every new state of the index."""
        self._index, self._log = index, log
        self._facts = Facts(index)
        self._known: tuple[int, Evidence] | None = None

    def rank(self, prompt: str, around: Around = _NOTHING, limit: int = 20) -> list[Ranked]:
        """The files that the prompt is about; after the index has changed, what is new in it is read first."""
        return rank(self._evidence(), prompt, around, limit)

    def _evidence(self) -> Evidence:
        generation = self._index.generation()
        if not self._known or self._known[0] != generation:
            self._facts.refresh()
            before = self._known[1] if self._known else None
            self._known = generation, Evidence(self._index, self._facts, self._log(), before)
        return self._known[1]


def rank(
    evidence: Evidence, prompt: str, around: Around = _NOTHING, limit: int = 20, weights: Weights = _FITTED
) -> list[Ranked]:
    """The files that a prompt is about, the best first; none that nothing speaks for."""
    clues = read(prompt)
    features = evidence.features(clues, around)
    added = {name: scores * getattr(weights, name) for name, scores in features.items()}
    score = sum(added.values(), np.zeros(len(evidence.paths))) * shares(evidence, clues, features)
    told = Told(evidence, clues, evidence.history.subjects(clues.terms))
    best = [int(file) for file in np.argsort(-score, kind="stable")[:limit] if score[file] > 0]
    return [
        Ranked(
            evidence.paths[file],
            round(float(score[file]), 4),
            told.reasons(file, added),
            told.fitting(evidence.symbols(evidence.paths[file])),
        )
        for file in best
    ]


def shares(evidence: Evidence, clues: Clues, features: Mapping[str, Scores]) -> Scores:
    """What each file keeps of its score; all of it where the prompt asks for it by its name, or for tests at all."""
    by_kind = dict(_SHARES) | ({Kind.TEST: 1.0} if clues.wants_tests else {})
    kept = np.array([by_kind[kind] for kind in evidence.layout.kinds])
    # A traceback names tests, too, and asks for none.
    named = (features["named"] >= 1.0) & (not clues.trace)
    return np.where(named | (features["mentioned"] > 0), 1.0, kept)
