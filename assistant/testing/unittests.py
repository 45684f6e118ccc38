"""Runs inside the project's interpreter (Python 3.8 or later): tells what unittest's tests did, in pytest's words.

    python -m ossa_unittest                  (where no command is known) ─► every test file ─┐
    python -m unittest …, python test_x.py   (by `ossa_watch`) ─► what the command asked for ┴─► report.jsonl

Where variants of a function are to be looked at, the tests run once for each.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import time
import traceback
import unittest
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from ossa.assistant.testing import alarm, reporter
else:
    import ossa_alarm as alarm
    import ossa_report as reporter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SKIPPED_FOLDERS = {"node_modules", "venv", "env", "build", "dist", "site-packages", "__pycache__"}
_NOTHING_COLLECTED = 5
"""pytest's exit status for that."""
_UNLOADED = "_FailedTest"
"""unittest's stand-in for a file that could not be imported."""


class UnittestReporter(unittest.TestResult):
    """Tells of unittest's tests in the same words."""

    def __init__(self, log: reporter.Log, files: dict[str, str]) -> None:
        """`files` gives the file of each module, from the root of the repository."""
        super().__init__()
        self._log, self._files, self._started = log, files, 0.0
        self._alarm = alarm.Alarm()

    def name(self, test: Any) -> str:
        """The test's id in pytest's form; for what went wrong around tests, that of their class or module."""
        if file := unloaded(test):
            return file
        if isinstance(test, unittest.TestCase):
            test = getattr(test, "test_case", test)  # that of a subtest
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
        if unloaded(test):
            trace = str(err[1])
            self._log.result(self.name(test), "error", 0.0, trace.strip().rpartition("\n")[2], trace)
            return
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
    os.environ[reporter.OWNER] = str(os.getpid())
    log, only = reporter.Log(), reporter.Selection()
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
            tests.extend(each_test(unittest.defaultTestLoader.loadTestsFromModule(loaded)))
        except (Exception, SystemExit):
            log.result(name, "error", 0.0, *_describe(*sys.exc_info()))
    result = UnittestReporter(log, files)
    tests = selected(tests, result, only)
    if not look_at_variants(log, tests, result):
        unittest.TestSuite(tests).run(result)
    status = _NOTHING_COLLECTED if not result.testsRun else int(not result.wasSuccessful())
    log.write("end", status=status)
    log.close()
    return status


def selected(
    tests: Iterable[unittest.TestCase], result: UnittestReporter, only: reporter.Selection
) -> list[unittest.TestCase]:
    """The tests that are wanted, and what stands for the files of such."""
    return [test for test in tests if (only.touches if unloaded(test) else only.__contains__)(result.name(test))]


def look_at_variants(log: reporter.Log, tests: list[unittest.TestCase], result: UnittestReporter) -> bool:
    """Run the tests for each variant, where that is what was asked for."""
    variants = reporter.variants()
    if variants:
        root = os.environ[reporter.ROOT]
        variants.for_each(log, root, len(tests), lambda: unittest.TestSuite(tests).run(result))
    return bool(variants)


def each_test(tests: Any) -> Iterator[unittest.TestCase]:
    """The tests of a suite and of those in it."""
    if isinstance(tests, unittest.TestCase):
        yield tests
    else:
        for test in tests:
            yield from each_test(test)


def inside(file: str | None) -> str:
    """A file's path from the root of the repository; empty for one that lies elsewhere, or for none."""
    root, path = (os.path.realpath(place) for place in (os.environ[reporter.ROOT], file or os.devnull))
    return os.path.relpath(path, root).replace(os.sep, "/") if path.startswith(root + os.sep) else ""


def unloaded(test: Any) -> str:
    """The file that a test stands for because it could not be imported; empty for any other test."""
    if type(test).__name__ != _UNLOADED:
        return ""
    name = getattr(test, "_testMethodName", "").rpartition(".")[2]
    for file in re.findall(r'File "([^"]+)"', str(getattr(test, "_exception", ""))):
        path = Path(file)
        if name in (path.stem, path.parent.name if path.stem == "__init__" else "") and (own := inside(file)):
            return own
    return ""


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


def _describe(kind: Any, error: Any, trace: Any) -> tuple[str, str]:
    """The exception in short, and its traceback without the frames of unittest and of this file."""
    foreign = ("unittest", "importlib", __name__)
    frames = [frame for frame, _ in traceback.walk_tb(trace)]
    own = [frame.f_globals.get("__name__", "").split(".")[0] in foreign for frame in frames]
    first = own.index(False) if False in own else 0
    last = len(own) - own[::-1].index(False) if False in own else len(own)
    for _ in range(first):
        trace = trace.tb_next
    lines = traceback.format_exception(kind, error, trace, limit=last - first)
    return "".join(traceback.format_exception_only(kind, error)).strip(), "".join(lines)


if __name__ == "__main__":
    sys.exit(run_unittest(os.environ[reporter.ROOT]))
