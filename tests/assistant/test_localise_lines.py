"""Where the cause of a failing test is looked for: planted bugs in small packages, the true line among the first."""

from collections.abc import Callable

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.repair.localise import Sources
from ossa.assistant.repair.localise_lines import Suspect, likeliest_functions, statements, suspects
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.verdict import TestResult

GRADES = '''"""Grades."""

LIMITS = {"good": 80, "fair": 60}


def grade(points, late=False):
    """A word for some points."""
    if late:
        points = points + 10
    if points >= LIMITS["good"]:
        return "good"
    if points >= LIMITS["fair"]:
        return "fair"
    return "poor"


def mean(values):
    total = 0
    for value in values:
        total += value
    return total / (
        len(values)
    )


def unused():
    return 1
'''
TESTS = """
import unittest
from grades import grade, mean

def test_good(): assert grade(90) == "good"
def test_fair(): assert grade(70) == "fair"
def test_poor(): assert grade(10) == "poor"
def test_late(): assert grade(65, late=True) == "poor"
def test_mean(): assert mean([1, 2]) == 1.5
class TestEmpty(unittest.TestCase):
    def test_empty(self): self.assertEqual(mean([]), 0)
"""


async def found(draft: Draft, test: str, *, covering: bool = True) -> tuple[list[Suspect], TestResult]:
    report, executed = await TestRunner(draft.root).cover(draft)
    failure = next(f for f in report.failures if f.id.endswith(test))
    return suspects(failure, draft, Sources(draft), report, executed if covering else {}), failure


@pytest.fixture
def draft(project: Callable[[dict[str, str]], Draft], own_python: None) -> Draft:
    return project({"grades.py": GRADES, "test_grades.py": TESTS})


async def test_a_line_that_only_the_failing_test_runs_is_the_first(draft: Draft) -> None:
    ranked, _ = await found(draft, "test_late")
    assert (ranked[0].path, ranked[0].line) == ("grades.py", 9)
    assert ranked[0].function and ranked[0].function.name == "grade"
    assert ranked[0].reasons[0] == "run by 1 of 2 failing and 0 of 4 passing tests"
    assert 14 not in {suspect.line for suspect in ranked}  # it does not get there
    assert not any(suspect.function and suspect.function.name == "mean" for suspect in ranked[:4])


async def test_without_coverage_the_functions_called_are_suspect(draft: Draft) -> None:
    ranked, _ = await found(draft, "test_late", covering=False)
    assert {suspect.function.name for suspect in ranked if suspect.function} == {"grade"}
    assert len(ranked) == 7  # all its statements


async def test_the_line_that_raises_is_the_first(draft: Draft) -> None:
    ranked, failure = await found(draft, "test_empty")
    assert "ZeroDivisionError" in failure.message
    assert ranked[0].line == 21
    assert "the traceback goes through it" in ranked[0].reasons
    places = likeliest_functions(ranked)
    assert places[0].function.name == "mean"
    assert places[0].lines == {20}


async def test_what_runs_at_import_is_suspect_in_every_test(
    project: Callable[[dict[str, str]], Draft], own_python: None
) -> None:
    draft = project({"grades.py": GRADES.replace("80", "8"), "test_grades.py": TESTS})
    ranked, _ = await found(draft, "test_fair")
    assert ("grades.py", 3) in {(suspect.path, suspect.line) for suspect in ranked}


async def test_each_test_tells_of_its_own_lines(draft: Draft) -> None:
    report, executed = await TestRunner(draft.root).cover(draft)
    assert executed.keys() == {"", *(result.id for result in report.results)}
    good, mean = executed["test_grades.py::test_good"]["grades.py"], executed["test_grades.py::test_mean"]["grades.py"]
    assert {8, 10, 11} <= good and not {9, 12, 19} & good
    assert {19, 20, 21} <= mean and 8 not in mean
    assert {3, 6, 17} <= executed[""]["grades.py"] and 3 not in good | mean
    plain, nothing = await TestRunner(draft.root).run(draft), await TestRunner(draft.root).cover(draft, only=["x"])
    assert [(r.id, r.outcome) for r in plain.results] == [(r.id, r.outcome) for r in report.results]
    assert nothing[1].keys() == {""}


async def test_unittest_tells_of_lines_too(bare_project: Callable[[dict[str, str]], Draft]) -> None:
    tests = "import unittest\nfrom grades import grade\n\nclass TestGrade(unittest.TestCase):\n"
    tests += "    def test_good(self): self.assertEqual(grade(90), 'good')\n"
    tests += "    def test_late(self): self.assertEqual(grade(65, late=True), 'poor')\n"
    draft = bare_project({"grades.py": GRADES, "tests/test_grades.py": tests})
    ranked, _ = await found(draft, "test_late")
    assert {suspect.line for suspect in ranked[:3]} == {9, 12, 13}


HOT = """
def spin():
    total = 0
    for i in range(60_000_000):
        total += i
        if total < 0:
            return None
    return total
"""


async def test_a_hot_loop_is_not_followed_for_ever(
    project: Callable[[dict[str, str]], Draft], own_python: None
) -> None:
    draft = project({"hot.py": HOT, "test_hot.py": "from hot import spin\ndef test_spin(): assert spin() == 0\n"})
    report, executed = await TestRunner(draft.root).cover(draft)
    assert [r.outcome for r in report.results] == ["failed"]
    assert executed["test_hot.py::test_spin"]["hot.py"] >= {3, 4, 5, 6}


async def test_tests_that_trace_themselves_are_left_alone(
    project: Callable[[dict[str, str]], Draft], own_python: None
) -> None:
    tests = "import sys\nfrom grades import grade\n\ndef test_trace():\n    seen = []\n"
    tests += (
        "    sys.settrace(lambda *event: seen.append(event))\n    grade(1)\n    sys.settrace(None)\n    assert seen\n"
    )
    draft = project({"grades.py": GRADES, "test_grades.py": tests + "\ndef test_next(): assert grade(90) == 'good'\n"})
    report, executed = await TestRunner(draft.root).cover(draft)
    assert report.green
    assert 11 in executed["test_grades.py::test_next"]["grades.py"]


KINDS = '''"""Text."""
@cache
def f(x=1):
    """Text."""
    if (x and
            x + 1):
        return g(
            x)
    try:
        pass
    except E:
        pass
'''


def test_statements_are_what_runs() -> None:
    assert [(s.line, s.end, s.defines) for s in statements(KINDS)] == [
        (3, 3, True),
        (5, 6, False),
        (7, 8, False),
        (9, 9, False),
        (10, 10, False),
        (12, 12, False),
    ]
    assert statements("def") == []
