"""What an answer cost is said in the status line, as far as there is room, and on a page of its own."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import Answering, Composed, Spoken, Thinking, TurnFinished, TurnStarted
from ossa.model.base import Message, Usage
from ossa.tui.figures import answer_rows, brief

if TYPE_CHECKING:
    from tests.tui.conftest import Open

USAGE = Usage(4231, 4100, 57, 0.314, 2.1, 120, 96, 110_000_000, 38_000_000)


def test_the_figures_in_words() -> None:
    assert list(brief(USAGE)) == [
        "27.1 tok/s",
        "4,100 known + 131 new",
        "cache 38 MB",
        "148 MB",
        "first after 0.31 s",
        "80% guessed right",
    ]
    assert dict(answer_rows(USAGE)) == {
        "Prompt": "4,231 tokens: 4,100 known from before, 131 new",
        "First token": "after 0.31 s",
        "Answer": "57 tokens in 2.1 s: 27.1 a second",
        "Guesses": "96 of 120 tokens right (80%)",
        "Memory": "110 MB for the model, 38 MB for what it has read",
    }


def test_figures_that_a_model_does_not_give_are_not_made_up() -> None:
    assert list(brief(Usage(10, 0, 5))) == ["0.0 tok/s", "0 known + 10 new"]
    rows = dict(answer_rows(Usage(10, 0, 5)))
    assert rows["Answer"] == "5 tokens" and rows["Guesses"].startswith("none") and "Memory" not in rows


@pytest.mark.parametrize(
    ("size", "shown", "left_out"),
    [
        ((80, 24), ["27.1 tok/s", "4,100 known + 131 new", "52% of 8,192", "148 MB"], ["confined", "first", "guessed"]),
        (
            (120, 40),
            ["27.1 tok/s", "4,100 known", "52% of 8,192", "confined by bubblewrap", "cache 38 MB", "148 MB"],
            ["guessed"],
        ),
        ((200, 40), ["27.1 tok/s", "confined", "first after 0.31 s", "80% guessed right", "148 MB"], []),
    ],
)
async def test_the_most_important_figures_fit(
    open_window: "Open", size: tuple[int, int], shown: list[str], left_out: list[str]
) -> None:
    script = [Composed(Message("user", "why?"), (), 500, 8192), Spoken(Message("assistant"), USAGE)]
    async with open_window(script, size=size) as stage:
        await stage.send("why?")
        await stage.shows("27.1 tok/s")
        await stage.until(lambda: stage.app.window.status.state == "ready")
        line = stage.text.splitlines()[-2]
        assert all(text in line for text in [*shown, "ready"]) and not any(text in line for text in left_out)


async def test_all_of_it_is_on_a_page(open_window: "Open") -> None:
    script = [Composed(Message("user", "why?"), (), 500, 8192), Spoken(Message("assistant"), USAGE)]
    async with open_window(script, size=(80, 24)) as stage:
        await stage.send("/status")
        await stage.shows("The model has answered nothing in this window.")
        await stage.pilot.press("escape")
        await stage.send("why?")
        await stage.shows("27.1 tok/s")
        await stage.send("/status")
        await stage.shows("Memory       110 MB for the model")
        for text in ("confined by bubblewrap", "4,288 of 8,192 tokens (52%)", "4,100 known from before", "(80%)"):
            assert text in stage.text
        await stage.pilot.press("escape")
        await stage.until(lambda: "The last answer" not in stage.text)


async def test_the_key_that_ends_the_reasoning_is_there_while_the_model_reasons(open_window: "Open") -> None:
    thinking, writing = asyncio.Event(), asyncio.Event()
    script = [Thinking("Well. "), thinking, Thinking("So. "), Answering("It is 42."), writing]
    async with open_window(script, script, size=(80, 24)) as stage:
        assert "answer now" not in stage.text
        await stage.pilot.press("ctrl+g")
        await stage.send("why?")
        await stage.shows("^g answer now")
        assert not stage.agent.hurried
        await stage.pilot.press("ctrl+g")
        await stage.shows("cut short")
        await stage.shows("Coming to the answer")
        await stage.until(lambda: "answer now" not in stage.text)
        assert stage.agent.hurried == 1
        thinking.set()
        await stage.shows("It is 42.")
        writing.set()
        await stage.until(lambda: stage.app.window.status.state == "ready")
        await stage.send("/answer")
        await stage.shows("The model is not reasoning right now.")
        thinking.clear()
        await stage.send("and now?")
        await stage.shows("^g answer now")
        await stage.send("/answer")
        await stage.until(lambda: stage.agent.hurried == 2)
        assert stage.agent.asked == ["why?", "and now?"]


async def test_how_long_the_reasoning_took_is_known_after_a_resume(open_window: "Open") -> None:
    spoken = Spoken(Message("assistant", "42."), USAGE, reasoned=83.4)
    told = [TurnStarted("why?"), Thinking("Let me see."), Answering("42."), spoken, TurnFinished("answered")]
    async with open_window(history=told) as stage:
        await stage.shows("Thought · 2 words · 83 s")
