"""What the tests said of a change, against the same tests without it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

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
    """Ran before, not after: deleted, renamed or not reached."""
    problem: str = ""
    """A sentence when the tests could not be run, so nothing is proved."""

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
        return " · ".join(parts)


def compare(before: TestReport, after: TestReport) -> Verdict:
    """Judge a change by the tests without it and with it, test by test."""
    if problem := after.problem or before.problem:
        return Verdict(after.command, problem=problem)
    earlier = {r.id: r.outcome for r in before.results}
    later = {r.id: r.outcome for r in after.results}
    failing = {"failed", "error"}
    failed_before = {i for i, outcome in earlier.items() if outcome in failing}
    failed_after = {i for i, outcome in later.items() if outcome in failing}
    return Verdict(
        after.command,
        passed=after.passed,
        total=sum(r.outcome != "skipped" for r in after.results),
        fixed=tuple(sorted(i for i in failed_before if later.get(i) == "passed")),
        broken=tuple(sorted(failed_after - failed_before)),
        still_failing=tuple(sorted(failed_after & failed_before)),
        missing=tuple(sorted(earlier.keys() - later.keys())),
    )
