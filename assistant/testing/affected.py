"""Which tests a change can reach, and which of them are worth a look before all others.

changed files ─► reach() ─► Reach: every file that imports one of them, by how many imports it is away
Reach + what failed before ─► early(): the tests to begin with, as far as they take little of all tests' time
verdict + Reach ─► doubtful(): fixed or broken tests whose fate the change may have nothing to do with
"""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ossa.assistant.testing.judges import is_configuration
from ossa.assistant.testing.written import READ
from ossa.assistant.verdict import TestReport, TestResult, Verdict

Importers: TypeAlias = Callable[[str], Iterable[str]]
"""The files that import a file."""

_SHARE = 0.25
"""Of the time of all tests, what those before them may take."""
_DOUBTED = 40
"""Of more tests than these, it is no accident that they changed."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a change can have an effect on, as far as imports tell."""

    files: Mapping[str, int]
    """How many imports each file is away from what was changed."""
    is_whole: bool
    """Whether that is all: nothing was changed that acts by other ways than imports."""
    known: Collection[str]
    """All files of the repository."""

    def reaches(self, test: str) -> bool:
        """Whether a test can notice the change; so it is taken where that is not known."""
        if not self.is_whole:
            return True
        file = test.partition("::")[0]
        if file in self.known:
            return file in self.files
        inside = [path for path in self.known if path.startswith(f"{file}/")]  # Go's tests are told by their folder
        return not inside or any(path in self.files for path in inside)

    def distance(self, test: str) -> int | None:
        """How many imports a test's file, or the nearest in its folder, is away; None where none leads there."""
        file = test.partition("::")[0]
        if file in self.files:
            return self.files[file]
        return min((far for path, far in self.files.items() if path.startswith(f"{file}/")), default=None)


def reach(changed: Iterable[str], importers: Importers | None, known: Collection[str]) -> Reach:
    """Follow the imports from the changed files; where nobody knows them, none but these are sure to be reached."""
    changed = list(changed)
    found = dict.fromkeys(changed, 0)
    if importers is None:
        return Reach(found, False, known)
    todo = deque(changed)
    while todo:
        path = todo.popleft()
        for importer in importers(path):
            if importer not in found:
                found[importer] = found[path] + 1
                todo.append(importer)
    whole = all(READ.search(path) and not is_configuration(path) for path in changed)
    return Reach(found, whole, known)


def early(before: TestReport, reached: Reach) -> tuple[str, ...]:
    """The tests to begin with: what failed, then what the change reaches, the nearest first, while they take little.

    `before` is of the tests without the change.
    """
    ranked = sorted(
        (rank, number, result)
        for number, result in enumerate(before.results)
        if (rank := _rank(result, reached)) is not None
    )
    left = _SHARE * sum(result.seconds for result in before.results)
    chosen: list[str] = []
    for _, _, result in ranked:
        left -= result.seconds
        if left < 0:
            break
        chosen.append(result.id)
    return tuple(chosen) if len(chosen) < len(before.results) else ()


def doubtful(verdict: Verdict, reached: Reach, last: Verdict | None, unsteady: Collection[str]) -> tuple[str, ...]:
    """The tests that a second run should confirm before they are called fixed or broken.

    The change does not reach them, they were seen to waver, or in the verdict before this it was the other way round.
    """
    told = [
        *(test for test in verdict.broken if last and test in last.fixed),
        *(test for test in verdict.fixed if last and test in last.broken),
        *(test for test in (*verdict.broken, *verdict.fixed) if test in unsteady or not reached.reaches(test)),
    ]
    return tuple(dict.fromkeys(told)) if len(set(told)) <= _DOUBTED else ()


def wavered(report: TestReport, again: TestReport) -> set[str]:
    """The tests that passed in one run and failed in another of the same files."""
    if again.problem:
        return set()
    first = {result.id: result.outcome for result in report.results if result.outcome != "skipped"}
    second = {result.id: result.outcome for result in again.results if result.outcome != "skipped"}
    return {test for test in first.keys() & second.keys() if (first[test] == "passed") != (second[test] == "passed")}


def _rank(result: TestResult, reached: Reach) -> tuple[int, int] | None:
    if result.outcome == "skipped":
        return None
    if result.outcome != "passed":
        return 0, 0
    far = reached.distance(result.id)
    return None if far is None else (1, far)
