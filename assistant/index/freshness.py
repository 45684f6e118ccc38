"""Keeps an index fresh while a window is open: everything once, then what the watcher tells.

    start ──────────► everything ──────────────────────────────┐
    changed(paths) ─► gathered while the last refresh runs ────┼─► ignored ones left out ─► index.refresh ─► settled
    another HEAD ───► the files in which the two trees differ ─┘

All of it happens in a thread of its own; `changed` returns at once.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Self

from ossa.assistant.index.index import Index, Refreshed
from ossa.assistant.repository import NotARepository, Repository

_MANY = 1_000
"""Paths; with more, looking at all files is quicker than asking git which of these count."""
_SMALL = 20_000
"""Files; in a larger repository not every `git add` is worth a look at all of them."""


class Freshness:
    """The thread that keeps one index fresh."""

    def __init__(self, index: Index, repository: Repository) -> None:
        """Nothing is read before `start`."""
        self.index = index
        self.problem = index.problem
        """A sentence when the index is not fresh, or not kept; empty when all is well."""
        self.progress = 0, 0
        """Of the refresh that runs: how many files are read, of how many that differ."""
        self._repository = repository
        self._news = threading.Condition()
        self._changed: set[str] = set()
        self._all = True
        self._busy = True
        self._stopping = False
        self._head = ""
        self._files = 0
        self._thread = threading.Thread(target=self._run, name="ossa-fresh", daemon=True)

    def start(self) -> Self:
        """Begin with everything."""
        self._thread.start()
        return self

    def changed(self, paths: Iterable[str]) -> None:
        """These files, folders or `.git/HEAD` have changed on disk."""
        with self._news:
            self._changed.update(paths)
            self._news.notify_all()

    def settle(self, seconds: float) -> bool:
        """Wait until all that was told is in the index; False where it is not after these seconds."""
        with self._news:
            return self._news.wait_for(lambda: not (self._busy or self._changed) or self._stopping, seconds)

    def stop(self) -> None:
        """End the thread and let go of the index."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        self.index.stop()
        if self._thread.is_alive():
            self._thread.join(10)
        self.index.close()

    def _run(self) -> None:
        try:
            self._follow()
        finally:
            # Nobody waits for a thread that a defect has ended.
            with self._news:
                self._stopping = True
                self._news.notify_all()

    def _follow(self) -> None:
        while True:
            with self._news:
                self._busy = self._all or bool(self._changed)
                self._news.notify_all()
                self._news.wait_for(lambda: self._all or self._changed or self._stopping)
                if self._stopping:
                    return
                self._busy = True
                changed, self._changed = self._changed, set()
                everything, self._all = self._all, False
            try:
                self._files = self._refresh(changed, everything).files
                self.problem = self.index.problem
            except NotARepository as error:
                self.problem = str(error)

    def _refresh(self, changed: set[str], everything: bool) -> Refreshed:
        """Bring up to date what has changed.

        Raises:
            NotARepository: git does not tell which files count.
        """
        if everything or ".git/HEAD" in changed:
            head = os.fsdecode(self._repository.git("rev-parse", "--verify", "--quiet", "HEAD")).strip()
            if head and self._head and not everything:
                differing = self._repository.git("diff", "--name-only", "--no-renames", "-z", self._head, head, "--")
                changed |= {os.fsdecode(path) for path in differing.split(b"\0") if path}
            self._head = head
        if everything or self._concerns_all(changed):
            return self.index.refresh(progress=self._advance)
        paths = {path for path in changed if not path.startswith(".git/")}
        return self.index.refresh(paths - self._repository.ignored(paths), self._advance)

    def _concerns_all(self, changed: set[str]) -> bool:
        """Whether more files may be concerned than are named."""
        if len(changed) > _MANY or (".git/index" in changed and self._files <= _SMALL):
            return True
        root = self._repository.root
        return any(PurePosixPath(path).name == ".gitignore" or (root / path).is_dir() for path in changed)

    def _advance(self, done: int, of: int) -> None:
        self.progress = done, of
