"""Runs inside the project's interpreter (Python 3.8 or later): ends a test that does not end, where it stands.

    test begins ─► timer ─► test ends: timer off
                     └► Hung is raised in it, so the tests behind it run, and the traceback shows the loop

A process that hangs outside of Python's own code, or in a thread, is left to the limit of the whole run. So is what
sets this timer itself, as pytest-timeout does.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

LIMIT = "OSSA_TEST_LIMIT"
"""Names the variable with the seconds; 0 for none."""
SAYS = "did not end within"
_AFTER_ONE = 0.25
"""Of the limit remains for the others, once a test has hung: mostly they do for the same reason."""
_SLOWEST = 3.0
"""But as many times what the slowest took that did end."""
_AGAIN = 0.5
"""Seconds until it is raised once more in a test that went on."""


class Hung(BaseException):
    """A test did not end; no `except Exception` is to catch that."""

    __module__ = "builtins"  # so that it is shown by its name alone


class Alarm:
    """The timer of one test after the other."""

    def __init__(self) -> None:
        """Without a limit in the environment, or without such timers here, nothing is ever ended."""
        self._limit = float(os.environ.get(LIMIT, "0"))
        self._left = self._limit if hasattr(signal, "setitimer") else 0.0
        self._slowest = self._began = 0.0
        self._rang = False

    def set(self) -> None:
        """A test begins."""
        self._began, self._rang = time.monotonic(), False
        main = threading.current_thread() is threading.main_thread()
        if self._left and main and signal.getsignal(signal.SIGALRM) == signal.SIG_DFL:
            signal.signal(signal.SIGALRM, self._ring)
            signal.setitimer(signal.ITIMER_REAL, max(self._left, _SLOWEST * self._slowest), _AGAIN)

    def clear(self) -> None:
        """It is over."""
        if not self._left or signal.getsignal(signal.SIGALRM) != self._ring:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        if self._rang:
            self._left = self._limit * _AFTER_ONE
        else:
            self._slowest = max(self._slowest, time.monotonic() - self._began)

    def _ring(self, *_: Any) -> None:
        self._rang = True
        raise Hung(f"{SAYS} {time.monotonic() - self._began:.1f} s")


def plugin(pytest: Any) -> Any:
    """For pytest: the limit is for the test itself, not for its fixtures."""
    alarm = Alarm()

    class Limits:
        @pytest.hookimpl(hookwrapper=True)
        def pytest_runtest_call(self) -> Generator[None, None, None]:
            alarm.set()
            yield
            alarm.clear()

    return Limits()
