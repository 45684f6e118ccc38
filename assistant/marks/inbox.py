"""From files that are saved to requests: a burst of them is one, and what is saved during a turn waits for its end.

Watcher (its thread) ─► changed(paths) ─► quiet for a moment, git at rest ─► look ─► next() ─► Request
                                                              └ a turn is running: said, and looked at once more
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import ParamSpec, TypeVar

from ossa.assistant.events import Event, Redone, Reviewed, Rewound, TurnFinished, Undone
from ossa.assistant.marks.looking import Found, Looker
from ossa.assistant.marks.request import Request, place
from ossa.assistant.threads import in_thread

P = ParamSpec("P")
T = TypeVar("T")

_QUIET, _LONGEST = 0.3, 2.0
"""Seconds without a change after which a burst is over, and after which one is looked at although it goes on."""
_GIT = 30.0
"""Seconds for which a lock on git's index holds off a look: a checkout writes files first and says so afterwards."""
_LOCK = 0.05
"""Seconds between looks at that lock."""


class Inbox:
    """Gathers what is saved, from now on; belongs to one event loop."""

    def __init__(self, looker: Looker, idle: asyncio.Event, say: Callable[[str], None]) -> None:
        """`idle` is set while no turn is running; `say` takes a sentence for the person."""
        self._looker, self._idle, self._say = looker, idle, say
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._came: set[str] = set()
        self._waiting: set[str] = set()
        """Paths to be looked at, as soon as no turn is running."""
        self._told: set[tuple[str, str]] = set()
        """Marks, by path and key, that wait for the end of a turn."""
        self._alone = asyncio.Lock()
        """Held by whoever has the looker at work."""
        self._asked: Request | None = None
        """What the turn that is running is about."""
        self._on = True

    @property
    def on(self) -> bool:
        """Whether anything is looked at; switched off, what waits is forgotten."""
        return self._on

    @on.setter
    def on(self, on: bool) -> None:
        self._on = on
        if not on:
            for waiting in (self._came, self._waiting, self._told):
                waiting.clear()

    def changed(self, paths: Iterable[str]) -> None:
        """These files were saved; any thread may tell."""
        with suppress(RuntimeError):  # the window has closed
            self._loop.call_soon_threadsafe(self._take, frozenset(paths))

    async def next(self) -> Request:
        """The next request, while no turn is running."""
        while True:
            if self._waiting and self._idle.is_set():
                paths, self._waiting = frozenset(self._waiting), set()
                self._told.clear()
                if request := await self._request(await self._safely(self._looker.look, paths)):
                    return request
                continue
            await self._more()
            burst = await self._burst()
            self._waiting |= burst
            if not self._idle.is_set():
                self._tell(await self._safely(self._looker.look, burst))

    async def drop(self, request: Request) -> None:
        """Let the marks of a request ask again, as nobody plays it."""
        self._asked = None
        await self._safely(self._looker.release, request)

    async def see(self, event: Event) -> None:
        """Take note of a turn's event: what ossa writes itself asks nothing, and what came to nothing may ask again."""
        match event:
            case Reviewed(files=files) | Undone(files=files) | Redone(files=files) | Rewound(files=files) if files:
                await self._safely(lambda: self._looker.keep(self._looker.look(files), self._told))
            case TurnFinished(end=end):
                asked, self._asked = self._asked, None
                if asked and end == "failed":
                    await self.drop(asked)
            case _:
                pass

    async def _safely(self, work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Have the looker do something, in a thread, one thing after the other."""
        async with self._alone:
            return await in_thread(work, *arguments, **named)

    def _take(self, paths: frozenset[str]) -> None:
        if self._on:
            self._came |= paths
            self._news.set()

    async def _more(self) -> None:
        """Wait until something was saved, or what was may be looked at."""
        waits = [asyncio.ensure_future(self._news.wait())]
        if self._waiting:
            waits.append(asyncio.ensure_future(self._idle.wait()))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()

    async def _burst(self) -> frozenset[str]:
        """What was saved, once nothing more comes and git has done what it is at."""
        ends = time.monotonic() + _LONGEST
        while self._news.is_set() and time.monotonic() < ends:
            await self._pause(_QUIET)
        at_work = await self._git_at_work()
        burst, self._came = frozenset(self._came), set()
        return burst | ({".git/index"} if at_work else set())

    async def _git_at_work(self) -> bool:
        """Wait until git has let go of its index; False where it did not have it."""
        lock = await in_thread(self._looker.git_lock)
        if not await in_thread(lock.exists):
            return False
        by = time.monotonic() + _GIT
        while time.monotonic() < by and await in_thread(lock.exists):
            await self._pause(_LOCK)
        await self._pause(_QUIET)  # it writes its HEAD last
        return True

    async def _pause(self, seconds: float) -> None:
        """Wait until something is saved, or for so long."""
        self._news.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), seconds)

    def _tell(self, found: Found) -> None:
        """Say what waits, each once."""
        for mark in found.fresh if self._on else ():
            if (mark.path, mark.key) not in self._told:
                self._told.add((mark.path, mark.key))
                self._say(f"{place(mark)} waits until this turn is over.")

    async def _request(self, found: Found) -> Request | None:
        """What a look's marks ask for; None where that is nothing, or nobody is to be asked any longer."""
        if not self._on:
            return None
        await self._safely(self._looker.keep, found)
        if found.gits:
            where = ", ".join(f"{mark.path}:{mark.line}" for mark in found.gits)
            self._say(f"Git brought comments that ask something ({where}); they are left alone until you change them.")
        if not found.fresh:
            return None
        asked = await self._safely(self._looker.request, found)
        if not self._on:
            await self.drop(asked)
            return None
        self._asked = asked
        return asked
