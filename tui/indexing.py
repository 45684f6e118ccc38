"""What the window tells of the index: how far a long reading of the repository is, and what keeps it from being whole.

Freshness ─► look(), every moment ─► Status.reading · a notification, once for each problem
"""

from collections.abc import Callable
from typing import Protocol

MOMENT = 0.5
"""Seconds between looks."""
_MANY = 500
"""Files that are read without a word."""


class Reading(Protocol):
    """What is asked of the thread that keeps the index fresh."""

    @property
    def progress(self) -> tuple[int, int]: ...
    @property
    def problem(self) -> str: ...
    def settle(self, seconds: float) -> bool: ...


class Indexing:
    """Looks at the index and tells of it."""

    def __init__(self, fresh: Reading, show: Callable[[str], None], tell: Callable[[str], None]) -> None:
        """`show` takes a few words for the status line, none when there is nothing to show; `tell` a sentence."""
        self._fresh, self._show, self._tell = fresh, show, tell
        self._told = ""

    def look(self) -> None:
        """Show how it stands now."""
        done, of = self._fresh.progress
        reads = done < of and of >= _MANY and not self._fresh.settle(0)
        self._show(f"reading {of:,} files, {100 * done // of}%" if reads else "")
        problem = self._fresh.problem
        if problem and problem != self._told:
            self._tell(problem)
        self._told = problem
