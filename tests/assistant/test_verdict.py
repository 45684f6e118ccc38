"""The verdict: what two runs of the tests say of a change, and no more than that."""

from typing import cast, get_args

from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.verdict import Outcome, TestReport, TestResult, compare


def report(problem: str = "", note: str = "", **outcomes: str) -> TestReport:
    """A run; in the names of tests, "__" stands for "::"."""
    results = tuple(
        TestResult(name.replace("__", "::"), cast("Outcome", outcome)) for name, outcome in outcomes.items()
    )
    return TestReport("pytest", results, problem, note=note)


def test_each_test_is_judged_by_what_it_was() -> None:
    before = report(good="passed", bad="failed", worse="error", sad="failed", gone="passed", left="skipped")
    after = report(good="failed", bad="passed", worse="passed", sad="error", new="passed", left="skipped")
    verdict = compare(before, after)
    assert verdict.fixed == ("bad", "worse")
    assert verdict.broken == ("good",)
    assert verdict.still_failing == ("sad",)
    assert verdict.missing == ("gone",)
    assert verdict.summary == "3/5 passed · 2 fixed · 1 broken · 1 still failing · 1 no longer run"
    assert not verdict.proved


def test_all_passing_is_proof() -> None:
    verdict = compare(report(a="failed", b="passed"), report(a="passed", b="passed"))
    assert verdict.proved
    assert verdict.summary == "2/2 passed · 1 fixed · 0 broken"


def test_skipping_a_failing_test_is_no_repair() -> None:
    verdict = compare(report(a="failed", b="passed"), report(a="skipped", b="passed"))
    assert (verdict.fixed, verdict.missing, verdict.proved) == ((), ("a",), False)


def test_a_file_that_can_be_imported_again_counts_by_its_tests() -> None:
    before = report(**{"t.py": "error", "u.py": "passed"})
    healed = compare(before, report(**{"t.py__a": "passed", "t.py__b": "passed", "u.py": "passed"}))
    assert (healed.fixed, healed.missing, healed.proved) == (("t.py",), (), True)
    partly = compare(before, report(**{"t.py__a": "passed", "t.py__b": "failed", "u.py": "passed"}))
    assert (partly.fixed, partly.broken, partly.still_failing) == ((), (), ("t.py::b",))
    spoilt = compare(report(**{"t.py__a": "passed"}), report(**{"t.py": "error"}))
    assert (spoilt.broken, spoilt.missing) == (("t.py",), ("t.py::a",))


def test_what_was_not_reached_before_cannot_be_broken() -> None:
    before = report("The tests did not end within 9 s.", a="passed", hangs="error")
    verdict = compare(before, report(a="passed", hangs="passed", c="passed"))
    assert verdict.proved
    assert verdict.fixed == ("hangs",)
    assert verdict.summary.endswith("0 broken · before the change: The tests did not end within 9 s.")
    failing = compare(before, report(a="failed", hangs="passed", c="failed"))
    assert (failing.broken, failing.still_failing) == (("a",), ("c",))


def test_a_run_with_a_problem_proves_nothing() -> None:
    verdict = compare(report(a="failed"), report("pytest is not installed.", a="passed"))
    assert not verdict.proved
    assert verdict.summary == "not tested: pytest is not installed."
    assert not compare(report("none found"), report("none found")).proved
    assert not compare(report(), report()).proved


def test_how_it_was_judged_is_said() -> None:
    note = "judged by the command's exit code alone"
    verdict = compare(report(note=note, make="failed"), report(note=note, make="passed"))
    assert verdict.proved
    assert verdict.summary == f"1/1 passed · 1 fixed · 0 broken · {note}"


RUNS = st.dictionaries(st.sampled_from(["a", "b", "f", "f__x", "f__y"]), st.sampled_from(get_args(Outcome)))


@given(RUNS, RUNS, st.sampled_from(["", "cut off"]))
def test_every_test_has_one_fate_at_most(before: dict[str, Outcome], after: dict[str, Outcome], problem: str) -> None:
    verdict = compare(report(problem, **before), report(**after))
    told = [*verdict.fixed, *verdict.broken, *verdict.still_failing, *verdict.missing]
    assert len(told) == len(set(told))
    failing = {name.replace("__", "::") for name, outcome in after.items() if outcome in ("failed", "error")}
    assert {*verdict.broken, *verdict.still_failing} == failing
    assert verdict.passed + len(failing) == verdict.total
    if verdict.proved:
        assert not failing
        assert verdict.passed


def test_what_failing_tests_said_is_kept_the_end_of_it_where_that_is_long() -> None:
    before = TestReport("pytest", (TestResult("mended", "failed", "E was 3", "line 1\nE was 3"),))
    results = (TestResult("mended", "passed"), TestResult("new", "error", "E", "x" * 10_000 + "E"))
    verdict = compare(before, TestReport("pytest", results))
    assert verdict.output("mended") == "line 1\nE was 3"
    assert verdict.output("new").startswith("…x") and verdict.output("new").endswith("xE")
    assert verdict.output("other") == ""
