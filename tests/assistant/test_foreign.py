"""What the runners of other languages print, recorded from real runs and shortened, and what nobody should print."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.draft import Completed
from ossa.assistant.testing import foreign
from ossa.assistant.testing.cargo import parse_cargo
from ossa.assistant.testing.frames import digest, frames
from ossa.assistant.testing.golang import parse_go
from ossa.assistant.testing.outcomes import Outcomes
from ossa.assistant.testing.plan import Plan
from ossa.assistant.verdict import TestReport, TestResult, compare

ROOT = Path("/repository")


def go(*events: Mapping[str, object]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def event(action: str, test: str, output: str = "") -> dict[str, object]:
    told: dict[str, object] = {"Action": action, "Package": "example.org/calc/calc", "Test": test}
    return {**told, "Output": output} if output else told


BUILD = "example.org/calc/bad [example.org/calc/bad.test]"
GO = go(
    {"ImportPath": BUILD, "Action": "build-output", "Output": f"# {BUILD}\n"},
    {"ImportPath": BUILD, "Action": "build-output", "Output": 'bad/bad.go:3:23: cannot use "x" as int value\n'},
    {"ImportPath": BUILD, "Action": "build-fail"},
    {"Action": "start", "Package": "example.org/calc/bad"},
    {"Action": "output", "Package": "example.org/calc/bad", "Output": "FAIL\texample.org/calc/bad [build failed]\n"},
    {"Action": "fail", "Package": "example.org/calc/bad", "Elapsed": 0, "FailedBuild": BUILD},
    {"Action": "start", "Package": "example.org/calc/calc"},
    {"Action": "start", "Package": "example.org/calc/none"},
    {
        "Action": "output",
        "Package": "example.org/calc/none",
        "Output": "?   \texample.org/calc/none\t[no test files]\n",
    },
    {"Action": "skip", "Package": "example.org/calc/none", "Elapsed": 0},
    event("run", "TestAdd"),
    event("run", "TestAdd/small_one"),
    event("output", "TestAdd/small_one", "    calc_test.go:8: Add(1, 2) = -1, want 3\n"),
    event("output", "TestAdd/small_one", "--- FAIL: TestAdd/small_one (0.00s)\n"),
    event("fail", "TestAdd/small_one"),
    event("run", "TestAdd/zero"),
    event("pass", "TestAdd/zero"),
    event("output", "TestAdd", "--- FAIL: TestAdd (0.00s)\n"),
    event("fail", "TestAdd"),
    event("run", "TestLater"),
    event("skip", "TestLater"),
    {**event("pass", "TestFine"), "Elapsed": 1.5},
    event("run", "TestDiv"),
    event("output", "TestDiv", "panic: runtime error: integer divide by zero [recovered, repanicked]\n"),
    event("output", "TestDiv", "\n"),
    event("output", "TestDiv", "goroutine 23 [running]:\n"),
    event("output", "TestDiv", "testing.tRunner.func1.2({0x6b8f40, 0x6f1120})\n"),
    event("output", "TestDiv", "\t/usr/lib/go/src/testing/testing.go:2125 +0x232\n"),
    event("output", "TestDiv", "example.org/calc/calc.Div(...)\n"),
    event("output", "TestDiv", "\t/repository/calc/calc.go:4\n"),
    event("output", "TestDiv", "example.org/calc/calc.TestDiv(0x1a0beb1d2d88?)\n"),
    event("output", "TestDiv", "\t/repository/calc/calc_test.go:16 +0xa\n"),
    event("fail", "TestDiv"),
    {"Action": "output", "Package": "example.org/calc/calc", "Output": "FAIL\texample.org/calc/calc\t0.013s\n"},
    {"Action": "fail", "Package": "example.org/calc/calc", "Elapsed": 0.014},
)

CARGO = """   Compiling calc v0.1.0 (/repository)
    Finished `test` profile [unoptimized + debuginfo] target(s) in 2.53s
     Running unittests src/lib.rs (target/debug/deps/calc-c6626fb655a8d231)

running 4 tests
test tests::later ... ignored, not now
test tests::panics - should panic ... FAILED
test tests::zero ... ok
test tests::adds ... FAILED

failures:

---- tests::panics stdout ----
note: test did not panic as expected at src/lib.rs:13:32
---- tests::adds stdout ----
looking

thread 'tests::adds' (26293) panicked at src/lib.rs:10:46:
assertion `left == right` failed: sum of 1 and 2
  left: -1
 right: 3
stack backtrace:
   0: __rustc::rust_begin_unwind
             at /rustc/59807616e1fa2540724bfbac14d7976d7e4a3860/library/std/src/panicking.rs:689:5
   4: calc::tests::adds
             at ./src/lib.rs:10:46
note: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.


failures:
    tests::adds
    tests::panics

test result: FAILED. 1 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.22s

error: test failed, to rerun pass `--lib`
     Running tests/it.rs (target/debug/deps/it-b462ec70d69dbcd3)

running 1 test
test works ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.20s

   Doc-tests calc

running 2 tests
test src/lib.rs - add (line 2) ... ok
test src/lib.rs - add (line 9) ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.43s

error: 1 target failed:
    `--lib`
"""
UNBUILT = """   Compiling calc v0.1.0 (/repository)
error[E0308]: mismatched types
 --> src/lib.rs:1:36
  |
1 | pub fn add(a: i32, b: i32) -> i32 { "x" }
  |                               ---   ^^^ expected `i32`, found `&str`

error: could not compile `calc` (lib) due to 1 previous error
"""


def outcomes(found: Outcomes | TestReport) -> dict[str, str]:
    results = found.tests.values() if isinstance(found, Outcomes) else found.results
    return {result.id: result.outcome for result in results}


def test_go_is_told_by_package_and_test() -> None:
    found = parse_go(GO, "example.org/calc")
    assert outcomes(found) == {
        "calc::TestAdd/small_one": "failed",
        "calc::TestAdd/zero": "passed",
        "calc::TestLater": "skipped",
        "calc::TestFine": "passed",
        "calc::TestDiv": "failed",
        "bad": "error",
    }
    assert found.status == 1
    assert found.tests["calc::TestAdd/small_one"].message == "Add(1, 2) = -1, want 3"
    assert found.tests["bad"].trace == 'bad/bad.go:3:23: cannot use "x" as int value'
    assert found.tests["bad"].message == 'bad/bad.go:3:23: cannot use "x" as int value'
    assert found.tests["calc::TestFine"].seconds == 1.5


def test_a_failure_in_go_leads_to_its_places() -> None:
    tests = parse_go(GO, "example.org/calc").tests
    assert [(f.path, f.line) for f in frames(tests["calc::TestAdd/small_one"].trace, ROOT)] == [
        ("calc/calc_test.go", 8)
    ]
    assert [(f.path, f.line) for f in frames(tests["calc::TestDiv"].trace, ROOT)] == [
        ("calc/calc_test.go", 16),
        ("calc/calc.go", 4),
    ]
    assert "tRunner" not in digest(tests["calc::TestDiv"], ROOT)


def test_go_that_is_cut_off_or_dies_is_not_taken_for_passed() -> None:
    cut = parse_go(GO[: GO.index('"TestDiv"')], "example.org/calc")
    assert cut.status is None
    died = go(
        {"Action": "start", "Package": "m"},
        {"Action": "run", "Package": "m", "Test": "TestA"},
        {"Action": "output", "Package": "m", "Test": "TestA", "Output": "panic: test timed out after 1s\n"},
        {"Action": "fail", "Package": "m", "Elapsed": 1},
    )
    found = parse_go(died, "m")
    assert (outcomes(found), found.status) == ({".::TestA": "error"}, 1)


def test_a_package_of_go_that_builds_again_is_healed() -> None:
    before = TestReport("go", tuple(parse_go(GO, "example.org/calc").tests.values()))
    fine = go(
        {"Action": "run", "Package": "example.org/calc/bad", "Test": "TestF"},
        {"Action": "pass", "Package": "example.org/calc/bad", "Test": "TestF"},
        {"Action": "pass", "Package": "example.org/calc/bad"},
    )
    others = tuple(result for result in before.results if result.id != "bad")
    after = TestReport("go", (*others, *parse_go(fine, "example.org/calc").tests.values()))
    verdict = compare(before, after)
    assert (verdict.fixed, verdict.broken, verdict.missing) == (("bad",), (), ())


def test_go_finds_what_it_has_built_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan("go", ("go", "test", "-json", "./..."), "go test ./...")
    monkeypatch.delenv("GOCACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert foreign.arguments(plan, [], tmp_path) == list(plan.argv)
    cache = tmp_path / "go-build"
    (cache / "3e").mkdir(parents=True)
    (cache / "3e" / "3e-d").write_text("built")
    words = foreign.arguments(plan, [], tmp_path)
    assert words[-4:] == list(plan.argv)
    told = ["sh", "-c", 'cat "$GOCACHE/3e/3e-d"; echo new >"$GOCACHE/3e/new"']
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "inside")}
    done = subprocess.run([*words[:-4], *told], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "built"
    assert [path.name for path in (cache / "3e").iterdir()] == ["3e-d"]


def test_cargo_is_told_by_file_and_test() -> None:
    found = parse_cargo(CARGO, workspace=False)
    assert outcomes(found) == {
        "src/lib.rs::tests::later": "skipped",
        "src/lib.rs::tests::panics": "failed",
        "src/lib.rs::tests::zero": "passed",
        "src/lib.rs::tests::adds": "failed",
        "tests/it.rs::works": "passed",
        "src/lib.rs - add": "passed",
        "src/lib.rs - add (2)": "passed",
    }
    assert found.status == 1
    told = found.tests["src/lib.rs::tests::adds"]
    assert told.message == "assertion `left == right` failed: sum of 1 and 2\nleft: -1, right: 3"
    assert [(frame.path, frame.line) for frame in frames(told.trace, ROOT)] == [("src/lib.rs", 10)]
    assert digest(told, ROOT).endswith("  left: -1\n right: 3\nat\n  src/lib.rs:10")


def test_crates_of_a_workspace_are_told_apart() -> None:
    other = CARGO.replace("deps/calc-", "deps/other-")
    found = parse_cargo(CARGO + other, workspace=True)
    assert {"calc:src/lib.rs::tests::zero", "other:src/lib.rs::tests::zero"} <= found.tests.keys()
    assert {"it:tests/it.rs::works", "it:tests/it.rs#2::works"} <= found.tests.keys()


def test_cargo_that_is_cut_off_is_not_taken_for_passed() -> None:
    assert parse_cargo(CARGO.partition("test result")[0], workspace=False).status is None


@given(st.text() | st.lists(st.sampled_from([*CARGO.splitlines(), *GO.splitlines()])).map("\n".join))
def test_anything_may_be_printed(text: str) -> None:
    for found in (parse_cargo(text, workspace=True), parse_go(text, "example.org/calc")):
        assert found.status in (None, 0, 1, 5)
        for result in found.tests.values():
            assert digest(result, ROOT)


def test_long_lines_are_no_trouble() -> None:
    text = CARGO.replace("looking", "test a - " * 200_000) + "test " + "x - " * 500_000
    assert len(parse_cargo(text, workspace=False).tests) == 7
    trace = "    at " + "f " * 9000 + "\n❯ " + "(" * 9000 + "\n\t/" + "a" * 9000
    assert frames(trace, ROOT) == ()


def test_what_the_compiler_says_first_is_why_nothing_was_built() -> None:
    plan = Plan("cargo", ("cargo", "test"), "cargo test")
    assert foreign.unbuilt(plan, Completed(101, UNBUILT, 1.0)) == "src/lib.rs:1:36: error[E0308]: mismatched types"


def test_results_of_what_was_not_asked_for_are_left_out() -> None:
    found = Outcomes({test: TestResult(test, "passed") for test in ("a::b", "a::bc", "a::b::c", "a::b/c")})
    assert list(foreign.selected(found, ["a::b"]).tests) == ["a::b", "a::b::c", "a::b/c"]
