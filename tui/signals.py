"""Signals that ask ossa to end: the running turn is cancelled and all is put away, where it would just be gone.

    Ctrl+C · kill · terminal closed ─► `end()`, once, in the loop ─► exit code 128 + signal

A second one ends it at once. A window whose terminal is gone ends also where nothing tells it so: SIGHUP is ignored
behind `nohup`, and a terminal that controls no process sends none.
"""

import asyncio
import select
import signal
import sys
from collections.abc import Callable, Sequence

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")


class Signals:
    """Watches for them from its making to `close`, in a loop of the main thread."""

    def __init__(self, end: Callable[[], object], names: Sequence[str] = _ENDING, terminal: int | None = None) -> None:
        """Watch.

        Args:
            end: called at the first one.
            names: of the signals; those that whoever started ossa has it ignore, as `nohup` does, stay so.
            terminal: that ossa can't do without, as its file's number.
        """
        self.received = 0
        """The first one's number; 0 while there is none."""
        self._end = end
        self._watched: list[int] = []
        self._hangup: select.epoll | None = None
        if sys.platform == "win32":
            return  # its loop knows no signals; Ctrl+C comes as KeyboardInterrupt
        for name in names:
            number = signal.Signals[name]
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, self._receive, number)
                self._watched.append(number)
        if terminal is not None and sys.platform == "linux":
            self._watch(terminal)

    @property
    def exit_code(self) -> int:
        """As shells have it for what a signal ended."""
        return 128 + self.received

    def close(self) -> None:
        """From now on they do what they did by themselves."""
        while self._watched:
            asyncio.get_running_loop().remove_signal_handler(self._watched.pop())
        if self._hangup is not None:
            asyncio.get_running_loop().remove_reader(self._hangup)
            self._hangup.close()
            self._hangup = None

    def _watch(self, terminal: int) -> None:
        """Have a terminal that hangs up count as its signal."""
        hangup = select.epoll()
        try:
            hangup.register(terminal, 0)  # what is typed there is read by others
        except OSError:  # a file, say
            hangup.close()
        else:
            self._hangup = hangup
            asyncio.get_running_loop().add_reader(hangup, self._receive, signal.SIGHUP)

    def _receive(self, number: int) -> None:
        self.received = number
        self.close()
        self._end()
