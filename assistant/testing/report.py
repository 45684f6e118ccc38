"""Makes the report of a test run: what the tests did, or the sentence that says why nothing is known of them."""

import re
from collections.abc import Collection, Iterable, Sequence

from ossa.assistant.draft import Completed
from ossa.assistant.testing import foreign
from ossa.assistant.testing.outcomes import Outcomes
from ossa.assistant.testing.plan import CONFIGURE, Plan
from ossa.assistant.trim import shorten
from ossa.assistant.verdict import TestReport, TestResult

_OUTPUT_SHOWN = 20_000
_NOT_RUNNABLE = (126, 127)
"""How a shell says that there is no such program."""
_NOTHING_COLLECTED = 5
_PYTHONS = ("pytest", "unittest")
_INTERRUPTED = (2, 3)
"""pytest: stopped by a test or a plugin; internal error."""


def judge(plan: Plan, completed: Completed, outcomes: Outcomes, *, limit: float, selected: bool) -> TestReport:
    """The report of a run of at most `limit` seconds; `selected`: only some of the tests were asked for."""
    problem = _problem(plan, completed, outcomes, limit, selected)
    results = tuple(_cut_off(outcomes, completed)) if problem else tuple(outcomes.tests.values())
    note = ""
    if not outcomes.begun and not problem:
        results = (_by_exit_code(plan, completed),)
        note = "judged by the command's exit code alone"
    output = shorten(completed.output, _OUTPUT_SHOWN)
    return TestReport(plan.title, results, problem, output, note=note, left_out=plan.left_out)


def together(reports: Sequence[TestReport], known: Collection[str]) -> TestReport:
    """What several runners told, as one; `known` are the titles of those that have run tests before.

    One that has never run any is left out, and that is said; one that has and cannot any more is a problem of the
    whole.
    """
    first, *_ = reports
    broken = [report for report in reports if report.problem]
    if none_ran := len(broken) == len(reports):
        broken = broken[1:]  # the first one's problem is that of the whole
    lost = [f"{report.command}: {report.problem}" for report in broken if report.command in known]
    never = [f"{report.command} ({report.problem.rstrip('.')})" for report in broken if report.command not in known]
    told = [report for report in reports if report not in broken or report.command in known]
    noted = [
        f"{report.note} ({report.command})" if report.command != first.command else report.note
        for report in told
        if report.note
    ]
    left_out = [first.left_out, f"not run: {'; '.join(never)}" if never else ""]
    return TestReport(
        " and ".join(report.command for report in told),
        tuple(result for report in told for result in report.results),
        first.problem if none_ran else "; ".join(lost),
        "\n\n".join(f"{report.command}:\n{report.output}" for report in reports),
        sum(report.seconds for report in reports),
        " · ".join(noted),
        " · ".join(filter(None, left_out)),
        tuple(reports),
    )


def _problem(plan: Plan, completed: Completed, outcomes: Outcomes, limit: float, selected: bool) -> str:
    if completed.stopped and not completed.timed_out:
        return f"The tests were stopped{_in(outcomes)}: the run {completed.stopped}."
    if completed.timed_out:
        last = next(reversed(outcomes.running or outcomes.tests), "")
        only = " Outside Python only all tests together have a limit: test_timeout in your config.toml."
        whose = only if plan.kind in foreign.KINDS else ""
        return f"The tests did not end within {limit:g} s{f'; the last one started was {last}' if last else ''}.{whose}"
    if not outcomes.begun:
        return _not_begun(plan, completed)
    if outcomes.status is None:
        return f"The tests broke off {_ending(completed)}{_in(outcomes)}."
    if outcomes.status in _INTERRUPTED and not any(r.outcome == "error" for r in outcomes.tests.values()):
        told = [line.strip("! ") for line in completed.output.splitlines() if line.startswith("!!!")]
        return f"The tests were interrupted{_in(outcomes)}: {told[-1] if told else _last_line(completed.output)}"
    if not outcomes.tests or outcomes.status == _NOTHING_COLLECTED:
        if selected:
            return "None of the tests asked for exist any more."
        hint = "; tests written for pytest need it installed there" if plan.kind == "unittest" else ""
        return f"No tests were found by {plan.title}{hint}. {CONFIGURE}"
    failed = any(r.outcome in ("failed", "error") for r in outcomes.tests.values())
    if plan.kind not in _PYTHONS and completed.exit_code and not failed and not selected:
        return f"No test failed, but `{plan.title}` ended {_ending(completed)}: {_last_line(completed.output)}"
    return ""


def _not_begun(plan: Plan, completed: Completed) -> str:
    """Why no test was reached; nothing where the exit code is all that there is to judge by."""
    if unbuilt := foreign.unbuilt(plan, completed):
        return f"The tests could not be built: {unbuilt}"
    if plan.kind not in _PYTHONS:
        broken = completed.exit_code in _NOT_RUNNABLE
        return f"The test command `{plan.title}` could not be run: {_last_line(completed.output)}" if broken else ""
    lines = completed.output.splitlines()
    start = next((i for i, line in enumerate(lines) if "ImportError while loading conftest" in line), None)
    if start is not None:
        place = next((m[0] for line in lines[start:] if (m := re.match(r"\S.*?:\d+(?=: in )", line))), "a conftest.py")
        error = next(
            (line[1:].strip() for line in lines[start:] if line.startswith("E ")), _last_line(completed.output)
        )
        return f"The tests could not be loaded, {place} fails: {error}"
    told = next((line for line in lines if line.lower().startswith("error:")), _last_line(completed.output))
    return f"{plan.title} could not start (exit code {completed.exit_code}): {told}"


def _by_exit_code(plan: Plan, completed: Completed) -> TestResult:
    if completed.exit_code == 0:
        return TestResult(plan.title, "passed", seconds=completed.seconds)
    message = f"It ended {_ending(completed)}: {_last_line(completed.output)}"
    return TestResult(plan.title, "failed", message, shorten(completed.output, _OUTPUT_SHOWN), completed.seconds)


def _cut_off(outcomes: Outcomes, completed: Completed) -> Iterable[TestResult]:
    """The tests that were reached; those in which the run ended are errors."""
    yield from (result for result in outcomes.tests.values() if result.id not in outcomes.running)
    how = "It did not end in time." if completed.timed_out else f"The run broke off here {_ending(completed)}."
    yield from (TestResult(test, "error", how) for test in outcomes.running)


def _ending(completed: Completed) -> str:
    code = completed.exit_code
    signal = -code if code < 0 else code - 128
    return f"by signal {signal}" if 0 < signal < 65 else f"with exit code {code}"


def _in(outcomes: Outcomes) -> str:
    return f" in {next(reversed(outcomes.running))}" if outcomes.running else ""


def _last_line(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return shorten(lines[-1], 300) if lines else "it printed nothing."
