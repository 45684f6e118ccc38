"""One warm server from outside: started in a scratch layer of the draft, given jobs, ended with all that it started.

    start() ─► sandbox with `server.py` ─► "ready"        attempt(job) ─► "done" + report.jsonl ─► Attempted

Jobs and answers go through two named pipes in the folder of the report, which nobody else opens. Nothing that comes
back is taken on trust: at worst it is wrong about the tests that wrote it.
"""

import asyncio
import base64
import contextlib
import json
import os
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossa.assistant.draft import Command, Completed, Draft, DraftError
from ossa.assistant.drafts import scratch
from ossa.assistant.testing import launch
from ossa.assistant.testing.outcomes import Outcomes, read_outcomes
from ossa.assistant.threads import in_thread

_TRAVELLING = {
    **launch.REPORTING, "server": "ossa_server", "remains": "ossa_remains", "warmth": "ossa_warmth",
    "variants": "ossa_variants",
}  # fmt: skip
_WRITTEN_AT = "/run/ossa-written"
_LIFE = 6 * 3600.0
"""Seconds that a server may live."""
_GRACE = 10.0
"""Seconds beyond a job's limit until its server counts as lost."""
_ANSWER_LIMIT = 1 << 22


class Lost(Exception):
    """The server is gone, or cannot go on; the text says why."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a child is to run, and with which files in place of the draft's own."""

    files: Mapping[str, bytes]
    only: Sequence[str]
    arguments: Sequence[str]
    """Of the test runner."""
    limit: float
    """In seconds, for all."""
    each: float
    """For one test; 0 for no limit."""
    variants: Sequence[tuple[str, str]] = ()
    """Instead of one run, one for each of these: a path, and the source of which its functions are taken."""


@dataclass(frozen=True, slots=True)
class Attempted:
    """What came of a job."""

    completed: Completed
    outcomes: Outcomes
    left: tuple[str, ...]
    """Files that it changed and that cannot be put right, so that this server must not be asked again."""
    variants: tuple[Outcomes, ...] = ()
    """Of each variant; nothing of one that could not be put in place."""


class Slot:
    """A place for one server at a time."""

    def __init__(self, draft: Draft, run: launch.ModuleRun, title: str) -> None:
        """`run` is of the test runner; `title` names it for whoever is asked to permit it."""
        self._draft, self._run, self._title = draft, run, title
        self._stack = contextlib.ExitStack()
        self._folder = Path()
        self._asked = self._told = -1
        self._unread = b""
        self._running: asyncio.Task[Completed] | None = None

    @property
    def stands(self) -> bool:
        """Whether a server is there to be asked."""
        return self._running is not None and not self._running.done() and not self._running.cancelling()

    async def start(self, modules: Sequence[str], kept: Collection[str], limit: float) -> None:
        """Start a server and wait until it is ready, for `limit` seconds.

        It imports these modules beforehand, as far as that does no harm, and puts files right that are to be `kept`.

        Raises:
            Lost: it does not come up, or says that it would not do.
        """
        await self.stop()
        self._folder = self._stack.enter_context(scratch.held())
        await in_thread(self._equip, modules)
        self._asked, self._told = self._open("asked"), self._open("told")
        server, run = str(self._folder / "ossa_server.py"), self._run
        command = Command(
            [run.python, server, str(self._draft.root), _WRITTEN_AT, run.module, run.beside, json.dumps(sorted(kept))],
            timeout=_LIFE,
            env=launch.variables(self._draft.root, self._draft.root, self._folder, launch.QUICK_OPTIONS, 0, run.python),
            writable=self._folder,
            written_at=_WRITTEN_AT,
            name=f"the project's tests ({self._title})",
        )
        self._running = asyncio.create_task(self._draft.run(command, scratch=True))
        await self._answer(None, "ready", limit)

    async def attempt(self, job: Job) -> Attempted:
        """Have a child do a job.

        Raises:
            Lost: the server did not survive it, or says that it would not do any more.
        """
        files = {path: base64.b64encode(data).decode() for path, data in job.files.items()}
        limits = {"limit": job.limit, "each": job.each}
        tests = {"only": list(job.only), "arguments": list(job.arguments), "variants": list(job.variants)}
        asked = {"files": files, **tests, **limits}
        answer = await self._answer(asked, "done", job.limit + _GRACE)
        match answer:
            case {
                "status": int() | None as status,
                "seconds": int() | float() as seconds,
                "output": str(output),
                "left": [*left],
            }:
                late = status is None
                stopped = f"did not end within {job.limit:g} s" if late else ""
                completed = Completed(-9 if status is None else status, output, seconds, late, stopped=stopped)
            case _:
                raise Lost("it answers nonsense")
        outcomes = await in_thread(read_outcomes, self._folder)
        folders = [self._folder / f"variant-{number}" for number in range(len(job.variants))]
        variants = tuple([await in_thread(read_outcomes, folder) for folder in folders])
        return Attempted(completed, outcomes, tuple(map(str, left)), variants)

    def abandon(self) -> None:
        """Begin to end the server; `start` or `stop` wait for that."""
        if self._running:
            self._running.cancel()

    async def stop(self) -> None:
        """End the server and all that it started; what it wrote is gone."""
        running, self._running = self._running, None
        if running:
            running.cancel()
            await asyncio.wait([running])
        for fd in (self._asked, self._told):
            if fd >= 0:
                os.close(fd)
        self._asked = self._told = -1
        self._unread = b""
        self._stack.close()

    def _equip(self, modules: Sequence[str]) -> None:
        (self._folder / "modules.json").write_text(json.dumps(modules), "utf-8")
        launch.bring(self._folder, _TRAVELLING)
        for name in ("asked", "told"):
            os.mkfifo(self._folder / name, 0o600)

    def _open(self, name: str) -> int:
        """Both ends of a pipe, so that neither side waits for the other to open it."""
        return os.open(self._folder / name, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

    async def _answer(self, asked: dict[str, Any] | None, kind: str, limit: float) -> dict[str, Any]:
        """Ask, and wait for an answer of this kind."""
        running = self._running
        if running is None:
            raise Lost("it was ended")
        exchange = asyncio.create_task(self._exchange(asked))
        try:
            await asyncio.wait([exchange, running], timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            if not exchange.done():
                raise Lost(_reason(running))
            answer = exchange.result()
        finally:
            exchange.cancel()
        if answer.get("kind") != kind:
            raise Lost("it answers nonsense")
        return answer

    async def _exchange(self, asked: dict[str, Any] | None) -> dict[str, Any]:
        if asked is not None:
            data = memoryview(json.dumps(asked).encode() + b"\n")
            while data:
                async with _usable(self._asked, writing=True):
                    data = data[os.write(self._asked, data[: 1 << 12]) :]
        while b"\n" not in self._unread:
            async with _usable(self._told):
                self._unread += os.read(self._told, 1 << 16)
            if len(self._unread) > _ANSWER_LIMIT:
                raise Lost("it answers without end")
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Lost("it answers nonsense") from error
        return answer if isinstance(answer, dict) else {}


@contextlib.asynccontextmanager
async def _usable(fd: int, *, writing: bool = False) -> AsyncGenerator[None]:
    """Wait until a pipe can be read from, or written to."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    (loop.add_writer if writing else loop.add_reader)(fd, ready.set)
    try:
        await ready.wait()
    finally:
        (loop.remove_writer if writing else loop.remove_reader)(fd)
    yield


def _reason(running: asyncio.Task[Completed]) -> str:
    """Why there was no answer."""
    if not running.done():
        return "it does not answer"
    if running.cancelled():
        return "it was ended"
    if error := running.exception():
        return str(error) if isinstance(error, DraftError) else repr(error)
    completed = running.result()
    lines = completed.output.strip().splitlines() or [f"it ended with exit code {completed.exit_code}"]
    return f"it {completed.stopped}" if completed.stopped else lines[-1].removeprefix("unfit: ")
