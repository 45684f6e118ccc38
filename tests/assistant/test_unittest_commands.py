"""Commands that lead to unittest: its tests are known one by one, run alone, ended when they hang, and tried warm."""

import os
import venv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.events import Attempt, Notice, Proposed
from ossa.assistant.testing.outcomes import hung
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.warm import WarmTests
from ossa.assistant.verdict import TestReport
from ossa.assistant.workbench import Workbench
from ossa.model.base import Weighed
from ossa.model.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

Open: TypeAlias = Callable[[dict[str, str]], Draft]

CALC = "STEP = 1\n\n\ndef add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return 2 * a\n\n\nFOUR = twice(2)\n"
TESTS = """
import os, subprocess, sys, time, unittest
import calc

class TestCalc(unittest.TestCase):
    def test_add(self): self.assertEqual(calc.add(1, 2), 3)
    def test_twice(self): self.assertEqual(calc.twice(2), calc.FOUR)
    def test_many(self):
        for n in range(3):
            with self.subTest(n=n): self.assertEqual(calc.add(n, n), 2 * n)
    @unittest.skip("later")
    def test_skipped(self): pass
    @unittest.expectedFailure
    def test_expected(self): self.fail()

class TestSetup(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no database")
    def test_never(self): pass

class TestOthers(unittest.TestCase):
    def test_runs_within_a_run_are_its_own(self):
        suite = unittest.defaultTestLoader.loadTestsFromName("calc.Inner")
        unittest.TextTestRunner().run(suite)
        program = [sys.executable, "-m", "unittest", "test_none"]
        self.assertEqual(subprocess.run(program, capture_output=True).returncode, 1)
"""
INNER = "\n\nclass Inner(__import__('unittest').TestCase):\n    def test_inner(self): self.fail()\n"
SAID = {
    "TestCalc::test_add": "failed",
    "TestCalc::test_expected": "skipped",
    "TestCalc::test_many": "failed",
    "TestCalc::test_skipped": "skipped",
    "TestCalc::test_twice": "passed",
    "TestOthers::test_runs_within_a_run_are_its_own": "passed",
    "TestSetup": "error",
}
MAIN = 'if __name__ == "__main__":\n    unittest.main()\n'
MAKEFILE = "check:\n\t@PYTHONPATH=.:$$PYTHONPATH python -m unittest discover checks\n"
WHERE: dict[str, tuple[str, dict[str, str]]] = {
    "python -m unittest": ("test_calc.py", {}),
    "python -m unittest discover -b -s tests -t .": ("tests/test_calc.py", {"tests/__init__.py": ""}),
    "python -m unittest tests.test_calc": ("tests/test_calc.py", {}),
    "python check_calc.py -q": ("check_calc.py", {}),
    "make check": ("checks/test_calc.py", {"Makefile": MAKEFILE}),
    "cd checks && python all.py": ("checks/test_calc.py", {"checks/all.py": """
import os, sys, unittest
sys.path.append(os.path.abspath(".."))
suite = unittest.defaultTestLoader.discover(".")
sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
"""}),
}  # fmt: skip
HANGS = """
import time, unittest
class TestSlow(unittest.TestCase):
    def test_a(self):
        while True: time.sleep(0.01)
    def test_b(self): pass
"""


@pytest.fixture(autouse=True)
def python_without_pytest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What `python` means to the person: an interpreter with nothing in it but its own library."""
    venv.create(tmp_path / "plain", with_pip=False, symlinks=True)
    monkeypatch.setenv("PATH", f"{tmp_path / 'plain' / 'bin'}{os.pathsep}{os.environ['PATH']}")


def outcomes(report: TestReport) -> dict[str, str]:
    return {result.id: result.outcome for result in report.results}


@pytest.mark.parametrize("command", WHERE)
async def test_every_test_is_told_of_and_can_be_run_alone(project: Open, command: str) -> None:
    path, more = WHERE[command]
    draft = project({"calc.py": CALC + INNER, path: TESTS + MAIN, **more})
    runner = TestRunner(draft.root, command=command)
    report = await runner.run(draft)
    assert outcomes(report) == {f"{path}::{test}": outcome for test, outcome in SAID.items()}, report.problem
    assert (report.problem, report.note, report.command) == ("", "", command)
    told = {failure.id.rpartition("::")[2]: failure.message for failure in report.failures}
    assert told == {
        "test_add": "AssertionError: -1 != 3",
        "test_many": "AssertionError: 0 != 2",
        "TestSetup": "RuntimeError: no database",
    }
    one = f"{path}::TestCalc::test_add"
    alone = await runner.run(draft, only=[one])
    assert outcomes(alone) == {one: "failed"} and "Ran 1 test" in alone.output
    trial = {"calc.py": CALC.replace("a - b", "a + b").encode()}
    assert outcomes(await runner.run(draft, only=[one], trial=trial)) == {one: "passed"}
    gone = await runner.run(draft, only=["nowhere.py::TestNone"])
    assert gone.problem == "None of the tests asked for exist any more."


@pytest.mark.parametrize("command", ["python -m unittest discover", "python -m unittest tests.test_calc"])
@pytest.mark.parametrize("calc,message", [
    ("import nope\n", "ModuleNotFoundError: No module named 'nope'"), ("def add(:\n", "SyntaxError: invalid syntax"),
])  # fmt: skip
async def test_a_file_that_cannot_be_imported_is_told_by_its_path(
    project: Open, command: str, calc: str, message: str
) -> None:
    draft = project({"calc.py": calc, "tests/__init__.py": "", "tests/test_calc.py": TESTS, "test_b.py": "import calc"})
    report = await TestRunner(draft.root, command=command).run(draft, only=["tests/test_calc.py::TestCalc::test_add"])
    if "Syntax" in message and "discover" not in command:
        assert report.note == "judged by the command's exit code alone", "unittest itself ends by this"
    else:
        assert outcomes(report) == {"tests/test_calc.py": "error"}
    assert message in report.failures[0].message + report.failures[0].trace


async def test_a_test_that_hangs_is_ended_and_the_others_run(project: Open) -> None:
    draft = project({"test_slow.py": HANGS})
    report = await TestRunner(draft.root, command="python -m unittest", each=0.5).run(draft)
    slow, other = report.results
    assert (hung(slow), slow.outcome, other.outcome, report.problem) == (True, "failed", "passed", "")


async def test_what_each_test_executes_is_told_where_all_of_it_can_be(project: Open) -> None:
    draft = project({"calc.py": CALC, "test_calc.py": TESTS + MAIN})
    for command, whole in (("python -m unittest", True), ("python test_calc.py", False)):
        _, lines = await TestRunner(draft.root, command=command).cover(draft)
        assert lines["test_calc.py::TestCalc::test_add"]["calc.py"] == {5}
        assert ("" in lines) == whole, "a script may have imported what it tests before unittest"
        if whole:
            assert {1, 4, 9, 12} <= lines[""]["calc.py"], "twice() runs at import"


async def test_an_own_sitecustomize_runs_too(project: Open) -> None:
    test = (
        "import os, unittest\nclass TestIt(unittest.TestCase):\n    def test_it(self): self.assertIn('OWN', os.environ)"
    )
    own = {"site/sitecustomize.py": "import os\nos.environ['OWN'] = 'yes'\n", "test_it.py": test}
    draft = project(own)
    report = await TestRunner(draft.root, command="PYTHONPATH=site python -m unittest").run(draft)
    assert outcomes(report) == {"test_it.py::TestIt::test_it": "passed"}


MUTANTS = {
    "right": ("a - b", "a + b"),
    "wrong": ("a - b", "a * b"),
    "hangs": ("    return a - b", "    while True: pass"),
    "breaks others": ("return 2 * a", "return 3 + a"),
    "fails at import": ("STEP = 1", "STEP = one"),
}


async def test_candidates_are_tried_warm_and_looked_at_with_the_verdicts_of_a_cold_run(project: Open) -> None:
    draft = project({"calc.py": CALC, "test_calc.py": TESTS.partition("class TestOthers")[0]})
    if draft.isolation.kind != "overlay":
        pytest.skip("needs bubblewrap with overlays")
    tests = TestRunner(draft.root, command="python -m unittest")
    known = await tests.run(draft)
    sources = [CALC.replace(*change) for change in MUTANTS.values()]
    one = "test_calc.py::TestCalc::test_add"
    async with WarmTests(tests, draft, known, width=1) as warm:
        for source in sources:
            trial = {"calc.py": source.encode()}
            cold = await tests.run(draft, trial=trial, each=1)
            assert outcomes(await warm.trial(trial)) == outcomes(cold)
        assert (warm.why, warm.warm, warm.cold) == ("", len(sources), 0)
        looked = await warm.glance([("calc.py", source) for source in sources], one)
        assert warm.glances
    told = [result and result.outcome for result in looked]
    assert told == ["passed", *["failed"] * 4], "of the last, whose functions are the same, what is known is told"


def better(answer: str) -> tuple[Weighed, ...]:
    """It would rather have written another operator."""
    at = answer.find(" - b")
    return (Weighed(at, at + 2, -9.0, ((" *", -0.1), (" +", -0.2))),) if at >= 0 else ()


def led(desk: "Desk", command: str, tests: str) -> Workbench:
    (desk.repo / "calc.py").write_text(CALC)
    (desk.repo / "tests/test_calc.py").write_text(f"import sys\nsys.path.insert(0, '.')\n{tests}")
    work = desk.open(test=command, calls_tools=False)
    assert isinstance(work.model, ScriptedModel)
    work.model.weights = better
    return work


async def test_one_test_of_a_suite_is_repaired_without_the_others(desk: "Desk") -> None:
    others = "".join(f"    def test_{n}(self): self.assertEqual(calc.twice({n}), {2 * n})\n" for n in range(9))
    tests = "import unittest, calc\nclass TestCalc(unittest.TestCase):\n" + others
    tests += "    def test_add(self): self.assertEqual(calc.add(1, 2), 3)\n"
    work = led(desk, "python -m unittest discover tests", tests)
    events = await desk.play(work.agent.fix())
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.fixed == ("tests/test_calc.py::TestCalc::test_add",)
    assert (offered.verdict.summary, offered.verdict.note) == ("10/10 passed · 1 fixed · 0 broken", "")
    assert not [e for e in desk.of(events, Notice) if "an interpreter of its own" in e.text]
    first, *_ = desk.of(events, Attempt)
    assert (first.text, first.outcome) == ("return a * b", "still fails: AssertionError: 2 != 3")


async def test_a_script_that_just_asserts_is_repaired_by_its_exit_code(desk: "Desk") -> None:
    tests = "import calc\nassert calc.twice(1) == 2\nassert calc.add(1, 2) == 3\nprint('fine')\n"
    work = led(desk, "python tests/test_calc.py", tests)
    events = await desk.play(work.agent.fix())
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.fixed == ("python tests/test_calc.py",)
    assert offered.verdict.note == "judged by the command's exit code alone"
    assert work.draft.read("calc.py") == CALC.replace("a - b", "a + b").encode()
    assert any("Looking at add (calc.py:4)" in e.text for e in desk.of(events, Notice))
