"""The guided way, for a model too small for tools: ossa leads, the model fills in, the tests decide.

    failing test ─► functions that may be the cause ─► candidates ─► the failing test ─► all tests ─► draft

A candidate is one token exchanged, the rest of a line or the whole body written anew. What does not parse, or was
tried before, is never run. What makes the failing test pass and breaks no other stays in the draft.
"""

import os
import re
import time
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from dataclasses import dataclass, field

from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import Attempt, Notice
from ossa.assistant.proof import Proof
from ossa.assistant.repair.abreast import abreast
from ossa.assistant.repair.candidates import Candidate, Idea, Proposer
from ossa.assistant.repair.localise import Place, Sources, localise
from ossa.assistant.testing.runner import NOT_RUN
from ossa.assistant.threads import in_thread
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import TestReport, TestResult, compare
from ossa.model.base import LanguageModel

_ASKED = re.compile(
    r"\b(fix|repair|correct|solve|debug|make)\b.*\b(tests?|bugs?|fail\w*|broken|pass|errors?)\b", re.I | re.S
)
_MISSING = re.compile(r"No module named '([^'.]+)")
_PLACES = 4
_IDEAS_FIRST = 400
"""How many ideas are looked at before whole bodies are written; most come to nothing and cost no test run."""
_TEMPERATURES = (0.0, 0.6, 0.9)
"""For whole bodies."""
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
    candidates: int = 150
    """Candidates run against the tests, for one failing test."""
    seconds: float = 180.0
    """For the whole search."""
    width: int = field(default_factory=lambda: min(os.cpu_count() or 1, 4))
    """Candidates tried at once."""
    avoid: set[str] = field(default_factory=set[str])
    """Files that the person refused, in their normal form: they are not proposed again."""

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
        places = (await in_thread(localise, failure, hint, self.draft, sources))[:_PLACES]
        if not places:
            how = failure.message.strip() or failure.outcome
            emit(
                Notice(f"{failure.id} fails: {how}. No traceback leads from it to a Python function outside the tests.")
            )
            return None
        names = ", ".join(f"{p.function.name} ({p.function.path}:{p.function.start + 1})" for p in places)
        emit(Notice(f"{failure.id} fails: {failure.message.strip() or failure.outcome}. Looking at {names}."))
        candidates = self._propose(places, sources, failure)
        trials = abreast(candidates, lambda candidate: self._try(candidate, failure, report), self.width)
        number, found = 0, None
        async with aclosing(trials) as told:
            async for trial in told:
                if trial is not None:
                    number += 1
                    candidate, (outcome, better) = trial
                    emit(Attempt(number, self.candidates, candidate.place, candidate.text, outcome, better is not None))
                    if better is not None:
                        found = candidate, better
                        break
                if time.monotonic() > deadline:
                    emit(Notice(f"No repair in {self.seconds:.0f} s; {number} candidates were tried."))
                    return None
                if number >= self.candidates:
                    break
        if found is None:
            emit(Notice(f"No repair among {number} candidates."))
            return None
        candidate, better = found
        self.draft.write(candidate.path, candidate.data)  # now that no other trial runs in the draft
        return better

    async def _propose(
        self, places: list[Place], sources: Sources, failure: TestResult
    ) -> AsyncIterator[Candidate | None]:
        """Candidates, each once; None for an idea that comes to no new one, so that the time can be looked at."""
        proposers = [Proposer(self.model, p.function, sources.text(p.function.path), failure, p.lines) for p in places]
        ideas = [
            (idea.score - rank * _RANK_COST, idea, proposer)
            for rank, proposer in enumerate(proposers)
            for idea in await proposer.ideas()
        ]
        ideas.sort(key=lambda entry: -entry[0])
        seen: set[tuple[str, str]] = set()
        async for candidate in _drawn([(idea, proposer) for _, idea, proposer in ideas], proposers):
            key = (candidate.path, candidate.normal) if candidate else ("", "")
            yield None if key in seen or key[1] in self.avoid else candidate
            seen.add(key)

    async def _try(
        self, candidate: Candidate, failure: TestResult, report: TestReport
    ) -> tuple[str, TestReport | None]:
        """Run the failing test, then all; the report of these only if both please. The draft stays as it is."""
        files, limit = {candidate.path: candidate.data}, max(10.0, 4 * report.seconds * self.width)
        first = await self.proof.trial(files, [failure.id], limit)
        if first.problem.startswith(NOT_RUN):  # no other candidate would fare better
            raise DraftError(first.problem)
        if first.problem:
            return first.problem, None
        if not first.green:
            return f"still fails: {_short(first)}", None
        whole = await self.proof.trial(files, limit=limit)
        verdict = compare(report, whole)
        if not verdict.fixed or verdict.broken or verdict.missing or verdict.problem:
            return verdict.summary, None
        return verdict.summary, whole


async def _drawn(ideas: list[tuple[Idea, Proposer]], proposers: list[Proposer]) -> AsyncIterator[Candidate | None]:
    """What comes of the best ideas for all places, then whole bodies, then what comes of the other ideas."""
    for idea, proposer in ideas[:_IDEAS_FIRST]:
        yield await proposer.candidate(idea)
    for seed, temperature in enumerate(_TEMPERATURES):
        for proposer in proposers:
            yield await proposer.rewritten(temperature, seed)
    for idea, proposer in ideas[_IDEAS_FIRST:]:
        yield await proposer.candidate(idea)


def _short(report: TestReport) -> str:
    message = next((f.message for f in report.failures), "").strip().split("\n")[0]
    return message[:120] or "no message"
