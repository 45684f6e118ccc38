"""The window shows what a turn tells, and does what is typed and pressed."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import (
    Answering,
    Attempt,
    Composed,
    Event,
    Failure,
    Notice,
    Proposed,
    Reading,
    Spoken,
    StepFinished,
    StepOutput,
    StepStarted,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.repository import NotARepository
from ossa.model.base import Message, Usage
from ossa.tui.widgets.conversation import Earlier, TurnBlock

if TYPE_CHECKING:
    from tests.tui.conftest import Open

USAGE = Usage(prompt_tokens=500, reused_tokens=400, output_tokens=50, decode_seconds=2.0)


async def test_a_turn_is_told_as_it_happens(open_window: "Open") -> None:
    reading, thinking, working = asyncio.Event(), asyncio.Event(), asyncio.Event()
    message = Message("assistant")
    script = [
        Composed(Message("user", "why?"), (), 500, 8192),
        Reading(250, 500, 400),
        reading,
        Thinking("Let me see what this is."),
        thinking,
        Answering("It **sub"),
        Answering("tracts**."),
        Spoken(message, USAGE),
        StepStarted("1", "run tests", "pytest -q"),
        StepOutput("1", "F.\n"),
        working,
        StepFinished("1", False, "1 failed, 1 passed", "F.\nE assert -1 == 3\n"),
        Notice("That was all."),
    ]
    async with open_window(script) as stage:
        await stage.send("why?")
        await stage.shows("250/500 tokens, 400 known")
        reading.set()
        await stage.shows("Thinking · 5 words")
        assert "Let me see" not in stage.text
        thinking.set()
        await stage.shows("It subtracts.")
        await stage.shows("◦ run tests  running")
        working.set()
        await stage.shows("✗ run tests  1 failed, 1 passed")
        await stage.shows("That was all.")
        await stage.shows("25.0 tok/s · 400 known + 100 new")
        await stage.pilot.press("ctrl+o")
        await stage.shows("Let me see what this is.")
        await stage.shows("E assert -1 == 3")
        await stage.pilot.press("ctrl+o")
        await stage.until(lambda: "E assert" not in stage.text)


async def test_attempts_are_counted_in_one_place(open_window: "Open") -> None:
    tries: list[Event] = [Attempt(n, 12, "calc.py:1 add", "def add(): ...", "still fails", n == 6) for n in range(1, 7)]
    async with open_window([*tries[:3], Reading(1, 2), *tries[3:], more := asyncio.Event()]) as stage:
        await stage.send("/fix")
        await stage.shows("Attempt 6 of at most 12 · 1 passed")
        assert stage.text.count("Attempt 6 of at most") == 1 and stage.text.count("calc.py:1 add") == 3
        more.set()
        await stage.shows("6 candidates tried · 1 passed")
        assert stage.text.count("calc.py:1 add") == 1


async def test_escape_cancels_the_turn(open_window: "Open") -> None:
    async with open_window([Answering("So"), asyncio.Event(), Answering(" far")]) as stage:
        await stage.send("talk")
        await stage.shows("So")
        await stage.pilot.press("escape")
        await stage.shows("cancelled")
        await stage.until(lambda: stage.app.window.status.state == "ready")


async def test_a_prompt_sent_meanwhile_waits_for_its_turn(open_window: "Open") -> None:
    gate = asyncio.Event()
    async with open_window([gate, Answering("First.")], [Answering("Second.")]) as stage:
        await stage.send("one")
        await stage.send("two")
        await stage.shows("1 waiting")
        gate.set()
        await stage.shows("Second.")
        assert stage.agent.asked == ["one", "two"]


async def test_nothing_that_a_model_writes_is_obeyed(open_window: "Open") -> None:
    hostile = "\x1b[31mred\x1b[0m [bold]b[/bold] [@click=app.quit]q[/] \x07\u202e"
    script = [
        Thinking(hostile),
        Answering(hostile + "\n\n" + "long " + "x" * 100_000 + "\n\nthe end"),
        StepStarted("1", hostile, hostile),
        StepFinished("1", True, hostile, hostile),
        Notice(hostile),
        Failure(hostile),
    ]
    async with open_window(script, size=(240, 100)) as stage:
        await stage.send(hostile)
        await stage.shows("the end")
        await stage.shows("done · 0.1 s")
        assert stage.text.count("[bold]b[/bold] [@click=app.quit]q[/]") >= 5
        assert "\x1b" not in stage.text and "\u202e" not in stage.text
        assert "not shown)" in stage.text


async def test_what_went_wrong_is_said_and_the_window_stays(open_window: "Open") -> None:
    failure = NotARepository("This is no git repository. Run `git init` there.")
    async with open_window(failure=failure) as stage:
        await stage.shows("✗ This is no git repository.")
        await stage.shows("calc.py")
        await stage.send("hello")
        await stage.shows("ossa did not start")


async def test_someone_reading_further_up_is_left_there(open_window: "Open") -> None:
    gate = asyncio.Event()
    lines = "".join(f"point {n}\n\n" for n in range(40))
    async with open_window([Answering(lines), gate, Answering("and more\n\n" * 15)], size=(80, 24)) as stage:
        await stage.send("list")
        await stage.shows("point 39")
        conversation = stage.app.window.conversation
        conversation.focus()
        await stage.pilot.press("pageup", "pageup")
        await stage.until(lambda: "point 39" not in stage.text)
        before, height = conversation.scroll_y, conversation.virtual_size.height
        gate.set()
        await stage.until(lambda: conversation.virtual_size.height > height + 20)
        assert conversation.scroll_y == before
        await stage.until(lambda: stage.app.window.status.state == "ready")
        await stage.send("go on")
        await stage.until(lambda: conversation.scroll_y == conversation.max_scroll_y)
        assert conversation.scroll_y > before, "a turn that begins is followed"


async def test_a_resumed_session_shows_its_last_turns_and_the_open_change(
    open_window: "Open", proposed: Proposed
) -> None:
    told: list[Event] = []
    for n in range(15):
        told += [TurnStarted(f"question {n}."), Answering("answer "), Answering(f"{n}."), TurnFinished("answered", 1.0)]
    history = [*told, TurnStarted("x"), proposed]
    async with open_window([], history=history, holds=proposed.change, size=(120, 60)) as stage:
        await stage.shows("answer 14.")
        await stage.shows("Change  2 files, +3 −2  put off")
        conversation = stage.app.window.conversation
        assert len(conversation.query(TurnBlock)) < 15
        earlier = conversation.query_one(Earlier)
        assert [turn.events[0] for turn in earlier.turns] == [TurnStarted(f"question {n}.") for n in range(6)]
        conversation.scroll_home(animate=False)
        await stage.until(lambda: not conversation.query(Earlier))
        await stage.until(lambda: conversation.scroll_y > 0, "what was in view, where it was")
        conversation.scroll_home(animate=False)
        await stage.shows("answer 0.")
        stage.app.window.prompt.focus()
        await stage.pilot.press("up", "up")
        assert stage.app.window.prompt.text == "question 14."


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_a_small_terminal_shows_one_thing_at_a_time(
    open_window: "Open", proposed: Proposed, size: tuple[int, int]
) -> None:
    async with open_window([proposed], size=size) as stage:
        window = stage.app.window
        assert "Conversation" in stage.text and not window.files.region
        await stage.pilot.press("ctrl+t")
        await stage.until(lambda: window.files.has_focus and window.files.region.width > 10)
        await stage.pilot.press("ctrl+t")
        await stage.until(lambda: window.prompt.has_focus and not window.files.region)
        await stage.send("mend it")
        await stage.review()
        assert window.change.region.width >= size[0] - 2 and not window.conversation.region
        await stage.pilot.press("escape")
        await stage.shows("ctrl+r")
        assert window.prompt.has_focus and window.conversation.region
        await stage.pilot.press("ctrl+r")
        await stage.until(lambda: window.change.has_focus)
        await stage.pilot.press("A")
        await stage.until(lambda: stage.agent.decisions)


async def test_a_question_is_answered_by_a_key_and_shows_what_always_covers(open_window: "Open") -> None:
    async with open_window() as stage:
        permit = stage.agent.reviewer.permit
        asked = asyncio.ensure_future(permit("pytest [bold]lib[/bold]", "Nothing confines it.", "pytest *"))
        await stage.shows("pytest [bold]lib[/bold]")
        await stage.shows("“Always” covers pytest * with arguments within the repository")
        while not asked.done():
            await stage.pilot.press("a")
        assert await asked == "always"


async def test_what_may_only_run_once_is_not_offered_for_good(open_window: "Open") -> None:
    async with open_window() as stage:
        asked = asyncio.ensure_future(stage.agent.reviewer.permit("rm -rf build", "Nothing confines it.", ""))
        await stage.shows("asked for every time")
        await stage.shows("run it once")
        assert "a always" not in stage.text
        await stage.pilot.press("a")
        while not asked.done():
            await stage.pilot.press("y")
        assert await asked == "once"


async def test_quitting_closes_the_workbench(open_window: "Open") -> None:
    async with open_window([asyncio.Event()]) as stage:
        await stage.send("wait")
        bench = stage.app.player.bench
        await stage.pilot.press("ctrl+q")
    assert bench is not None and vars(bench)["closed"]
