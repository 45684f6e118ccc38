"""How any piece of work becomes a stream of events that ends in `TurnFinished`, whatever happens on the way.

    play(prompt, work) ─► TurnStarted ─► what `work` emits ─► (Failure) ─► TurnFinished

Every event is in the session's log before anyone sees it.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

from ossa.assistant.accepting.checkpoints import CheckpointError
from ossa.assistant.draft import DraftError
from ossa.assistant.events import End, Event, Failure, TurnFinished, TurnStarted
from ossa.assistant.repository import NotARepository
from ossa.model.base import ModelError

Emit: TypeAlias = Callable[[Event], None]
Work: TypeAlias = Callable[[Emit], Awaitable[End]]

EXPECTED: tuple[type[Exception], ...] = (ModelError, DraftError, CheckpointError, NotARepository)
"""Errors that are part of the conversation: their text is a sentence for the user."""

_log = logging.getLogger(__name__)


class Turns:
    """Plays one turn at a time and can cancel it."""

    def __init__(self, record: Callable[[Event], str]) -> None:
        """`record` takes in every event first; what it returns is a sentence when the log cannot be written."""
        self._record = record
        self._unwritten = ""
        self._task: asyncio.Task[End] | None = None

    @property
    def busy(self) -> bool:
        """Whether a turn is running."""
        return self._task is not None and not self._task.done()

    def cancel(self) -> None:
        """End the running turn; its `TurnFinished` still comes."""
        if self._task is not None:
            self._task.cancel()

    async def play(self, prompt: str, work: Work, *, command: bool = False) -> AsyncIterator[Event]:
        """Run `work` as a turn and yield its events as they come; `command`: the prompt is none to the model."""
        if self.busy:
            yield Failure("A turn is running: press Esc to end it first.")
            yield TurnFinished("failed")
            return
        queue: asyncio.Queue[Event | None] = asyncio.Queue()

        def emit(event: Event) -> None:
            queue.put_nowait(event)
            problem = self._record(event)
            if problem and problem != self._unwritten:
                queue.put_nowait(Failure(problem))
            self._unwritten = problem

        started = time.monotonic()
        emit(TurnStarted(prompt, command))
        self._task = task = asyncio.create_task(self._guard(work, emit))
        task.add_done_callback(lambda _: queue.put_nowait(None))
        try:
            while (event := await queue.get()) is not None:
                yield event
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            end: End = "cancelled" if task.cancelled() else task.result()
            finished = TurnFinished(end, round(time.monotonic() - started, 2))
            self._record(finished)
        yield finished

    async def _guard(self, work: Work, emit: Emit) -> End:
        try:
            return await work(emit)
        except EXPECTED as error:
            emit(Failure(str(error), error.diff if isinstance(error, CheckpointError) else ""))
        except Exception as error:
            _log.exception("a turn failed")
            emit(
                Failure(f"Something in ossa broke ({type(error).__name__}: {error}). Nothing was written; see the log.")
            )
        return "failed"
