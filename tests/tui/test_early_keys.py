"""Keys, pasted texts and signals that come while the window starts: none is lost, and nothing of them stays behind."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from ossa.tests.waiting import LIMIT
from ossa.tui.sketch import LEAVE, PLACEHOLDER, UNPASTED


class Starting:
    """A program in a terminal, from its first moment on."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self._control, self._screen = pty.openpty()
        fcntl.ioctl(self._screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        self.before = self.keyboard
        self.seen = ""
        environment = {**os.environ, "OSSA_HOME": str(home), "TERM": "xterm-256color"}
        self.program = subprocess.Popen(
            command, stdin=self._screen, stdout=self._screen, stderr=self._screen, env=environment,
            start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip

    @property
    def keyboard(self) -> list[object]:
        """How it is set."""
        return termios.tcgetattr(self._screen)

    @property
    def words(self) -> str:
        """What was written so far, without colours and places."""
        return re.sub(r"\x1b\[[0-9;:?<>=]*[A-Za-z]", "", self.seen)

    def send(self, keys: bytes) -> None:
        while keys:
            keys = keys[os.write(self._control, keys[:512]) :]

    def until(self, words: str, beside: int = 0) -> None:
        """Read until this was written, colours and places aside, from so many characters on."""
        end = time.monotonic() + LIMIT
        while words not in self.words[beside:] and words not in self.seen[beside:]:
            ready, _, _ = select.select([self._control], [], [], max(0.0, end - time.monotonic()))
            assert ready, self.words[-800:]
            self.seen += os.read(self._control, 1 << 16).decode(errors="replace")

    def close(self) -> None:
        self.program.kill()
        self.program.wait()
        os.close(self._control)
        os.close(self._screen)


@contextmanager
def starting(
    folder: Path, code: str = "import sys; from ossa.tui.__main__ import main; sys.exit(main())"
) -> Generator[Starting]:
    """Ossa over an empty repository."""
    subprocess.run(["git", "init", "-q", folder / "work"], check=True)
    program = Starting([sys.executable, "-P", "-c", code, str(folder / "work")], folder / "home")
    try:
        yield program
    finally:
        program.close()


def test_keys_that_come_early_mean_what_they_mean_later_and_the_terminal_shows_none_of_them(tmp_path: Path) -> None:
    with starting(tmp_path) as ossa:
        ossa.until(PLACEHOLDER)
        # Beside letters: ctrl+z, left, backspace, end, ctrl+d, ctrl+\\, Enter.
        ossa.send(b"x\x1a/nothimg\x1b[D\x7fn\x1b[F\x04\x1c\r")
        ossa.until("There is no command /nothing.")
        assert "^[[D" not in ossa.words and "^Z" not in ossa.words
        ossa.send(b"\x11")
        ossa.until(LEAVE)
        assert ossa.program.wait(LIMIT) == 0 and ossa.keyboard == ossa.before


def test_a_long_text_that_is_pasted_early_is_one_prompt(tmp_path: Path) -> None:
    text = "".join(f"line {number} of what was pasted\r" for number in range(300))
    with starting(tmp_path) as ossa:
        ossa.until(PLACEHOLDER)
        ossa.send(b"\x1b[200~" + text.encode() + b"\x1b[201~")
        ossa.until("pasted 301 lines")
        assert "line 299 of" not in ossa.words
        ossa.send(b"\x11")
        assert ossa.program.wait(LIMIT) == 0


SLOW = """
import sys, time
from ossa.tui import __main__
def make(*_):
    while True: time.sleep(0.01)
__main__.make_app = make
sys.exit(__main__.main())
"""
"""A start that lasts for ever."""


@pytest.mark.parametrize(("how", "code"), [("ctrl+c", 2), ("SIGTERM", 128 + 15), ("SIGHUP", 128 + 1)])
def test_a_start_that_is_ended_leaves_the_terminal_as_it_was(tmp_path: Path, how: str, code: int) -> None:
    with starting(tmp_path, SLOW) as ossa:
        ossa.until(PLACEHOLDER)
        assert ossa.keyboard != ossa.before
        if how == "ctrl+c":
            ossa.send(b"\x03")
        else:
            ossa.program.send_signal(signal.Signals[how])
        ossa.until(UNPASTED + LEAVE)
        assert ossa.program.wait(LIMIT) == code and ossa.keyboard == ossa.before


SHELL = """
import os, signal, sys, termios
from ossa.tui.sketch import Sketch, end_orderly
for_programs, for_its_line = termios.tcgetattr(0), termios.tcgetattr(0)
for_its_line[3] &= ~(termios.ECHO | termios.ICANON)
termios.tcsetattr(0, termios.TCSANOW, for_its_line)
job = os.fork()
if not job:
    os.setpgid(0, 0)
    end_orderly()
    sketch = Sketch(sys.__stderr__, sys.stdin)
    try:
        sketch.draw()
    finally:
        sketch.leave()
        print("left", flush=True)
    sys.exit()
assert os.WIFSTOPPED(os.waitpid(job, os.WUNTRACED)[1])
if sys.argv[1] == "fg":
    termios.tcsetattr(0, termios.TCSANOW, for_programs)
    os.tcsetpgrp(0, job)
else:
    os.kill(job, signal.SIGTERM)
os.kill(job, signal.SIGCONT)
status = os.waitpid(job, os.WUNTRACED)[1]
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
os.tcsetpgrp(0, os.getpgrp())
kept = termios.tcgetattr(0)[3] == (for_programs if sys.argv[1] == "fg" else for_its_line)[3]
print("stopped" if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status), "kept" if kept else "changed", "end")
"""
"""A shell that has started ossa in the background, has it come to the front, or ends it, and looks at its keyboard."""


@pytest.mark.parametrize(("how", "told"), [("fg", "0 kept end"), ("kill", "143 kept end")])
def test_a_start_in_the_background_leaves_the_keyboard_to_the_shell(tmp_path: Path, how: str, told: str) -> None:
    shell = Starting([sys.executable, "-P", "-c", SHELL, how], tmp_path / "home")
    try:
        shell.until(" end")
        assert told in shell.words and (PLACEHOLDER in shell.words) == (how == "fg"), shell.words
    finally:
        shell.close()
