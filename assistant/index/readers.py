"""Processes that read files for the index, so that the window's threads have only rows to write.

    (path, digest) …─► taken in lots ─► one process each, one thread each that talks to it ─► entries, as they come

A file on which a process dies or hangs is told as unreadable; the next process goes on behind it.
"""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from ossa.assistant.index.lexed import needs_lexer
from ossa.assistant.index.reading import Entry, given_up, read

Asked: TypeAlias = tuple[str, str]
"""A path and the digest of the content that is known."""

_MOST = 4
_LOT = 16
_WAITING = 256
"""Entries that may wait to be written."""
_QUICK = 128 << 10
"""Bytes."""
_WORTH_IT = 48
"""Files; fewer are read sooner here than a process has started."""


def read_all(root: Path, asked: Iterable[Asked], stopped: Callable[[], bool]) -> Generator[Entry]:
    """An entry for each file, in any order; ends early once `stopped` says so; close it in any case."""
    waiting = deque(asked)
    if len(waiting) <= _WORTH_IT:
        here = [one for one in waiting if _is_quick(root, one[0])]
        waiting = deque(one for one in waiting if one not in here)
        yield from (read(root, *one) for one in here if not stopped())
    if not waiting:
        return
    readers = _Readers(root, waiting)
    try:
        yield from readers.entries(stopped)
    finally:
        readers.end()


def _is_quick(root: Path, path: str) -> bool:
    """Whether the file is read in milliseconds: while a query or a lexer runs, no other thread does."""
    try:
        return os.lstat(f"{root}/{path}").st_size <= _QUICK and not needs_lexer(path)
    except OSError:
        return True


class _Readers:
    def __init__(self, root: Path, waiting: deque[Asked]) -> None:
        self._root, self._waiting = root, waiting
        self._ready: queue.Queue[Entry | None] = queue.Queue(_WAITING)
        self._ended = threading.Event()
        self._running: set[subprocess.Popen[bytes]] = set()
        count = min(_MOST, os.cpu_count() or 1, -(-len(waiting) // _LOT))
        self._threads = [threading.Thread(target=self._work, name="ossa-index", daemon=True) for _ in range(count)]
        for thread in self._threads:
            thread.start()

    def entries(self, stopped: Callable[[], bool]) -> Iterator[Entry]:
        working = len(self._threads)
        while working and not stopped():
            try:
                entry = self._ready.get(timeout=0.1)
            except queue.Empty:
                continue
            if entry is None:
                working -= 1
            else:
                yield entry

    def end(self) -> None:
        """Let no process go on."""
        self._ended.set()
        for process in tuple(self._running):
            process.kill()
        for thread in self._threads:
            while thread.is_alive():
                self._drain()
                thread.join(0.01)

    def _drain(self) -> None:
        while not self._ready.empty():
            self._ready.get()

    def _work(self) -> None:
        """Read lots until there are no more; one process, or after its death another."""
        process: subprocess.Popen[bytes] | None = None
        try:
            while not self._ended.is_set() and (lot := self._take()):
                process = process or self._start()
                if process is None:
                    self._read_here(lot)
                elif not self._served(process, lot):
                    _end(process, self._running)
                    process = None
        finally:
            if process:
                _end(process, self._running)
            self._ready.put(None)

    def _take(self) -> deque[Asked]:
        lot: deque[Asked] = deque()
        while self._waiting and len(lot) < _LOT:
            try:
                lot.append(self._waiting.popleft())
            except IndexError:
                break
        return lot

    def _served(self, process: subprocess.Popen[bytes], lot: deque[Asked]) -> bool:
        """Whether the process lived to read all of the lot; what it did not come to is put back."""
        assert process.stdin and process.stdout
        with suppress(OSError):
            process.stdin.write(b"".join(json.dumps(one).encode() + b"\n" for one in lot))
            process.stdin.flush()
        while lot:
            line = process.stdout.readline()
            if not line.endswith(b"\n"):
                if not self._ended.is_set():
                    self._ready.put(given_up(self._root, lot.popleft()[0]))
                    self._waiting.extend(lot)
                return False
            lot.popleft()
            self._ready.put(Entry.unpacked(line))
        return True

    def _read_here(self, lot: deque[Asked]) -> None:
        while lot and not self._ended.is_set():
            self._ready.put(read(self._root, *lot.popleft()))

    def _start(self) -> subprocess.Popen[bytes] | None:
        """Another process; None where the system gives no more."""
        try:
            process = self._spawn()
        except OSError:
            return None
        self._running.add(process)
        return process

    def _spawn(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            # Without -P, a folder named `ossa` where the user works would be run instead.
            [sys.executable, "-P", "-m", "ossa.assistant.index.reading", os.fspath(self._root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path.home().anchor or None,
            # Ctrl+C in the terminal is for the window.
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes], running: set[subprocess.Popen[bytes]]) -> None:
    assert process.stdin and process.stdout
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        # What is still to be written has nobody to read it.
        with suppress(OSError):
            pipe.close()
    running.discard(process)
