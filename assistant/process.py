"""Runs one command within its limits: streams what it prints, and leaves no process of it behind.

    argv ─► start ─► output ─► Clip
                └──► end, limit or cancelling ─► every process of it is killed, and waited for

A confined command (`Namespace`) is all that runs under bubblewrap's first process, also what detached itself; an
unconfined one (`Group`) is its process group, which a daemon can leave.
"""

import asyncio
import contextlib
import json
import os
import resource
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable, Mapping, Sequence
from io import FileIO
from pathlib import Path
from typing import Protocol

from ossa.assistant.clip import Clip
from ossa.assistant.draft import Command, Completed

FILE_SIZE = 2 << 30
"""Bytes that a file may grow to."""
PROCESSES = 4096
"""Processes and threads of one confined command; does not bind root."""
_GRACE = 5.0
"""Seconds that killed processes get to be gone."""


class Tree(Protocol):
    """The processes of one command."""

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Process: ...

    async def end(self) -> None:
        """Kill what is left of it, and wait until it is gone."""
        ...


async def run(
    tree: Tree,
    argv: Sequence[str],
    command: Command,
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_output: Callable[[str], None] | None = None,
) -> Completed:
    """Run `argv` with the limits of `command`; when this is cancelled, everything it started is killed.

    Raises:
        OSError: the program cannot be started.
    """
    began = time.monotonic()
    clip = Clip(command.output_limit, on_output)
    try:
        process = await tree.start(argv, command, env, cwd)
        code = await _attend(process, tree, clip, command.timeout)
    finally:
        await tree.end()
    seconds = time.monotonic() - began
    late = code is None
    return Completed(-signal.SIGKILL if code is None else code, clip.text, seconds, late, clip.truncated)


async def _attend(process: Process, tree: Tree, clip: Clip, seconds: float) -> int | None:
    """Its exit code, or None where it had to be ended because its time was up."""
    job = asyncio.create_task(_follow(process, clip))
    try:
        done, _ = await asyncio.wait([job], timeout=seconds)
    finally:
        await tree.end()
        await asyncio.wait([job], timeout=_GRACE)
        job.cancel()
    return job.result() if done else None


async def _follow(process: Process, clip: Clip) -> int:
    assert process.stdout
    while data := await process.stdout.read(1 << 16):
        clip.feed(data)
    return await process.wait()


class Group:
    """A process group of its own, for a command that nothing confines."""

    def __init__(self) -> None:
        self._process: Process | None = None

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Process:
        self._process = await asyncio.create_subprocess_exec(
            *argv, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=env, cwd=cwd, start_new_session=True
        )
        _restrict(self._process.pid, {resource.RLIMIT_AS: command.memory, resource.RLIMIT_FSIZE: FILE_SIZE})
        return self._process

    async def end(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None


class Namespace:
    """Bubblewrap with a process namespace of its own: when its first process dies, the kernel kills the rest.

    The sandbox is held at its door until the first process is known and bears its limits.
    """

    def __init__(self) -> None:
        self._process: Process | None = None
        self._first: int | None = None

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Process:
        with contextlib.ExitStack() as stack:
            told, tell = _pipe(stack)
            door, opener = _pipe(stack)
            bwrap, *options = argv
            self._process = await asyncio.create_subprocess_exec(
                *[bwrap, "--info-fd", str(tell.fileno()), "--block-fd", str(door.fileno()), *options],
                stdin=DEVNULL,
                stdout=PIPE,
                stderr=STDOUT,
                pass_fds=(tell.fileno(), door.fileno()),
                env=env,
                cwd=cwd,
            )
            tell.close()
            await _readable(told.fileno())
            if info := told.read(4096):
                self._admit(json.loads(info)["child-pid"], command)
                with contextlib.suppress(BrokenPipeError):
                    opener.write(b"go")
        return self._process

    def _admit(self, first: int, command: Command) -> None:
        self._first = os.pidfd_open(first)
        sizes = {resource.RLIMIT_AS: command.memory, resource.RLIMIT_FSIZE: FILE_SIZE}
        _restrict(first, {**sizes, resource.RLIMIT_NPROC: PROCESSES})

    async def end(self) -> None:
        if self._first is None:
            if self._process:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
            return
        try:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_readable(self._first), _GRACE)
        finally:
            os.close(self._first)
            self._first = None


def _pipe(stack: contextlib.ExitStack) -> tuple[FileIO, FileIO]:
    read, write = os.pipe()
    return stack.enter_context(FileIO(read, "r")), stack.enter_context(FileIO(write, "w"))


async def _readable(fd: int) -> None:
    """Wait until there is something to read; of a process's descriptor, until it and its namespace are gone."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(fd)


def _restrict(pid: int, limits: Mapping[int, int]) -> None:
    """Lower the limits of a process and of all that it will start; those that are lower already stay."""
    if sys.platform != "linux":
        return
    for what, wanted in {**limits, resource.RLIMIT_CORE: 0}.items():
        with contextlib.suppress(ProcessLookupError):
            _, hard = resource.prlimit(pid, what)
            limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.prlimit(pid, what, (limit, limit))
