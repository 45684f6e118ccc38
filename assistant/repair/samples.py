"""The large model's way to a repair: several patches, each from one answer of its own, judged by the tests.

    failing test and its source, the likeliest functions ─► one prompt ─► answers, each held to a patch that fits
        ─► Patch ─► tried while the model writes the next ─► those that pass, ranked

An answer that can't be tried, or is the same patch again, is told as an attempt that failed. What the model writes
several times counts as likelier than what it writes once.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field, replace

from ossa.assistant.events import Notice, Reading, Thinking
from ossa.assistant.repair.candidates import Candidate
from ossa.assistant.repair.doubts import values
from ossa.assistant.repair.patches import Patch, Reader
from ossa.assistant.repair.showing import Showing
from ossa.assistant.repair.trials import Task, Trial
from ossa.assistant.stream import pieces
from ossa.assistant.threads import in_thread
from ossa.assistant.toolspecs import APPLY_PATCH
from ossa.assistant.turn import Emit
from ossa.model.base import Finished, Generation, LanguageModel, Message, ModelError, Prefill, Sampling, Thought
from ossa.model.constraints import Constraint

_TEMPERATURE = 0.8
"""Of every answer but the first, which is sampled as all else in the session."""


@dataclass(slots=True)
class Sampler:
    """Asks for patches for one failing test, and has them tried."""

    model: LanguageModel
    sampling: Sampling
    showing: Showing
    """What they are asked with."""
    only: Collection[str] = ()
    """Files to keep to; empty for all."""
    running: Generation | None = field(default=None, init=False)
    """The answer that is being written."""
    _times: Counter[str] = field(default_factory=Counter[str], init=False)
    """How often each patch was written, by its normal form."""

    async def try_all(self, task: Task, emit: Emit) -> None:
        """Have as many patches written as the task allows, each tried as soon as it is there.

        Raises:
            ModelError: the model can't go on, and nothing has passed yet.
            DraftError: no patch can be tried.
        """
        asked = await asyncio.to_thread(self._asked)
        if asked is None:
            emit(Notice("What belongs to this failure is longer than the model's window: no patch is asked for."))
            return
        running: list[asyncio.Task[None]] = []
        try:
            broken = await self._begin_all(*asked, running, task, emit)
            await asyncio.gather(*running)
        finally:
            for trial in running:
                trial.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        if broken and not task.found:
            raise broken

    def ranked(self, found: Sequence[Trial]) -> list[Candidate]:
        """What passes: first what mends most and does not do less, then what came most often, then the smallest."""
        return [trial.candidate for trial in sorted(found, key=self._rank)]

    def _rank(self, trial: Trial) -> tuple[int, bool, int, int]:
        patch = trial.candidate
        size = patch.size if isinstance(patch, Patch) else 0
        return trial.left, bool(patch.lost), -self._times[patch.normal], size

    def _asked(self) -> tuple[Message, Constraint] | None:
        """The question, as full as the window allows, and what may answer it; None where nothing fits."""
        showing = self.showing
        for prompt in showing.prompts():
            message = Message("user", prompt.text)
            tokens = self.model.count([message], tools=(APPLY_PATCH,))  # it may know its window only then
            if tokens + self._reserve <= self.model.info.window:
                files = {path: showing.sources.text(path) for path in prompt.paths}
                taken = tuple(path for path in showing.draft.files() if path not in files)
                return message, Constraint(must_call=(APPLY_PATCH.name,), files=files, taken=taken)
        return None

    @property
    def _reserve(self) -> int:
        """Tokens of an answer, its reasoning included."""
        return self.sampling.reserve(self.model.info.window)

    async def _begin_all(
        self, asked: Message, constraint: Constraint, running: list[asyncio.Task[None]], task: Task, emit: Emit
    ) -> ModelError | None:
        """Have the patches written and begin to try them; what keeps the model from going on, if anything."""
        shown = self.showing
        told = values(shown.sources.text(shown.test_path))
        reader = Reader(shown.draft, shown.sources, shown.places[0].function, told, self.only)
        for number in range(task.limit):
            try:
                finished = await self._answer(asked, constraint, number, task, emit)
            except ModelError as error:
                return error
            if finished is None or any(trial.done() and trial.exception() for trial in running):
                return None
            patch = await in_thread(reader.read, finished)
            self._times[patch.normal] += 1
            if problem := patch.problem or ("the same patch came before" if self._times[patch.normal] > 1 else ""):
                emit(task.attempt(Trial(patch, f"not tried: {problem}")))
            else:
                running.append(asyncio.create_task(self._try(patch, task, emit)))
        return None

    async def _answer(
        self, asked: Message, constraint: Constraint, number: int, task: Task, emit: Emit
    ) -> Finished | None:
        """One answer; None where the time is up before it is complete."""
        own, most = self.sampling, self._reserve
        sampling = replace(
            own,
            temperature=_TEMPERATURE if number else own.temperature,
            seed=(own.seed or 0) + number,
            max_tokens=most,
            thinking=min(own.thinking or most, most // 2),
            constraint=constraint,
        )

        def begin() -> Generation:
            self.running = self.model.generate([asked], tools=(APPLY_PATCH,), sampling=sampling)
            return self.running

        with suppress(TimeoutError):
            async with asyncio.timeout(max(task.deadline - time.monotonic(), 0.0)), aclosing(pieces(begin)) as stream:
                async for piece in stream:
                    match piece:
                        case Prefill(done, total, reused):
                            emit(Reading(done, total, reused))
                        case Thought(text):
                            emit(Thinking(text))
                        case Finished():
                            emit(Thinking("\n\n"))  # the next one's reasoning is apart
                            return piece
                        case _:
                            pass  # what is written comes again, whole, in the finished message
                    if task.is_over:
                        break
        return None

    @staticmethod
    async def _try(patch: Patch, task: Task, emit: Emit) -> None:
        emit(task.attempt(await task.tried_out(patch)))
