"""Programs that may never end or want all memory: they run to their end or their limit, and no child outlives them."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MEMORY = 4_000_000
"""Kilobytes of address space for a program of a stranger's."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a program ended."""

    code: int | None
    """Its exit code; None where it was ended at its limit."""
    output: str
    """What it wrote, errors included."""


def run(
    command: Sequence[str | Path],
    folder: Path,
    seconds: float,
    environment: Mapping[str, str] | None = None,
    patience: float = 0.0,
) -> Done:
    """Run a program in a process group of its own, which is killed at the end.

    Args:
        command: program and arguments.
        folder: in which it runs.
        seconds: that it may take.
        environment: all its variables; None for ours.
        patience: seconds that it gets to put things away once its time is up.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        code = None
        try:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(seconds)
            if code is None and patience:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(patience)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return Done(code, output.read().decode("utf-8", "replace"))


def limited(command: Sequence[str]) -> list[str]:
    """The same command with less memory to take."""
    return ["sh", "-c", f'ulimit -v {_MEMORY}; exec "$0" "$@"', *command]
