"""What the window shows never contradicts what has happened, whatever order things come in."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import (
    Answering,
    Composed,
    Proposed,
    Spoken,
    StepFinished,
    StepOutput,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.review import Decision
from ossa.assistant.verdict import Verdict
from ossa.model.base import Message, Usage
from ossa.tui.widgets.answer import Answer
from ossa.tui.widgets.conversation import Earlier
from ossa.tui.widgets.pane import PaneTitle

if TYPE_CHECKING:
    from tests.tui.conftest import Open


async def test_what_is_typed_after_applying_goes_to_the_prompt(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("A")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        await stage.pilot.press(*"now")
        await stage.pilot.press("space", *"update")
        assert stage.app.window.prompt.text == "now update"
        assert stage.agent.asked == ["mend it"]


async def test_a_change_that_was_taken_back_is_not_offered_again(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", "escape", "A")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        await stage.send("/undo")
        await stage.shows("+3 −2  taken back")
        assert "✓ accepted" not in stage.text and "✗ rejected" in stage.text
        await stage.pilot.press("ctrl+r")
        await stage.until(lambda: stage.app.window.change.has_focus)
        assert stage.agent.asked == ["mend it", "/undo"]


async def test_a_rejected_change_is_over(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", "escape", "r", "escape", "r", "escape", "enter")
        await stage.shows("+3 −2  rejected")


async def test_a_put_off_change_is_over_once_the_draft_holds_none(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.send("/discard")
        await stage.shows("+3 −2  gone from the draft")


async def test_decisions_outlive_a_review_that_is_put_off(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed], [proposed], holds=proposed.change) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", *"why", "enter", "escape", "escape")
        await stage.shows("+3 −2  put off")
        await stage.send("/review")
        await stage.review()
        await stage.shows("1 of 3 decided")
        await stage.pilot.press("A")
        await stage.until(lambda: len(stage.agent.decisions) == 2)
        assert Decision("h1", False, "why") in (stage.agent.decisions[1] or [])


async def test_figures_of_the_past_are_not_shown_as_the_present(open_window: "Open") -> None:
    usage = Usage(prompt_tokens=500, reused_tokens=400, output_tokens=50, decode_seconds=2.0)
    said = [Composed(Message("user", "x"), (), 500, 8192), Spoken(Message("assistant", "y"), usage)]
    async with open_window(history=[TurnStarted("x"), *said, TurnFinished("answered")]) as stage:
        await stage.shows("scripted")
        assert "tok/s" not in stage.text and "8,192" not in stage.text


async def test_a_log_with_a_gap_is_shown_as_far_as_it_goes(open_window: "Open") -> None:
    orphans = [StepOutput("s", "out"), StepFinished("s", True, "3 lines", "out"), StepFinished("s", True, "again")]
    async with open_window(orphans, history=[*orphans, TurnFinished("answered")]) as stage:
        await stage.shows("3 lines")
        await stage.send("go on")
        await stage.until(lambda: stage.text.count("3 lines") == 2)


async def test_earlier_turns_are_asked_for_twice(open_window: "Open") -> None:
    told = [event for n in range(15) for event in (TurnStarted(f"question {n}."), TurnFinished("answered"))]
    async with open_window(history=told, size=(120, 60)) as stage:
        earlier = stage.app.window.query_one(Earlier)
        earlier.action_load()
        earlier.action_load()
        stage.app.window.conversation.scroll_home(animate=False)
        await stage.shows("question 0.")
        assert stage.text.count("question 0.") == 1


async def test_the_title_of_the_column_in_focus_is_lit_after_a_reason(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", *"why", "enter")
        await stage.until(lambda: stage.app.window.change.has_focus)
        await stage.pilot.pause()
        lit = [title for title in stage.app.window.query(PaneTitle) if title.has_class("-lit")]
        assert [title.parent and title.parent.id for title in lit] == ["side"]


async def test_what_looks_like_html_in_an_answer_is_text(open_window: "Open") -> None:
    async with open_window([Answering("Give a list<int> to <name>.\n\n<div>block</div>\n")]) as stage:
        await stage.send("how?")
        await stage.shows("Give a list<int> to <name>.")
        await stage.shows("<div>block</div>")


async def test_a_word_of_the_window_does_not_cut_an_answer_in_two(open_window: "Open") -> None:
    go_on = asyncio.Event()
    async with open_window([Answering("```python\nx = 1\n"), go_on, Answering("y = 2\n```\n")]) as stage:
        await stage.send("how?")
        await stage.shows("x = 1")
        await stage.send("/nonsense")
        await stage.shows("There is no command /nonsense")
        go_on.set()
        await stage.shows("y = 2")
        assert len(stage.app.window.query(Answer)) == 1


async def test_a_single_word_of_reasoning_is_one(open_window: "Open") -> None:
    async with open_window([Thinking("Hm"), Answering("Yes.")]) as stage:
        await stage.send("well?")
        await stage.shows("Thought · 1 word · ")


async def test_a_folder_that_was_closed_stays_closed(open_window: "Open", repository: Path) -> None:
    async with open_window() as stage:
        await stage.shows("lib •")
        stage.app.window.files.focus()
        await stage.pilot.press("enter")
        await stage.shows("deep.py M")
        await stage.pilot.press("enter")
        await stage.until(lambda: "deep.py" not in stage.text)
        (repository / "lib/other.py").write_text("")
        (repository / "last.txt").write_text("")
        await stage.shows("last.txt ?")
        assert "deep.py" not in stage.text
        await stage.pilot.press("enter")
        await stage.shows("other.py ?")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_question_shows_the_whole_command_and_its_keys(open_window: "Open", size: tuple[int, int]) -> None:
    command = "\n".join(f"echo {n} " + "x" * 150 for n in range(40))
    async with open_window(size=size) as stage:
        asked = asyncio.ensure_future(stage.agent.reviewer.permit(command, "Nothing confines it.", command))
        await stage.shows("run it once")
        assert "echo 0 " in stage.text and "Nothing confines it." in stage.text
        await stage.pilot.press("end")
        await stage.shows("echo 39 ")
        assert "Nothing confines it." in stage.text and "run it once" in stage.text
        while not asked.done():
            await stage.pilot.press("n")
        assert await asked == "no"


async def test_a_long_name_of_a_test_keeps_its_column(open_window: "Open", proposed: Proposed) -> None:
    name = "tests/test_summary.py::TestSummary::test_purposes_in_order_and_what_is_left"
    async with open_window([Proposed(proposed.change, Verdict("pytest", 1, 1, fixed=(name,)))]) as stage:
        await stage.send("mend it")
        await stage.shows("fixed   test_purposes_i")
        await stage.shows("what_is_left")


async def test_sessions_cannot_be_listed_before_there_is_a_workbench(open_window: "Open") -> None:
    async with open_window(failure=ValueError("no")) as stage:
        await stage.send("/sessions")
        await stage.shows("ossa did not start")


async def test_the_reason_is_asked_for_where_the_change_is_being_read(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed], size=(120, 16)) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r")
        await stage.shows("Why not 1/3?")
        assert stage.app.window.change.scroll_y == 0
