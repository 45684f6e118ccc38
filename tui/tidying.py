"""When Python looks for what is of no use any more: at rest, never while somebody waits for a key.

    hold ─► the imports, the first frame ─► rest: what is there stays for good ─► a turn ─► rest: look ─► a turn …

What refers to itself in circles is found only by looking at all objects there are: a tenth of a second in which no key
is answered, and that again and again while an answer grows. What came just now is looked at all the time: it is little.
"""

import gc
from collections.abc import Callable
from typing import TypeAlias

REST = 1.5
"""Seconds in which nothing was typed."""
SELDOM = 2_000
"""Looks at what came just now from which all is looked at, rest or no rest: a turn that goes on for an hour."""

Later: TypeAlias = Callable[[float, Callable[[], object]], object]


def hold() -> None:
    """Look for nothing until the window is there: a start makes hardly any rubbish."""
    gc.disable()
    gc.unfreeze()


def settle() -> None:
    """Take all there is as staying for good, and look at what comes from now on."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)
    gc.freeze()
    gc.enable()


class Tidying:
    """Looks once the window rests; only in a process that began with `hold`, since it concerns all that is in it."""

    def __init__(self, later: Later, is_busy: Callable[[], bool], typed: Callable[[], str]) -> None:
        """`later` calls something after so many seconds; what is `typed` changes while somebody is at the keys."""
        self._later, self._is_busy, self._typed = later, is_busy, typed
        self._waits = False
        self._seen = ""

    def soon(self) -> None:
        """Something is over: look as soon as nobody waits."""
        if not (self._waits or (gc.isenabled() and not gc.get_freeze_count())):
            self._wait()

    def _wait(self) -> None:
        self._waits, self._seen = True, self._typed()
        self._later(REST, self._look)

    def _look(self) -> None:
        self._waits = False
        if not gc.isenabled():
            settle()
        elif self._is_busy():
            return  # the end of the turn is the next occasion
        elif self._typed() != self._seen:
            self._wait()
        else:
            gc.collect()
