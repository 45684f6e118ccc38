"""Runs inside the project's interpreter (Python 3.8 or later), not in ossa's: tells what each test did, as it ends.

    pytest -p ossa_report   (this file, copied beside the report) ─┐
    unittest                (by `ossa_unittest`)                  ─┴─► report.jsonl, one JSON object a line

The folder of this copy holds the report and, where only some tests are wanted, `only.json` with their ids. Ids are
pytest's for both, paths from the root of the repository: `tests/test_calc.py::TestAdd::test_small[1]`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest

_FOLDER = Path(__file__).resolve().parent
ROOT = "OSSA_TEST_ROOT"
"""Names the variable with the root of the repository."""
OWNER = "OSSA_TEST_OWNER"
"""Names the variable that is set once a process reports: those that it starts do not."""
_TRACE_LIMIT = 20_000


class Log:
    """The report's writer: a line is in the file before the next test starts, so a killed run tells how far it came."""

    def __init__(self) -> None:
        self._file = (_FOLDER / "report.jsonl").open("ab", buffering=0)
        self._tracer = _tracer()

    def move(self, folder: Path) -> None:
        """Go on in another folder."""
        self._file = (folder / "report.jsonl").open("ab", buffering=0)

    def write(self, kind: str, **values: Any) -> None:
        self._file.write(json.dumps({"kind": kind, **values}).encode() + b"\n")

    def result(self, test: str, outcome: str, seconds: float, message: str = "", trace: str = "") -> None:
        """One phase of a test, or a subtest: the reader keeps the worst of those with the same id."""
        trace = (
            trace if len(trace) <= _TRACE_LIMIT else trace[: _TRACE_LIMIT // 2] + "\n…\n" + trace[-_TRACE_LIMIT // 2 :]
        )
        self.write("result", id=test, outcome=outcome, seconds=seconds, message=message[:2000], trace=trace)

    def start(self, test: str) -> None:
        """A test begins."""
        self.write("start", id=test)
        if self._tracer:
            self._tracer.begin()

    def finish(self, test: str) -> None:
        """It is over, with the lines that it executed where those are asked for."""
        if self._tracer:
            self.write("lines", id=test, files=self._tracer.end())
        self.write("finish", id=test)

    def close(self, *, whole: bool = True) -> None:
        """Tell of the whole run: what was imported, unless a server had done so, and lines outside of tests.

        Of these nothing is told where the writer was not there from the beginning, so that they are not the `whole`.
        """
        if self._tracer and whole:
            self.write("lines", id="", files=self._tracer.outside())
        if "ossa_warmth" not in sys.modules:
            self.write("modules", names=list(sys.modules))


def _tracer() -> Any:
    """What notes the lines that run, where it was brought along."""
    if not (_FOLDER / "ossa_trace.py").is_file():
        return None
    return importlib.import_module("ossa_trace").Tracer(os.environ[ROOT])


class Selection:
    """The tests that are wanted; all of them where nothing is said."""

    def __init__(self) -> None:
        path = _FOLDER / "only.json"
        self._ids = tuple(json.loads(path.read_text("utf-8"))) if path.is_file() else ()

    def __contains__(self, test: str) -> bool:
        return not self._ids or any(
            test == wanted or test.startswith((wanted + "::", wanted + "[", wanted + "/")) for wanted in self._ids
        )

    def touches(self, parent: str) -> bool:
        """Whether a file, folder or class holds wanted tests, or is wanted as a whole."""
        return parent in self or any(wanted.startswith((parent + "::", parent + "/")) for wanted in self._ids)


class PytestReporter:
    """The pytest plugin. In a worker of pytest-xdist it only selects; the main process tells of all workers' tests."""

    def __init__(self, prefix: str, started: str, log: Log | None) -> None:
        """Paths from the root of the repository: `prefix` is pytest's root, `started` where it was started."""
        self._prefix, self._started, self._log, self._only = prefix, started, log, Selection()

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        dropped = [item for item in items if self._prefix + item.nodeid not in self._only]
        if dropped:
            items[:] = [item for item in items if self._prefix + item.nodeid in self._only]
            config.hook.pytest_deselected(items=dropped)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        test = self._prefix + report.nodeid
        if self._log and report.failed and self._only.touches(test):
            trace = self._trace(report)
            self._log.result(test, "error", 0.0, _last_error(trace), trace)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self._log:
            self._log.start(self._prefix + nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not self._log or report.outcome not in ("passed", "failed", "skipped"):
            return
        outcome: str = report.outcome
        if outcome == "failed" and report.when != "call":
            outcome = "error"
        message, trace = "", ""
        if report.failed:
            trace = self._trace(report)
            crash = getattr(report.longrepr, "reprcrash", None)
            message = crash.message if crash else _last_error(trace)
        self._log.result(self._prefix + report.nodeid, outcome, report.duration, message, trace)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self._log:
            self._log.finish(self._prefix + nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._log:
            self._log.write("end", status=int(exitstatus))

    def pytest_unconfigure(self) -> None:
        if self._log:  # plugins import until the very end
            self._log.close()

    def _trace(self, report: pytest.TestReport | pytest.CollectReport) -> str:
        """The traceback, its paths from the root of the repository rather than from where pytest was started."""
        if not self._started:
            return report.longreprtext
        return re.sub(
            r"^([^\s:/][^:]*)(?=:\d+: )",
            lambda match: os.path.normpath(self._started + match[1]).replace(os.sep, "/"),
            report.longreprtext,
            flags=re.MULTILINE,
        )


def pytest_configure(config: pytest.Config) -> None:
    """Report for the first pytest only: tests may start others, in this process or below it."""
    root = os.environ.get(ROOT, "")
    worker = hasattr(config, "workerinput")
    if not root or (not worker and os.environ.get(OWNER)):
        return
    os.environ[OWNER] = str(os.getpid())
    os.environ.pop("PYTEST_ADDOPTS", None)
    prefix, started = _from(root, config.rootpath), _from(root, config.invocation_params.dir)
    log = None if worker else Log()
    config.pluginmanager.register(PytestReporter(prefix, started, log), "ossa-reporter")
    if log and (looked := variants()):
        config.pluginmanager.register(looked.plugin(sys.modules["pytest"], log, root), "ossa-variants")
    config.pluginmanager.register(importlib.import_module("ossa_alarm").plugin(sys.modules["pytest"]), "ossa-limits")


def variants() -> Any:
    """What runs the tests for many variants of a function, where that is asked for; else None."""
    return importlib.import_module("ossa_variants") if (_FOLDER / "variants.json").exists() else None


def _from(root: str, folder: Path) -> str:
    """A folder inside the root of the repository as the start of a path; nothing for the root itself."""
    path = os.path.relpath(os.path.realpath(folder), os.path.realpath(root)).replace(os.sep, "/")
    return "" if path == "." or path.startswith("..") else path + "/"


def _last_error(trace: str) -> str:
    """The last line of a pytest traceback that tells of the exception."""
    marked = [line[1:].strip() for line in trace.splitlines() if line.startswith("E ")]
    return marked[-1] if marked else trace.strip().splitlines()[-1] if trace.strip() else ""
