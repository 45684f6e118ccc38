"""The guided way, for a model too small for tools: ossa leads, the model fills in, the tests decide.

    failing test ─► functions that may be the cause ─► candidates ─► the failing test ─► all tests ─► the best ─► draft

A candidate is a slip undone, one token exchanged, the rest of a line or the whole body written anew. What does not
parse, or was tried before, is never run. Of those that make the failing test pass and break no other the one that the
model likes best stays in the draft; the others come when another version is asked for.
"""

import asyncio
import os
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Generator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field
from functools import partial

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import Attempt, Notice
from ossa.assistant.proof import Proof
from ossa.assistant.repair.abreast import abreast
from ossa.assistant.repair.candidates import Candidate, Idea, Proposer
from ossa.assistant.repair.localise import Place, Sources
from ossa.assistant.repair.localise_lines import likeliest_functions, suspects
from ossa.assistant.testing.runner import NOT_RUN
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.threads import in_thread
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import TestReport, TestResult, compare
from ossa.model.base import LanguageModel, ModelError

_ASKED = re.compile(
    r"\b(fix|repair|correct|solve|debug|make)\b.*\b(tests?|bugs?|fail\w*|broken|pass|errors?)\b", re.I | re.S
)
_MISSING = re.compile(r"No module named '([^'.]+)")
_PLACES = 4
_COVERED = 0.02
"""The share of the time that all tests may take if it is to be learnt what each executes: that takes five times it."""
_AT_ONCE = 16
"""Lines that the model writes side by side."""
_LINES_FIRST = 6 * _AT_ONCE
"""How many lines are written before whole bodies are."""
_ENOUGH = 3
"""So many candidates that pass are chosen from."""
_GRACE = (3.0, 15.0)
"""Seconds, at least and at most, that are spent on others when one has passed: else half of what it took."""
_TEMPERATURES = (0.0, 0.6, 0.9)
"""For whole bodies."""
_LEAST_LIMIT = 2.0
"""Seconds that a candidate's failing test gets at least."""
_DELETED = 1.0
"""How much less a candidate is liked that takes a statement out, in the mean of a token's logarithm."""
_RANK_COST = 1.0
"""How much likelier an idea must be for a function that is one place further down the list."""


def wanted(prompt: str) -> bool:
    """Whether a prompt asks for failing tests to be repaired: a verb and its object, nothing cleverer."""
    return bool(_ASKED.search(prompt))


@dataclass(slots=True)
class Repair:
    """Searches for a change that makes failing tests pass, bounded in time and number."""

    model: LanguageModel
    draft: Draft
    proof: Proof
    candidates: int = 1500
    """Candidates run against the tests, for one failing test."""
    seconds: float = 180.0
    """For the whole search."""
    width: int = field(default_factory=lambda: min(os.cpu_count() or 1, 4))
    """Candidates tried at once."""
    files: tuple[str, ...] = ()
    """Where the cause is looked for; empty for anywhere."""
    avoid: set[str] = field(default_factory=set[str])
    """Files that the person refused, in their normal form: they are not proposed again."""
    _spare: dict[str, list[Candidate]] = field(default_factory=dict[str, list[Candidate]], init=False)
    """What passed as well as what was chosen, for each test."""

    async def search(self, report: TestReport, hint: str, emit: Emit, leave: Collection[str] = ()) -> TestReport | None:
        """Repair as many of the report's failures as the time allows; the tests then, or None if nothing helped.

        Args:
            report: of the tests on the draft as it is.
            hint: may name a test, a file or a function.
            emit: is told of every attempt.
            leave: failing tests that are left alone.
        """
        deadline = time.monotonic() + self.seconds
        improved = False
        missing = await in_thread(self._missing, report)
        for module in sorted(set(missing.values())):
            lacking = f"{report.command} lacks the module {module}, which is not the project's"
            emit(Notice(f"{lacking}: install it there, or say by --test how the tests are run."))
        given_up = {*missing, *leave}
        while left := [f for f in report.failures if f.id not in given_up]:
            failure = next((f for f in left if hint and f.id.split("::")[-1] in hint), left[0])
            better = await self._repair(failure, report, hint, deadline, emit)
            if better is None:
                given_up.add(failure.id)
            else:
                report, improved = better, True
            if time.monotonic() > deadline:
                break
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
        places = await self._places(failure, report, hint, sources)
        if not places:
            how = failure.message.strip() or failure.outcome
            emit(
                Notice(f"{failure.id} fails: {how}. No traceback leads from it to a Python function outside the tests.")
            )
            return None
        names = ", ".join(f"{p.function.name} ({p.function.path}:{p.function.start + 1})" for p in places)
        emit(Notice(f"{failure.id} fails: {failure.message.strip() or failure.outcome}. Looking at {names}."))
        proposers = [Proposer(self.model, p.function, sources.text(p.function.path), failure, p.lines) for p in places]
        found: list[Candidate] = []
        try:
            async with self.proof.trials(report, self.width) as trials:
                task = _Task(failure, report, trials, deadline, self.width)
                await self._try_all(self._propose(proposers, failure), task, found, emit)
        except asyncio.CancelledError:
            if found:  # Esc keeps what has passed so far
                self.draft.write(found[0].path, found[0].data)
            raise
        if not found:
            late = f"in {self.seconds:.0f} s; {task.tried} candidates were tried"
            emit(Notice(f"No repair {late if time.monotonic() > deadline else f'among {task.tried} candidates'}."))
            return None
        return await self._confirmed(await _ranked(found, proposers), failure, report, emit)

    async def _confirmed(
        self, ranked: list[Candidate], failure: TestResult, report: TestReport, emit: Emit
    ) -> TestReport | None:
        """Put the first into the draft that passes there too, now that no trial runs; the others are kept for later."""
        while ranked:
            best, *ranked = ranked
            before = self.draft.read(best.path) or b""
            self.draft.write(best.path, best.data)
            after = await self.proof.after(emit)
            verdict = compare(report, after)
            if verdict.fixed and not (verdict.broken or verdict.missing or verdict.problem):
                self._spare[failure.id] = ranked
                if ranked:
                    emit(Notice(f"Another that passes: {ranked[0].text} – to see it, press R on the change."))
                return after
            self.draft.write(best.path, before)
            emit(Notice(f"{best.text} passed, but not in a run of its own: {verdict.summary}."))
        return None

    async def _places(self, failure: TestResult, report: TestReport, hint: str, sources: Sources) -> list[Place]:
        """The functions that may hold the cause, by what the tests execute as far as there is time to learn it."""
        covered, executed = report, {}
        if not report.note:  # which says that single tests are not known
            quick = report.seconds < self.seconds * _COVERED
            covered, executed = await self.proof.cover(() if quick else [failure.id], self.seconds / 4)
        found = await in_thread(suspects, failure, self.draft, sources, covered, executed, hint)
        places = likeliest_functions([suspect for suspect in found if not self.files or suspect.path in self.files])
        words = set(re.findall(r"\w+", hint))
        return sorted(places, key=lambda place: place.function.name not in words)[:_PLACES]

    async def _try_all(
        self, candidates: AsyncIterator[Candidate | None], task: "_Task", found: list[Candidate], emit: Emit
    ) -> None:
        """Find those that pass, until there are enough or the time is up."""
        ends = task.deadline
        async with aclosing(abreast(candidates, partial(self._try, task), self.width)) as told:
            with _kept(found):
                async for trial in told:
                    if trial is not None:
                        candidate, (outcome, ok, seconds) = trial
                        emit(task.attempt(self.candidates, candidate, outcome, seconds, ok=ok))
                        if ok:
                            found.append(candidate)
                            spent = time.monotonic() - task.began
                            ends = min(ends, time.monotonic() + min(max(spent / 2, _GRACE[0]), _GRACE[1]))
                    if time.monotonic() > ends or len(found) >= _ENOUGH or task.tried >= self.candidates:
                        break

    async def _propose(self, proposers: list[Proposer], failure: TestResult) -> AsyncIterator[Candidate | None]:
        """Candidates, each once; None for an idea that comes to no new one, so that the time can be looked at."""
        seen: set[tuple[str, str]] = set()
        for spare in self._spare.pop(failure.id, []):
            seen.add((spare.path, spare.normal))
            yield spare
        ideas = [
            (idea.score - rank * _RANK_COST, idea, proposer)
            for rank, proposer in enumerate(proposers)
            for idea in await proposer.ideas()
        ]
        ideas.sort(key=lambda entry: -entry[0])
        async for candidate in _drawn([(idea, proposer) for _, idea, proposer in ideas], proposers):
            key = (candidate.path, candidate.normal) if candidate else ("", "")
            yield None if key in seen or key[1] in self.avoid else candidate
            seen.add(key)

    async def _try(self, task: "_Task", candidate: Candidate) -> tuple[str, bool, float]:
        """Run the failing test, then all: what came of it, whether it pleases, and the seconds."""
        began = time.monotonic()
        outcome, ok = await self._judged(task, candidate)
        return outcome, ok, round(time.monotonic() - began, 3)

    async def _judged(self, task: "_Task", candidate: Candidate) -> tuple[str, bool]:
        if candidate.normal in self.avoid:
            return "was refused", False
        files = {candidate.path: candidate.data}
        first = await task.trials.trial(files, [task.failure.id], task.limit)
        if first.problem.startswith(NOT_RUN):  # no other candidate would fare better
            raise DraftError(first.problem)
        if first.problem:
            return first.problem, False
        if not first.green:
            return f"still fails: {_short(first)}", False
        whole = await task.trials.trial(files, limit=max(10.0, 4 * task.report.seconds * task.width))
        verdict = compare(task.report, whole)
        ok = bool(verdict.fixed) and not (verdict.broken or verdict.missing or verdict.problem)
        return verdict.summary, ok


@dataclass(slots=True)
class _Task:
    """One failing test that is to be repaired."""

    failure: TestResult
    report: TestReport
    trials: WarmTests
    deadline: float
    width: int
    began: float = field(default_factory=time.monotonic)
    tried: int = 0

    @property
    def limit(self) -> float:
        """Seconds that the failing test may take; what starts cold takes as long as all tests did, and longer."""
        own = max(_LEAST_LIMIT, 8 * self.failure.seconds)
        return own + 3 * self.report.seconds * self.width if self.trials.why else own

    def attempt(self, limit: int, candidate: Candidate, outcome: str, seconds: float, *, ok: bool) -> Attempt:
        """The next one, to be told."""
        self.tried += 1
        place, score = candidate.place, round(candidate.score, 3)
        return Attempt(self.tried, limit, place, candidate.text, outcome, ok, score, seconds)


@contextmanager
def _kept(found: list[Candidate]) -> Generator[None]:
    """A model that fails while more is looked for does not take away what has been found."""
    try:
        yield
    except ModelError:
        if not found:
            raise


async def _ranked(found: list[Candidate], proposers: list[Proposer]) -> list[Candidate]:
    """What passes, the function that the model finds likeliest first; what only takes a statement out comes last."""
    liked: list[tuple[float, int]] = []
    for number, candidate in enumerate(found):
        proposer = next((p for p in proposers if p.proposed(candidate)), proposers[0])
        lost = _DELETED if candidate.text.strip() in ("", "pass") else 0.0
        try:
            liked.append((lost - await proposer.liking(candidate), number))
        except ModelError:
            return found  # better in the order of finding than not at all
    return [found[number] for _, number in sorted(liked)]


async def _drawn(ideas: list[tuple[Idea, Proposer]], proposers: list[Proposer]) -> AsyncIterator[Candidate | None]:
    """What comes of all ideas: those that are just put in fill the time in which the model writes for the others."""
    writing = _written([entry for entry in ideas if entry[0].is_written], proposers)
    next_lot = asyncio.ensure_future(anext(writing, None))
    try:
        for idea, proposer in [entry for entry in ideas if not entry[0].is_written]:
            for candidate in await proposer.candidates([idea]):
                yield candidate
            yield None
            if next_lot.done() and not next_lot.exception() and (lot := next_lot.result()) is not None:
                next_lot = asyncio.ensure_future(anext(writing, None))
                for candidate in lot:
                    yield candidate
        while (lot := await next_lot) is not None:
            next_lot = asyncio.ensure_future(anext(writing, None))
            for candidate in lot:
                yield candidate
            yield None
    finally:
        next_lot.cancel()
        await asyncio.gather(next_lot, return_exceptions=True)
        await writing.aclose()


async def _written(ideas: list[tuple[Idea, Proposer]], proposers: list[Proposer]) -> AsyncGenerator[list[Candidate]]:
    """What the model writes, in lots: lines for the best ideas, then whole bodies, then lines for the others."""
    for start in range(0, max(len(ideas), _LINES_FIRST + 1), _AT_ONCE):
        if start == _LINES_FIRST:
            for seed, temperature in enumerate(_TEMPERATURES):
                for proposer in proposers:
                    yield [c for c in [await proposer.rewritten(temperature, seed)] if c]
        lot = ideas[start : start + _AT_ONCE]
        for proposer in dict.fromkeys(proposer for _, proposer in lot):
            yield await proposer.candidates([idea for idea, owner in lot if owner is proposer])


def _short(report: TestReport) -> str:
    message = next((f.message for f in report.failures), "").strip().split("\n")[0]
    return message[:120] or "no message"
