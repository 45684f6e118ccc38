"""Runs inside the project's interpreter (Python 3.8 or later): whatever runs tests by unittest reports.

    python -m unittest … ─┐
    python test_x.py      ├─► unittest.TextTestRunner ─► the tests that are wanted ─► `UnittestReporter` ─► report.jsonl
    make test, runtests…  ─┘

The command stays in charge of everything else: which tests there are, what is set up around them, what is printed.
"""

from __future__ import annotations

import os
import sys
import unittest
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from ossa.assistant.testing import reporter, unittests
else:
    import ossa_report as reporter
    import ossa_unittest as unittests

if TYPE_CHECKING:
    from collections.abc import Callable

_TOLD = (
    "startTest", "stopTest", "addSuccess", "addFailure", "addError", "addSubTest", "addSkip", "addExpectedFailure",
    "addUnexpectedSuccess",
)  # fmt: skip


def watch() -> None:
    """Have what unittest runs in this process from now on report."""
    watcher = Watch()
    program: Any = unittest.TestProgram
    loader: Any = unittest.TestLoader
    runner: Any = unittest.TextTestRunner
    begin, match, go = program.__init__, loader._match_path, runner.run

    def initialise(self: Any, module: Any = "__main__", *arguments: Any, **named: Any) -> None:
        watcher.begin(whole=module is None)
        begin(self, module, *arguments, **named)

    def match_path(self: Any, path: str, full_path: str, pattern: str) -> bool:
        return match(self, path, full_path, pattern) and watcher.wants(full_path)

    def run(self: Any, suite: Any) -> Any:
        return watcher.run(self, suite, lambda tests: go(self, tests))

    program.__init__, loader._match_path, runner.run = initialise, match_path, run


class Watch:
    """What this process's unittest is doing."""

    def __init__(self) -> None:
        """Nothing, so far."""
        self._log: reporter.Log | None = None
        self._only = reporter.Selection()
        self._whole = self._is_running = False

    def begin(self, *, whole: bool = False) -> None:
        """Report from now on, unless whoever started this process does, or pytest in it.

        `whole`: nothing of the repository was imported so far.
        """
        if self._log is None and not os.environ.get(reporter.OWNER):
            os.environ[reporter.OWNER] = str(os.getpid())
            self._log, self._only, self._whole = reporter.Log(), reporter.Selection(), whole

    def wants(self, file: str) -> bool:
        """Whether a file that was found may hold tests that are wanted."""
        return self._log is None or self._is_running or self._only.touches(unittests.inside(file))

    def run(self, runner: Any, suite: Any, run: Callable[[Any], Any]) -> Any:
        """Have a runner run a suite, or what is wanted of it, by `run`; runs within a run are its own."""
        self.begin()
        if self._log is None or self._is_running:
            return run(suite)
        tests = list(unittests.each_test(suite))
        told = unittests.UnittestReporter(self._log, _files(tests))
        wanted = unittests.selected(tests, told, self._only)
        make = runner._makeResult
        runner._makeResult = lambda: _telling(make(), told)
        self._is_running = True
        try:
            if unittests.look_at_variants(self._log, wanted, told):
                return told
            result = run(suite if len(wanted) == len(tests) else unittest.TestSuite(wanted))
        finally:
            self._is_running = False
            del runner._makeResult
        self._log.write("end", status=int(not result.wasSuccessful()))
        self._log.close(whole=self._whole)
        return result


def _files(tests: list[unittest.TestCase]) -> dict[str, str]:
    names = {type(test).__module__ for test in tests}
    files = {name: unittests.inside(getattr(sys.modules.get(name), "__file__", None)) for name in names}
    return {name: file for name, file in files.items() if file}


def _telling(result: Any, told: unittests.UnittestReporter) -> Any:
    """A result whose calls are heard by the reporter, too: it comes between the test and the time it takes to print."""
    for name in _TOLD:
        if heard := getattr(result, name, None):
            first, second = getattr(told, name), heard
            if name == "startTest":
                first, second = second, first
            setattr(result, name, _both(first, second))
    return result


def _both(first: Any, second: Any) -> Any:
    def call(*arguments: Any) -> None:
        first(*arguments)
        second(*arguments)

    return call
