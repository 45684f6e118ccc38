"""Fits the weights of the ranking to the questions that `index.py` asks: a listwise softmax, by numpy.

repositories ─► pairs, issues ─► features of the files that may be meant ─► fitted() ─► weights, and what they find

Prints recall of the weights as they are, of those fitted to all repositories, and of those fitted to all but the one
that is asked, which is what another repository can expect. What fits nothing is not below 0. Takes minutes.

    python benchmarks/_index_fit.py FOLDER [--issues FILE] [--pairs N]
"""

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from _index_pairs import Pair, check_out, checked_out, issues, pairs, repositories
from numpy.typing import NDArray

from ossa.assistant.index.clues import read
from ossa.assistant.index.facts import Facts
from ossa.assistant.index.features import Around, Evidence
from ossa.assistant.index.index import Index
from ossa.assistant.index.ranking import Weights, shares
from ossa.assistant.index.recency import commits
from ossa.assistant.repository import Repository

BY_HAND = {"mentioned", "changed", "open"}
"""What no log tells of."""
NAMES = [field.name for field in fields(Weights) if field.name not in BY_HAND]
NOW = np.array([getattr(Weights(), name) for name in NAMES])
_KEPT = 80
"""Files of a question that are looked at: the best by the weights as they are, and the right ones."""
_STEPS, _RATE, _SHRINK = 300, 0.1, 0.003
_FIRST = (1, 5, 10)


@dataclass(frozen=True, slots=True)
class Question:
    """What speaks for each file that may be meant, and which are."""

    repository: Path
    features: NDArray[np.float64]
    """Of shape (files, weights)."""
    right: NDArray[np.float64]
    """1 for the files that are meant, else 0."""
    of: int
    """How many are meant; some may not be in the index."""


def main() -> None:
    """Read, fit, print."""
    options = argparse.ArgumentParser(description="Fits the ranking's weights.")
    options.add_argument("folder", type=Path, help="a git repository, or a folder of some")
    options.add_argument("--issues", type=Path, metavar="FILE", help="issues and patches besides the commits")
    options.add_argument("--pairs", type=int, default=60, metavar="N", help="commits of each repository (default: 60)")
    chosen = options.parse_args()
    asked = {place: pairs(place, chosen.pairs) for place in repositories(chosen.folder.absolute())}
    for place, more in (issues(chosen.issues, chosen.folder.absolute()) if chosen.issues else {}).items():
        asked[place] = [*asked[place], *more]
    known = [question for place in asked if asked[place] for question in _questions(place, asked[place])]
    weights = fitted(known)
    apart: list[tuple[Question, NDArray[np.float64]]] = []
    for place in asked if len(asked) > 1 else ():
        others = fitted([one for one in known if one.repository != place])
        apart += [(one, others) for one in known if one.repository == place]
    for name, now, new in zip(NAMES, NOW, weights, strict=True):
        print(f"{name:12} {now:4.1f} {new:5.2f}")
    print(f"{len(known)} questions, recall@{_FIRST}")
    print("as they are      ", _told([(question, NOW) for question in known]))
    print("fitted           ", _told([(question, weights) for question in known]))
    if apart:
        print("fitted elsewhere ", _told(apart))


def fitted(known: Sequence[Question]) -> NDArray[np.float64]:
    """The weights by which the right files come first; each repository counts the same. Adam, kept at 0 or above."""
    size = max(len(question.right) for question in known)
    features = np.zeros((len(known), size, len(NAMES)))
    right, absent = np.zeros((len(known), size)), np.full((len(known), size), -1e9)
    for place, question in enumerate(known):
        count = len(question.right)
        features[place, :count], absent[place, :count] = question.features, 0.0
        right[place, :count] = question.right / max(question.right.sum(), 1.0)
    each = [question.repository for question in known]
    importance = np.array([1 / each.count(one) for one in each]) * right.any(1)
    weights, mean, square = NOW.copy(), np.zeros(len(NAMES)), np.zeros(len(NAMES))
    for step in range(1, _STEPS + 1):
        scores = features @ weights + absent
        likely = np.exp(scores - scores.max(1, keepdims=True))
        wrong = (likely / likely.sum(1, keepdims=True) - right) * importance[:, None]
        slope = np.einsum("qf,qfw->w", wrong, features) / importance.sum() + _SHRINK * weights
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        weights -= _RATE * mean / (1 - 0.9**step) / (np.sqrt(square / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(weights, 0.0)
    return weights


def _questions(repository: Path, asked: Sequence[Pair]) -> Iterator[Question]:
    """Each asked of the tree before its change."""
    with tempfile.TemporaryDirectory(prefix="ossa-fit-") as name:
        root = Repository.open(checked_out(repository, asked[0].before, Path(name, "repo")))
        index = Index(root.root, root.files, Path(name, "index"))
        facts, at, evidence = Facts(index), "", None
        for pair in asked:
            if pair.before != at:
                check_out(root.root, at := pair.before)
                index.refresh()
                facts.refresh()
                evidence = Evidence(index, facts, commits(root), evidence)
            assert evidence
            yield _question(repository, evidence, pair)
        index.close()


def _question(repository: Path, evidence: Evidence, pair: Pair) -> Question:
    clues = read(pair.text)
    found = evidence.features(clues, Around())
    features = np.stack([found[name] for name in NAMES], axis=1) * shares(evidence, clues, found)[:, None]
    right = np.array([path in pair.files for path in evidence.paths], dtype=np.float64)
    kept = np.argsort(-(features @ NOW + 1e9 * right), kind="stable")[:_KEPT]
    return Question(repository, features[kept], right[kept], len(pair.files))


def _told(answered: Sequence[tuple[Question, NDArray[np.float64]]]) -> str:
    found: list[list[float]] = []
    for question, weights in answered:
        best = question.right[np.argsort(-(question.features @ weights), kind="stable")]
        found.append([float(best[:first].sum()) / question.of for first in _FIRST])
    return "  ".join(f"{share:.3f}" for share in np.mean(found, axis=0))


if __name__ == "__main__":
    main()
