"""What git's log tells of files: which were changed lately, and which when something alike was said.

repository.git("log") ─► History ─► recent(): by how often and how lately · alike(terms): by what those commits said

A commit that changed many files says little of each, so those are left out.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ossa.assistant.index.bm25 import Bag
from ossa.assistant.index.clues import weighed
from ossa.assistant.repository import Repository

_COMMITS = 2000
"""Of a log no more is read: 0.1 s; with 500 recall@5 was 0.9 points lower, with 3,000 no higher."""
_MANY, _SWEEPING = 8, 30
"""Files of a commit above which its words, and above which even its date, say nothing of each."""
_HALF = 300
"""Commits after which a change counts half."""
_ALIKE = 40
"""So many of the commits that say the like are looked at."""
_LETTERS = 2000
"""Of a commit's message no more is read."""
_TRAILER = re.compile(r"(?im)^(co-authored-by|signed-off-by|reviewed-by|change-id):.*$")


@dataclass(frozen=True, slots=True)
class Commit:
    """One entry of the log."""

    message: str
    paths: tuple[str, ...]
    """What it changed, from the root."""

    @property
    def subject(self) -> str:
        """The first line of its message."""
        return self.message.partition("\n")[0]


def commits(repository: Repository) -> list[Commit]:
    """The latest commits, newest first; none without git or a first commit."""
    if not repository.is_git:
        return []
    options = ("--no-merges", "--no-renames", "--no-show-signature", "--name-only", "-z", f"--max-count={_COMMITS}")
    log = repository.git("log", *options, "--format=%x01%B%x02").decode("utf-8", "surrogateescape")
    return [_entry(entry) for entry in log.split("\x01")[1:]]


class Log:
    """The latest commits of a repository, as `commits` gives them; read again only where HEAD is another."""

    def __init__(self, repository: Repository) -> None:
        """Nothing is read yet."""
        self._repository = repository
        self._head = b""
        self._commits: Sequence[Commit] = ()

    def __call__(self) -> Sequence[Commit]:
        """The same object as long as there are no others."""
        head = self._repository.git("rev-parse", "--verify", "--quiet", "HEAD") if self._repository.is_git else b""
        if head != self._head:
            self._head, self._commits = head, commits(self._repository)
        return self._commits


class History:
    """The log, by the numbers of files."""

    def __init__(self, log: Sequence[Commit], paths: Sequence[str]) -> None:
        """`log` is newest first."""
        number = {path: index for index, path in enumerate(paths)}
        self._recent = np.zeros(len(paths))
        self._commits: list[Commit] = []
        self._files: list[list[int]] = []
        for age, commit in enumerate(log):
            files = [number[path] for path in commit.paths if path in number]
            if len(commit.paths) <= _SWEEPING:
                self._recent[files] += 0.5 ** (age / _HALF)
            if 0 < len(files) <= _MANY:
                self._commits.append(commit)
                self._files.append(files)
        self._recent = np.log1p(self._recent)
        self._bag = Bag(weighed(commit.message) for commit in self._commits)

    def recent(self) -> NDArray[np.float64]:
        """How much happened to each file lately."""
        return self._recent

    def alike(self, terms: Mapping[str, float]) -> NDArray[np.float64]:
        """How far each file was changed where such words were said."""
        found = np.zeros(len(self._recent))
        for commit, likeness in self._best(terms):
            found[self._files[commit]] += likeness**2 / len(self._files[commit])
        return found

    def subjects(self, terms: Mapping[str, float]) -> dict[int, str]:
        """By file, the subject of the commit that changed it and is most alike."""
        found: dict[int, str] = {}
        for commit, _ in self._best(terms):
            for file in self._files[commit]:
                found.setdefault(file, self._commits[commit].subject)
        return found

    def _best(self, terms: Mapping[str, float]) -> list[tuple[int, float]]:
        """The commits that are most alike, and how much, beside 1 for the first."""
        scores = self._bag.score(terms)
        best = np.argsort(-scores, kind="stable")[:_ALIKE]
        return [(int(commit), float(scores[commit] / scores[best[0]])) for commit in best if scores[commit] > 0]


def _entry(text: str) -> Commit:
    message, _, names = text.partition("\x02")
    # Between the message and the first name git puts an end of line.
    paths = tuple(name for name in names.removeprefix("\0").removeprefix("\n").split("\0") if name)
    return Commit(_TRAILER.sub("", message[:_LETTERS]).strip(), paths)
