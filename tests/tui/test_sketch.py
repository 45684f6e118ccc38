"""What stands in a terminal before the window does, and what is typed upon it."""

import fcntl
import io
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.tests.waiting import LIMIT
from ossa.tui.sketch import ENTER, LEAVE, PLACEHOLDER, Sketch, drawn

EARLY = "typed ahead"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[int, int]]:
    """Its two ends: ours, and a program's."""
    monkeypatch.setenv("TERM", "xterm-256color")
    control, screen = pty.openpty()
    fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    mode = termios.tcgetattr(screen)
    mode[3] &= ~termios.ECHO  # so that what is typed comes from the window only
    termios.tcsetattr(screen, termios.TCSANOW, mode)
    yield control, screen
    os.close(control)
    os.close(screen)


def until(control: int, words: str, seen: str = "") -> str:
    """All that came until `words` were among it."""
    end = time.monotonic() + LIMIT
    while words not in seen:
        ready, _, _ = select.select([control], [], [], end - time.monotonic())
        assert ready, seen[-500:]
        seen += os.read(control, 1 << 16).decode(errors="replace")
    return seen


@pytest.mark.parametrize(("columns", "lines", "at"), [(80, 24, (22, 3)), (117, 40, (37, 3)), (120, 40, (37, 29))])
def test_it_has_the_prompt_where_the_window_will_have_it(columns: int, lines: int, at: tuple[int, int]) -> None:
    row, column = at
    text = drawn(columns, lines)
    assert f"\x1b[{row};{column}H\x1b[2m{PLACEHOLDER}" in text and text.endswith(f"\x1b[{row};{column}H")


@pytest.mark.parametrize(("columns", "lines"), [(30, 24), (80, 5), (0, 0)])
def test_it_is_empty_where_there_is_no_room(columns: int, lines: int) -> None:
    assert PLACEHOLDER not in drawn(columns, lines)


def test_it_is_left_unless_the_window_takes_it_over(terminal: tuple[int, int]) -> None:
    control, screen = terminal
    with os.fdopen(screen, "w", closefd=False) as stream:
        sketch = Sketch(stream)
        sketch.draw()
        sketch.leave()
        sketch.leave()
        assert until(control, LEAVE).count(LEAVE) == 1
        sketch.draw()
        assert sketch.take_over() and not sketch.take_over()
        sketch.leave()
        stream.write("after it")
        stream.flush()
        assert LEAVE not in until(control, "after it")


def test_nothing_is_drawn_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch, terminal: tuple[int, int]) -> None:
    file = io.StringIO()
    Sketch(file).draw()
    Sketch(None).draw()
    monkeypatch.setenv("TERM", "dumb")
    with os.fdopen(terminal[1], "w", closefd=False) as stream:
        Sketch(stream).draw()
        print("only this", file=stream, flush=True)
    assert file.getvalue() == "" and until(terminal[0], "only this").strip() == "only this"


def test_the_window_comes_upon_it_with_what_was_typed_meanwhile(terminal: tuple[int, int], tmp_path: Path) -> None:
    control, screen = terminal
    subprocess.run(["git", "init", "-q", tmp_path / "work"], check=True)
    program = subprocess.Popen(
        [sys.executable, "-m", "ossa.tui", str(tmp_path / "work")],
        stdin=screen, stdout=screen, stderr=screen, env={**os.environ, "OSSA_HOME": str(tmp_path / "home")},
    )  # fmt: skip
    try:
        seen = until(control, PLACEHOLDER)
        os.write(control, EARLY.encode())
        window = until(control, "quit")
        while EARLY not in re.sub(r"\x1b\[[0-9;:]*m", "", window):
            window = until(control, "\x1b", window + os.read(control, 1 << 16).decode(errors="replace"))
        os.write(control, b"\x11")
        ended = until(control, LEAVE)
        assert program.wait(LIMIT) == 0
        assert (seen + window + ended).count(ENTER) == 1 and ended.count(LEAVE) == 1
    finally:
        program.kill()
        program.wait()
