"""Which files of a repository import which; read while the tests run, and kept until a file changes.

    prepare() ─► a thread: files of another size or time ─► written() ─► kept in the cache folder
    importers() ─► the same, with the draft's own files in place of the working tree's

A repository of thousands of files takes a second or two the first time, and a fraction of that from then on.
"""

import json
import os
import stat
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ossa.assistant.repository import NotARepository
from ossa.assistant.testing.imports import Imports
from ossa.assistant.testing.written import GO_MODULE, is_read, written

_FORMAT = 1
"""Of the kept file; another one for other words in `written`."""
_FRESH = 50_000_000
"""Nanoseconds; a file that is written again this soon can have the same time and size."""
_MOST = 4_000_000
"""Bytes of a file that are read: no person wrote more."""
_WAIT = 10.0
"""Seconds that a verdict waits for the first reading of a large repository."""


class _Read(NamedTuple):
    size: int
    mtime: int
    imports: tuple[str, ...]


class ImportGraph:
    """The imports of one working tree; any thread may ask."""

    def __init__(self, root: Path, kept: Path | None = None) -> None:
        """`kept` is a file, in a folder that may be deleted at any time; without one nothing outlasts the process."""
        self._root, self._kept = root, kept
        self._lock = threading.Lock()
        self._read: dict[str, _Read] | None = None
        self._imports = Imports(())
        self._key: tuple[frozenset[str], str] = frozenset(), ""
        self._edges: dict[str, frozenset[str]] = {}
        self._prepared = self._differs = False

    def prepare(self, files: Callable[[], Collection[str]]) -> None:
        """Begin to read, in a thread; again and again has no effect. `files` may raise `NotARepository`."""
        if not self._prepared:
            self._prepared = True
            threading.Thread(target=self._prepare, args=(files,), name="ossa-imports", daemon=True).start()

    def importers(
        self, files: Collection[str], changed: Mapping[str, str], wait: float = _WAIT
    ) -> Callable[[str], Iterable[str]] | None:
        """What tells who imports a file; None where so many are to be read that it is not known after `wait` seconds.

        `files` are those of a draft, `changed` the texts of such as it has otherwise than the working tree.
        """
        self.prepare(lambda: files)
        if not self._lock.acquire(timeout=wait):
            return None
        try:
            edges = self._with(files, changed)
            self._keep()
        finally:
            self._lock.release()
        found: dict[str, set[str]] = defaultdict(set)
        for path, imported in edges.items():
            for other in imported:
                found[other].add(path)
        return lambda path: found.get(path, ())

    def _prepare(self, files: Callable[[], Collection[str]]) -> None:
        with self._lock, suppress(NotARepository):
            self._with(files(), {})
            self._keep()

    def _with(self, files: Collection[str], changed: Mapping[str, str]) -> dict[str, frozenset[str]]:
        """By path, the files that it imports."""
        read = self._renew([path for path in files if is_read(path) and path not in changed])
        own = {path: written(path, text) for path, text in changed.items() if is_read(path)}
        told = own.get(GO_MODULE) or (read[GO_MODULE].imports if GO_MODULE in read else ())
        key = frozenset(files), "".join(told)
        if key != self._key:
            self._key, self._edges, self._imports = key, {}, Imports(*key)
        for path, one in read.items():
            if path not in self._edges:
                self._edges[path] = self._imports.of(path, one.imports)
        return {**self._edges, **{path: self._imports.of(path, imports) for path, imports in own.items()}}

    def _renew(self, paths: Iterable[str]) -> dict[str, _Read]:
        """What these files import, of which only those are read that have changed."""
        known = self._load() if self._read is None else self._read
        now: dict[str, _Read] = {}
        for path in paths:
            place, old = f"{self._root}/{path}", known.get(path)
            with suppress(OSError):
                told = os.lstat(place)
                if old and (told.st_size, told.st_mtime_ns) == old[:2]:
                    now[path] = old
                elif stat.S_ISREG(told.st_mode):
                    mtime = told.st_mtime_ns if time.time_ns() - told.st_mtime_ns > _FRESH else -1
                    now[path] = _Read(told.st_size, mtime, written(path, _text(place)))
                    self._edges.pop(path, None)
                    self._differs = True
        self._read = now
        return now

    def _load(self) -> dict[str, _Read]:
        """What was kept; nothing where that cannot be read."""
        with suppress(OSError, ValueError, TypeError, AttributeError, RecursionError):
            told = json.loads(self._kept.read_bytes()) if self._kept else {}
            if told.get("format") == _FORMAT:
                return {path: _Read(size, mtime, tuple(one)) for path, (size, mtime, one) in told["files"].items()}
        return {}

    def _keep(self) -> None:
        if self._kept is None or not self._differs:
            return
        beside = self._kept.with_suffix(f".{os.getpid()}")
        with suppress(OSError):
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps({"format": _FORMAT, "files": self._read}))
            beside.replace(self._kept)
        self._differs = False


def _text(place: str) -> str:
    with open(place, "rb") as file:  # noqa: PTH123 – thousands of times
        return file.read(_MOST).decode("utf-8", "replace")
