"""What the tests said of a change, against the same tests without it."""

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

_UNNAMED = 2
_TOLD, _LONGEST = 20, 6_000
"""Of so many tests of one sort it is kept what they said, and so many characters of each."""
Outcome: TypeAlias = Literal["passed", "failed", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class TestResult:
    """One test."""

    __test__ = False

    id: str
    """As the runner takes it back to run just this one, where it can."""
    outcome: Outcome
    message: str = ""
    """The assertion or exception in a line or two."""
    trace: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TestReport:
    """One run of the tests."""

    __test__ = False

    command: str
    results: tuple[TestResult, ...] = ()
    problem: str = ""
    """A sentence when the run says nothing of the tests: none found, timed out, a broken command."""
    output: str = ""
    """What was printed, trimmed in the middle."""
    seconds: float = 0.0
    note: str = ""
    """What limits what the run says, for example "judged by its exit code alone"."""
    left_out: str = ""
    """Which tests of the repository are none of this run's, for example "not run: cargo test"."""
    parts: tuple["TestReport", ...] = ()
    """Of a run of several runners, what each told; the first is that of the language that ossa repairs."""

    @property
    def own(self) -> "TestReport":
        """What the first of several runners told, or the only one."""
        return self.parts[0] if self.parts else self

    @property
    def failures(self) -> tuple[TestResult, ...]:
        """Tests that failed or could not be run."""
        return tuple(r for r in self.results if r.outcome in ("failed", "error"))

    @property
    def passed(self) -> int:
        """How many passed."""
        return sum(r.outcome == "passed" for r in self.results)

    @property
    def green(self) -> bool:
        """Whether tests ran and none failed."""
        return not self.problem and not self.failures and self.passed > 0


@dataclass(frozen=True, slots=True)
class Said:
    """What a test said when it failed."""

    test: str
    """Its id."""
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The same tests before and after the change. Says nothing of tests that were not run in both."""

    command: str
    passed: int = 0
    total: int = 0
    """Tests run with the change, skipped ones left out."""
    fixed: tuple[str, ...] = ()
    broken: tuple[str, ...] = ()
    still_failing: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    """Ran before, not after: deleted, renamed, skipped or not reached."""
    problem: str = ""
    """A sentence when the tests could not be run, so nothing is proved."""
    note: str = ""
    """What limits what is proved: only an exit code was seen, or the tests could not be run before the change."""
    flaky: tuple[str, ...] = ()
    """Ran twice on the same files and did not do the same: nothing is said of them."""
    said: tuple[Said, ...] = field(default=(), compare=False)
    """What the first of those that fail said, and of those fixed before the change."""

    def output(self, test: str) -> str:
        """What a test said when it failed; empty where that is not known."""
        return next((said.text for said in self.said if said.test == test), "")

    @property
    def proved(self) -> bool:
        """Whether tests ran, none broke or went missing, and what failed before passes now or none failed."""
        return not (self.problem or self.broken or self.missing or self.still_failing) and self.passed > 0

    @property
    def summary(self) -> str:
        """One line, for example "31/31 passed · 2 fixed · 0 broken"."""
        if self.problem:
            return f"not tested: {self.problem}"
        parts = [
            f"{self.passed}/{self.total} passed",
            f"{len(self.fixed)} fixed",
            f"{len(self.broken)} broken",
        ]
        if self.still_failing:
            parts.append(f"{len(self.still_failing)} still failing")
        if self.missing:
            parts.append(f"{len(self.missing)} no longer run")
        if self.flaky:
            parts.append(f"{len(self.flaky)} flaky")
        if self.note:
            parts.append(self.note)
        return " · ".join(parts)


def compare(before: TestReport, after: TestReport, flaky: Collection[str] = ()) -> Verdict:
    """Judge a change by the tests without it and with it, test by test; nothing is said of those that are `flaky`.

    Where the run before the change has a problem, nothing is known of the tests that it did not reach: those that fail
    with the change count as still failing, not as broken.
    """
    if after.problem:
        return Verdict(after.command, problem=after.problem)
    ran = {r.id: r.outcome for r in after.results if r.outcome != "skipped"}
    failed_after = {i for i, outcome in ran.items() if outcome != "passed"}
    ran_before = {r.id for r in before.results if r.outcome != "skipped"}
    failed_before = {r.id for r in before.failures}
    # A file that could not be imported is one failure under its own name; once it can be, its tests stand for it.
    opened = {i for i in failed_before - ran.keys() if any(_below(test, i) for test in ran)}
    healed = {i for i in opened if not any(_below(test, i) for test in failed_after)}
    unknown = {i for i in failed_after if before.problem and i not in ran_before}
    unknown |= {test for test in failed_after - ran_before if any(_below(test, i) for i in opened)}
    fixed = (failed_before & ran.keys()) - failed_after | healed
    wavering = {test for test in flaky if test in ran}
    broken = failed_after - failed_before - unknown - wavering
    still_failing = (failed_after & failed_before | unknown) - wavering
    notes = (after.note, after.left_out, f"before the change: {before.problem}" if before.problem else "")
    return Verdict(
        after.command,
        passed=after.passed,
        total=len(ran),
        fixed=tuple(sorted(fixed - wavering)),
        broken=tuple(sorted(broken)),
        still_failing=tuple(sorted(still_failing)),
        missing=tuple(sorted(ran_before - ran.keys() - opened)),
        note=" · ".join(note for note in notes if note),
        flaky=tuple(sorted(wavering)),
        said=(*_said(after, broken), *_said(after, still_failing), *_said(before, fixed - wavering)),
    )


def named_first(tests: Iterable[TestResult], hint: str) -> list[TestResult]:
    """The tests in their order, but before all others the one whose id the hint is, then those that it names."""
    return sorted(tests, key=lambda test: _distance(test, hint))


def named(tests: Sequence[TestResult], hint: str) -> list[TestResult]:
    """The tests that a hint names; all where it names none."""
    nearest = min((_distance(test, hint) for test in tests), default=_UNNAMED)
    return [test for test in tests if _distance(test, hint) == nearest]


def _said(report: TestReport, tests: Collection[str]) -> list[Said]:
    """What the first of these tests said; of a long text its end, since that tells the error."""
    failures = sorted((result for result in report.failures if result.id in tests), key=lambda result: result.id)
    texts = ((result.id, _whole(result)) for result in failures[:_TOLD])
    return [Said(test, text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}") for test, text in texts if text]


def _whole(result: TestResult) -> str:
    told = result.message.strip()
    return result.trace.strip() if told in result.trace else f"{told}\n{result.trace}".strip()


def _distance(test: TestResult, hint: str) -> int:
    name = re.escape(test.id.split("::")[-1])
    return 0 if test.id == hint.strip() else 1 if re.search(rf"(?<!\w){name}(?!\w)", hint) else _UNNAMED


def _below(test: str, parent: str) -> bool:
    """Whether a test lies in a file, folder or class that has an id of its own."""
    return test.startswith((f"{parent}::", f"{parent}/"))
