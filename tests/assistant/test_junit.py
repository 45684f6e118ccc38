"""JUnit XML in the shapes that several runners write (mocha, vitest and node as run, the others from their formats)."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.testing.junit import parse_junit, read_junit
from ossa.assistant.testing.outcomes import Outcomes

ROOT = Path("/repository")

MOCHA = """<testsuite name="Mocha Tests" tests="4" failures="0" errors="2" skipped="1" time="0.009">
<testcase classname="" name="div" file="/repository/test/m.js" time="0"><failure>by zero
RangeError: by zero
    at exports.div (src/calc.js:2:46)
    at Context.&#x3C;anonymous&#x3E; (test/m.js:3:17)</failure></testcase>
<testcase classname="" name="later" file="/repository/test/m.js" time="0"><skipped/></testcase>
<testcase classname="add" name="adds" file="/repository/test/m.js" time="0.001"><failure>Expected values to be equal:

-1 !== 3
</failure></testcase>
<testcase classname="add" name="zero" file="/repository/test/m.js" time="0"/>
</testsuite>"""
VITEST = """<?xml version="1.0" encoding="UTF-8" ?>
<testsuites name="vitest tests" tests="5" failures="3" errors="0" time="0.008849761">
    <testsuite name="vt/broken.test.ts" tests="1" failures="1" time="0">
        <testcase classname="vt/broken.test.ts" name="vt/broken.test.ts" time="0">
            <failure message="Cannot find module &apos;./nope&apos;" type="Error">
Error: Cannot find module
 ❯ vt/broken.test.ts:1:1
            </failure>
        </testcase>
    </testsuite>
    <testsuite name="vt/calc.test.ts" tests="4" failures="2" skipped="1" time="0.008849761">
        <testcase classname="vt/calc.test.ts" name="add &gt; adds" time="0.006306705">
            <failure message="expected -1 to be 3" type="AssertionError">AssertionError: expected -1 to be 3</failure>
        </testcase>
        <testcase classname="vt/calc.test.ts" name="later" time="0"><skipped/></testcase>
    </testsuite>
</testsuites>"""
NODE = """<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testsuite name="add" time="0.006478" tests="2" failures="1">
		<testcase name="adds" time="0.001833" classname="test" failure="-1 !== 3">
			<failure type="testCodeFailure" message="-1 !== 3">Error [ERR_TEST_FAILURE]: -1 !== 3</failure>
		</testcase>
		<testcase name="zero" time="0.000138" classname="test"/>
	</testsuite>
	<!-- tests 2 -->
</testsuites>"""
PYTEST = """<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite name="pytest" errors="1" failures="0">
<testcase classname="tests.test_calc.TestDiv" name="test_zero[1]" file="tests/test_calc.py" line="3" time="0.001" />
<testcase classname="tests.test_calc" name="test_late" file="tests/test_calc.py" time="1e999">
<error message="failed on setup with &quot;ValueError: no&quot;">def bad(): ...</error></testcase>
</testsuite></testsuites>"""
NEXTEST = """<testsuites name="nextest-run" tests="2" failures="1"><testsuite name="calc::it" tests="2" failures="1">
<testcase name="breaks" classname="calc::it" time="0.1"><failure message="thread 'breaks' panicked" type="test failure"
>thread 'breaks' panicked at tests/it.rs:2:39:</failure><rerunFailure type="test failure"/></testcase>
<testcase name="shaky" classname="calc::it" time="0.1"><flakyFailure type="test failure">once</flakyFailure></testcase>
</testsuite></testsuites>"""
GOTESTSUM = """<testsuites tests="2" failures="1"><testsuite tests="2" failures="1" name="example.org/calc/calc">
<testcase classname="calc" name="TestAdd/small_one" time="0.000"><failure message="Failed" type="">calc_test.go:8: Add
</failure></testcase><testcase classname="calc" name="TestFine" time="0"></testcase></testsuite></testsuites>"""

TOLD = {
    "mocha": (
        MOCHA,
        {
            "test/m.js::div": "failed",
            "test/m.js::later": "skipped",
            "test/m.js::add::adds": "failed",
            "test/m.js::add::zero": "passed",
        },
    ),
    "vitest": (
        VITEST,
        {
            "vt/broken.test.ts": "failed",
            "vt/calc.test.ts::add > adds": "failed",
            "vt/calc.test.ts::later": "skipped",
        },
    ),
    "node": (NODE, {"add::adds": "failed", "add::zero": "passed"}),
    "pytest": (
        PYTEST,
        {"tests/test_calc.py::TestDiv::test_zero[1]": "passed", "tests/test_calc.py::test_late": "error"},
    ),
    "nextest": (NEXTEST, {"calc::it::breaks": "failed", "calc::it::shaky": "passed"}),
    "gotestsum": (
        GOTESTSUM,
        {
            "example.org/calc/calc::calc::TestAdd/small_one": "failed",
            "example.org/calc/calc::calc::TestFine": "passed",
        },
    ),
}


def outcomes(found: Outcomes) -> dict[str, str]:
    return {test: result.outcome for test, result in found.tests.items()}


@pytest.mark.parametrize("runner", TOLD)
def test_each_test_is_told_by_its_id(runner: str) -> None:
    text, expected = TOLD[runner]
    found = parse_junit(text.encode(), ROOT)
    assert outcomes(found) == expected
    assert found.status == 1


def test_a_failure_keeps_its_message_and_its_trace() -> None:
    results = parse_junit(MOCHA.encode(), ROOT).tests
    assert results["test/m.js::add::adds"].message == "Expected values to be equal:\n-1 !== 3"
    assert results["test/m.js::div"].trace.endswith("at Context.<anonymous> (test/m.js:3:17)")
    assert results["test/m.js::add::adds"].seconds == 0.001


def test_all_passing_and_nothing_at_all_are_told_apart() -> None:
    assert parse_junit(b'<testsuite><testcase name="a"/></testsuite>', ROOT).status == 0
    assert parse_junit(b"<testsuites></testsuites>", ROOT).status == 5
    assert not read_junit(Path("/nonexistent/junit.xml"), ROOT).begun


def test_of_a_file_that_breaks_off_what_came_before_is_known() -> None:
    found = parse_junit(MOCHA.rpartition("zero")[0].encode(), ROOT)
    assert set(outcomes(found)) == {"test/m.js::div", "test/m.js::later", "test/m.js::add::adds"}
    assert found.status is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused(encoding: str) -> None:
    lol = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    head = f'<?xml version="1.0" encoding="{encoding}"?>' if encoding == "utf-8" else ""
    text = f'{head}<!DOCTYPE x [<!ENTITY l0 "lol">{lol}<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    text += '<testsuite><testcase name="a"><failure>&l11;&e;</failure></testcase></testsuite>'
    assert not parse_junit(text.encode(encoding), ROOT).tests


def test_depth_and_length_are_no_trouble() -> None:
    deep = '<testsuite name="s">' * 5000 + '<testcase name="a" classname="b"/>' + "</testsuite>" * 5000
    (result,) = parse_junit(deep.encode(), ROOT).tests.values()
    assert len(result.id) <= 1000
    long = f'<testsuite><testcase name="a"><failure>{"x" * 3_000_000}</failure></testcase></testsuite>'
    assert len(parse_junit(long.encode(), ROOT).tests["a"].trace) < 21_000


@given(st.binary() | st.text().map(lambda text: f"<testsuite><testcase name='{text}'/>{text}</testsuite>".encode()))
def test_anything_may_stand_there(data: bytes) -> None:
    assert parse_junit(data, ROOT).status in (None, 0, 1, 5)
