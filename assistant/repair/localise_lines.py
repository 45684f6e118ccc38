"""Which lines may hold the cause of a failing test, likeliest first, each with the reasons.

    lines that each test executed ─► Ochiai: run by what fails, not by what passes ─┐
    traceback ─► lines that it went through, the innermost first ───────────────────┼─► Suspect… ─► functions
    what the test calls (`localise`) ───────────────────────────────────────────────┘

A line stands for the statement that begins on it. Where nothing is known of what was executed, traceback and calls
are all that there is.
"""

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from ossa.assistant.draft import Draft
from ossa.assistant.repair.functions import Function, functions, parse
from ossa.assistant.repair.localise import Place, Sources, localise
from ossa.assistant.testing.frames import frames
from ossa.assistant.testing.judges import is_test
from ossa.assistant.testing.outcomes import Lines
from ossa.assistant.verdict import TestReport, TestResult

_TRACED = 0.5
"""What the innermost frame adds to a score whose greatest spectrum is 1; each frame further out adds less."""
_FURTHER_OUT = 0.6
_CALLED = 0.15
"""What the likeliest function adds that the traceback or the test names."""
_RICH = 0.03
"""What a statement with a few operators, constants or calls adds: one without has little to be wrong."""
_DEFINITION = 0.5
"""How much the spectrum of a `def`, `class` or `import` counts: these run when the file is loaded."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A statement that may hold the cause."""

    path: str
    line: int
    """Where it begins, from 1."""
    function: Function | None
    """The innermost around it; None outside of functions."""
    score: float
    reasons: tuple[str, ...]
    """For the person, the weightiest first: "run by 1 of 1 failing and 2 of 40 passing tests"."""


def suspects(
    failure: TestResult,
    draft: Draft,
    sources: Sources,
    report: TestReport | None = None,
    executed: Mapping[str, Lines] | None = None,
    hint: str = "",
) -> list[Suspect]:
    """The statements outside the tests that may hold the cause of a failure, likeliest first.

    Args:
        failure: the test that fails.
        draft: where it does.
        sources: the draft's files.
        report: what the tests of `executed` came to.
        executed: what each test executed, as `TestRunner.cover` tells it; nothing else is suspect then.
        hint: may name a function.
    """
    places = localise(failure, hint, draft, sources)
    spectrum = Spectrum(failure.id, report, executed or {})
    traced = _traced(failure, draft)
    found: list[Suspect] = []
    for path in _files(spectrum, places, traced):
        text = sources.text(path)
        inside = functions(path, text)
        for statement in statements(text):
            function = max((f for f in inside if _holds(f, statement)), key=_start, default=None)
            reasons = _reasons(path, statement, function, places, spectrum, traced)
            if reasons:
                score = sum(reasons.values()) + _RICH * (1 - 1 / (1 + statement.richness))
                told = tuple(sorted(reasons, key=lambda reason: -reasons[reason]))
                found.append(Suspect(path, statement.line, function, score, told))
    return sorted(found, key=lambda suspect: -suspect.score)


def likeliest_functions(found: Sequence[Suspect]) -> list[Place]:
    """The functions that suspects are in, by their likeliest, with those of their lines that are as likely."""
    best: dict[Function, float] = {}
    for suspect in found:
        if suspect.function:
            best.setdefault(suspect.function, suspect.score)
    lines = {
        function: frozenset(s.line - 1 for s in found if s.function == function and s.score >= score - _RICH)
        for function, score in best.items()
    }
    return [Place(function, lines[function]) for function in best]


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, or the head of one that has others in it."""

    line: int
    """From 1."""
    end: int
    richness: int
    """How many operators, constants, names and calls are in it."""
    defines: bool


def statements(source: str) -> list[Statement]:
    """All statements of a file but docstrings, in order; none where it does not parse."""
    if (tree := parse(source)) is None:
        return []
    found = [_statement(node) for node in ast.walk(tree) if isinstance(node, ast.stmt) and not _is_text(node)]
    return sorted(found, key=lambda statement: statement.line)


class Spectrum:
    """How much the tests that execute a line are those that fail."""

    def __init__(self, test: str, report: TestReport | None, executed: Mapping[str, Lines]) -> None:
        """`test` is the failing one that matters; the others count as far as the report tells how they ended."""
        ended = {r.id: r.outcome for r in report.results if r.id in executed} if report else {}
        self._outside, self._own = executed.get("", {}), executed.get(test, {})
        self._failing = [executed[i] for i, how in ended.items() if how in ("failed", "error")]
        self._passing = [executed[i] for i, how in ended.items() if how == "passed"]
        self._masks: dict[str, tuple[dict[int, int], dict[int, int]]] = {}

    @property
    def files(self) -> list[str]:
        """The files that the failing test needs; none where nothing is known of it."""
        return [*self._own, *(path for path in self._outside if path not in self._own)] if self._own else []

    def of(self, path: str, first: int, last: int) -> tuple[float, str]:
        """Ochiai's coefficient of some lines, and how it comes about; 0 for what the failing test does not execute."""
        lines = range(first, last + 1)
        own, outside = (lines_of.get(path, frozenset[int]()) for lines_of in (self._own, self._outside))
        all_failing, all_passing = len(self._failing), len(self._passing)
        if not own.isdisjoint(lines):
            failing, passing = (_any(masks, lines) for masks in self._masked(path))
        elif not outside.isdisjoint(lines):
            failing, passing = all_failing, all_passing
        else:
            return 0.0, ""
        told = f"run by {failing} of {all_failing} failing and {passing} of {all_passing} passing tests"
        return failing / math.sqrt(max(all_failing, 1) * max(failing + passing, 1)), told

    def _masked(self, path: str) -> tuple[dict[int, int], dict[int, int]]:
        """For each line the failing and the passing tests that execute it, as bits."""
        if path not in self._masks:
            self._masks[path] = _bits(path, self._failing), _bits(path, self._passing)
        return self._masks[path]


def _bits(path: str, tests: Sequence[Lines]) -> dict[int, int]:
    found: dict[int, int] = {}
    for number, test in enumerate(tests):
        for line in test.get(path, ()):
            found[line] = found.get(line, 0) | 1 << number
    return found


def _any(masks: Mapping[int, int], lines: range) -> int:
    """How many tests execute at least one of these lines."""
    return reduce(or_, (masks.get(line, 0) for line in lines), 0).bit_count()


def _files(spectrum: Spectrum, places: Sequence[Place], traced: Mapping[tuple[str, int], float]) -> list[str]:
    named = spectrum.files or [*(path for path, _ in traced), *(place.function.path for place in places)]
    return [path for path in dict.fromkeys(named) if path.endswith(".py") and not is_test(path)]


def _reasons(
    path: str,
    statement: Statement,
    function: Function | None,
    places: Sequence[Place],
    spectrum: Spectrum,
    traced: Mapping[tuple[str, int], float],
) -> dict[str, float]:
    """What speaks against a statement, with its weight."""
    ochiai, told = spectrum.of(path, statement.line, statement.end)
    if spectrum.files and not ochiai:
        return {}
    found = {told: ochiai * (_DEFINITION if statement.defines else 1.0)} if ochiai else {}
    if weight := max(traced.get((path, line), 0.0) for line in range(statement.line, statement.end + 1)):
        found["the traceback goes through it"] = weight
    rank = next((n for n, place in enumerate(places) if place.function == function), None)
    if rank is not None:
        found["the traceback or the test names its function"] = _CALLED / (1 + rank)
    return found


def _traced(failure: TestResult, draft: Draft) -> dict[tuple[str, int], float]:
    """The lines that the traceback goes through outside the tests, with their weights."""
    trail = [frame for frame in reversed(frames(failure.trace, draft.root)) if not is_test(frame.path)]
    weights: dict[tuple[str, int], float] = {}
    for number, frame in enumerate(trail):
        weights.setdefault((frame.path, frame.line), _TRACED * _FURTHER_OUT**number)
    return weights


def _statement(node: ast.stmt) -> Statement:
    inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt | ast.ExceptHandler)]
    last = min((child.lineno for child in inner), default=(node.end_lineno or node.lineno) + 1) - 1
    defines = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom)
    rich = (ast.operator, ast.cmpop, ast.boolop, ast.unaryop, ast.Constant, ast.Call, ast.Subscript)
    own = [part for part in _parts(node) if isinstance(part, rich)]
    return Statement(node.lineno, max(last, node.lineno), len(own), defines)


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """All below a statement but the statements in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler):
            yield child
            yield from _parts(child)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _holds(function: Function, statement: Statement) -> bool:
    """Whether a statement is in a function; its own `def` is not."""
    return function.start + statement.defines < statement.line <= function.end


def _start(function: Function) -> int:
    return function.start
