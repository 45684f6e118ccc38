"""Watches the working tree: one call with the changed paths for each burst of changes.

    inotify (or polling) ─► own writes and noise left out ─► gathered for 0.1 s ─► listener({"src/a.py", ".git/HEAD"})
    own writes, told when they are done (`writing`) ─────────┘

Listeners are called from the watcher's own thread, one after the other.
"""

import os
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeAlias

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

Signature: TypeAlias = tuple[int, int, int]

_KINDS: list[type[FileSystemEvent]] = [
    FileCreatedEvent,
    FileModifiedEvent,
    FileDeletedEvent,
    FileMovedEvent,
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
]
_NOISE = frozenset(
    {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", ".venv", "node_modules", ".hypothesis"}
)
_OWN = ".ossa-"
"""Begins the names of files that ossa puts beside those that it is about to write."""
_NOISE_ENDS = (".pyc", ".swp", ".swx", "~", ".lock")
_GIT = frozenset({".git/HEAD", ".git/index"})
"""Of git's own files, those that tell of another branch or another index."""
_POLL_SECONDS = 5.0


class Watcher:
    """Watches one folder and everything below it."""

    def __init__(
        self,
        root: Path,
        *listeners: Callable[[frozenset[str]], None],
        ignored: Callable[[str], bool] = lambda path: False,
        burst: float = 0.1,
    ) -> None:
        """`ignored` says which paths do not count, beside the usual noise; `burst` is the gathering time in seconds."""
        self._root, self._listeners, self._ignored, self._burst = root.resolve(), [*listeners], ignored, burst
        self._observer: BaseObserver | None = None
        self._changed: set[str] = set()
        self._muted: dict[str, int] = {}
        self._written: dict[str, Signature | None] = {}
        self._wake = threading.Condition()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._deliver, name="ossa-watch", daemon=True)
        self.problem = ""
        """A sentence when changes are seen late or not at all; empty when all is well."""

    def listen(self, listener: Callable[[frozenset[str]], None]) -> None:
        """Tell this one too."""
        self._listeners.append(listener)

    def start(self) -> Self:
        """Begin to watch. Takes a while for a large tree, as every folder is visited once."""
        try:
            self._observe(Observer())
        except OSError as error:
            self.problem = (
                f"Changes to files are noticed only every {_POLL_SECONDS:g} s ({error.strerror or error}): "
                "raise fs.inotify.max_user_watches or max_user_instances."
            )
            self._poll()
        self._thread.start()
        return self

    def stop(self) -> None:
        """End watching; no call comes after it has returned, unless it is called from within one."""
        self._stopping.set()
        with self._wake:
            self._wake.notify()
        if self._observer:
            self._observer.stop()
        for thread in (self._observer, self._thread):
            if thread and thread.is_alive() and thread is not threading.current_thread():
                thread.join(10)

    @contextmanager
    def writing(self, paths: Iterable[str]) -> Generator[None]:
        """While ossa itself writes these paths: they are told once, all together, when they are as they should be.

        They are told even where nothing is watched; then by the thread that writes.
        """
        names = frozenset(paths)
        try:
            with self.muted(names):
                yield
        finally:
            if self._thread.is_alive():
                with self._wake:
                    self._changed |= names
                    self._wake.notify()
            elif not self._stopping.is_set():
                self._tell(names)

    @contextmanager
    def muted(self, paths: Iterable[str]) -> Generator[None]:
        """While ossa itself writes these paths, their changes are not told; later changes by others are."""
        names = tuple(paths)
        with self._wake:
            for name in names:
                self._muted[name] = self._muted.get(name, 0) + 1
        try:
            yield
        finally:
            with self._wake:
                for name in names:
                    # Events come late: what still has this signature then is our own write.
                    self._written[name] = self._signature(name)
                    self._muted[name] -= 1
                    if not self._muted[name]:
                        del self._muted[name]

    def _observe(self, observer: "BaseObserver") -> None:
        """Let the observer run.

        Raises:
            OSError: the system has no more watches; the observer is stopped again.
        """
        try:
            observer.schedule(_Handler(self._see), str(self._root), recursive=True, event_filter=_KINDS)
            observer.start()
        except OSError:
            observer.stop()
            raise
        self._observer = observer

    def _poll(self) -> None:
        try:
            self._observe(PollingObserver(timeout=_POLL_SECONDS))
        except OSError as error:
            self.problem = f"Changes to files are not noticed: {error.strerror or error}."

    def _see(self, path: str) -> None:
        """Take note of one change; called by the observer's thread."""
        name = os.path.relpath(path, self._root).replace(os.sep, "/")
        if _noise(name) or self._ignored(name):
            return
        with self._wake:
            if name in self._muted:
                return
            if name in self._written:
                if self._written[name] == self._signature(name):
                    return
                del self._written[name]
            self._changed.add(name)
            self._wake.notify()

    def _deliver(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._changed or self._stopping.is_set())
            if self._stopping.wait(self._burst):
                return
            with self._wake:
                changed, self._changed = frozenset(self._changed), set()
            if changed:
                self._tell(changed)

    def _tell(self, changed: frozenset[str]) -> None:
        for listener in self._listeners:
            listener(changed)

    def _signature(self, name: str) -> Signature | None:
        """What changes with every write; None where there is no such file."""
        try:
            stat = os.lstat(self._root / name)
        except OSError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size


class _Handler(FileSystemEventHandler):
    def __init__(self, see: Callable[[str], None]) -> None:
        self._see = see

    def on_any_event(self, event: FileSystemEvent) -> None:
        for path in (event.src_path, event.dest_path):
            if path:
                self._see(os.fsdecode(path))


def _noise(name: str) -> bool:
    parts = name.split("/")
    if ".git" in parts:
        return name not in _GIT
    noise = not _NOISE.isdisjoint(parts) or name.endswith(_NOISE_ENDS) or parts[-1].startswith(_OWN)
    return noise or name == "." or parts[0] == ".."
