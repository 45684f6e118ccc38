"""What a candidate comes to: the failing test first, then all of them, and how long others are looked for after that.

Candidate ─► Task.judged ─► Trial ─► Task.attempt (told) ─► Task.ends
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ossa.assistant.draft import DraftError
from ossa.assistant.events import Attempt
from ossa.assistant.repair.candidates import Candidate
from ossa.assistant.repair.functions import Function
from ossa.assistant.testing.outcomes import Lines, hung
from ossa.assistant.testing.runner import NOT_RUN
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.verdict import TestReport, TestResult, compare

ENOUGH = 6
"""So many candidates that mend all they should are chosen from."""
_GRACE = (5.0, 15.0)
"""Seconds, at least and at most, that are spent on others when one mends all it should: else as long as it took."""
_PARTLY = 0.6
"""The share of the time left that is spent on others when one mends only some of it."""
_LEAST_LIMIT = 2.0
"""Seconds that a candidate's failing test gets at least."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A candidate that has been tried."""

    candidate: Candidate
    outcome: str
    """What came of it, in some words."""
    ok: bool = False
    """Whether it mends the failing test and breaks no other."""
    left: int = 0
    """How many tests still fail that run the same function, where it is ok."""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Runs:
    """What is known of when a function is run."""

    failure: TestResult
    report: TestReport
    executed: Mapping[str, Lines]

    def kin(self, function: Function) -> frozenset[str]:
        """Which failing tests one repair of it may be expected to mend: those that are known to run it."""
        return frozenset(failure.id for failure in self.report.failures if self._runs(failure.id, function))

    def _runs(self, test: str, function: Function) -> bool:
        if test not in self.executed:  # which is likely for those that stand together
            return test.split("::")[0] == self.failure.id.split("::")[0]
        return self._within(self.executed[test], function)

    def stale(self, function: Function) -> bool:
        """Whether it was run while files were imported, or nothing is known of that."""
        return "" not in self.executed or self._within(self.executed[""], function)

    @staticmethod
    def _within(lines: Lines, function: Function) -> bool:
        return any(line in range(function.body + 1, function.end + 1) for line in lines.get(function.path, ()))


@dataclass(slots=True)
class Task:
    """One failing test that is to be repaired."""

    failure: TestResult
    report: TestReport
    """Of all tests, before."""
    deadline: float
    width: int
    limit: int
    """Candidates that may be tried."""
    runs: Runs
    trials: WarmTests = field(init=False)
    """What candidates are tried with."""
    found: list[Trial] = field(default_factory=list[Trial])
    """Those that are ok."""
    tried: int = 0
    began: float = field(default_factory=time.monotonic)
    _ends: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether no more is to be tried."""
        whole = sum(not trial.left for trial in self.found)
        ends = self.deadline if self._ends is None else self._ends
        return time.monotonic() > ends or whole >= ENOUGH or self.tried >= self.limit

    async def judged(self, lot: Sequence[Candidate]) -> list[Trial]:
        """Run the failing test with each, then all tests with those that pass it.

        Raises:
            DraftError: no candidate can be tried.
        """
        lot = lot[: max(self.limit - self.tried, 0)]
        began = time.monotonic()
        looked = await self._looked(lot)
        each = (time.monotonic() - began) / max(len(lot), 1)
        trials: list[Trial] = []
        for candidate, result in zip(lot, looked, strict=True):
            if time.monotonic() > self.deadline:
                break
            if result and result.outcome != "passed":
                trials.append(Trial(candidate, f"still fails: {_short(result.message)}", seconds=round(each, 3)))
            else:
                trials.append(await self.tried_out(candidate, each))
        return trials

    async def tried_out(self, candidate: Candidate, spent: float = 0.0) -> Trial:
        """Run the failing test with a candidate, then all tests if it passes; `spent` are seconds it took before.

        Raises:
            DraftError: no candidate can be tried.
        """
        began = time.monotonic()
        outcome, ok, left = await self._judged(candidate)
        return Trial(candidate, outcome, ok, left, round(spent + time.monotonic() - began, 3))

    async def _looked(self, lot: Sequence[Candidate]) -> list[TestResult | None]:
        """What a first look tells of them; nothing where the function was run while files were imported."""
        if any(self.runs.stale(candidate.function) for candidate in lot):
            return [None] * len(lot)
        return await self.trials.glance([(c.path, c.source) for c in lot], self.failure.id)

    def attempt(self, trial: Trial) -> Attempt:
        """Take note of a trial; what is to be told of it."""
        self.tried += 1
        if trial.ok:
            self.found.append(trial)
            now, ends = time.monotonic(), self.deadline if self._ends is None else self._ends
            grace = min(max(now - self.began, _GRACE[0]), _GRACE[1])
            self._ends = min(ends, now + (_PARTLY * (self.deadline - now) if trial.left else grace))
        candidate, score = trial.candidate, round(trial.candidate.score, 3)
        place, text = candidate.place, candidate.text
        return Attempt(self.tried, self.limit, place, text, trial.outcome, trial.ok, score, trial.seconds)

    async def _judged(self, candidate: Candidate) -> tuple[str, bool, int]:
        files = candidate.files
        first = await self.trials.trial(files, [self.failure.id], self._seconds)
        if first.problem.startswith(NOT_RUN):  # no other candidate would fare better
            raise DraftError(first.problem)
        if first.problem:
            return first.problem, False, 0
        if not first.green:
            message = next((f.message for f in first.failures), "")
            return f"still fails: {_short(message)}", False, 0
        whole = await self.trials.trial(files, limit=max(10.0, 4 * self._usual))
        verdict = compare(self.report, whole)
        ok = bool(verdict.fixed) and not (verdict.broken or verdict.missing or verdict.problem)
        return verdict.summary, ok, len(self.runs.kin(candidate.function).intersection(verdict.still_failing))

    @property
    def _seconds(self) -> float:
        """What the failing test may take; what starts cold takes as long as all tests did, and longer."""
        own = _LEAST_LIMIT if hung(self.failure) else max(_LEAST_LIMIT, 8 * self.failure.seconds)
        return own + 3 * self._usual if self.trials.why else own

    @property
    def _usual(self) -> float:
        """Seconds that all tests take while others run beside them, but for those that do not end."""
        lost = sum(result.seconds for result in self.report.failures if hung(result))
        return max(self.report.seconds - lost, 0.0) * self.width


def _short(message: str) -> str:
    return message.strip().split("\n")[0][:120] or "no message"
