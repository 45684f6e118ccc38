"""Proof before review: the project's tests on the draft and on the working tree without it, and what differs.

before() ─┐  what failed or the change reaches (first, where all take long) ─► all ─► after()
          └► compare() ─► doubtful tests once more, on both ─► Verdict
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import StepFinished, StepOutput, StepStarted
from ossa.assistant.testing.affected import Reach, doubtful, early, reach, wavered
from ossa.assistant.testing.frames import digest
from ossa.assistant.testing.graph import ImportGraph
from ossa.assistant.testing.outcomes import Lines
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.threads import in_thread
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import TestReport, TestResult, Verdict, compare, named_first

_FOLLOWED = 5.0
"""Seconds for which one test is followed to see which lines it executes."""
_LEAST = 20.0
"""Seconds that tests which are run before all others may take at least."""
_SHOWN = 3
"""Failures that the model is given in one message."""


class Proof:
    """Runs the tests where they are needed, and once only where nothing changed."""

    def __init__(
        self,
        root: Path,
        tests: TestRunner,
        draft: Draft,
        baseline: Draft,
        *,
        imports: ImportGraph | None = None,
        long: float = 8.0,
    ) -> None:
        """`root` is the working tree; `baseline` a draft of it in which nothing is ever changed.

        `imports` knows who imports a file. Tests that take as `long` in seconds are begun with those that it matters
        to.
        """
        self._root, self._tests, self._draft, self._baseline = root, tests, draft, baseline
        self._imports, self._long = imports or ImportGraph(root), long
        self._before: tuple[int, TestReport] | None = None
        self._latest, self._first = TestReport(""), TestReport("")
        self._verdict: Verdict | None = None
        self._unsteady: set[str] = set()
        self._steps = 0

    async def before(self, emit: Emit) -> TestReport:
        """The tests on the working tree as it is; remembered until a file in it changes."""
        self._imports.prepare(self._baseline.files)
        state = await in_thread(self._fingerprint)
        if self._before is None or self._before[0] != state:
            self._before = (state, await self._run(self._baseline, "tests before the change", emit))
        return self._before[1]

    async def after(self, emit: Emit) -> TestReport:
        """The tests on the draft, run now: what is installed may be another since the last time."""
        self._first = TestReport("")
        if not await in_thread(self._draft.change):
            self._before = None
            self._latest = await self.before(emit)
            return self._latest
        if first := await self._worth_a_look():
            title = "the tests that it matters to, before all"
            self._first = await self._run(self._draft, title, emit, first, self._limit())
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
        after = await self.after(emit)
        verdict = compare(before, after)
        if verdict.fixed or verdict.broken:
            reached = await in_thread(self._reach)
            suspects = self._unsteady | wavered(after, self._first)
            doubted = doubtful(verdict, reached, self._verdict, suspects)
            self._unsteady |= await self._wavering(before, after, doubted, emit)
            verdict = compare(before, after, self._unsteady.intersection(doubted))
        self._verdict = verdict
        return verdict

    async def _worth_a_look(self) -> Sequence[str]:
        """The tests to begin with, by what is known of those without the change."""
        before = self._before[1] if self._before else TestReport("")
        if not self._tests.chooses or before.problem or before.note or before.seconds < self._long:
            return ()
        return early(before, await in_thread(self._reach))

    def _limit(self) -> float:
        """Seconds for tests that are run before all others: one that hangs need not be waited for twice."""
        return max(self._before[1].seconds if self._before else 0.0, _LEAST)

    async def _wavering(self, before: TestReport, after: TestReport, doubted: Sequence[str], emit: Emit) -> set[str]:
        """Of the doubted tests, those that do not do the same on the same files when all are run again.

        What a test does alone proves nothing, for others may spoil what it needs; but where that is the same as with
        all others, they need not be run again.
        """
        found: set[str] = set()
        sides = ((self._draft, after), (self._baseline, before)) if doubted else ()
        for draft, report in sides:
            alone = await self._run(draft, "doubtful tests once more", emit, doubted)
            if suspects := wavered(report, alone):
                again = await self._run(draft, "all tests once more, for some did not do the same", emit)
                found |= suspects & wavered(report, again)
        return found

    def _reach(self) -> Reach:
        """What the draft's change can have an effect on."""
        changed = {file.path: self._text(file.path) for file in self._draft.change().files}
        known = frozenset((*self._draft.files(), *changed))
        return reach(changed, self._imports.importers(known, changed), known)

    def _text(self, path: str) -> str:
        try:
            return (self._draft.read(path) or b"").decode("utf-8", "replace")
        except DraftError:
            return ""

    def digest(self, report: TestReport, hint: str = "") -> str:
        """The first failures of a report, as a model can use them; those first that a hint names."""
        return self._digest(named_first(report.failures, hint))

    @property
    def failures(self) -> str:
        """The first failures of the latest run; empty where there are none, or no run was."""
        return self.digest(self._latest)

    def digest_of(self, ids: Iterable[str]) -> str:
        """The same for the named tests of the latest run."""
        wanted = set(ids)
        return self._digest([r for r in self._latest.results if r.id in wanted])

    def _digest(self, failures: Sequence[TestResult]) -> str:
        shown = [digest(result, self._draft.root) for result in failures[:_SHOWN]]
        more = [f"… and {len(failures) - _SHOWN} more tests fail."] if len(failures) > _SHOWN else []
        return "\n\n".join([*shown, *more])

    async def _run(
        self, draft: Draft, title: str, emit: Emit, only: Sequence[str] = (), limit: float | None = None
    ) -> TestReport:
        self._steps += 1
        step = f"tests-{self._steps}"
        emit(StepStarted(step, title, self._tests.describe()))
        report = await self._tests.run(
            draft, only=only, timeout=limit, together=True, on_output=lambda text: emit(StepOutput(step, text))
        )
        failed = f"{len(report.failures)} failed, " if report.failures else ""
        summary = report.problem or f"{failed}{report.passed} passed, {report.seconds:.1f} s"
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
