"""When Python looks for what is of no use any more: when nobody waits for a key.

    hold ─► the imports, the first frame ─► rest: what is there stays for good ─► a prompt is sent, or rest: look ─► …

What refers to itself in circles is found only by looking at all objects there are: a tenth of a second in which no key
is answered, and that again and again while an answer grows. What came just now is looked at all the time, once there
is enough of it that most is of no use: each line that Textual has drawn refers to itself.
"""

import gc
from collections.abc import Callable
from typing import TypeAlias

REST = 1.5
"""Seconds in which nothing was typed."""
BREATH = 0.05
"""Seconds after which a prompt that was sent stands in the conversation."""
YOUNG, MIDDLE, SELDOM = 20_000, 10, 50
"""Objects that came just now from which they are looked at; such looks from which the remaining ones are; and looks at
those from which all is looked at, rest or no rest: a turn that goes on for an hour."""

Later: TypeAlias = Callable[[float, Callable[[], object]], object]


def hold() -> None:
    """Look for nothing until the window is there: a start makes hardly any rubbish."""
    gc.disable()
    gc.unfreeze()


def settle() -> None:
    """Take all there is as staying for good, and look at what comes from now on."""
    gc.set_threshold(YOUNG, MIDDLE, SELDOM)
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

    def sent(self) -> None:
        """A prompt was sent, and for a moment nobody types: look, if anything has grown old since the last time."""
        if gc.isenabled() and gc.get_freeze_count() and gc.get_count()[2]:
            self._later(BREATH, gc.collect)

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
