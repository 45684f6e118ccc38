"""Tries candidates against the tests without starting an interpreter for each; what they say is what a cold run says.

    trial(files, ids) ─► a free server in its own sandbox ─► fork ─► outcomes ─► TestReport
                     └─► none, or unfit, or in doubt ──────────────► cold run ──────┘

A server (`slot.py`) lives in a scratch layer of the draft, within all limits of the sandbox; several stand side by
side, each in a layer of its own, so that what is tried at the same time never meets. One that cannot take back what a
candidate left behind is replaced. Before a server is used, it must say of the draft as it is what a cold run said.
"""

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.testing import launch
from ossa.assistant.testing.outcomes import hung
from ossa.assistant.testing.plan import Plan
from ossa.assistant.testing.report import judge
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.slot import Attempted, Job, Lost, Slot
from ossa.assistant.threads import in_thread
from ossa.assistant.verdict import TestReport, TestResult

_SAMPLED_SECONDS = 2.0
"""A suite that takes no longer is what a server is compared by; of a longer one, some failures are."""
_SAMPLED = 8
_LEAST_EACH = 1.0
"""Seconds that one test may take at least."""
_GLANCED = 0.2
"""The same for a first look."""
_SLOWER = 8.0
"""How many times what the slowest takes that ends."""
_STRIKES = 3
"""How many servers in a row may be lost until starting them is not worth it."""
_UNCHANGED = ("", "")
"""The variant that is none: what it says must be known already."""
_UNSTABLE = re.compile(r"0x[0-9a-f]+|\d+")
"""What of a message may differ from one run to the next."""


class WarmTests:
    """Servers for one draft, which cannot be written to while they stand: leave the `async with` before that."""

    def __init__(self, tests: TestRunner, draft: Draft, known: TestReport, width: int = 2) -> None:
        """`known` is what a cold run of all tests said of the draft as it is; `width` trials run at once."""
        self._tests, self._draft, self._known, self._width = tests, draft, known, width
        self._free: asyncio.Queue[Slot] = asyncio.Queue()
        self._slots: list[Slot] = []
        self._starting: list[asyncio.Task[None]] = []
        self._files: frozenset[str] = frozenset()
        self._kept: set[str] = set()
        self._strikes = 0
        slowest = max((r.seconds for r in known.results if not hung(r)), default=0.0)
        self._each = max(_LEAST_EACH, _SLOWER * slowest)
        self._plan: Plan | None = None
        self.why = ""
        """Why nothing is tried warm; empty where it is."""
        self.glances = False
        """Whether `glance` can tell anything."""
        self.warm = self.cold = 0
        """How many trials were judged either way."""

    async def __aenter__(self) -> Self:
        """Begin to start the servers, without waiting for them."""
        try:
            plan = await self._tests.plan(self._draft)
        except (DraftError, OSError) as error:
            plan = str(error)
        run = None if isinstance(plan, str) else launch.module_run(plan.argv, self._draft.root)
        if isinstance(plan, str):
            self.why = plan
        elif self._draft.isolation.kind != "overlay" or not self._draft.isolation.confined:
            self.why = "commands run in a copy here, from which nothing can be taken back fast"
        elif run is None:
            self.why = f"`{plan.title}` is not a plain run of pytest or unittest"
        elif self._known.problem or not self._known.results or self._known.note:
            self.why = "not enough is known of the tests to compare with"
        else:
            self.glances = True
            self._plan, self._files = plan, frozenset(await in_thread(self._draft.files))
            self._slots = [Slot(self._draft, run, plan.title) for _ in range(self._width)]
            self._starting = [asyncio.create_task(self._start(slot)) for slot in self._slots]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the servers; the draft can be written to again then."""
        for starting in self._starting:
            starting.cancel()
        await asyncio.gather(*self._starting, return_exceptions=True)
        await asyncio.gather(*(slot.stop() for slot in self._slots), return_exceptions=True)

    async def trial(
        self, files: Mapping[str, bytes], only: Sequence[str] = (), limit: float | None = None
    ) -> TestReport:
        """The tests, or those with these ids or below them, as if the draft had these files."""
        seconds = limit or self._tests.timeout
        if self._plan and not self.why:
            began = time.monotonic()
            attempted = await self._attempted(files, only, seconds)
            if attempted:
                self.warm += 1
                told = judge(self._plan, attempted.completed, attempted.outcomes, limit=seconds, selected=bool(only))
                return replace(told, seconds=time.monotonic() - began)
        self.cold += 1
        return await self._tests.run(self._draft, only=only, trial=files, timeout=limit, each=self._each)

    async def glance(self, variants: Sequence[tuple[str, str]], test: str) -> list[TestResult | None]:
        """One test's outcome for each variant of a file, a path and its source, from one start of the tests for all.

        That is for sorting out: what was worked out when the files were imported is the draft's. None where nothing is
        known: that variant is to be tried.
        """
        unknown: list[TestResult | None] = [None] * len(variants)
        if not self.glances:
            return unknown
        limit = self._tests.timeout
        attempted = await self._attempted({}, [test], limit, [*variants, _UNCHANGED])
        if attempted is None:
            return unknown
        ended = [outcomes.status is not None for outcomes in attempted.variants]
        told = [outcomes.tests.get(test) for outcomes in attempted.variants]
        *results, control = [result if end else None for result, end in zip(told, ended, strict=True)]
        known = {r.id: r for r in self._known.results}.get(test)
        if control is None or known is None or _short(control) != _short(known):
            self.glances = False
            return unknown
        return results

    async def _attempted(
        self, files: Mapping[str, bytes], only: Sequence[str], limit: float, variants: Sequence[tuple[str, str]] = ()
    ) -> Attempted | None:
        """What a server says; None where none can, or where it is lost over it."""
        slot = await self._free.get()
        try:
            if self.why:
                return None
            if not slot.stands:
                await self._prepare(slot)
            job = self._job(files, only, limit)
            each = max(_GLANCED, job.each / _LEAST_EACH * _GLANCED) if variants else job.each
            attempted = await slot.attempt(replace(job, variants=variants, each=each))
            if attempted.left:
                self._replace(slot, attempted.left)
            else:
                self._strikes = 0
            return attempted
        except (Lost, DraftError, OSError) as error:
            slot.abandon()
            self._strikes += 1
            if self._strikes >= _STRIKES:
                self.why = f"servers do not last: {error}"
            return None
        except BaseException:
            slot.abandon()  # its child is still at work
            raise
        finally:
            self._free.put_nowait(slot)

    async def _start(self, slot: Slot) -> None:
        try:
            await self._prepare(slot)
        except (Lost, DraftError, OSError) as error:
            self.why = self.why or str(error)
        finally:
            self._free.put_nowait(slot)

    async def _prepare(self, slot: Slot) -> None:
        """Start a server, let it import what the tests need, and compare what it says with what is known.

        Raises:
            Lost: it does not do.
        """
        known = self._known
        sample = [] if known.seconds <= _SAMPLED_SECONDS else [f.id for f in known.failures][:_SAMPLED]
        job = self._job({}, sample, self._tests.timeout)
        limit = max(4 * known.seconds, 30.0)
        await slot.start(self._tests.modules, self._kept, limit)
        attempted = await slot.attempt(job)
        if attempted.left:
            self._replace(slot, attempted.left)
            await slot.start(self._tests.modules, self._kept, limit)
            attempted = await slot.attempt(job)
        assert self._plan
        said = judge(self._plan, attempted.completed, attempted.outcomes, limit=job.limit, selected=bool(sample))
        if attempted.left:
            self.why = f"the tests change what cannot be put right: {', '.join(attempted.left)}"
        elif said.problem or _gist(said, sample) != _gist(known, sample):
            self.why = "the tests do not say the same when they are run warm"
        if self.why:
            raise Lost(self.why)

    def _replace(self, slot: Slot, left: Sequence[str]) -> None:
        """Have the next server here put right what was left, as far as it is the repository's."""
        self._kept.update(path for path in left if not path.startswith("/"))
        slot.abandon()

    def _job(self, files: Mapping[str, bytes], only: Sequence[str], limit: float) -> Job:
        assert self._plan
        words = launch.argv(self._plan, only, self._files.union(files), self._draft.root)
        run = launch.module_run(words, self._draft.root)
        assert run
        return Job(files, only, run.arguments, limit, self._each)


def _gist(report: TestReport, only: Sequence[str]) -> dict[str, tuple[str, str]]:
    """What a run said of the tests: outcomes, and what of their messages stays the same from run to run."""
    return {r.id: _short(r) for r in report.results if not only or r.id in only}


def _short(result: TestResult) -> tuple[str, str]:
    return result.outcome, _UNSTABLE.sub("", result.message.partition("\n")[0])
