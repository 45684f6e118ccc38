"""A change is decided hunk by hunk, by keys alone."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from textual import events

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import Answering, Event, Proposed, Reviewed, TurnFinished
from ossa.assistant.review import Decision
from ossa.assistant.verdict import Verdict

if TYPE_CHECKING:
    from tests.tui.conftest import Open


async def test_each_hunk_is_accepted_or_rejected_with_a_reason(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        assert "2/2 passed · 1 fixed · 0 broken" in stage.text
        await stage.pilot.press("a", "r", *"no", "enter", "a")
        await stage.until(lambda: stage.app.window.change.undecided == 0)
        await stage.shows("2 files, +3 −2  ⏎ applies")
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.decisions)
        assert stage.agent.decisions == [[Decision("h1", True), Decision("h2", False, "no"), Decision("h3", True)]]
        await stage.shows("2 accepted · 1 rejected")


async def test_a_capital_a_accepts_the_rest_and_applies(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", "escape", "A")
        await stage.until(lambda: stage.agent.decisions)
        assert [d.accepted for d in stage.agent.decisions[0] or ()] == [False, True, True]


async def test_a_decision_is_taken_back_and_nothing_is_applied_before_all_are_decided(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        change = stage.app.window.change
        await stage.pilot.press("a", "enter", "p", "u")
        assert [view.state for view in change.hunks] == ["pending"] * 3
        await stage.pilot.press("n", "n", "a")
        assert [view.state for view in change.hunks] == ["pending", "pending", "accepted"]
        assert change.phase == "reviewing" and not stage.agent.decisions


async def test_keys_do_nothing_while_the_review_has_just_come_up(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        change = stage.app.window.change
        change.guard_seconds = 1000
        await stage.send("mend it")
        await stage.until(lambda: change.phase == "reviewing" and change.has_focus)
        assert not change.armed
        await stage.pilot.press("a", "A", "ctrl+r")
        assert not stage.agent.decisions and change.undecided == 3 and change.has_focus


async def test_the_focus_stays_with_someone_who_is_typing(open_window: "Open", proposed: Proposed) -> None:
    ready = asyncio.Event()
    async with open_window([ready, proposed]) as stage:
        await stage.send("mend it")
        stage.app.window.prompt.text = "and then"
        ready.set()
        await stage.until(lambda: stage.app.window.change.phase == "reviewing")
        assert stage.app.window.prompt.has_focus
        await stage.shows("A change waits for your review")


async def test_another_prompt_puts_the_review_off_and_goes_on(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed], [Answering("Going on.")]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.send("first explain it")
        await stage.shows("Going on.")
        assert stage.agent.decisions == [None]
        assert stage.agent.asked == ["mend it", "first explain it"]


async def test_after_applying_u_takes_the_change_back(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("A")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        stage.app.window.change.focus()
        await stage.pilot.press("u")
        await stage.shows("Taken back: calc.py")


async def test_what_the_tests_said_stands_above_the_change(open_window: "Open", proposed: Proposed) -> None:
    bad = Verdict("pytest", 1, 2, broken=("test_calc.py::test_half",))
    async with open_window([Proposed(proposed.change, bad)]) as stage:
        await stage.send("mend it")
        await stage.shows("✗ 1/2 passed")
        assert "broken  test_calc.py::test_half" in stage.text


@pytest.mark.parametrize("width", [60, 120])
async def test_a_huge_hunk_and_an_endless_line_are_shown_at_once(open_window: "Open", width: int) -> None:
    lines = tuple(f"line {n}\n" for n in range(10_000))
    huge = Change((FileChange("big.py", "added", (Hunk("h", 0, (), (*lines, "x" * 100_000 + "\n")),)),))
    async with open_window([Proposed(huge, Verdict("pytest", 1, 1))], size=(width, 30)) as stage:
        await stage.send("write it")
        await stage.review()
        await stage.shows("line 7")
        change, seen = stage.app.window.change, list[float]()
        stage.app.watch(change, "scroll_y", lambda now: seen.append(now), init=False)
        await stage.pilot.press("end")
        await stage.shows("98,000 more")
        await stage.pilot.press("home")
        await stage.shows("line 7")
        assert len(seen) == 2, "each end is gone to at once"


async def test_a_command_can_be_begun_from_the_change_and_decides_nothing(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("slash", *"ar")
        await stage.until(lambda: stage.app.window.prompt.text == "/ar")
        assert stage.app.window.prompt.has_focus
        assert stage.app.window.change.undecided == len(stage.app.window.change.hunks)


async def test_letters_that_come_at_once_behind_the_slash_go_to_the_prompt(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed], size=(80, 24)) as stage:
        await stage.send("mend it")
        await stage.review()
        for letter in "/arA":
            stage.app.post_message(events.Key("slash" if letter == "/" else letter, letter))
        await stage.until(lambda: stage.app.window.prompt.text == "/arA")
        assert stage.app.window.change.undecided == len(stage.app.window.change.hunks)


async def test_an_accept_that_comes_through_as_the_window_closes_is_not_shown_any_more(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
    decided = tuple(Decision(view.hunk.id, True) for view in stage.app.window.change.hunks)

    async def told() -> AsyncIterator[Event]:
        yield Reviewed(decided, ("calc.py",), "c1")
        yield TurnFinished("applied")

    await stage.app.player._play(told())
    assert stage.app.player.idle.is_set() and stage.app.window.change.phase != "applied"
