"""The terminal that the window is drawn on, also once it was closed: what is written to it then is dropped.

    Textual's thread that writes ─► `Closable` ─► the terminal, or nothing where it is gone

That thread would end at the first error, and the window then wait for ever to have its last lines written. A closed
terminal also makes Textual begin anew, as after Ctrl+Z, before the window can be told that it should end. Where a
sketch of the window stands already, the window is drawn upon it instead of on a screen that was cleared once more.
"""

import contextlib
import sys
from typing import TYPE_CHECKING, Any, TextIO

from ossa.tui.sketch import ENTER, Sketch

if TYPE_CHECKING:
    from textual.driver import Driver

TURN = 0.001
"""Seconds after which a thread lets another one go on: one reads the keys, one writes what is drawn."""


class Closable:
    """A file that may be gone."""

    def __init__(self, file: TextIO) -> None:
        """`file` is the terminal's."""
        self._file = file

    def write(self, text: str) -> int:
        """All of it, or nothing; the length of `text` in either case."""
        try:
            return self._file.write(text)
        except OSError:
            return len(text)

    def flush(self) -> None:
        """As far as it is there."""
        with contextlib.suppress(OSError):
            self._file.flush()

    def __getattr__(self, name: str) -> Any:  # whatever else is asked of it is asked of the terminal
        return getattr(self._file, name)


def outlasting(driver: "type[Driver]") -> "type[Driver]":
    """Textual's driver of a terminal, so that it outlasts the terminal; other drivers as they are."""
    if sys.platform == "win32":
        return driver
    from textual.drivers.linux_driver import LinuxDriver

    if driver is not LinuxDriver:
        return driver

    class TerminalDriver(LinuxDriver):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._file: Any = Closable(self._file)

        def start_application_mode(self) -> None:
            sys.setswitchinterval(TURN)
            super().start_application_mode()
            sketch: Sketch | None = getattr(self._app, "sketch", None)
            if sketch and sketch.before:  # what Textual has found is how the sketch has set it
                self.attrs_before, sketch.before = sketch.before, None

        def write(self, data: str) -> None:
            sketch: Sketch | None = getattr(self._app, "sketch", None)
            if not (data == ENTER and sketch and sketch.take_over()):
                super().write(data)

    return TerminalDriver
