"""Waiting for a process that may hang: one that has no time on a busy machine is as silent, but goes on if it can."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

_WORKING = "RD"
"""States of a thread that goes on as soon as it has a processor, or its page from the disk."""
_PATIENCE = 30.0
"""Seconds after which also one that is at work has had time enough."""


def awaited(waits: Callable[[float], bool], pid: int, seconds: float) -> bool:
    """Whether something comes from a process within so many seconds, or later while the process is at work.

    Args:
        waits: waits for it, for so many seconds, and tells whether it came.
        pid: of the process.
        seconds: after which one that is not at work is given up.
    """
    pulse, end = _Pulse(pid), time.monotonic() + _PATIENCE
    while not waits(seconds):
        if not pulse.beats() or time.monotonic() > end:
            return False
    return True


class _Pulse:
    """Looks at a process again and again."""

    def __init__(self, pid: int) -> None:
        self._threads = Path(f"/proc/{pid}/task")
        self._used = self._look()[1]

    def beats(self) -> bool:
        """Whether it has worked since the last look, or would; also where that cannot be known, as outside of Linux."""
        if not Path("/proc/self/task").exists():
            return True
        before = self._used
        works, self._used = self._look()
        return works or self._used > before

    def _look(self) -> tuple[bool, int]:
        """Whether one of its threads would go on, and the processor time that all have used, in ticks of the kernel."""
        threads = list(self._each())
        return any(state in _WORKING for state, _ in threads), sum(used for _, used in threads)

    def _each(self) -> Iterator[tuple[str, int]]:
        with suppress(OSError):  # it has ended
            for thread in self._threads.iterdir():
                fields = (thread / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
                yield fields[0], int(fields[11]) + int(fields[12])
