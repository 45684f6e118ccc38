"""Reads the report that the reporter wrote from within the project's interpreter; nothing in it is taken on trust.

report.jsonl ─► read_outcomes() ─► Outcomes: a TestResult for every test, those still running, pytest's exit status
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, get_args

from ossa.assistant.testing.alarm import SAYS, Hung
from ossa.assistant.trim import shorten
from ossa.assistant.verdict import Outcome, TestResult

_REPORT_LIMIT = 64 << 20
_TRACE_LIMIT = 20_000
_ID_LIMIT = 1000
_DAY = 86_400.0
_MESSAGE_LINES = 2
Lines: TypeAlias = Mapping[str, frozenset[int]]
"""Lines of files, from 1; the files' paths are from the root of the repository."""
_SEVERITY: dict[Outcome, int] = {"passed": 0, "skipped": 1, "error": 2, "failed": 3}


@dataclass(slots=True)
class Outcomes:
    """What is known of one run."""

    tests: dict[str, TestResult] = field(default_factory=dict[str, TestResult])
    """By id, in the order in which they began to tell of themselves."""
    running: dict[str, None] = field(default_factory=dict[str, None])
    """Started and not finished, in order."""
    status: int | None = None
    """The exit status as pytest defines it; None when the run was cut off, or never began."""

    modules: tuple[str, ...] = ()
    """What had been imported in the end, in order; not told by a warm run."""
    lines: dict[str, Lines] = field(default_factory=dict[str, Lines])
    """What each test executed, and under "" what was executed outside of tests, where that was asked for."""

    @property
    def begun(self) -> bool:
        """Whether the reporter was there at all."""
        return bool(self.tests or self.running) or self.status is not None

    def add(self, result: TestResult) -> None:
        """Take in one phase of a test: the worst outcome counts, with the first message that came with a trouble."""
        known = self.tests.get(result.id)
        if known is None:
            self.tests[result.id] = result
            return
        worst = max(known, result, key=lambda r: _SEVERITY[r.outcome])
        told = known if known.message or known.trace else result
        seconds = known.seconds + result.seconds
        self.tests[result.id] = TestResult(result.id, worst.outcome, told.message, told.trace, seconds)


def hung(result: TestResult) -> bool:
    """Whether a test was ended because it took too long."""
    return f"{Hung.__name__}: {SAYS} " in result.message


def read_outcomes(folder: Path) -> Outcomes:
    """The outcomes told in a folder's report so far; lines that make no sense are left out."""
    found = Outcomes()
    for record in _records(folder / "report.jsonl"):
        match record:
            case {"kind": "start", "id": str(test)}:
                found.running[test[:_ID_LIMIT]] = None
            case {"kind": "finish", "id": str(test)}:
                found.running.pop(test[:_ID_LIMIT], None)
            case {"kind": "end", "status": int(status)}:
                found.status = status
            case {"kind": "modules", "names": [*names]}:
                found.modules = tuple(name for name in names if isinstance(name, str))
            case {"kind": "lines", "id": str(test), "files": {**files}}:
                found.lines[test[:_ID_LIMIT]] = _lines(files)
            case {"kind": "result"} if result := _result(record):
                found.add(result)
            case _:
                pass
    return found


def told(test: str, outcome: Outcome, seconds: float, message: str = "", trace: str = "") -> TestResult:
    """What someone else told of a test, with everything kept within its bounds."""
    lines = [line for line in message[:_TRACE_LIMIT].splitlines() if line.strip()]
    message = "\n".join(lines[:_MESSAGE_LINES]).strip()
    seconds = float(max(0, min(seconds, _DAY)))
    return TestResult(test[:_ID_LIMIT], outcome, shorten(message, 500), shorten(trace, _TRACE_LIMIT), seconds)


def _result(record: dict[str, Any]) -> TestResult | None:
    match record:
        case {"id": str(test), "outcome": outcome, "seconds": int() | float() as seconds} if outcome in get_args(
            Outcome
        ):
            return told(test, outcome, seconds, _text(record, "message"), _text(record, "trace"))
        case _:
            return None


def _lines(files: Mapping[Any, Any]) -> Lines:
    return {
        path: frozenset(line for line in lines if type(line) is int)
        for path, lines in files.items()
        if isinstance(path, str) and isinstance(lines, list)
    }


def _text(record: dict[str, Any], key: str) -> str:
    value = record.get(key)
    return value if isinstance(value, str) else ""


def _records(path: Path) -> Iterator[dict[str, Any]]:
    for line in read_plain(path).splitlines():
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(record, dict):
            yield record


def read_plain(path: Path) -> bytes:
    """A plain file's first 64 MB; tests may have put a link, a pipe or a folder in its place."""
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(_REPORT_LIMIT) if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else b""
    except OSError:
        return b""
