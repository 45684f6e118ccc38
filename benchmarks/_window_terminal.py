"""A terminal that nobody looks at: a program in a pseudo-terminal, keys in, and when which text came out.

It answers no queries and draws nothing; it reads all that comes, as fast as a terminal would.
"""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self


class Terminal:
    """A running program and the end of what it wrote."""

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], columns: int = 120, lines: int = 40
    ) -> None:
        """Start the program."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **environment},
        )  # fmt: skip
        os.close(slave)
        self._seen = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._master)

    def send(self, keys: str) -> float:
        """Press keys; the time when that was done, on the clock of `time.perf_counter`."""
        self._seen = b""
        os.write(self._master, keys.encode())
        return time.perf_counter()

    def until(self, text: str, limit: float = 60.0) -> float:
        """Read until a text came since keys were last pressed; the time when it was there.

        Raises:
            TimeoutError: it does not come, or the program has ended.
        """
        wanted, end = text.encode(), time.perf_counter() + limit
        while wanted not in self._seen:
            if not self._read(end - time.perf_counter()):
                raise TimeoutError(f"{text!r} did not come; the terminal shows {_words(self._seen)[-400:]!r}")
        return time.perf_counter()

    def rest(self, seconds: float) -> None:
        """Read for so long, whatever comes."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self._read(left)

    @property
    def cpu_seconds(self) -> float:
        """Processor time that the process has used, its threads included, its children not."""
        return _cpu_seconds(self._process.pid)

    @property
    def memory(self) -> float:
        """Megabytes of the process that are in memory."""
        return _memory(self._process.pid)

    @property
    def all_cpu_seconds(self) -> float:
        """The same of the process and all that it started and that still runs."""
        return sum(_cpu_seconds(pid) for pid in _family(self._process.pid))

    @property
    def all_memory(self) -> float:
        """Megabytes of all of them that are in memory."""
        return sum(_memory(pid) for pid in _family(self._process.pid))

    def _read(self, seconds: float) -> bool:
        """Take what there is within so much time; False at the end of the program or of the time."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, seconds))
        if not ready:
            return False
        try:
            bit = os.read(self._master, 1 << 16)
        except OSError:  # Linux says so when the other end is closed
            return False
        self._seen = (self._seen + bit)[-(1 << 20) :]
        return bool(bit)


def _words(seen: bytes) -> str:
    """What was written to a terminal, without what moves its cursor and colours it."""
    text = seen.decode(errors="replace")
    return " ".join(re.sub(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|.)|[─-▟⠀-⣿]+", " ", text).split())


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    with suppress(OSError):  # one that has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text(encoding="utf-8").split():
                yield from _family(int(child))
