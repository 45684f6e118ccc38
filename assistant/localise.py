"""Where to look for the cause of a failing test: frames of its traceback, then what the test calls.

failing test ─► functions outside the tests, likeliest first
"""

import re

from ossa.assistant.draft import Draft
from ossa.assistant.frames import Frame, frames
from ossa.assistant.functions import Function, calls, function_at, functions
from ossa.assistant.verdict import TestResult

_TEST_PATH = re.compile(r"(^|/)(tests?/|test_[^/]*\.py$|[^/]*_test\.py$|conftest\.py$)")


def is_test(path: str) -> bool:
    """Whether a path looks like a test's own."""
    return bool(_TEST_PATH.search(path))


class Sources:
    """The Python files of a draft, read once."""

    def __init__(self, draft: Draft) -> None:
        """Nothing is read before it is asked for."""
        self._draft = draft
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        """A file's text; empty where there is none."""
        if path not in self._texts:
            self._texts[path] = (self._draft.read(path) or b"").decode("utf-8", "surrogateescape")
        return self._texts[path]

    def named(self, name: str) -> list[Function]:
        """Functions of this name outside the tests."""
        found: list[Function] = []
        for path in self._draft.files():
            if path.endswith(".py") and not is_test(path) and re.search(rf"\bdef {re.escape(name)}\b", self.text(path)):
                found += [f for f in functions(path, self.text(path)) if f.name == name]
        return found


def localise(failure: TestResult, hint: str, draft: Draft, sources: Sources) -> list[Function]:
    """Functions that may hold the cause, likeliest first, each once; those that the hint names come before all.

    Order: the traceback's innermost function outside the tests and outwards; what the failing statement of the test
    calls; what the rest of the test calls; what these functions call themselves.
    """
    trail = frames(failure.trace, draft.root)
    found: dict[Function, None] = {}
    inside = [f for f in reversed(trail) if f.path.endswith(".py") and not is_test(f.path)]
    for frame in inside:
        if function := function_at(frame.path, sources.text(frame.path), frame.line - 1):
            found[function] = None
    for name in _called_by_test(trail, sources):
        found.update(dict.fromkeys(sources.named(name)))
    for function in list(found):
        for name in calls(sources.text(function.path), function.start, function.end):
            found.update(dict.fromkeys(sources.named(name)))
    words = set(re.findall(r"\w+", hint))
    return sorted(found, key=lambda f: f.name not in words)


def _called_by_test(trail: tuple[Frame, ...], sources: Sources) -> list[str]:
    names: dict[str, None] = {}
    for frame in reversed(trail):
        if not is_test(frame.path):
            continue
        text, line = sources.text(frame.path), frame.line - 1
        names.update(dict.fromkeys(calls(text, line, line + 1)))
        if test := function_at(frame.path, text, line):
            names.update(dict.fromkeys(calls(text, test.start, test.end)))
    return list(names)
