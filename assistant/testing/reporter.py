"""Runs inside the project's interpreter (Python 3.8 or later), not in ossa's: tells what each test did, as it ends.

    pytest -p ossa_report        (this file, copied beside the report)   ─┐
    python ossa_report.py        (the same for unittest)                 ─┴─► report.jsonl, one JSON object a line

The folder of this copy holds the report and, where only some tests are wanted, `only.json` with their ids. Ids are
pytest's for both, paths from the root of the repository: `tests/test_calc.py::TestAdd::test_small[1]`.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import sys
import time
import traceback
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_FOLDER = Path(__file__).resolve().parent
_ROOT = "OSSA_TEST_ROOT"
_OWNER = "OSSA_TEST_OWNER"
_TRACE_LIMIT = 20_000
_SKIPPED_FOLDERS = {"node_modules", "venv", "env", "build", "dist", "site-packages", "__pycache__"}


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

    def close(self) -> None:
        """Tell of the whole run: lines outside of tests, and what was imported, unless a server had done so."""
        if self._tracer:
            self.write("lines", id="", files=self._tracer.outside())
        if "ossa_warmth" not in sys.modules:
            self.write("modules", names=list(sys.modules))


def _tracer() -> Any:
    """What notes the lines that run, where it was brought along."""
    if not (_FOLDER / "ossa_trace.py").is_file():
        return None
    return importlib.import_module("ossa_trace").Tracer(os.environ[_ROOT])


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
    root = os.environ.get(_ROOT, "")
    worker = hasattr(config, "workerinput")
    if not root or (not worker and os.environ.get(_OWNER)):
        return
    os.environ[_OWNER] = str(os.getpid())
    os.environ.pop("PYTEST_ADDOPTS", None)
    prefix, started = _from(root, config.rootpath), _from(root, config.invocation_params.dir)
    log = None if worker else Log()
    config.pluginmanager.register(PytestReporter(prefix, started, log), "ossa-reporter")
    if log and (_FOLDER / "variants.json").exists():
        loop = importlib.import_module("ossa_variants").plugin(sys.modules["pytest"], log, root)
        config.pluginmanager.register(loop, "ossa-variants")
    config.pluginmanager.register(importlib.import_module("ossa_alarm").plugin(sys.modules["pytest"]), "ossa-limits")


def _from(root: str, folder: Path) -> str:
    """A folder inside the root of the repository as the start of a path; nothing for the root itself."""
    path = os.path.relpath(os.path.realpath(folder), os.path.realpath(root)).replace(os.sep, "/")
    return "" if path == "." or path.startswith("..") else path + "/"


class UnittestReporter(unittest.TestResult):
    """Tells of unittest's tests in the same words."""

    def __init__(self, log: Log, files: dict[str, str]) -> None:
        """`files` gives the file of each module, from the root of the repository."""
        super().__init__()
        self._log, self._files, self._started = log, files, 0.0
        self._alarm = importlib.import_module("ossa_alarm").Alarm()

    def name(self, test: Any) -> str:
        """The test's id in pytest's form; for what went wrong around tests, that of their class or module."""
        if isinstance(test, unittest.TestCase):
            module, owner = type(test).__module__, type(test).__qualname__
            rest = test.id().replace(f"{module}.{owner}.", "", 1)
            return "::".join([self._files.get(module, module), *owner.split("."), rest])
        dotted = str(test).partition("(")[2].rstrip(")")
        module = max((m for m in self._files if dotted == m or dotted.startswith(m + ".")), key=len, default="")
        inner = dotted[len(module) :].lstrip(".")
        return "::".join([self._files.get(module, "unittest"), *inner.split(".")] if inner else [self._files[module]])

    def startTest(self, test: unittest.TestCase) -> None:
        super().startTest(test)
        self._started = time.perf_counter()
        self._log.start(self.name(test))
        self._alarm.set()

    def stopTest(self, test: unittest.TestCase) -> None:
        self._alarm.clear()
        super().stopTest(test)
        self._log.finish(self.name(test))

    def addSuccess(self, test: unittest.TestCase) -> None:
        self._tell(test, "passed")

    def addFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._tell(test, "failed", err)

    def addError(self, test: Any, err: Any) -> None:
        self._tell(test, "failed" if isinstance(test, unittest.TestCase) else "error", err)

    def addSubTest(self, test: unittest.TestCase, subtest: unittest.TestCase, err: Any) -> None:
        if err is not None:
            self._tell(test, "failed", err)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        self._tell(test, "skipped")

    def addExpectedFailure(self, test: unittest.TestCase, err: Any) -> None:
        self._tell(test, "skipped")

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        self._log.result(self.name(test), "failed", 0.0, "It passed, though it is marked as an expected failure.")

    def _tell(self, test: Any, outcome: str, err: Any = None) -> None:
        message, trace = _describe(*err) if err else ("", "")
        self._log.result(self.name(test), outcome, time.perf_counter() - self._started, message, trace)


def run_unittest(root: str) -> int:
    """Run the tests of every test file below `root`, wherever it lies; returns pytest's exit status for the same."""
    sys.path[0] = root
    log, only = Log(), Selection()
    files: dict[str, str] = {}
    tests: list[unittest.TestCase] = []
    for path in _test_files(Path(root)):
        name = path.relative_to(root).as_posix()
        if not only.touches(name):
            continue
        try:
            module, top = _module_name(path)
            if top not in sys.path:
                sys.path.insert(1, top)
            loaded = importlib.import_module(module)
            files[module] = name
            tests.extend(_flat(unittest.defaultTestLoader.loadTestsFromModule(loaded)))
        except (Exception, SystemExit):
            log.result(name, "error", 0.0, *_describe(*sys.exc_info()))
    result = UnittestReporter(log, files)
    suite = unittest.TestSuite(test for test in tests if result.name(test) in only)
    suite.run(result)
    status = 5 if not result.testsRun else int(not result.wasSuccessful())
    log.write("end", status=status)
    log.close()
    return status


def _test_files(folder: Path) -> Iterator[Path]:
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            hidden = entry.name.startswith(".") or entry.name in _SKIPPED_FOLDERS
            if not hidden and not (entry / "pyvenv.cfg").exists():
                yield from _test_files(entry)
        elif entry.suffix == ".py" and (entry.name.startswith("test_") or entry.stem.endswith("_test")):
            yield entry


def _module_name(path: Path) -> tuple[str, str]:
    """The dotted name under which a file is imported, and the folder that must be on the path for it."""
    parts, top = [path.stem], path.parent
    while (top / "__init__.py").exists():
        parts.insert(0, top.name)
        top = top.parent
    return ".".join(parts), str(top)


def _flat(tests: Any) -> Iterator[unittest.TestCase]:
    if isinstance(tests, unittest.TestCase):
        yield tests
    else:
        for test in tests:
            yield from _flat(test)


def _describe(kind: Any, error: Any, trace: Any) -> tuple[str, str]:
    """The exception in short, and its traceback without the frames of unittest and of this file."""
    inside = ("unittest", "importlib", __name__)
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    own = [frame.f_globals.get("__name__", "").split(".")[0] in inside for frame in frames]
    first = own.index(False) if False in own else 0
    last = len(own) - own[::-1].index(False) if False in own else len(own)
    for _ in range(first):
        trace = trace.tb_next
    lines = traceback.format_exception(kind, error, trace, limit=last - first)
    return "".join(traceback.format_exception_only(kind, error)).strip(), "".join(lines)


def _last_error(trace: str) -> str:
    """The last line of a pytest traceback that tells of the exception."""
    marked = [line[1:].strip() for line in trace.splitlines() if line.startswith("E ")]
    return marked[-1] if marked else trace.strip().splitlines()[-1] if trace.strip() else ""


if __name__ == "__main__":
    sys.exit(run_unittest(os.environ[_ROOT]))
