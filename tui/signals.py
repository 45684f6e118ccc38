"""Signals that ask ossa to end: the running turn is cancelled and all is put away, where it would just be gone.

    Ctrl+C · kill · terminal closed ─► `end()`, once, in the loop ─► exit code 128 + signal

A second one ends it at once.
"""

import asyncio
import signal
import sys
from collections.abc import Callable, Sequence

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals:
    """Watches for them from its making to `close`, in a loop of the main thread."""

    def __init__(self, end: Callable[[], object], names: Sequence[str] = _ENDING) -> None:
        """`end` is called at the first one; those that whoever started ossa has it ignore, as `nohup` does, stay so."""
        self.received = 0
        """The first one's number; 0 while there is none."""
        self._end = end
        self._watched: list[int] = []
        if sys.platform == "win32":
            return  # its loop knows no signals; Ctrl+C comes as KeyboardInterrupt
        for name in names:
            number = signal.Signals[name]
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._receive, number)
                self._watched.append(number)

    @property
    def exit_code(self) -> int:
        """As shells have it for what a signal ended."""
        return 128 + self.received

    def close(self) -> None:
        """From now on they do what they did by themselves."""
        while self._watched:
            asyncio.get_running_loop().remove_signal_handler(self._watched.pop())

    def _receive(self, number: int) -> None:
        self.received = number
        self.close()
        self._end()
