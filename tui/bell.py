"""Tells a person who has gone to another window that a long turn is over, or waits for them.

turn ─► begin() ─► ring(what) ─► BEL, and OSC 9, which many terminals show as a notification; others leave it out
"""

import time
from collections.abc import Callable


class Bell:
    """Rings only where nobody looks, and only for what took long."""

    def __init__(
        self,
        write: Callable[[str], object],
        has_focus: Callable[[], bool],
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`write` sends to the terminal; what took less than `seconds` is not worth it, and 0 is never."""
        self._write, self._has_focus, self._seconds, self._clock = write, has_focus, seconds, clock
        self._since = clock()

    def begin(self) -> None:
        """From now on the person waits."""
        self._since = self._clock()

    def expect(self) -> None:
        """The person has gone elsewhere already: what comes next is worth it however soon it comes."""
        self._since = float("-inf")

    def ring(self, what: str) -> None:
        """They need not wait any longer; `what` are words of ossa's own."""
        if self._seconds and not self._has_focus() and self._clock() - self._since >= self._seconds:
            self._write(f"\x1b]9;ossa: {what}\x07\x07")
        self.begin()
