"""Several repairs passed: they are tabs of the review, and another one can be chosen, proved and shown."""

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import Attempt, Notice, Proposed, Searching, StepFinished, StepStarted
from ossa.assistant.review import Alternative, Alternatives, Choose
from ossa.assistant.verdict import Verdict
from ossa.tui.widgets.attempts import Attempts
from ossa.tui.widgets.failing import FailingTest, FailingTests
from ossa.tui.widgets.repairs import RepairTab

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage

REPAIRS = (
    Alternative("calc.py:2 add", "    return a + b", proof="2/2 passed"),
    Alternative("calc.py:2 add", "    return a * b\n    # really"),
    Alternative("calc.py:2 add", "", lost="return"),
)
FAILS = "test_calc.py::test_half"


def repair(number: int, *, failing: tuple[str, ...] = ()) -> Proposed:
    """The change that is this one of the repairs."""
    after = ("    return a + b\n", "    return a * b\n", "    pass\n")[number - 1]
    change = Change((FileChange("calc.py", "modified", (Hunk(f"h{number}", 1, ("    return a - b\n",), (after,)),)),))
    return Proposed(
        change, Verdict("pytest", 2, 2, ("test_calc.py::test_add",), (), failing), Alternatives(REPAIRS, number)
    )


def tabs(stage: "Stage") -> list[str]:
    return [str(tab.content) for tab in stage.app.query(RepairTab)]


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_repair_is_a_tab_with_its_place_and_evidence(open_window: "Open", size: tuple[int, int]) -> None:
    async with open_window([repair(1)], size=size) as stage:
        await stage.send("/fix")
        await stage.review()
        if size[0] == 80:
            await stage.shows("●1 calc.py:2 add")
            await stage.shows("○3 calc.py:2 add")
            assert tabs(stage) == [
                "●1 calc.py:2 add\n   return a + b\n   2/2 passed",
                "○2 calc.py:2 add\n   return a * b …\n   passed",
                "○3 calc.py:2 add\n   (lines taken out)\n   does less: return",
            ]
        else:
            await stage.shows("●1 return a + b  2/2 passed  calc.py:2 add")
            await stage.shows("○2 return a * b …  passed  calc.py:2 add")
            await stage.shows("○3 (lines taken out)  does less: return")


@pytest.mark.parametrize(("key", "number"), [("2", 2), ("3", 3), ("]", 2), ("[", 3), ("click", 2)])
async def test_another_repair_is_chosen_tested_and_shown(open_window: "Open", key: str, number: int) -> None:
    tested = asyncio.Event()
    async with open_window([repair(1), tested, repair(number)]) as stage:
        await stage.send("/fix")
        await stage.review()
        await stage.pilot.press("1")
        assert not stage.agent.answers, "it is shown already"
        if key == "click":
            await stage.pilot.click(list(stage.app.query(RepairTab))[1])
        else:
            await stage.pilot.press(key)
        await stage.until(lambda: stage.agent.answers)
        assert stage.agent.answers == [Choose(number)]
        await stage.shows(f"◦ testing repair {number} … · before:")
        assert "◦ testing" in tabs(stage)[number - 1]
        tested.set()
        await stage.review()
        await stage.shows(f"●{number} ")
        assert "before:" not in stage.text
        await stage.pilot.press("A")
        await stage.until(lambda: stage.agent.decisions)
        assert [d.hunk for d in stage.agent.decisions[0] or ()] == [f"h{number}"]


async def test_a_repair_that_does_not_hold_is_said_and_the_former_stays(open_window: "Open") -> None:
    first = repair(1)
    async with open_window([first, Notice("Repair 2 passed, but not in a run of its own."), first]) as stage:
        await stage.send("/fix")
        await stage.review()
        await stage.pilot.press("2")
        await stage.until(lambda: stage.app._notifications)
        assert [n.message for n in stage.app._notifications] == ["Repair 2 passed, but not in a run of its own."]
        await stage.review()
        assert stage.app.window.change.alternatives.shown == 1 and "before:" not in stage.text


async def test_esc_while_a_repair_is_tested_leaves_the_former(open_window: "Open") -> None:
    first = repair(1)
    async with open_window([first, asyncio.Event()], holds=first.change) as stage:
        await stage.send("/fix")
        await stage.review()
        await stage.pilot.press("2")
        await stage.shows("◦ testing repair 2")
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.window.change.phase == "shown")
        await stage.pilot.pause()
        assert "◦ testing" not in stage.text and tabs(stage)[0].startswith("●")


async def test_one_repair_alone_has_no_tabs_and_no_keys(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("1", "2", "]", "[")
        assert not stage.app.query(RepairTab) and not stage.agent.answers


async def test_a_failing_test_of_the_verdict_is_repaired_by_a_key(open_window: "Open") -> None:
    one = repair(1, failing=("test_calc.py::test_third", FAILS))
    async with open_window([one], holds=one.change) as stage:
        await stage.send("/fix")
        await stage.review()
        await stage.shows("f fix")
        await stage.pilot.press("f")
        await stage.until(lambda: len(stage.agent.asked) == 2)
        assert stage.agent.asked[1] == "/fix test_calc.py::test_third" and stage.agent.decisions == [None]


async def test_the_failing_test_in_focus_is_the_one_that_is_repaired(open_window: "Open") -> None:
    one = repair(1, failing=("test_calc.py::test_third", FAILS))
    async with open_window([one], holds=one.change) as stage:
        await stage.send("/fix")
        await stage.review()
        await stage.pilot.press("tab", "tab")
        await stage.until(lambda: isinstance(stage.app.focused, FailingTest))
        await stage.pilot.press("f")
        await stage.until(lambda: len(stage.agent.asked) == 2)
        assert stage.agent.asked[1] == f"/fix {FAILS}"


async def test_a_click_on_a_test_that_failed_repairs_it_once_no_turn_runs(open_window: "Open") -> None:
    before, after = ("test_calc.py::test_add", FAILS), (FAILS,)
    steps = [StepStarted("t1", "tests"), StepFinished("t1", False, "2 failed", failing=before)]
    steps += [StepStarted("t2", "tests"), StepFinished("t2", False, "1 failed", failing=after)]
    over = asyncio.Event()
    async with open_window([*steps, over]) as stage:
        await stage.send("/test")
        await stage.until(lambda: [str(t.content) for t in stage.app.query(FailingTest)] == [FAILS])
        await stage.pilot.click(FailingTest)
        await stage.shows("A turn is running")
        over.set()
        await stage.until(lambda: stage.app.window.status.state == "ready")
        await stage.shows("done ·")
        await stage.pilot.click(FailingTest)
        await stage.until(lambda: stage.agent.asked == ["/test", f"/fix {FAILS}"])


async def test_what_failed_is_gone_once_nothing_fails_and_many_are_counted(open_window: "Open") -> None:
    many = tuple(f"test_calc.py::test_{n}" for n in range(9))
    go_on = asyncio.Event()
    run = [StepStarted("t1", "tests"), StepFinished("t1", False, "9 failed", failing=many), go_on]
    run += [StepStarted("x", "open"), StepFinished("x", True, "1 line")]
    async with open_window(
        [*run, StepStarted("t2", "tests"), StepFinished("t2", True, "9 passed", failing=())]
    ) as stage:
        await stage.send("/test")
        await stage.shows("and 3 more")
        go_on.set()
        await stage.shows("9 passed")
        await stage.until(lambda: not stage.app.query(FailingTests))


async def test_a_search_shows_its_budget_place_and_what_has_passed(open_window: "Open") -> None:
    begun, more = asyncio.Event(), asyncio.Event()
    tries = [Attempt(n, 1500, f"calc.py:{n} add", f"return {n}", "still fails: 1 != 2") for n in (1, 2)]
    passed = replace(tries[1], number=3, ok=True, outcome="2/2 passed", text="    return a + b")
    async with open_window([Searching(180, 1500), begun, *tries, passed, more], size=(160, 40)) as stage:
        await stage.send("/fix")
        await stage.shows("/180 s · 0/1,500")
        assert "━" in stage.text and "looking for the place" in stage.text
        await stage.until(lambda: re.search(r"Searching \d+ s  esc stops", stage.text), "how to stop")
        begun.set()
        await stage.shows("/180 s · 3/1,500 · 1 passed")
        assert "at calc.py:2 add" in stage.text and "✓ calc.py:2 add  return a + b" in stage.text
        await stage.shows("s  esc keeps the best so far")
        assert "still fails: 1 != 2" in stage.text and "esc stops" not in stage.text
        await stage.until(lambda: re.search(r" [1-9]\d*/180 s", stage.text), "the seconds")
        more.set()
        await stage.shows("3 candidates tried · 1 passed")
        assert "/180 s" not in stage.text and not stage.app.query_one(Attempts).has_class("-running")
