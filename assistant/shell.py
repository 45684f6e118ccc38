"""The person's own commands: in the working tree, by their shell, with their environment, confined by nothing.

!line ─► $SHELL -c line ─► output as a step ─► Ran
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

from ossa.assistant.draft import Command, Completed, Limits
from ossa.assistant.drafts.process import run
from ossa.assistant.events import End, Failure, Ran, StepFinished, StepOutput, StepStarted
from ossa.assistant.trim import shorten
from ossa.assistant.turn import Emit

_NO_LIMIT = 7 * 86400.0
"""Seconds: the person ends it by Esc, not the clock."""
_LOGGED = 12_000
"""Characters of the output that the session keeps for the model."""
_LOOKS, _PAUSE = 100, 0.02
"""How often we look, and the seconds between, whether a program has cleaned up behind itself; then it is killed.

Counted and not timed, so that a machine that stood still for a while does not use up the program's time.
"""


class Unlimited:
    """A process group of its own without limits, which is asked to end before it is killed, so that it can tidy up.

    Whatever is still in the group when its first process has ended goes the same way.
    """

    def __init__(self) -> None:
        self._process: Popen[bytes] | None = None

    @property
    def stopped(self) -> str:
        """Never: there are no limits."""
        return ""

    async def start(self, argv: Sequence[str], command: Command, env: Mapping[str, str], cwd: Path) -> Popen[bytes]:
        self._process = _spawn(argv, env, cwd)
        return self._process

    async def end(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            try:
                os.killpg(process.pid, signal.SIGTERM)
                for _ in range(_LOOKS):
                    process.poll()  # so that it does not stay as a zombie, which counts as being there
                    os.killpg(process.pid, 0)
                    await asyncio.sleep(_PAUSE)
            finally:
                os.killpg(process.pid, signal.SIGKILL)


async def unconfined(
    argv: Sequence[str], root: Path, on_output: Callable[[str], None], env: Mapping[str, str] | None = None
) -> Completed:
    """Run a program of the person's in the working tree, with `env` on top of their environment.

    Raises:
        OSError, ValueError: it cannot be started.
    """
    command = Command(argv, timeout=_NO_LIMIT, limits=Limits(output=sys.maxsize))
    return await run(Unlimited(), argv, command, env={**os.environ, **(env or {})}, cwd=root, on_output=on_output)


async def run_line(line: str, root: Path, emit: Emit) -> End:
    """Run a shell line in the working tree; Esc ends it with everything that it started."""
    if not line.strip():
        emit(Failure("Write a command behind the !, as in `!git status`."))
        return "failed"
    told: list[str] = []

    def on_output(text: str) -> None:
        told.append(text)
        emit(StepOutput("shell", text))

    def finish(ok: bool, summary: str, code: int, output: str) -> None:
        emit(StepFinished("shell", ok, summary, output))
        emit(Ran(line, code, shorten(output, _LOGGED)))

    emit(StepStarted("shell", f"! {line}"))
    try:
        done = await unconfined([_shell(), "-c", line], root, on_output)
    except asyncio.CancelledError:
        finish(False, "stopped", -signal.SIGTERM, "".join(told))
        raise
    except (OSError, ValueError) as error:
        finish(False, "not started", 127, str(error))
        emit(Failure(f"`{line}` cannot be started: {getattr(error, 'strerror', '') or error}."))
        return "failed"
    finish(done.exit_code == 0, f"exit {done.exit_code}, {done.seconds:.1f} s", done.exit_code, done.output)
    return "answered"


def _spawn(argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> Popen[bytes]:
    return Popen(argv, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, env=env, cwd=cwd, start_new_session=True)


def _shell() -> str:
    return shutil.which(os.environ.get("SHELL", "")) or "/bin/sh"
