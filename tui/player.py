"""Plays turns: one at a time, in the order asked for, from when the workbench is there.

do(job) ─► queue ─► job(agent) ─► events ─► Renderer ─► widgets
                      └ whether one is running, or what the window waits for ─► status, activity, ledger
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from ossa.assistant.events import Attempt, Event, Failure, Proposed, Spoken
from ossa.tui.bell import Bell
from ossa.tui.console import explain
from ossa.tui.screens.workspace import Workspace
from ossa.tui.turn import Renderer

if TYPE_CHECKING:
    from ossa.assistant.agent import Agent
    from ossa.assistant.workbench import Workbench

Job: TypeAlias = "Callable[[Agent], AsyncIterator[Event]]"


class Player:
    """Has the agent do what the person asks for, and says in the window's lines what goes on."""

    def __init__(
        self, window: Workspace, renderer: Renderer, bell: Bell, at_rest: Callable[[], object] = lambda: None
    ) -> None:
        """`at_rest` is called whenever nothing is played any more."""
        self.bench: Workbench | None = None
        """None until it is open; what is asked for before waits."""
        self.playing = False
        """Whether a turn is running."""
        self.idle = asyncio.Event()
        """Set while none is, and none waits."""
        self.idle.set()
        self.heard: Callable[[Event], Awaitable[None]] | None = None
        """Who else is told of every event."""
        self._window, self._renderer = window, renderer
        self.bell, self._at_rest = bell, at_rest
        self._jobs: deque[Job] = deque()
        self._resting = "starting"
        """The state to show when no turn is running."""

    @property
    def is_queued(self) -> bool:
        """Whether something waits behind the running turn."""
        return bool(self._jobs)

    @property
    def has_failed(self) -> bool:
        """Whether ossa could not be started."""
        return self._resting == "not started"

    def do(self, job: Job) -> None:
        """Play a turn as soon as the running one is over; one that waits for a review is put off."""
        if not self.has_started():
            return
        self._jobs.append(job)
        self._window.conversation.anchor()  # what was asked for is to be seen, wherever the talk was scrolled to
        self._window.change.put_off()
        self.play_next()

    def has_started(self) -> bool:
        """Whether there is, or soon will be, something to work with; if not, the user is told."""
        if self.bench is None and self.has_failed:
            self.tell("ossa did not start; the reason is above. /quit leaves.")
            return False
        return True

    def opened(self) -> "Workbench | None":
        """The workbench, where it is open; where it never will be, the user is told."""
        return self.bench if self.has_started() else None

    def play_next(self) -> None:
        """Begin the next turn, unless one is running."""
        if self.bench is not None and not self.playing and self._jobs:
            self.playing = True
            self.idle.clear()
            self._window.app.run_worker(self._play(self._jobs.popleft()(self.bench.agent)))
        self._window.activity.queued = len(self._jobs)

    def describe(self, bench: "Workbench", state: str) -> None:
        """Say which model and isolation there are, and what the window is waiting for."""
        info, isolation, window = bench.model.info, bench.draft.isolation, self._window
        window.status.model, window.status.why = info.name, info.why
        window.status.where = info.where
        window.status.isolation, window.status.confined = isolation.summary, isolation.confined
        window.welcome.model = info.name
        window.welcome.why = ", ".join(filter(None, (info.where, info.why)))
        window.welcome.isolation = isolation.summary
        self._rest(state)

    async def foresee(self, bench: "Workbench") -> None:
        """Say what the tests are; where nothing confines commands, none is run for that unasked."""
        # Imported here since the first frame should not wait for it.
        from ossa.assistant.draft import DraftError

        told = "found when they are run"
        if bench.tests is not None and bench.draft.isolation.confined:
            with suppress(DraftError):
                told = await bench.tests.foresee(bench.baseline or bench.draft)
        self._window.welcome.tests = told

    async def fail(self, error: Exception, state: str) -> None:
        """Tell of what keeps ossa from working."""
        await self._renderer.show(Failure(explain(error)))
        self._rest(state)

    async def holds_change(self) -> bool:
        """Whether the draft differs from the working tree; of one that cannot be read the next turn tells."""
        try:
            return self.bench is not None and bool(await asyncio.to_thread(self.bench.draft.change))
        except Exception as error:
            explain(error)
            return True

    def tell(self, text: str) -> None:
        """Say something that is no event of a turn."""
        self._window.app.run_worker(self._renderer.tell(text))

    def wait(self, state: str) -> None:
        """Say what is waited for, also where a turn is that has to wait for it, too."""
        self._resting = self._window.status.state = state

    def _rest(self, state: str) -> None:
        self._resting = state
        self._window.status.state = "working" if self.playing else state
        if not self.playing:
            self._at_rest()

    async def _play(self, events: AsyncIterator[Event]) -> None:
        window = self._window
        window.status.state = "working"
        window.ledger.working = True
        self.bell.begin()
        try:
            async for event in events:
                if not window.change.is_attached:
                    continue  # the window is closing: the turn comes to its end, and nothing is shown of it
                await self._renderer.show(event)
                if isinstance(event, Proposed):
                    self.bell.ring("a change waits for your review")
                if self.heard is not None:
                    await self.heard(event)
                if self.bench is not None:
                    window.see(event, self.bench.agent.transcript)
                if self._resting == "no model" and isinstance(event, Spoken | Attempt) and self.bench is not None:
                    self.describe(self.bench, "ready")
            if window.change.is_attached:
                window.change.settle()
                if window.change.phase == "shown" and not await self.holds_change():
                    window.change.withdraw()
        finally:
            self.playing = False
            window.activity.begin("")
            window.status.state = self._resting
            window.ledger.working = False
            self.bell.ring("the turn is over")
            self._at_rest()
            if not self._jobs:
                self.idle.set()
        self.play_next()
