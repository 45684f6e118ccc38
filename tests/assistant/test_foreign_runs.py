"""Tests of other languages in real drafts: how they are found, and real runs of the runners that are here."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.events import Event, StepStarted
from ossa.assistant.proof import Proof
from ossa.assistant.repository import Repository
from ossa.assistant.testing import foreign
from ossa.assistant.testing.frames import frames
from ossa.assistant.testing.golang import parse_go
from ossa.assistant.testing.plan import Plan
from ossa.assistant.testing.report import together
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.verdict import TestReport, TestResult, compare

Open: TypeAlias = Callable[[dict[str, str]], Draft]
ROOT = Path("/repository")


def works(program: str) -> bool:
    """Whether it can be called: rustup's cargo is on the path also where no toolchain is set for this home."""
    return bool(shutil.which(program)) and not subprocess.run([program, "--version"], capture_output=True).returncode


needs_node = pytest.mark.skipif(not works("npm"), reason="node is not installed")
needs_cargo = pytest.mark.skipif(not works("cargo"), reason="no cargo works here")

GO = """{"Action":"start","Package":"example.org/calc/calc"}
{"Action":"run","Package":"example.org/calc/calc","Test":"TestAdd"}
{"Action":"output","Package":"example.org/calc/calc","Test":"TestAdd","Output":"    calc_test.go:8: want 3\\n"}
{"Action":"fail","Package":"example.org/calc/calc","Test":"TestAdd","Elapsed":0}
{"Action":"fail","Package":"example.org/calc/calc","Elapsed":0.014}
"""


def outcomes(report: TestReport) -> dict[str, str]:
    return {result.id: result.outcome for result in report.results}


SCRIPTS = [
    ("jest --ci", "jest"),
    ("eslint . && vitest run", "vitest"),
    ("NODE_ENV=test mocha 'test/**/*.js'", "mocha"),
    ("node --enable-source-maps --test", "node"),
    ("react-scripts test", "jest"),
    ("./run.sh", "npm"),
]


@pytest.mark.parametrize(("script", "kind"), SCRIPTS)
def test_the_script_says_which_runner_is_meant(script: str, kind: str) -> None:
    (plan,) = foreign.plans({"package.json"}, {"package.json": json.dumps({"scripts": {"test": script}})})
    assert plan.kind == kind
    assert plan.argv[:2] == ("npm", "test")


NOT_YET = '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'


@pytest.mark.parametrize(
    "text",
    ["", "{", "[" * 100_000, "7", '{"scripts": 3}', '{"scripts": {"test": ["x"]}}', NOT_YET],
)
def test_a_package_without_tests_has_no_plan(text: str) -> None:
    assert foreign.plans({"package.json"}, {"package.json": text}) == []


def test_go_is_asked_for_the_packages_and_tests_that_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOCACHE", str(tmp_path / "none"))
    plan = Plan("go", ("go", "test", "-json", "./..."), "go test ./...")
    words = foreign.arguments(plan, ["calc::TestAdd/zero", ".::TestTop"], ROOT)
    assert words == ["go", "test", "-json", "-run", "^(TestAdd|TestTop)$", ".", "./calc"]
    assert foreign.arguments(plan, ["calc"], ROOT) == ["go", "test", "-json", "./calc"]


NODE = {
    "package.json": '{"scripts": {"test": "node --test"}}',
    "calc.js": "exports.add = (a, b) => a - b;\n",
    "test/calc.test.js": """
const { test, describe, it } = require('node:test');
const assert = require('node:assert');
const { add } = require('../calc.js');
describe('add', () => {
  it('adds', () => { assert.strictEqual(add(1, 2), 3); });
  it('zero', () => { assert.strictEqual(add(0, 0), 0); });
});
test('later', { skip: true }, () => {});
test('outer', async (t) => { await t.test('inner', () => { throw new RangeError('no'); }); });
""",
    "test/broken.test.js": "require('./nope');\n",
}


@needs_node
async def test_node_tells_of_every_test(project: Open) -> None:
    draft = project(NODE)
    runner = TestRunner(draft.root)
    before = await runner.run(draft)
    assert (before.problem, before.command) == ("", "npm test (node)")
    assert outcomes(before) == {
        "test/broken.test.js": "error",
        "test/calc.test.js::add::adds": "failed",
        "test/calc.test.js::add::zero": "passed",
        "test/calc.test.js::later": "skipped",
        "test/calc.test.js::outer::inner": "failed",
    }
    told = {result.id: result for result in before.results}
    assert told["test/broken.test.js"].message == "Error: Cannot find module './nope'"
    assert told["test/calc.test.js::add::adds"].message == "Expected values to be strictly equal:\n-1 !== 3"
    assert [f.line for f in frames(told["test/calc.test.js::add::adds"].trace, draft.root)] == [6]
    draft.write("calc.js", b"exports.add = (a, b) => a + b;\n")
    verdict = compare(before, await runner.run(draft))
    assert verdict.fixed == ("test/calc.test.js::add::adds",)
    assert (verdict.broken, verdict.missing) == ((), ())
    only = await runner.run(draft, only=["test/calc.test.js::add"])
    assert set(outcomes(only)) == {"test/calc.test.js::add::adds", "test/calc.test.js::add::zero"}


@needs_node
async def test_node_that_hangs_is_stopped_and_what_ended_is_known(project: Open) -> None:
    hangs = "require('node:test')('never', () => new Promise((done) => setTimeout(done, 600000)));\n"
    fine = "require('node:test')('fine', () => {});\n"
    script = '{"scripts": {"test": "node --test --test-concurrency=1"}}'
    draft = project({"package.json": script, "test/a.test.js": fine, "test/b.test.js": hangs})
    for limit in (6, 30, 120):  # as long as it takes until the second one runs
        report = await TestRunner(draft.root).run(draft, timeout=limit)
        if "b.test.js" in report.problem:
            break
    assert report.problem == f"The tests did not end within {limit} s; the last one started was test/b.test.js." + (
        " Outside Python only all tests together have a limit: test_timeout in your config.toml."
    )
    assert outcomes(report) == {"test/a.test.js::fine": "passed", "test/b.test.js": "error"}


@needs_node
async def test_a_script_with_a_reporter_of_its_own_is_judged_by_its_exit_code(project: Open) -> None:
    script = '{"scripts": {"test": "node --test --test-reporter=dot"}}'
    draft = project({"package.json": script, "test/a.test.js": "require('node:test')('fine', () => {});\n"})
    report = await TestRunner(draft.root).run(draft)
    assert (outcomes(report), report.note) == (
        {"npm test (node)": "passed"},
        "judged by the command's exit code alone",
    )


CRATE = {
    "Cargo.toml": '[package]\nname = "calc"\nversion = "0.1.0"\nedition = "2021"\n',
    "Cargo.lock": 'version = 3\n\n[[package]]\nname = "calc"\nversion = "0.1.0"\n',
    "src/lib.rs": "pub fn add(a: i32, b: i32) -> i32 { a - b }\n",
    "tests/it.rs": "#[test] fn adds() { assert_eq!(calc::add(1, 2), 3); }\n#[test] fn zero() { calc::add(0, 0); }\n",
    ".gitignore": "target/\n",
}


@needs_cargo
async def test_cargo_tells_of_every_test(project: Open) -> None:
    draft = project(CRATE)
    runner = TestRunner(draft.root)
    before = await runner.run(draft)
    assert (before.problem, before.command) == ("", "cargo test")
    assert outcomes(before) == {"tests/it.rs::adds": "failed", "tests/it.rs::zero": "passed"}
    draft.write("src/lib.rs", CRATE["src/lib.rs"].replace("a - b", "a + b").encode())
    only = await runner.run(draft, only=["tests/it.rs::adds"])
    assert outcomes(only) == {"tests/it.rs::adds": "passed"}
    draft.write("src/lib.rs", b'pub fn add(a: i32, b: i32) -> i32 { "x" }\n')
    unbuilt = await runner.run(draft)
    assert unbuilt.problem == "The tests could not be built: src/lib.rs:1:37: error[E0308]: mismatched types"


async def test_any_command_may_write_junit_xml(project: Open) -> None:
    xml = '<testsuite><testcase name="a" file="t.x"/><testcase name="b" file="t.x"><failure message="no"/></testcase>'
    draft = project({"report.xml": f"{xml}</testsuite>", "run.sh": 'cp report.xml "$OSSA_JUNIT"; exit 1\n'})
    report = await TestRunner(draft.root, command="sh run.sh").run(draft)
    assert (outcomes(report), report.note) == ({"t.x::a": "passed", "t.x::b": "failed"}, "")


async def test_a_command_that_prints_what_go_prints_is_understood(project: Open) -> None:
    draft = project({"go.mod": "module example.org/calc\n", "events": GO})
    report = await TestRunner(draft.root, command="cat events; exit 1").run(draft)
    assert outcomes(report) == {"calc::TestAdd": "failed"}


def of_each_language(**files: str) -> dict[str, str]:
    """A repository with Python at its root and a package of node in a folder."""
    python = {"a.py": "A = 1\n", "test_a.py": "from a import A\ndef test_a(): assert A == 1\n"}
    return {**python, **{f"web/{name}": text for name, text in NODE.items()}, **files}


@needs_node
async def test_every_language_is_tested_and_judged_together(project: Open, own_python: None, tmp_path: Path) -> None:
    draft = project(of_each_language())
    baseline = open_draft(Repository.open(draft.root), tmp_path / "baseline")
    told: list[Event] = []
    proof = Proof(draft.root, TestRunner(draft.root), draft, baseline)
    draft.write("a.py", b"A = 2\n")
    draft.write("web/calc.js", b"exports.add = (a, b) => a + b;\n")
    verdict = await proof.verdict(told.append)
    baseline.close()
    assert verdict.command.startswith("pytest with ") and verdict.command.endswith(" and npm test (node) in web")
    assert verdict.fixed == ("web/test/calc.test.js::add::adds",)
    assert verdict.broken == ("test_a.py::test_a",)
    assert set(verdict.still_failing) == {"web/test/broken.test.js", "web/test/calc.test.js::outer::inner"}
    assert verdict.note == ""
    assert [e.detail for e in told if isinstance(e, StepStarted)][-1].endswith(" and npm test (node) in web")


@needs_node
async def test_only_the_runner_of_a_test_is_asked_for_it(project: Open, own_python: None) -> None:
    draft = project(of_each_language())
    runner = TestRunner(draft.root)
    whole = await runner.run(draft, together=True)
    assert whole.own.command.startswith("pytest") and set(outcomes(whole.own)) == {"test_a.py::test_a"}
    only = await runner.run(draft, only=["web/test/calc.test.js::add::zero"], together=True)
    assert outcomes(only) == {"web/test/calc.test.js::add::zero": "passed"}
    assert outcomes(await runner.run(draft)) == {"test_a.py::test_a": "passed"}, "a search tries Python's alone"


@needs_node
async def test_a_language_that_never_ran_is_said_and_one_that_runs_no_more_is_a_problem(
    project: Open, own_python: None
) -> None:
    draft = project(of_each_language(**{"web/package.json": '{"scripts": {"test": "vitest run"}}'}))
    never = await TestRunner(draft.root).run(draft, together=True)
    assert (never.problem, outcomes(never)) == ("", {"test_a.py::test_a": "passed"})
    assert never.left_out.startswith("not run: npm test (vitest) in web (The test command ")
    draft.write("web/package.json", NODE["package.json"].encode())
    runner = TestRunner(draft.root)
    assert not (await runner.run(draft, together=True)).problem
    draft.write("web/package.json", b'{"scripts": {"test": "nosuchprogram"}}')
    assert "npm test (node) in web: " in (await runner.run(draft, together=True)).problem


def test_the_first_language_may_be_the_one_that_never_ran() -> None:
    first = TestReport("unittest", problem="No tests were found.")
    second = TestReport("npm test", (TestResult("a.test.js::a", "passed"),))
    told = together([first, second], ())
    assert (told.problem, told.command, told.results) == ("", "npm test", second.results)
    assert told.left_out == "not run: unittest (No tests were found)"
    assert together([first, second], ["unittest"]).problem == "unittest: No tests were found."
    assert together([first, TestReport("npm test", problem="It broke.")], ()).problem == "No tests were found."


def test_packages_near_the_root_are_found_where_there_is_none_at_it() -> None:
    script = json.dumps({"scripts": {"test": "node --test"}})
    files = {f"{folder}/package.json": script for folder in ("web", "apps/b", "apps/a", "x/y/z", "examples/e", ".o")}
    found = foreign.plans(files, dict.fromkeys(foreign.manifests(files), script))
    assert [plan.folder for plan in found] == ["web", "apps/a", "apps/b"]
    assert found[0].title == "npm test (node) in web"
    assert foreign.manifests({**files, "package.json": script}) == ["package.json"]
    go = Plan("go", ("go", "test", "-json", "./..."), "go test ./... in srv", folder="srv")
    assert foreign.inner(go, ["srv::TestTop", "srv/calc::TestAdd"]) == [".::TestTop", "calc::TestAdd"]
    told = parse_go(GO.replace("/calc/calc", "/calc/sub"), "example.org/calc")
    assert set(foreign.outer(go, told, ROOT).tests) == {"srv/sub::TestAdd"}


async def test_a_program_that_is_missing_is_said(
    project: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft, git = project(CRATE), shutil.which("git")
    assert git
    (tmp_path / "git").symlink_to(git)
    monkeypatch.setenv("PATH", str(tmp_path))
    report = await TestRunner(draft.root).run(draft)
    assert report.problem.startswith("The tests need cargo, which is not on PATH.")
