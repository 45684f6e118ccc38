"""The guided way: ossa leads, the model fills in, the tests decide.

    failing test ─► functions that may be the cause ─► candidates ─► the failing test ─► all tests ─► the best ─► draft

Of a model too small for tools a candidate is a slip undone, one token exchanged, the rest of a line or the whole body
written anew; of a large one it is a patch. What does not parse, or was tried before, is never run. Of those that make
the failing test pass and break no other the one that the model likes best stays in the draft; the others can be put in
its place.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field

from ossa.assistant.draft import Draft
from ossa.assistant.events import Notice, Searching
from ossa.assistant.proof import Proof
from ossa.assistant.repair.abreast import abreast
from ossa.assistant.repair.candidates import Candidate, Proposer
from ossa.assistant.repair.localise import Place, Sources
from ossa.assistant.repair.localise_lines import likeliest_functions, suspects
from ossa.assistant.repair.samples import Sampler
from ossa.assistant.repair.showing import Showing
from ossa.assistant.repair.supply import Part, supply
from ossa.assistant.repair.trials import Runs, Task, Trial
from ossa.assistant.testing.outcomes import Lines, hung
from ossa.assistant.threads import in_thread
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import TestReport, TestResult, compare, named_first
from ossa.model.base import LanguageModel, ModelError, Sampling

_ASKED = re.compile(
    r"\b(fix|repair|correct|solve|debug|make)\b.*\b(tests?|bugs?|fail\w*|broken|pass|errors?)\b", re.I | re.S
)
_MISSING = re.compile(r"No module named '([^'.]+)")
_PLACES = 4
_COVERED = 0.02
"""The share of the time that all tests may take if it is to be learnt what each executes: they take five times it."""
_LOT = 24
"""Candidates that are looked at together."""
_SAMPLED = 0.5
"""The share of the time in which a large model writes patches; the rest is left to its tools, should none help."""
_LESS = 1.0
"""How much less a candidate is liked that does less than before, in the mean of a token's logarithm."""


def wanted(prompt: str) -> bool:
    """Whether a prompt asks for failing tests to be repaired: a verb and its object, nothing cleverer."""
    return bool(_ASKED.search(prompt))


@dataclass(slots=True)
class Repair:
    """Searches for a change that makes failing tests pass, bounded in time and number."""

    model: LanguageModel
    draft: Draft
    proof: Proof
    candidates: int = 10_000
    """Candidates run against the tests, for one failing test."""
    seconds: float = 180.0
    """For the whole search, the runs of the tests before and after it included."""
    width: int = field(default_factory=lambda: min(os.cpu_count() or 1, 4))
    """Candidates tried at once."""
    files: tuple[str, ...] = ()
    """Where the cause is looked for; empty for anywhere."""
    sampling: Sampling = field(default_factory=Sampling)
    """Of a large model's patches."""
    patches: int = 4
    """Such patches, for one failing test; a model that calls no tools writes none."""
    without: Collection[Part] = ()
    """What is left out, to see what it contributes."""
    avoid: set[str] = field(default_factory=set[str])
    """Files that the person refused, in their normal form: they are not proposed again."""
    _sampler: Sampler | None = field(default=None, init=False)
    _passed: dict[str, tuple[Candidate, ...]] = field(default_factory=dict[str, tuple[Candidate, ...]], init=False)
    """What passed, best first, for each test that was repaired."""
    _latest: str = field(default="", init=False)
    """The test that was repaired last."""
    _begun: bool = field(default=False, init=False)
    """Whether this search has found a place to look at."""
    _before: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None], init=False)
    """What the files of its candidates were before."""

    @property
    def alternatives(self) -> tuple[Candidate, ...]:
        """What passed for the test that was repaired last, best first; none once the draft holds none of it."""
        passed = self._passed.get(self._latest, ())
        return passed if any(self._holds(candidate) for candidate in passed) else ()

    def answer_now(self) -> None:
        """Let a large model end its reasoning and write its patch."""
        if self._sampler and self._sampler.running:
            self._sampler.running.answer_now()

    def choose(self, candidate: Candidate) -> None:
        """Put one of the alternatives into the draft, in place of the one that is there.

        Raises:
            DraftError: it cannot be written.
        """
        self._put({**self._before, **candidate.files})

    async def search(self, report: TestReport, hint: str, emit: Emit, leave: Collection[str] = ()) -> TestReport | None:
        """Repair as many of the report's failures as the time allows; the tests then, or None if nothing helped.

        Args:
            report: of the tests on the draft as it is.
            hint: may name a test, a file or a function.
            emit: is told of every attempt.
            leave: failing tests that are left alone.
        """
        if not self._limit:
            return None
        # The tests have been run once, and are run once more in the end, when those that hang do so no longer.
        spent = 2 * report.seconds - sum(failure.seconds for failure in report.failures if hung(failure))
        deadline = time.monotonic() + self._share * max(self.seconds - spent, self.seconds / 2)
        improved = False
        missing = await in_thread(self._missing, report)
        for module in sorted(set(missing.values())):
            lacking = f"{report.command} lacks the module {module}, which is not the project's"
            emit(Notice(f"{lacking}: install it there, or say by --test how the tests are run."))
        given_up = {*missing, *leave}
        if report.failures and not report.own.failures:
            emit(Notice(f"What fails is not run by {report.own.command}, and a search looks there only."))
        self._begun = False
        while left := [f for f in report.own.failures if f.id not in given_up]:
            failure = named_first(sorted(left, key=hung), hint)[0]  # a trial of what does not end takes long
            better = await self._repair(failure, report, hint, deadline, emit)
            if better is None:
                given_up.add(failure.id)
            else:
                report, improved = better, True
            if time.monotonic() > deadline or (better is None and self.model.info.calls_tools):
                break  # a model's tools see more of what is left than its next patches would
        return report if improved else None

    def _missing(self, report: TestReport) -> dict[str, str]:
        """The tests that no change of the code can mend, with the module of others' that is not installed."""
        named = {f.id: match[1] for f in report.failures if (match := _MISSING.search(f.message))}
        own = {part.removesuffix(".py") for path in self.draft.files() for part in path.split("/")}
        return {test: module for test, module in named.items() if module not in own}

    async def _repair(
        self, failure: TestResult, report: TestReport, hint: str, deadline: float, emit: Emit
    ) -> TestReport | None:
        """Try candidates for one failing test; the report of all tests with the one that helped."""
        sources = Sources(self.draft)
        own = report.own
        places, executed = await self._places(failure, own, hint, sources)
        how = failure.message.strip() or failure.outcome
        if not places:
            untraced = "No traceback leads from it to a Python function outside the tests."
            emit(Notice(f"{failure.id} fails: {how}. {untraced}"))
            return None
        if not self._begun:
            emit(Searching(self._share * self.seconds, self._limit))
            self._begun = True
        names = ", ".join(f"{p.function.name} ({p.function.path}:{p.function.start + 1})" for p in places)
        emit(Notice(f"{failure.id} fails: {how}. Looking at {names}."))
        task = Task(failure, own, deadline, self.width, self._limit, Runs(failure, own, executed))
        way = self._by_patches if self.model.info.calls_tools else self._by_lines
        ranked = await way(task, places, sources, hint, emit)
        if not ranked:
            late = f"in {self._share * self.seconds:.0f} s; {task.tried} candidates were tried"
            emit(Notice(f"No repair {late if time.monotonic() > deadline else f'among {task.tried} candidates'}."))
            return None
        return await self._confirmed(ranked, failure, report, emit)

    async def _by_lines(
        self, task: Task, places: Sequence[Place], sources: Sources, _: str, emit: Emit
    ) -> list[Candidate]:
        """What passes of what a small model would rather have written, best first."""
        proposers = [
            Proposer(self.model, p.function, sources, task.failure, p.lines, free="masks" in self.without)
            for p in places
        ]
        known = self._passed.pop(task.failure.id, ())
        async with self._trying(task):
            lots = supply(proposers, lambda: _LOT if task.trials.glances else 1, known, self.without)
            try:
                await self._try_all(lots, task, emit)
            except ModelError:
                if not task.found:  # what has been found stays
                    raise
        return await _ranked(task.found, proposers)

    async def _by_patches(
        self, task: Task, places: Sequence[Place], sources: Sources, hint: str, emit: Emit
    ) -> list[Candidate]:
        """What passes of a large model's patches, best first."""
        showing = Showing(task.failure, self.draft, sources, places, hint)
        sampler = self._sampler = Sampler(self.model, self.sampling, showing, self.files)
        async with self._trying(task):
            await sampler.try_all(task, emit)
        return sampler.ranked(task.found)

    @asynccontextmanager
    async def _trying(self, task: Task) -> AsyncGenerator[None]:
        """Within it, candidates can be tried; Esc keeps the best of what has passed so far."""
        try:
            async with self.proof.trials(task.report, self.width) as task.trials:
                yield
        except asyncio.CancelledError:
            if task.found:
                found = [trial.candidate for trial in sorted(task.found, key=lambda trial: trial.left)]
                self._keep(found, task.failure, self._originals(found))
                self._put(found[0].files)
            raise

    @property
    def _share(self) -> float:
        return _SAMPLED if self.model.info.calls_tools else 1.0

    @property
    def _limit(self) -> int:
        """Candidates that may be tried for one failing test."""
        return min(self.patches, self.candidates) if self.model.info.calls_tools else self.candidates

    def _holds(self, candidate: Candidate) -> bool:
        """Whether the draft is as a candidate has it."""
        return all(self.draft.read(path) == data for path, data in candidate.files.items())

    def _originals(self, candidates: Collection[Candidate]) -> dict[str, bytes | None]:
        """The files of candidates as they are in the draft."""
        return {path: self.draft.read(path) for candidate in candidates for path in candidate.files}

    def _keep(self, ranked: Sequence[Candidate], failure: TestResult, before: dict[str, bytes | None]) -> None:
        """Remember what passed, best first, and what its files were before: it can be chosen from."""
        self._passed[failure.id], self._latest, self._before = tuple(ranked), failure.id, before

    def _put(self, files: Mapping[str, bytes | None]) -> None:
        for path, data in files.items():
            self.draft.write(path, data)

    async def _confirmed(
        self, ranked: list[Candidate], failure: TestResult, report: TestReport, emit: Emit
    ) -> TestReport | None:
        """Put the first into the draft that passes there too, now that no trial runs; the others are kept for later."""
        before = self._originals(ranked)
        while ranked:
            best = ranked[0]
            self._put(best.files)
            after = await self.proof.after(emit)
            verdict = compare(report, after)
            if verdict.fixed and not (verdict.broken or verdict.missing or verdict.problem):
                self._keep(ranked, failure, before)
                if best.lost:
                    emit(Notice(f"{best.place} is repaired by doing less: it lost {best.lost}. See if that is meant."))
                return after
            self._put({path: before[path] for path in best.files})
            emit(Notice(f"{best.text} passed, but not in a run of its own: {verdict.summary}."))
            ranked.pop(0)
        return None

    async def _places(
        self, failure: TestResult, report: TestReport, hint: str, sources: Sources
    ) -> tuple[list[Place], Mapping[str, Lines]]:
        """The functions that may hold the cause, by what the tests execute as far as there is time to learn it."""
        covered, executed = report, {}
        if not report.note and "coverage" not in self.without:  # a note says that single tests are not known
            quick = sum(r.seconds for r in report.results if not hung(r)) < self.seconds * _COVERED
            covered, executed = await self.proof.cover(() if quick else [failure.id], self.seconds / 4)
        found = await in_thread(suspects, failure, self.draft, sources, covered, executed, hint)
        places = likeliest_functions([suspect for suspect in found if not self.files or suspect.path in self.files])
        words = set(re.findall(r"\w+", hint))
        return sorted(places, key=lambda place: place.function.name not in words)[:_PLACES], executed

    async def _try_all(self, lots: AsyncIterator[list[Candidate]], task: Task, emit: Emit) -> None:
        """Find those that pass, until there are enough or the time is up."""
        why = ""
        wanted = ([c for c in lot if c.normal not in self.avoid] or None async for lot in lots)
        async with aclosing(abreast(wanted, task.judged, self.width)) as told:
            async for lot in told:
                for trial in lot[1] if lot else ():
                    emit(task.attempt(trial))
                if task.trials.why != why:
                    why = task.trials.why
                    emit(Notice(f"Each candidate is tried in an interpreter of its own, which takes longer: {why}."))
                if task.is_over:
                    break


async def _ranked(found: list[Trial], proposers: list[Proposer]) -> list[Candidate]:
    """What passes: first what mends most, then what the model finds likeliest, as long as it does not do less."""
    keys: list[tuple[int, float, int]] = []
    for number, trial in enumerate(found):
        candidate = trial.candidate
        proposer = next((p for p in proposers if p.proposed(candidate)), proposers[0])
        try:
            liking = await proposer.liking(candidate)
        except ModelError:
            liking = 0.0  # better in the order of finding than not at all
        keys.append((trial.left, (_LESS if candidate.lost else 0.0) - liking, number))
    return [found[number].candidate for _, _, number in sorted(keys)]
