"""The project's tests, run in a real draft: how they are found, what is told of them, and what can go wrong."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.testing.environments import own
from ossa.assistant.testing.outcomes import read_outcomes
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.verdict import TestReport, compare

Open: TypeAlias = Callable[[dict[str, str]], Draft]

CALC = """
def add(a, b):
    return a - b

def div(a, b):
    return helper(a, b)

def helper(a, b):
    return a / b
"""
PYTEST = """
import pytest, unittest
from calc import add, div

@pytest.mark.parametrize("a,b,c", [(1, 2, 3), (0, 0, 0)], ids=["small x", "::odd [z]"])
def test_add(a, b, c):
    assert add(a, b) == c

class TestDiv:
    class TestInner:
        def test_zero(self):
            assert div(1, 0) == 1

class TestOld(unittest.TestCase):
    @unittest.skip("not now")
    def test_skipped(self): pass
    def test_fine(self): pass

@pytest.fixture
def bad(): raise ValueError("no such thing")
def test_fixture(bad): pass
@pytest.mark.xfail
def test_expected(): assert 0
"""
UNITTEST = """
import unittest
from calc import add, div

class TestAdd(unittest.TestCase):
    def test_many(self):
        for i in range(3):
            with self.subTest(i=i):
                self.assertEqual(add(0, i), i)
    def test_div(self): div(1, 0)
    def test_fine(self): self.assertEqual(add(0, 0), 0)
    @unittest.skip("not now")
    def test_skipped(self): pass

class TestSetup(unittest.TestCase):
    @classmethod
    def setUpClass(cls): raise RuntimeError("no database")
    def test_never(self): pass
"""

NESTED = """
import subprocess, sys

def test_outer(tmp_path):
    (tmp_path / "test_inner.py").write_text("def test_inner(): assert 0")
    assert subprocess.run([sys.executable, "-m", "pytest", str(tmp_path)]).returncode == 1
"""


async def run(
    draft: Draft, command: str | None = None, *, only: tuple[str, ...] = (), limit: float = 150
) -> TestReport:
    return await TestRunner(draft.root, command=command).run(draft, only=only, timeout=limit)


def outcomes(report: TestReport) -> dict[str, str]:
    return {result.id: result.outcome for result in report.results}


def messages(report: TestReport) -> dict[str, str]:
    return {result.id: result.message for result in report.failures}


def snapshot(root: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file() and ".git" not in path.parts
    }


async def test_pytest_tells_of_every_test_by_its_id(project: Open, own_python: None) -> None:
    draft = project({"calc.py": CALC, "tests/test_calc.py": PYTEST, "tests/deep/test_broken.py": "import nope\n"})
    before, said = snapshot(draft.root), list[str]()
    report = await TestRunner(draft.root).run(draft, on_output=said.append)
    assert report.problem == ""
    assert outcomes(report) == {
        "tests/deep/test_broken.py": "error",
        "tests/test_calc.py::test_add[small x]": "failed",
        "tests/test_calc.py::test_add[::odd [z]]": "passed",
        "tests/test_calc.py::TestDiv::TestInner::test_zero": "failed",
        "tests/test_calc.py::TestOld::test_skipped": "skipped",
        "tests/test_calc.py::TestOld::test_fine": "passed",
        "tests/test_calc.py::test_fixture": "error",
        "tests/test_calc.py::test_expected": "skipped",
    }
    assert messages(report) == {
        "tests/deep/test_broken.py": "ModuleNotFoundError: No module named 'nope'",
        "tests/test_calc.py::test_add[small x]": "assert -1 == 3\n +  where -1 = add(1, 2)",
        "tests/test_calc.py::TestDiv::TestInner::test_zero": "ZeroDivisionError: division by zero",
        "tests/test_calc.py::test_fixture": "ValueError: no such thing",
    }
    assert "short test summary" in report.output
    assert "".join(said).count("short test summary") == 1
    assert snapshot(draft.root) == before
    assert not draft.change()


async def test_only_the_tests_asked_for_are_run(project: Open, own_python: None) -> None:
    draft = project({"calc.py": CALC, "tests/test_calc.py": PYTEST, "tests/deep/test_broken.py": "import nope\n"})
    one, other = "tests/test_calc.py::test_add[::odd [z]]", "tests/test_calc.py::TestDiv"
    assert list(outcomes(await run(draft, only=(one, other, "gone.py::test_x")))) == [
        one,
        f"{other}::TestInner::test_zero",
    ]
    report = await run(draft, only=("gone.py::test_x",))
    assert (report.results, report.problem) == ((), "None of the tests asked for exist any more.")
    assert outcomes(await run(draft, only=("tests/deep",))) == {"tests/deep/test_broken.py": "error"}


async def test_a_change_in_the_draft_is_what_is_tested(project: Open, own_python: None) -> None:
    draft = project({"calc.py": CALC, "tests/test_calc.py": PYTEST})
    before = await run(draft)
    draft.write("calc.py", CALC.replace("a - b", "a + b").encode())
    verdict = compare(before, await run(draft))
    assert verdict.fixed == ("tests/test_calc.py::test_add[small x]",)
    assert verdict.broken == verdict.missing == ()
    assert (draft.root / "calc.py").read_text() == CALC


async def test_unittest_where_the_interpreter_has_no_pytest(bare_project: Open) -> None:
    draft = bare_project(
        {"calc.py": CALC, "tests/test_calc.py": UNITTEST, "tests/deep/test_broken.py": "import nope\n"}
    )
    runner = TestRunner(draft.root)
    report = await runner.run(draft)
    assert (report.problem, report.command) == ("", "unittest with .venv/bin/python")
    assert runner.describe() == report.command
    assert outcomes(report) == {
        "tests/deep/test_broken.py": "error",
        "tests/test_calc.py::TestAdd::test_div": "failed",
        "tests/test_calc.py::TestAdd::test_fine": "passed",
        "tests/test_calc.py::TestAdd::test_many": "failed",
        "tests/test_calc.py::TestAdd::test_skipped": "skipped",
        "tests/test_calc.py::TestSetup": "error",
    }
    assert messages(report)["tests/test_calc.py::TestAdd::test_many"] == "AssertionError: -1 != 1"
    assert messages(report)["tests/test_calc.py::TestSetup"] == "RuntimeError: no database"
    one = "tests/test_calc.py::TestAdd::test_fine"
    assert outcomes(await runner.run(draft, only=(one,))) == {one: "passed"}


async def test_pytest_that_is_configured_but_not_installed_is_said(bare_project: Open) -> None:
    draft = bare_project({"pyproject.toml": "[tool.pytest.ini_options]\n", "test_a.py": "def test_a(): pass\n"})
    assert (await run(draft)).problem.startswith("pytest is not installed in .venv/bin/python. Install it there.")
    assert own(draft.root) == (str(draft.root / ".venv/bin/python"),)


CONFIGURED = [
    "{python} -m pytest",
    "cd tests && PYTHONPATH=.. {python} -m pytest -x",
    "make check",
]


@pytest.mark.parametrize("command", CONFIGURED)
async def test_a_command_that_leads_to_pytest_tells_of_every_test(
    project: Open, own_python: None, environment_with_pytest: Path, command: str
) -> None:
    files = {"calc.py": CALC, "tests/test_calc.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n"}
    python = environment_with_pytest / "bin" / "python"
    draft = project({**files, "Makefile": f"check:\n\t{python} -m pytest tests\n"})
    report = await run(draft, command.format(python=python))
    assert outcomes(report) == {"tests/test_calc.py::test_add": "failed"}
    assert "tests/test_calc.py:2: in test_add" in report.results[0].trace
    assert (report.problem, report.note) == ("", "")


async def test_another_command_is_judged_by_its_exit_code(project: Open) -> None:
    draft = project({"a.txt": "good\n"})
    command = "echo looking; grep good a.txt"
    report = await run(draft, command)
    assert (outcomes(report), report.note) == ({command: "passed"}, "judged by the command's exit code alone")
    draft.write("a.txt", b"bad\n")
    after = await run(draft, command)
    assert messages(after) == {command: "It ended with exit code 1: looking"}
    assert compare(report, after).summary == "0/1 passed · 0 fixed · 1 broken · judged by the command's exit code alone"


async def test_a_command_whose_environment_loses_the_reporter_still_counts(
    project: Open, own_python: None, environment_with_pytest: Path
) -> None:
    makefile = f"check:\n\tPYTHONPATH=. {environment_with_pytest}/bin/python -m pytest -q\n"
    report = await run(project({"test_a.py": "def test_a(): pass\n", "Makefile": makefile}), "make check")
    assert (outcomes(report), report.note) == ({"make check": "passed"}, "judged by the command's exit code alone")


async def test_a_command_that_fails_after_its_tests_passed_is_no_success(
    project: Open, own_python: None, environment_with_pytest: Path
) -> None:
    makefile = f"check:\n\t{environment_with_pytest}/bin/python -m pytest -q\n\t@echo a line is too long; exit 3\n"
    report = await run(project({"test_a.py": "def test_a(): pass\n", "Makefile": makefile}), "make check")
    assert report.problem.startswith("No test failed, but `make check` ended with exit code 2: make:")
    assert report.passed == 1
    assert not report.green


TROUBLES = {
    "no tests": ({"a.py": ""}, None, "No tests were found (looked for a configuration of pytest"),
    "empty test file": ({"test_a.py": ""}, None, "No tests were found by pytest with "),
    "no such command": ({"a.py": ""}, "nonsense --all", "The test command `nonsense --all` could not be run: "),
    "broken conftest": (
        {"tests/conftest.py": "import nope\n", "tests/test_a.py": "def test_a(): pass\n"},
        None,
        "The tests could not be loaded, tests/conftest.py:1 fails: ModuleNotFoundError: No module named 'nope'",
    ),
    "required plugin": (
        {"pytest.ini": "[pytest]\nrequired_plugins = pytest-telepathy\n", "test_a.py": "def test_a(): pass\n"},
        None,
        "could not start (exit code 4): ERROR: ",
    ),
    "crash": (
        {"test_a.py": "import os\ndef test_a(): pass\ndef test_b(): os.abort()\n"},
        None,
        "The tests broke off by signal 6 in test_a.py::test_b.",
    ),
    "left early": (
        {"test_a.py": "import pytest\ndef test_a(): pass\ndef test_b(): pytest.exit('enough')\n"},
        None,
        "The tests were interrupted in test_a.py::test_b: _pytest.outcomes.Exit: enough",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_one_sentence(project: Open, own_python: None, trouble: str) -> None:
    files, command, sentence = TROUBLES[trouble]
    report = await run(project(files), command)
    assert sentence in report.problem
    assert "\n" not in report.problem
    assert not report.green


async def test_tests_that_hang_are_stopped_and_those_before_them_are_known(project: Open, own_python: None) -> None:
    tests = "import time\ndef test_a(): pass\ndef test_b(): time.sleep(600)\ndef test_c(): pass\n"
    draft = project({"test_a.py": tests})
    for limit in (4, 20, 100):  # as long as it takes until the second one runs
        report = await run(draft, limit=limit)
        if "test_b" in report.problem:
            break
    assert report.problem == f"The tests did not end within {limit} s; the last one started was test_a.py::test_b."
    assert outcomes(report) == {"test_a.py::test_a": "passed", "test_a.py::test_b": "error"}


async def test_options_that_need_a_missing_plugin_are_left_out(project: Open, own_python: None) -> None:
    files = {"pytest.ini": "[pytest]\naddopts = --cov=calc -n 4 --lf\n", "test_a.py": "def test_a(): pass\n"}
    assert outcomes(await run(project(files))) == {"test_a.py::test_a": "passed"}


async def test_a_pytest_started_by_a_test_does_not_report(project: Open, own_python: None) -> None:
    assert outcomes(await run(project({"test_a.py": NESTED}))) == {"test_a.py::test_outer": "passed"}


async def test_two_failures_of_one_kind_are_compared_by_id(project: Open, own_python: None) -> None:
    draft = project(
        {
            "calc.py": "def add(a, b) return\n",
            "test_calc.py": "from calc import add\ndef test_add(): assert add(1, 2) == 3\n",
        }
    )
    before = await run(draft)
    assert outcomes(before) == {"test_calc.py": "error"}
    draft.write("calc.py", b"def add(a, b): return a + b\n")
    verdict = compare(before, await run(draft))
    assert (verdict.fixed, verdict.missing, verdict.proved) == (("test_calc.py",), (), True)


@pytest.mark.parametrize("make", ["link", "pipe", "folder", "nothing"])
def test_a_report_that_is_no_plain_file_tells_nothing(tmp_path: Path, make: str) -> None:
    report, secret = tmp_path / "report.jsonl", tmp_path / "secret"
    secret.write_text('{"kind": "result", "id": "x", "outcome": "passed", "seconds": 1}\n')
    match make:
        case "link":
            report.symlink_to(secret)
        case "pipe":
            os.mkfifo(report)
        case "folder":
            report.mkdir()
        case _:
            pass
    assert not read_outcomes(tmp_path).begun


@pytest.mark.parametrize("seconds", ["1" + "0" * 400, "-1" + "0" * 400, "NaN", "Infinity", "1e999"])
def test_a_report_may_claim_any_time_and_any_name(tmp_path: Path, seconds: str) -> None:
    name = "t.py::test[" + "x" * 5000
    lines = [
        f'{{"kind": "start", "id": "{name}"}}',
        f'{{"kind": "result", "id": "{name}", "outcome": "passed", "seconds": {seconds}, "message": [[1]]}}',
    ]
    (tmp_path / "report.jsonl").write_text("\n".join(lines))
    found = read_outcomes(tmp_path)
    (result,) = found.tests.values()
    assert 0 <= result.seconds <= 86_400 and result.message == ""
    assert list(found.running) == [result.id]


def test_a_report_is_not_taken_on_trust(tmp_path: Path) -> None:
    good = {"kind": "result", "id": "a", "outcome": "failed", "seconds": 1, "message": "x" * 9999, "trace": "y" * 99999}
    lines = [good, {**good, "id": 3}, {**good, "outcome": "great"}, {**good, "seconds": "1"}, [], 7, {"kind": "end"}]
    text = "\n".join(json.dumps(line) for line in lines) + "\n\xff\x00{\n" + "[" * 100_000
    (tmp_path / "report.jsonl").write_text(text)
    (result,) = read_outcomes(tmp_path).tests.values()
    assert (result.id, result.outcome) == ("a", "failed")
    assert len(result.message) < 600
    assert len(result.trace) < 21_000
