"""What a terminal shows while Python still loads the window: where its prompt will be, a few hundredths after Enter.

    run_windows ─► draw ─► take_over by Textual's driver ─► the window's first frame, upon it
                        └► leave, where the window doesn't come so far

What is typed or pasted meanwhile waits in the terminal as the keys that it was, and comes to the window once that is
there. Ctrl+C still ends ossa; all other keys are the window's.
"""

import contextlib
import os
import signal
import sys
from typing import Any, Never, TextIO

PLACEHOLDER = "Ask for a change; / commands, ! shell"
"""What the prompt says while it is empty."""
THREE_COLUMNS = 118
"""Cells across from which the window has its three columns."""
TALL = 30
"""Lines from which the prompt has room around it."""
FILES = 26
"""Cells of the column of files."""
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""The terminal's other screen; these are the words that Textual uses."""
PASTED, UNPASTED = "\x1b[?2004h", "\x1b[?2004l"
"""Whether what is pasted is marked as such: its lines are no prompts."""
_DIM, _PLAIN = "\x1b[2m", "\x1b[m"


class Sketch:
    """It stands from `draw` until the window takes it over, or until it is left."""

    def __init__(self, stream: TextIO | None, keyboard: TextIO | None = None) -> None:
        """`stream` is the terminal, `keyboard` what is read from it; they are left alone where they are none."""
        self._stream, self._keyboard = stream, keyboard
        self._stands = False
        self.before: list[Any] | None = None
        """How the keyboard was set, which it is to be again in the end; None where nothing was changed."""

    def draw(self) -> None:
        """Show it, if a terminal can."""
        stream = self._stream
        if sys.platform == "win32" or stream is None or not stream.isatty() or os.environ.get("TERM") in (None, "dumb"):
            return
        with contextlib.suppress(OSError):
            _await_front(self._keyboard)
            text = drawn(*os.get_terminal_size(stream.fileno()))
            # It is left wherever in this a signal comes.
            self._stands, self.before = True, _settings(self._keyboard)
            _set(self._keyboard, _unread(self.before))
            stream.write(text)
            stream.flush()

    def take_over(self) -> bool:
        """Whether it stands, and so the terminal shows its other screen already; from now on that is the caller's."""
        stands, self._stands = self._stands, False
        return stands

    def leave(self) -> None:
        """Have the terminal as it was, unless the sketch was taken over, or another program has the terminal by now."""
        if self._stream is not None and self.take_over() and _is_in_front(self._keyboard):
            with contextlib.suppress(OSError):
                self._stream.write(UNPASTED + LEAVE)
                self._stream.flush()
            _set(self._keyboard, self.before)


def end_orderly() -> None:
    """Have signals end ossa as exceptions do, which leaves the sketch, until the window watches for them itself."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has not both
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _end)


def drawn(columns: int, lines: int) -> str:
    """What is written to a terminal of this size; the cursor then stands where one types."""
    left = (FILES if columns >= THREE_COLUMNS else 0) + 3
    room = max(0, columns - left)
    if room < len(PLACEHOLDER) or lines < 10:
        return f"{ENTER}{PASTED}\x1b[2J\x1b[H"
    row = lines - (3 if lines >= TALL else 2)
    title = f"\x1b[3;{left}H{_DIM}ossa  an offline pair programmer{_PLAIN}"
    return f"{ENTER}{PASTED}\x1b[2J{title}\x1b[{row};{left}H{_DIM}{PLACEHOLDER}{_PLAIN}\x1b[{row};{left}H"


def _await_front(keyboard: TextIO | None) -> None:
    """In the background, stop until ossa is in front: the shell has the keyboard as it needs it itself until then."""
    if sys.platform == "win32" or keyboard is None:
        return
    import termios

    with contextlib.suppress(termios.error, ValueError):
        termios.tcdrain(keyboard)


def _is_in_front(keyboard: TextIO | None) -> bool:
    """Whether ossa has the terminal: whoever sets one from the background is stopped."""
    if sys.platform == "win32" or keyboard is None:
        return True
    try:
        return os.tcgetpgrp(keyboard.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return True


def _settings(keyboard: TextIO | None) -> list[Any] | None:
    """How the keyboard is set; None where there is none."""
    if sys.platform == "win32" or keyboard is None:
        return None
    import termios

    try:
        return termios.tcgetattr(keyboard)
    except (termios.error, ValueError):
        return None


def _unread(settings: list[Any] | None) -> list[Any] | None:
    """The same, so that keys wait as the window reads them, and the terminal itself shows none of them."""
    if sys.platform == "win32" or settings is None:
        return None
    import termios

    now: list[Any] = [*settings[:6], [*settings[6]]]
    now[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
    now[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
    now[6][termios.VMIN], now[6][termios.VTIME] = 1, 0
    now[6][termios.VSUSP] = now[6][termios.VQUIT] = b"\0"
    return now


def _set(keyboard: TextIO | None, settings: list[Any] | None) -> None:
    """Have the keyboard so."""
    if sys.platform == "win32" or keyboard is None or settings is None:
        return
    import termios

    with contextlib.suppress(termios.error, ValueError):
        termios.tcsetattr(keyboard, termios.TCSANOW, settings)


def _end(number: int, _: object) -> Never:
    raise SystemExit(128 + number)
