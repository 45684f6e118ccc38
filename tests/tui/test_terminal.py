"""A terminal that is closed while the window still draws."""

import os
import pty

import pytest
from textual.driver import Driver
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread
from textual.drivers.headless_driver import HeadlessDriver
from textual.drivers.linux_driver import LinuxDriver

from ossa.tui.terminal import Closable, outlasting


def test_what_is_drawn_after_the_end_of_a_terminal_keeps_nobody_waiting() -> None:
    control, screen = pty.openpty()
    file = os.fdopen(screen, "w", closefd=False)
    thread = WriterThread(Closable(file))  # pyright: ignore[reportArgumentType]
    os.close(control)
    with pytest.raises(OSError, match="Input/output"):
        os.write(screen, b"gone")
    thread.start()
    for number in range(3 * MAX_QUEUED_WRITES):
        thread.write(f"line {number}")
    thread.stop()
    assert not thread.is_alive()


def test_what_is_drawn_is_written() -> None:
    control, screen = pty.openpty()
    with os.fdopen(screen, "w") as file:
        shown = Closable(file)
        assert (shown.write("drawn"), shown.fileno(), shown.isatty()) == (5, screen, True)
        shown.flush()
        assert os.read(control, 100) == b"drawn"
    os.close(control)


@pytest.mark.parametrize(("driver", "is_ours"), [(LinuxDriver, True), (HeadlessDriver, False)])
def test_only_the_driver_of_a_terminal_is_another(driver: type[Driver], is_ours: bool) -> None:
    assert (outlasting(driver) is not driver) == is_ours
    assert issubclass(outlasting(driver), driver)
