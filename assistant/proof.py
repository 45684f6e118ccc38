"""Proof before review: the project's tests on the draft and on the working tree without it, and what differs."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ossa.assistant.draft import Draft
from ossa.assistant.events import StepFinished, StepOutput, StepStarted
from ossa.assistant.testing.frames import digest
from ossa.assistant.testing.outcomes import Lines
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.threads import in_thread
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import TestReport, TestResult, Verdict, compare, named_first

_FOLLOWED = 5.0
"""Seconds for which one test is followed to see which lines it executes."""
_SHOWN = 3
"""Failures that the model is given in one message."""


class Proof:
    """Runs the tests where they are needed, and once only where nothing changed."""

    def __init__(self, root: Path, tests: TestRunner, draft: Draft, baseline: Draft) -> None:
        """`root` is the working tree; `baseline` a draft of it in which nothing is ever changed."""
        self._root, self._tests, self._draft, self._baseline = root, tests, draft, baseline
        self._before: tuple[int, TestReport] | None = None
        self._latest = TestReport("")
        self._steps = 0

    async def before(self, emit: Emit) -> TestReport:
        """The tests on the working tree as it is; remembered until a file in it changes."""
        state = await in_thread(self._fingerprint)
        if self._before is None or self._before[0] != state:
            self._before = (state, await self._run(self._baseline, "tests before the change", emit))
        return self._before[1]

    async def after(self, emit: Emit) -> TestReport:
        """The tests on the draft, run now: what is installed may be another since the last time."""
        if not await in_thread(self._draft.change):
            self._before = None
            self._latest = await self.before(emit)
        else:
            self._latest = await self._run(self._draft, "tests with the change", emit)
        return self._latest

    def trials(self, known: TestReport, width: int) -> WarmTests:
        """What tries files as if the draft had them, `width` at once; `known` is what the tests said of it as it is."""
        return WarmTests(self._tests, self._draft, known, width)

    async def cover(self, only: Sequence[str], limit: float) -> tuple[TestReport, Mapping[str, Lines]]:
        """The tests on the draft, or some, and the lines that each executed, in so many seconds."""
        return await self._tests.cover(self._draft, only=only, timeout=limit, each=_FOLLOWED)

    async def verdict(self, emit: Emit) -> Verdict:
        """What the tests say of the change in the draft."""
        before = await self.before(emit)
        return compare(before, await self.after(emit))

    def digest(self, report: TestReport, hint: str = "") -> str:
        """The first failures of a report, as a model can use them; those first that a hint names."""
        return self._digest(named_first(report.failures, hint))

    def digest_of(self, ids: Iterable[str]) -> str:
        """The same for the named tests of the latest run."""
        wanted = set(ids)
        return self._digest([r for r in self._latest.results if r.id in wanted])

    def _digest(self, failures: Sequence[TestResult]) -> str:
        shown = [digest(result, self._draft.root) for result in failures[:_SHOWN]]
        more = [f"… and {len(failures) - _SHOWN} more tests fail."] if len(failures) > _SHOWN else []
        return "\n\n".join([*shown, *more])

    async def _run(self, draft: Draft, title: str, emit: Emit) -> TestReport:
        self._steps += 1
        step = f"tests-{self._steps}"
        emit(StepStarted(step, title, self._tests.describe()))
        report = await self._tests.run(draft, on_output=lambda text: emit(StepOutput(step, text)))
        failed = len(report.failures)
        summary = report.problem or f"{report.passed} passed, {failed} failed, {report.seconds:.1f} s"
        failing = tuple(failure.id for failure in report.failures)
        emit(StepFinished(step, report.green, summary, report.output, failing=failing))
        return report

    def _fingerprint(self) -> int:
        """Changes whenever a file of the working tree does."""
        stats: list[tuple[str, int, int]] = []
        for path in self._baseline.files():
            try:
                stat = (self._root / path).lstat()
            except OSError:
                continue
            stats.append((path, stat.st_mtime_ns, stat.st_size))
        return hash(tuple(stats))
