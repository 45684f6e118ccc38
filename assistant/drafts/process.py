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
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from io import FileIO
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen
from typing import Protocol

from ossa.assistant.draft import Command, Completed
from ossa.assistant.drafts.clip import Clip
from ossa.assistant.drafts.limits import TASKS, Place, Watch, gigabytes

FILE_SIZE = 1 << 30
"""Bytes that a file may grow to."""
_SHELL = "/bin/sh"
_GRACE = 5.0
"""Seconds that killed processes get to be gone."""


class Tree(Protocol):
    """The processes of one command."""

    @property
    def stopped(self) -> str:
        """Which limit of all processes together was exceeded; empty where none was."""
        ...

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Popen[bytes]: ...

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
        code, stopped = await _attend(process, tree, clip, command)
    finally:
        await tree.end()
    seconds, late = time.monotonic() - began, code is None and not stopped
    stopped = f"did not end within {command.timeout:g} s" if late else stopped or tree.stopped
    return Completed(-signal.SIGKILL if code is None else code, clip.text, seconds, late, clip.truncated, stopped)


async def _attend(process: Popen[bytes], tree: Tree, clip: Clip, command: Command) -> tuple[int | None, str]:
    """Its exit code, or None where it had to be ended because its time was up or for the reason that is given."""
    job = asyncio.create_task(_follow(process, clip, command.limits.output))
    try:
        done, _ = await asyncio.wait([job], timeout=command.timeout)
    finally:
        await tree.end()
        await asyncio.wait([job], timeout=_GRACE)
        job.cancel()
    return job.result() if done else (None, "")


async def _follow(process: Popen[bytes], clip: Clip, limit: int) -> tuple[int | None, str]:
    assert process.stdout
    printed = 0
    with process.stdout as output:
        os.set_blocking(output.fileno(), False)
        while await _readable(output.fileno()):
            if not (data := os.read(output.fileno(), 1 << 16)):
                break
            clip.feed(data)
            printed += len(data)
            if printed > limit:
                return None, f"printed more than {gigabytes(limit)}"
    return await asyncio.to_thread(process.wait), ""


class Group:
    """A process group of its own, for a command that nothing confines."""

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None

    @property
    def stopped(self) -> str:
        """Never: only each process by itself is limited."""
        return ""

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Popen[bytes]:
        limited = [_SHELL, "-c", f'{_limits(command)}; exec "$@"', "sh", *argv]
        self._process = _spawn(limited, env, cwd, stdin=DEVNULL, start_new_session=True)
        return self._process

    async def end(self) -> None:
        if self._process:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process = None


class Namespace:
    """Bubblewrap with a process namespace of its own: when its first process dies, the kernel kills the rest.

    The command starts only at our word on its standard input, which is after we know the first process; if ossa ends
    before, that word never comes and the sandbox ends by itself.
    """

    def __init__(
        self, written: Path, in_memory: Sequence[str], seccomp: bytes | None, joining: Sequence[str] = ()
    ) -> None:
        """Watch what is `written` there and `in_memory`.

        `seccomp` is the filter of system calls, `joining` the words before the command that join a control group.
        """
        self._written, self._in_memory, self._seccomp, self._joining = written, in_memory, seccomp, joining
        self._told: FileIO | None = None
        self._first: int | None = None
        self._watch: Watch | None = None

    @property
    def stopped(self) -> str:
        """Which limit was exceeded."""
        return self._watch.reason if self._watch else ""

    @staticmethod
    def waiting(command: Command) -> list[str]:
        """The command as it is to be started in the sandbox: within its limits, at our word."""
        return [_SHELL, "-c", f'{_limits(command)}; read -r go && exec "$@" </dev/null', "sh", *command.argv]

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Popen[bytes]:
        read, write = os.pipe()
        self._told = FileIO(read, "r")
        with FileIO(write, "w"), filtered(self._seccomp) as (fds, options):
            told = ["--info-fd", str(write), *options]
            words = [*self._joining, argv[0], *told, *argv[1:]]
            process = _spawn(words, env, cwd, stdin=PIPE, pass_fds=(write, *fds))
        await _readable(read)
        first = self._meet()
        if first and self._first is not None:
            self._watch = Watch(Place(first, self._written, self._in_memory), command.limits, self._first)
        assert process.stdin
        with contextlib.suppress(BrokenPipeError), process.stdin as word:
            word.write(b"go\n")
        return process

    async def end(self) -> None:
        self._meet()
        if self._watch:
            self._watch.stop()
        if self._first is None:
            return
        first, self._first = self._first, None
        try:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(first, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_readable(first), _GRACE)
        finally:
            os.close(first)

    def _meet(self) -> int:
        """Learn which the first process is, 0 for none; bubblewrap tells it soon after its start, or ends.

        To kill bubblewrap itself before would leave that process waiting for it for ever.
        """
        if self._told is None:
            return 0
        with self._told as told:
            info = told.readall()
        self._told = None
        first = int(json.loads(info)["child-pid"]) if info else 0
        if first:
            with contextlib.suppress(ProcessLookupError):
                self._first = os.pidfd_open(first)
        return first


@contextlib.contextmanager
def filtered(seccomp: bytes | None) -> Generator[tuple[tuple[int, ...], list[str]]]:
    """The descriptor from which bubblewrap reads a filter of system calls, and its arguments for that."""
    if seccomp is None:
        yield (), []
        return
    read, write = os.pipe()
    with FileIO(read, "r"):
        with FileIO(write, "w") as filter:
            filter.write(seccomp)
        yield (read,), ["--seccomp", str(read)]


def _spawn(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: Path,
    *,
    stdin: int,
    pass_fds: Sequence[int] = (),
    start_new_session: bool = False,
) -> Popen[bytes]:
    """Start a program with both its outputs in one pipe."""
    return Popen(
        argv,
        stdin=stdin,
        stdout=PIPE,
        stderr=STDOUT,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
        start_new_session=start_new_session,
    )


def _limits(command: Command) -> str:
    """Shell commands that set the limits; shells differ in the letter for processes, which do not bind root."""
    tasks = TASKS * command.limits.processes
    limits = ["-c 0", f"-v {command.memory >> 10}", f"-f {FILE_SIZE >> 9}", f"-u {tasks}", f"-p {tasks}"]
    limits.append(f"-t {max(int(command.limits.cpu), 1)}")
    first_to_go = "{ echo 1000 >/proc/self/oom_score_adj; } 2>/dev/null"
    return "; ".join([*(f"ulimit {limit} 2>/dev/null" for limit in limits), first_to_go])


async def _readable(fd: int) -> bool:
    """Wait until there is something to read; of a process's descriptor, until it and its namespace are gone."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(fd, ready.set)
    try:
        return await ready.wait()
    finally:
        loop.remove_reader(fd)
