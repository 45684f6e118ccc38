"""Waiting for a process: patiently while it is at work, not longer than asked for where it hangs."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from ossa.model.pulse import awaited
from ossa.tests.waiting import freeze


@contextmanager
def running(code: str) -> Generator[subprocess.Popen[bytes]]:
    """A program that has begun."""
    code = f"print(flush=True); {code}"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


class Coming:
    """What comes at the `times`-th look."""

    def __init__(self, times: int) -> None:
        self.looks = 0
        self._times = times

    def wait(self, seconds: float) -> bool:
        self.looks += 1
        return self.looks == self._times


def test_what_comes_late_from_a_process_at_work_is_waited_for() -> None:
    with running("\nwhile True: pass") as process:
        assert awaited(Coming(1).wait, process.pid, 0.0)
        assert awaited(Coming(5).wait, process.pid, 0.0)


def test_a_process_that_was_stopped_or_waits_itself_is_not_waited_for() -> None:
    for code, stop in (("\nwhile True: pass", True), ("input()", False)):
        with running(code) as process:
            if stop:
                freeze(process.pid)
            coming = Coming(1_000_000)
            assert not awaited(coming.wait, process.pid, 0.0)
            assert stop is False or coming.looks == 1


def test_a_process_that_is_gone_is_not_waited_for() -> None:
    with running("pass") as process:
        process.wait()
    coming = Coming(2)
    assert not awaited(coming.wait, process.pid, 0.0)
    assert coming.looks == 1
