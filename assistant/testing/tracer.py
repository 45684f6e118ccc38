"""Runs inside the project's interpreter (Python 3.8 or later), beside the reporter: which lines each test executes.

    begin(test) ─► lines of the repository's files, each noted once ─► end(test) ─► {file: lines}

From Python 3.12 on by `sys.monitoring`, which costs next to nothing once a line was seen; before, by `sys.settrace`.
Where somebody else traces already, nothing is noted; a test that takes long is only followed for a while.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

_TEST_LIMIT = 5.0
"""Seconds for which one test is followed."""
_TOTAL_LIMIT = 60.0
_FOREIGN = {"site-packages", "dist-packages"}
_NAME = "ossa"


class Tracer:
    """Notes the lines of the repository that run: in each test, and outside of tests, as at import."""

    def __init__(self, root: str) -> None:
        """`root` is the repository."""
        self._root = os.path.realpath(root) + os.sep
        self._files: dict[str, str] = {}
        """Files from the root, by what code objects call them; "" for those of others."""
        self._outside: defaultdict[str, set[int]] = defaultdict(set)
        self.lines = self._outside
        """What was executed since the test began, by what code objects call the files."""
        self._began = time.monotonic()
        self._left = _TOTAL_LIMIT
        self.ends = self._began + self._left
        """When to follow no longer, in the clock's time."""
        self._follow = _Monitoring(self) if hasattr(sys, "monitoring") else _Settrace(self)
        self._follow.start()

    def begin(self) -> None:
        """A test begins."""
        self.lines, self._began = defaultdict(set), time.monotonic()
        self.ends = self._began + min(_TEST_LIMIT, self._left)
        self._follow.start()

    def end(self) -> dict[str, list[int]]:
        """It ends: what it executed, as files with their lines."""
        self._left = max(self._left - (time.monotonic() - self._began), 0.0)
        seen, self.lines = self.lines, self._outside
        self.ends = time.monotonic() + self._left
        return self._told(seen)

    def outside(self) -> dict[str, list[int]]:
        """What was executed outside of tests."""
        return self._told(self._outside)

    def file(self, name: str) -> str:
        """The file that code objects call so, from the root; "" for one that is not the repository's."""
        if name not in self._files:
            path = os.path.realpath(name)
            own = path.startswith(self._root) and _FOREIGN.isdisjoint(Path(path).parts)
            self._files[name] = path[len(self._root) :].replace(os.sep, "/") if own else ""
        return self._files[name]

    def _told(self, seen: dict[str, set[int]]) -> dict[str, list[int]]:
        return {self.file(name): sorted(lines) for name, lines in seen.items()}


class _Settrace:
    """Before Python 3.12: a function that is called for every line of the repository."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def start(self) -> None:
        if sys.gettrace() is None:
            sys.settrace(self._call)
            threading.settrace(self._call)

    def stop(self) -> None:
        if sys.gettrace() == self._call:
            sys.settrace(None)
            threading.settrace(None)  # type: ignore[arg-type]

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        if not self._tracer.file(frame.f_code.co_filename):
            return None
        if time.monotonic() > self._tracer.ends:
            self.stop()
            return None
        return self._line

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        if event == "line":
            self._tracer.lines[frame.f_code.co_filename].add(frame.f_lineno)
            if time.monotonic() > self._tracer.ends:
                frame.f_trace_lines = False
                self.stop()
        return self._line


class _Monitoring:
    """From Python 3.12 on: each line tells of itself once in a test."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer
        self._monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 – not there in older versions
        self._tool = -1

    def start(self) -> None:
        monitoring = self._monitoring
        if self._tool < 0:
            free = [tool for tool in (4, 3, monitoring.COVERAGE_ID) if monitoring.get_tool(tool) is None]
            if not free:
                return
            self._tool = free[0]
            monitoring.use_tool_id(self._tool, _NAME)
            monitoring.register_callback(self._tool, monitoring.events.LINE, self._line)
            monitoring.set_events(self._tool, monitoring.events.LINE)
        monitoring.restart_events()

    def _line(self, code: CodeType, line: int) -> Any:
        if self._tracer.file(code.co_filename):
            self._tracer.lines[code.co_filename].add(line)
        return self._monitoring.DISABLE
