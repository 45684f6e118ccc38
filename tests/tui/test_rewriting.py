"""What was said is put otherwise: an earlier prompt, or an answer that is gone on from as it was edited."""

import asyncio
from typing import TYPE_CHECKING

from ossa.assistant.events import Answering, Failure, TurnFinished, TurnStarted
from ossa.tui.widgets.conversation import TurnBlock
from ossa.tui.widgets.line import PromptLine

if TYPE_CHECKING:
    from tests.tui.conftest import Open


async def test_an_earlier_prompt_is_put_otherwise_and_what_was_said_is_kept(open_window: "Open") -> None:
    async with open_window([Answering("Six.")], [Answering("Nine.")], [Answering("Eight.")]) as stage:
        await stage.send("two by three?")
        await stage.shows("Six.")
        await stage.send("three by three?")
        await stage.shows("Nine.")
        await stage.send("/edit 2")
        await stage.shows("earlier prompt: ")
        assert stage.app.window.prompt.text == "two by three?"
        await stage.pilot.press("home", "delete", *"four by two", *["delete"] * 11, "enter")
        await stage.shows("Eight.")
        assert stage.agent.asked[-2:] == ["/rewind 2 both", "four by two?"]
        assert [block.back for block in stage.app.window.query(TurnBlock)][:2] == [True, True]
        assert not stage.app.window.prompt.text and not stage.app.window.prompt.rewriting
        await stage.shows("What was said before is not kept")  # it has no log


async def test_a_key_on_a_prompt_puts_it_otherwise_and_escape_leaves_it(open_window: "Open") -> None:
    async with open_window([Answering("Six.")], []) as stage:
        await stage.send("two by three?")
        await stage.shows("Six.")
        stage.app.window.query(PromptLine).first().focus()
        await stage.shows("ask otherwise")
        await stage.pilot.press("e")
        await stage.until(lambda: stage.app.window.prompt.text == "two by three?")
        await stage.pilot.press("escape")
        assert not stage.app.window.prompt.text
        await stage.send("go on")
        assert stage.agent.asked == ["two by three?", "go on"]


async def test_where_there_is_no_way_back_the_text_comes_back(open_window: "Open") -> None:
    async with open_window([Answering("Six.")]) as stage:
        await stage.send("two by three?")
        await stage.shows("Six.")
        stage.agent.back_fails = "calc.py changed since."
        await stage.send("/edit")
        await stage.pilot.press("end", "!", "enter")
        await stage.shows("calc.py changed since.")
        await stage.until(lambda: stage.app.window.prompt.text == "two by three?!")
        assert stage.agent.asked[-1] == "/rewind 1 both"


async def test_an_interrupted_answer_is_gone_on_from_as_it_was_edited(open_window: "Open") -> None:
    script = [Answering("Six is wr"), asyncio.Event()]
    async with open_window(script, [Answering("Six is right"), Answering(", indeed.")]) as stage:
        await stage.send("two by three?")
        await stage.shows("Six is wr")
        await stage.pilot.press("escape")
        await stage.shows("/amend edits what")
        await stage.send("/amend")
        await stage.shows("the answer: ")
        assert stage.app.window.prompt.text == "Six is wr"
        await stage.pilot.press("backspace", "backspace", *"right", "enter")
        await stage.shows("Six is right, indeed.")
        assert stage.agent.asked[-2:] == ["/rewind 1 conversation", "two by three?"]
        assert stage.agent.begun == ["Six is right"]


async def test_there_may_be_nothing_to_put_otherwise(open_window: "Open") -> None:
    history = [TurnStarted("/test", True), Failure("No tests."), TurnFinished("failed")]
    async with open_window(history=history) as stage:
        await stage.send("/amend")
        await stage.shows("There is no answer yet")
        await stage.send("/edit 0")
        await stage.shows("/edit takes the number")
        await stage.send("/copy")
        await stage.shows("No answer on this page")


async def test_what_the_answer_is_to_begin_with_is_no_command(open_window: "Open") -> None:
    async with open_window([Answering("!touch made")], [Answering("!touch mad")]) as stage:
        await stage.send("how?")
        await stage.shows("!touch made")
        await stage.send("/amend")
        await stage.shows("the answer: ")
        await stage.pilot.press("end", "backspace", "enter")
        await stage.until(lambda: stage.agent.begun == ["!touch mad"])
        assert stage.agent.asked[-2:] == ["/rewind 1 conversation", "how?"]


async def test_what_was_being_written_comes_back(open_window: "Open") -> None:
    async with open_window([Answering("Six.")]) as stage:
        await stage.send("two by three?")
        await stage.shows("Six.")
        prompt = stage.app.window.prompt
        prompt.text = "a long thought"
        stage.app.window.query(PromptLine).first().focus()
        await stage.pilot.press("e")
        await stage.until(lambda: prompt.text == "two by three?")
        await stage.pilot.press("escape")
        assert prompt.text == "a long thought"


async def test_nothing_is_put_otherwise_while_a_prompt_waits(open_window: "Open") -> None:
    async with open_window([Answering("Six."), asyncio.Event()], []) as stage:
        await stage.send("two by three?")
        await stage.shows("Six.")
        await stage.send("and by four?")
        await stage.send("/edit")
        await stage.shows("still waiting for")
        assert stage.app.window.prompt.rewriting is None
