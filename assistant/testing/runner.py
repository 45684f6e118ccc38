"""Runs the project's tests in a draft: a configured command, or what its files ask for, by the project's interpreter.

    run(draft) ─► plan ─► draft.run(scratch) with the reporter on board ─► report.jsonl ─► outcomes ─► TestReport
                                                    JUnit XML or output of other runners ──┘

The reporter (`reporter.py`) travels with the command and writes each test down as it ends, so a run that is cut off
still tells of the tests that it reached. It reaches pytest through the environment, so it works in `make test` too.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

from ossa.assistant.draft import Command, Completed, Draft, DraftError
from ossa.assistant.drafts import scratch
from ossa.assistant.testing import foreign, launch
from ossa.assistant.testing.discovery import find
from ossa.assistant.testing.outcomes import Lines, Outcomes, read_outcomes
from ossa.assistant.testing.plan import Kind, Plan
from ossa.assistant.testing.report import judge, together
from ossa.assistant.threads import in_thread
from ossa.assistant.verdict import TestReport

Listener: TypeAlias = Callable[[str], None]

NOT_RUN = "The tests could not be run: "
"""How the problem of a report begins that is not the tests' own."""
_PYTEST_USAGE_ERROR = 4
_OWN: tuple[Kind, ...] = ("pytest", "unittest")
_OURS = re.compile(r"\bossa_report\b|--test-reporter\b|\bjest\.cjs\b")
"""What a runner complains of that can't do with a reporter of ours."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What one run of the tests is asked for."""

    draft: Draft
    only: Sequence[str] = ()
    trial: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    each: float = 0
    on_output: Listener | None = None
    covering: bool = False


class TestRunner:
    """Finds and runs the tests of one repository."""

    __test__ = False

    def __init__(self, root: Path, *, command: str | None = None, timeout: float = 300, each: float = 60) -> None:
        """`command` is a shell line that wins over what would be found.

        `timeout` in seconds is for one run, `each` for one test of it; 0 for no limit.
        """
        self._root, self.timeout, self.each = root, timeout, each
        self.modules: tuple[str, ...] = ()
        """What the latest run had imported in the end, by the names of the modules."""
        self._plan = Plan("command", ("sh", "-c", command), command) if command else None
        self._owners: dict[str, str] = {}
        """By the id of a test, the title of the plan that runs it, where there are several."""

    def describe(self) -> str:
        """One line of what will be run; exact once the tests have been run."""
        if self._plan is None:
            return "what the project's files say, found when it is first run"
        return " and ".join(plan.title for plan in (self._plan, *self._plan.beside))

    async def foresee(self, draft: Draft) -> str:
        """One line of what would be run now, or a sentence why nothing would.

        Raises:
            DraftError: no command can be run in the draft.
        """
        plan = self._plan or await find(draft, self._root)
        return plan if isinstance(plan, str) else " and ".join(one.title for one in (plan, *plan.beside))

    @property
    def chooses(self) -> bool:
        """Whether it saves time to ask for some tests only; not known until tests have been run."""
        plan = self._plan
        return plan is not None and (bool(self.modules) if plan.kind == "command" else plan.kind not in foreign.WHOLE)

    async def run(
        self,
        draft: Draft,
        *,
        only: Sequence[str] = (),
        trial: Mapping[str, bytes] | None = None,
        timeout: float | None = None,
        each: float = 0,
        together: bool = False,
        on_output: Listener | None = None,
    ) -> TestReport:
        """Run the tests, or with `only` those that have these ids or lie below them; what they write is thrown away.

        Where there are several runners, that is the first; with `together` it is all of them, one after the other.
        The files of a `trial` stand in for the draft's own. Limits are in seconds, for all tests and for `each`, where
        they are to be others than usual. A command that leads to neither pytest nor unittest always runs whole.
        Whatever goes wrong is the report's `problem`.
        """
        run = _Run(draft, only, trial or {}, each, on_output)
        if together:
            return await self._run_together(run, timeout or self.timeout)
        report, _ = await self._run(run, timeout or self.timeout)
        return report

    async def cover(
        self, draft: Draft, *, only: Sequence[str] = (), timeout: float | None = None, each: float = 0
    ) -> tuple[TestReport, Mapping[str, Lines]]:
        """Run tests as `run` does, and learn which lines each of them executed; that takes them some times as long.

        What was executed outside of tests, as when a file is imported, is told under "".

        Nothing is learnt of tests that were cut off, run in other processes, or are judged by an exit code alone.
        """
        report, outcomes = await self._run(_Run(draft, only, each=each, covering=True), timeout or self.timeout)
        return report, outcomes.lines

    async def _run_together(self, run: _Run, limit: float) -> TestReport:
        """Run what each runner has of the tests; `limit` is for each."""
        first, _ = await self._run(run, limit) if self._plan is None else (None, None)
        if self._plan is None or not self._plan.beside:
            return first or (await self._run(run, limit))[0]
        reports = [first] if first else []
        if first and not first.problem:
            self._owners.update({result.id: self._plan.title for result in first.results})
        for plan in (self._plan, *self._plan.beside)[len(reports) :]:
            only = [test for test in run.only if self._owners.get(test, self._plan.title) == plan.title]
            if only or not run.only:
                report, _ = await self._run(replace(run, only=only), limit, plan)
                reports.append(report)
                if not report.problem:
                    self._owners.update({result.id: plan.title for result in report.results})
        return together(reports, frozenset(self._owners.values()))

    async def _run(self, run: _Run, limit: float, plan: Plan | str | None = None) -> tuple[TestReport, Outcomes]:
        started = time.monotonic()
        try:
            plan = plan or await self.plan(run.draft)
            if isinstance(plan, str):
                return TestReport(self.describe(), problem=plan), Outcomes()
            completed, outcomes = await self._reported(run, plan, limit)
        except (DraftError, OSError) as error:
            problem = f"{NOT_RUN}{getattr(error, 'strerror', '') or error}"
            return TestReport(self.describe(), problem=problem), Outcomes()
        self.modules = outcomes.modules or self.modules
        report = judge(plan, completed, outcomes, limit=limit, selected=bool(run.only))
        return replace(report, seconds=time.monotonic() - started), outcomes

    async def plan(self, draft: Draft) -> Plan | str:
        """How the tests are run, found out once, or a sentence why they cannot be.

        Raises:
            DraftError: no command can be run in the draft.
        """
        plan = self._plan or await find(draft, self._root)
        if not isinstance(plan, str):
            self._plan = plan
        return plan

    async def _reported(self, run: _Run, plan: Plan, limit: float) -> tuple[Completed, Outcomes]:
        """Run with the reporter; once more without what seems to have kept the tests from starting."""
        ends = time.monotonic() + limit
        attempt = await self._attempt(run, plan, limit, launch.OPTIONS)
        completed, outcomes = attempt
        if outcomes.begun or completed.timed_out:
            return attempt
        left = max(ends - time.monotonic(), 1.0)
        if plan.kind == "pytest" and completed.exit_code == _PYTEST_USAGE_ERROR:
            # The project's own options may need plugins that are not there; its tests seldom do.
            return await self._attempt(run, plan, left, f"{launch.OPTIONS} -o addopts=")
        if plan.kind not in _OWN and _OURS.search(completed.output):
            return await self._attempt(run, plan, left, "")
        return attempt

    async def _attempt(self, run: _Run, plan: Plan, limit: float, options: str) -> tuple[Completed, Outcomes]:
        with scratch.held() as folder:
            launch.equip(folder, run.only, covering=run.covering)
            foreign.bring(plan, folder)
            told = foreign.variables(plan, folder) if options else {}
            command = Command(
                await in_thread(_argv, plan, run, folder),
                plan.folder or ".",
                timeout=limit,
                env=launch.variables(self._root, run.draft.root, folder, options, run.each or self.each, plan.argv[0])
                | told,
                writable=folder,
                trial=run.trial,
                memory=foreign.address_space(plan),
                output_limit=foreign.output_limit(plan),
                name=f"the project's tests ({plan.title})",
            )
            completed = await run.draft.run(command, scratch=True, on_output=run.on_output)
            return completed, await in_thread(_outcomes, plan, run, completed, folder)


def _argv(plan: Plan, run: _Run, folder: Path) -> list[str]:
    if plan.kind in foreign.KINDS:
        return foreign.arguments(plan, run.only, folder)
    return launch.argv(plan, run.only, run.draft.files() if run.only else (), folder)


def _outcomes(plan: Plan, run: _Run, completed: Completed, folder: Path) -> Outcomes:
    """What our reporter tells, or else what the run tells by other means."""
    outcomes = read_outcomes(folder)
    if not outcomes.begun and plan.kind not in _OWN:
        outcomes = foreign.read_foreign(plan, completed, folder, run.draft.root)
    outcomes = foreign.outer(plan, outcomes, run.draft.root)
    return foreign.selected(outcomes, run.only) if plan.kind in foreign.KINDS else outcomes
