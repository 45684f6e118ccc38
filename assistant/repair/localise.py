"""Where to look for the cause of a failing test: frames of its traceback, then what the test calls.

failing test ─► functions outside the tests, likeliest first
"""

import re
from dataclasses import dataclass

from ossa.assistant.draft import Draft
from ossa.assistant.repair.functions import Function, calls, function_at, functions
from ossa.assistant.testing.frames import Frame, frames
from ossa.assistant.testing.judges import is_test
from ossa.assistant.verdict import TestResult


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


@dataclass(frozen=True, slots=True)
class Place:
    """A function that may hold the cause."""

    function: Function
    lines: frozenset[int] = frozenset()
    """Lines of it, from 0, that the traceback went through."""


def localise(failure: TestResult, hint: str, draft: Draft, sources: Sources) -> list[Place]:
    """Functions that may hold the cause, likeliest first, each once; those that the hint names come before all.

    Order: the traceback's innermost function outside the tests and outwards; what the failing statement of the test
    calls; what the rest of the test calls; what these functions call themselves.
    """
    trail = frames(failure.trace, draft.root)
    found: dict[Function, set[int]] = {}
    for frame in reversed(trail):
        if is_test(frame.path) or not frame.path.endswith(".py"):
            continue
        if function := function_at(frame.path, sources.text(frame.path), frame.line - 1):
            found.setdefault(function, set()).add(frame.line - 1)
    names = _called_by_test(trail, sources)
    for name in names:
        for function in sources.named(name):
            found.setdefault(function, set())
    for caller in list(found):
        for name in calls(sources.text(caller.path), caller.start, caller.end):
            for function in sources.named(name):
                found.setdefault(function, set())
    words = set(re.findall(r"\w+", hint))
    ranked = sorted(found, key=lambda function: function.name not in words)
    return [Place(function, frozenset(found[function])) for function in ranked]


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
