"""What holds at any speed: waiting for what comes, which only what never comes makes too long, and counting work."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

LIMIT = 300.0
"""Seconds; below the limit of a test, so that what did not come is told."""


def until(condition: Callable[[], object], what: Callable[[], object] = str) -> None:
    """Wait until a condition is met; `what` is told where it never is."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(0.01)


async def until_async(condition: Callable[[], object], what: Callable[[], object] = str) -> None:
    """Wait in an event loop, which goes on meanwhile."""
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, what()
        await asyncio.sleep(0.01)


def freeze(child: int) -> None:
    """Stop a process of ours, and wait until all its threads stand still: on a busy machine some go on meanwhile."""
    os.kill(child, signal.SIGSTOP)
    os.waitid(os.P_PID, child, os.WSTOPPED | os.WNOWAIT)


def steps(work: Callable[[], object]) -> int:
    """Calls that some work makes, Python's own functions included: what it costs, the same on every machine."""
    with counting() as count:
        work()
    return sum(count)


@contextmanager
def counting() -> Generator[list[int]]:
    """What happens meanwhile in this thread, counted: the number of calls is the sum."""
    count = [0]

    def called(_frame: object, event: str, _argument: object) -> None:
        count[0] += event in ("call", "c_call")

    sys.setprofile(called)
    try:
        yield count
    finally:
        sys.setprofile(None)
