"""What a terminal shows while Python still loads the window: where its prompt will be, a few hundredths after Enter.

    run_windows ─► draw ─► take_over by Textual's driver ─► the window's first frame, upon it
                        └► leave, where the window doesn't come so far

What is typed meanwhile waits in the terminal, and is in the prompt once that is there.
"""

import contextlib
import os
import sys
from typing import TextIO

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
_DIM, _PLAIN = "\x1b[2m", "\x1b[m"


class Sketch:
    """It stands from `draw` until the window takes it over, or until it is left."""

    def __init__(self, stream: TextIO | None) -> None:
        """`stream` is the terminal; it is left alone where it is none."""
        self._stream = stream
        self._stands = False

    def draw(self) -> None:
        """Show it, if a terminal can."""
        stream = self._stream
        if sys.platform == "win32" or stream is None or not stream.isatty() or os.environ.get("TERM") in (None, "dumb"):
            return
        with contextlib.suppress(OSError):
            stream.write(drawn(*os.get_terminal_size(stream.fileno())))
            stream.flush()
            self._stands = True

    def take_over(self) -> bool:
        """Whether it stands, and so the terminal shows its other screen already; from now on that is the caller's."""
        stands, self._stands = self._stands, False
        return stands

    def leave(self) -> None:
        """Have the terminal as it was, unless the sketch was taken over."""
        if self._stream is not None and self.take_over():
            with contextlib.suppress(OSError):
                self._stream.write(LEAVE)
                self._stream.flush()


def drawn(columns: int, lines: int) -> str:
    """What is written to a terminal of this size; the cursor then stands where one types."""
    left = (FILES if columns >= THREE_COLUMNS else 0) + 3
    room = max(0, columns - left)
    if room < len(PLACEHOLDER) or lines < 10:
        return f"{ENTER}\x1b[2J\x1b[H"
    row = lines - (3 if lines >= TALL else 2)
    title = f"\x1b[3;{left}H{_DIM}ossa  an offline pair programmer{_PLAIN}"
    return f"{ENTER}\x1b[2J{title}\x1b[{row};{left}H{_DIM}{PLACEHOLDER}{_PLAIN}\x1b[{row};{left}H"
