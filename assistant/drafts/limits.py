"""Keeps all processes of a sandbox together within limits, by looking at them many times a second from outside.

    first process of the sandbox ─► its own /proc: how many · their processor time and memory ─► over? ─► all killed
    folder of the draft ──────────► bytes that the disk lost since the start ──────────────────┘

The kernel's own limits hold for each process alone, and that on their number not at all for root; a control group would
need rights over one. A look costs a tenth of a millisecond, one at everything some more, so that is taken less often.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.draft import Limits

_COUNT_EVERY = 0.02
"""Seconds between two looks at the number of processes: a fork bomb makes some hundred meanwhile."""
_MEASURE_EVERY = 0.2
"""Seconds between two looks at everything."""
_SHARED_EVERY = 1.0
"""Seconds between two exact counts of memory that processes share, which take the kernel a while."""
TASKS = 8
"""Processes and threads together for each process that is allowed."""
_DISK_FLOOR = 256 << 20
_MEMORY_FLOOR = 192 << 20
"""Bytes that must stay free, whoever uses the rest."""
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sandbox can be looked at from outside."""

    first: int
    """Its first process, by its number here."""
    written: Path
    """The folder to which the command's files go."""
    in_memory: Sequence[str]
    """Folders inside that take memory."""

    def inside(self, path: str) -> str:
        """A path inside, as seen from here."""
        return f"/proc/{self.first}/root{path}"


class Watch:
    """Looks on in a thread of its own, since the event loop may be busy with the screen."""

    def __init__(self, place: Place, limits: Limits, handle: int) -> None:
        """`handle` is a descriptor of the first process, with which all others die."""
        self._place, self._limits, self._handle = place, limits, os.dup(handle)
        self._disk = _Disk(place.written, limits.disk)
        self._memory = limits.memory or _physical() // 2
        self._shared_next = 0.0
        self._over = threading.Event()
        self.reason = ""
        """Which limit was exceeded, a few words after "it"; empty while none was."""
        self._thread = threading.Thread(target=self._look_on, name="limits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()

    def _look_on(self) -> None:
        try:
            self._look()
        finally:
            os.close(self._handle)

    def _look(self) -> None:
        measure_next = 0.0
        while not self._over.wait(_COUNT_EVERY):
            with contextlib.suppress(OSError, ValueError, IndexError):  # it has just ended
                if Path(self._place.inside("/proc/self")).exists():
                    continue  # we are in it: this is still the machine's own
                numbers = [path.name for path in Path(self._place.inside("/proc")).iterdir() if path.name.isdecimal()]
                self.reason = self._too_many(numbers)
                if not self.reason and time.monotonic() >= measure_next:
                    measure_next = time.monotonic() + _MEASURE_EVERY
                    self.reason = self._too_much(numbers) or self._disk.too_much()
                if self.reason:
                    signal.pidfd_send_signal(self._handle, signal.SIGKILL)
                    return

    def _too_many(self, numbers: Sequence[str]) -> str:
        limit = self._limits.processes
        return f"ran more than {limit:,} processes at once" if len(numbers) > limit else ""

    def _too_much(self, numbers: Sequence[str]) -> str:
        """Which limit the sums over all processes exceed."""
        threads = seconds = resident = 0
        for status in self._statuses(numbers):
            threads += int(status[17])
            seconds += sum(map(int, status[11:15])) / _TICK
            resident += int(status[21]) * _PAGE
        if threads > TASKS * self._limits.processes:
            return f"ran more than {TASKS * self._limits.processes:,} threads at once"
        if seconds > self._limits.cpu:
            return f"used more than {self._limits.cpu:g} s of processor time"
        files = sum(map(self._held, self._place.in_memory))
        if resident + files > self._memory and self._proportional(numbers, resident) + files > self._memory:
            return f"used more than {gigabytes(self._memory)} of memory"
        return "left the machine without memory" if _available() < _MEMORY_FLOOR else ""

    def _statuses(self, numbers: Sequence[str]) -> Iterator[list[str]]:
        """The fields of `/proc/PID/stat` from the third on, which is behind the name of the program."""
        for number in numbers:
            with contextlib.suppress(OSError):
                text = Path(self._place.inside(f"/proc/{number}/stat")).read_text(errors="replace")
                yield text.rpartition(") ")[2].split()

    def _proportional(self, numbers: Sequence[str], resident: int) -> int:
        """Bytes, with what processes share counted once; 0 where it is not time to ask again."""
        if time.monotonic() < self._shared_next:
            return 0
        total = 0
        for number in numbers:
            with contextlib.suppress(OSError):
                text = Path(self._place.inside(f"/proc/{number}/smaps_rollup")).read_text()
                total += sum(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Pss:"))
        self._shared_next = time.monotonic() + (_SHARED_EVERY if len(numbers) > 16 else 0)
        return total or resident

    def _held(self, folder: str) -> int:
        """Bytes of memory that the files in a folder take."""
        with contextlib.suppress(OSError):
            status = os.statvfs(self._place.inside(folder))
            return (status.f_blocks - status.f_bfree) * status.f_frsize
        return 0


class _Disk:
    """What was written to a folder: estimated by what the disk has lost, and counted when that is too much."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._free = self._threshold = _free(folder)
        self._threshold -= limit
        self._floor = min(_DISK_FLOOR, self._free // 2)

    def too_much(self) -> str:
        free = _free(self._folder)
        if free < self._floor:
            return "left the disk without room"
        if free >= self._threshold:
            return ""
        written = _size(self._folder)
        if written > self._limit:
            return f"wrote more than {gigabytes(self._limit)} to the disk"
        self._threshold = free - (self._limit - written)  # others write, too
        return ""


def gigabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / (1 << 30):.1f} GiB" if size >= 1 << 30 else f"{size / (1 << 20):.0f} MiB"


def _physical() -> int:
    return os.sysconf("SC_PHYS_PAGES") * _PAGE


def _available() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return _physical()


def _free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def _size(folder: Path) -> int:
    """Bytes that a folder takes on its disk."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(f"{parent}/{name}").st_blocks * 512
    return total
