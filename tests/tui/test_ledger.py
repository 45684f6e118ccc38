"""The ledger shows what the model is shown, counted before it is sent; keys pin, drop, shorten and bring back."""

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.context.ledger import Ledger, Text
from ossa.assistant.context.parts import Part
from ossa.assistant.events import Adjusted, Answering, TurnFinished, TurnStarted
from ossa.model.base import ModelError
from ossa.tests.waiting import LIMIT
from ossa.tui.history import prompts, turns
from ossa.tui.ledgertext import actions, bar, cost, headline, remainder, row
from ossa.tui.widgets.ledger import LedgerView

if TYPE_CHECKING:
    from tests.tui.conftest import Open

SYSTEM = Part("system prompt and tools", 1200, "system", "system")
MAP = Part("map", 500, "map", "map", reread=900, moved=500)
RESULT = Part("open_file calc.py", 400, "m3", "result", reread=500, state="shortened", saved=1100, moved=380)
GONE = Part("exec pytest", 0, "m5", "result", state="left out", saved=700, moved=700)
FILE = Part("calc.py", 300, "new:calc.py", "attached", moved=300)
PROMPT = Part("prompt", 40, "new", "prompt")
LEDGER = Ledger(
    (SYSTEM, MAP, RESULT, GONE, FILE, PROMPT), 2440, 8192, 2048, 340, ("2 old tool results are shortened.",)
)


def of_prompt(prompt: str) -> Ledger:
    """A ledger whose last part has as many tokens as the prompt has characters."""
    last = Part("prompt", len(prompt), "new", "prompt")
    return Ledger((SYSTEM, MAP, last), 1700 + len(prompt), 8192, 2048, len(prompt))


def test_what_it_says_of_the_whole() -> None:
    assert headline(LEDGER).plain == "2,440 of 8,192 tokens (30%)"
    assert remainder(LEDGER).plain == "340 to read now, 3,704 free, 2,048 to answer"
    full = Ledger((SYSTEM,), 7000, 8192, 2048, 0)
    assert headline(full).plain == "7,000 of 8,192 tokens (85%): 856 too many beside its answer"


@pytest.mark.parametrize("cells", [10, 41, 200])
@pytest.mark.parametrize("ledger", [LEDGER, Ledger((SYSTEM,), 1200, 2048, 2048, 0), Ledger((), 0, 8192, 0, 0)])
def test_the_bar_is_as_wide_as_it_is_told(ledger: Ledger, cells: int) -> None:
    assert bar(ledger, cells).cell_length == cells


def test_the_bar_shows_shares_and_what_is_kept_for_the_answer() -> None:
    shown = bar(LEDGER, 80).plain
    assert (shown.count("█"), shown.count("░"), shown.count("▒")) == (24, 36, 20)


def test_what_it_says_of_a_part() -> None:
    assert row(RESULT, 60).plain == "    400 ▌ open_file calc.py  shortened −1,100"
    assert row(RESULT, 40).plain == "    400 ▌ open_file c…  shortened −1,100"
    assert row(GONE, 60).plain.split() == ["0", "exec", "pytest", "left", "out", "−700"]
    assert cost(MAP) == "Dropping frees 500 tokens; 900 read again."
    assert cost(FILE) == "Dropping frees 300 tokens; none read again."
    assert cost(GONE) == "Bringing it back adds 700 tokens."
    assert cost(SYSTEM) == "It always stays."
    question = Part("why?", 10, "m0", "prompt", reread=35, moved=165, along=True)
    assert cost(question) == "Dropping its turn frees 165 tokens; 35 read again."
    answer = Part("exec", 20, "m1", "answer", reread=40, moved=50, along=True)
    assert cost(answer) == "Dropping it with its results frees 50 tokens; 40 read again."
    hostile = Part("\x1b[31mx [bold]\n", 1, "m1", "answer")
    assert row(hostile, 60).plain == "      1 ▌ x [bold] "


def test_what_can_be_done_with_a_part() -> None:
    assert actions(SYSTEM) == actions(PROMPT) == actions(Part("conversation", 5)) == ()
    assert actions(MAP) == ("drop",)
    assert actions(RESULT) == ("pin", "drop", "restore")
    assert actions(GONE) == ("restore",)
    assert actions(FILE) == actions(replace(FILE, state="cut to fit")) == ("pin", "drop", "shorten")
    assert actions(replace(FILE, state="shortened")) == ("pin", "drop", "restore")
    assert actions(Part("calc.py:1-2", 5, "new:calc.py:1-2", "attached")) == ("drop", "shorten")
    assert actions(Part("calc.py", 5, "file:calc.py", "file", state="pinned")) == ("drop", "restore")


@pytest.mark.parametrize("size", [(120, 40), (80, 24)])
async def test_it_is_counted_before_anything_is_sent_and_follows_the_prompt(
    open_window: "Open", size: tuple[int, int]
) -> None:
    async with open_window(size=size) as stage:
        window = stage.app.window
        window.ledger.count = of_prompt
        await stage.pilot.press(*"abcde", "ctrl+l")
        await stage.shows("1,705 of 8,192 tokens (21%)")
        assert "1,200 ▌ system prompt and tools" in stage.text and window.in_side
        await stage.pilot.press("escape")
        await stage.until(lambda: window.prompt.has_focus and window.conversation.region)
        await stage.pilot.press(*"fgh", "ctrl+l")
        await stage.shows("1,708 of 8,192 tokens")
        await stage.pilot.press("ctrl+l")
        await stage.until(lambda: window.prompt.has_focus and "1,708" not in stage.text)
        assert not stage.agent.asked


async def test_keys_act_on_the_part_under_the_cursor(open_window: "Open") -> None:
    async with open_window() as stage:
        window = stage.app.window
        window.ledger.count = lambda prompt: LEDGER
        await stage.send("/context")
        await stage.until(lambda: window.in_side)
        await stage.shows("2 old tool results are shortened.")
        await stage.shows("It always stays.")
        await stage.pilot.press("p", "d", "k")
        await stage.shows("Dropping frees 300 tokens; none read again.")
        await stage.pilot.press("p", "d", "s")
        await stage.pilot.press("k", "b", "d", "k", "k", "s", "d")
        await stage.until(lambda: len(stage.agent.adjusted) == 5)
        assert stage.agent.adjusted == [
            ("pin", "file:calc.py", 0),
            ("drop", "new:calc.py", 0),
            ("shorten", "new:calc.py", 600),
            ("restore", "m5", 0),
            ("drop", "map", 0),
        ]
        await stage.until(lambda: window.status.state == "ready")
        assert "/drop" not in stage.text, "the conversation is of what was said"


async def test_what_was_dropped_stays_in_sight_and_comes_back(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.pilot.press("ctrl+l")
        view = stage.app.window.ledger
        await stage.until(lambda: view.ledger)
        gone = Part("calc.py", 0, "file:calc.py", "file", state="left out", saved=90, moved=90)
        view.count = lambda prompt: Ledger((SYSTEM, gone), 1200, 8192, 2048, 0)
        view.follow()
        await stage.until(lambda: "0   calc.py  left out −90" in stage.text)
        await stage.shows("Bringing it back adds 90 tokens.")
        await stage.pilot.press("b")
        await stage.until(lambda: stage.agent.adjusted == [("restore", "file:calc.py", 0)])


async def test_what_a_part_says_can_be_read_also_what_went_of_it(open_window: "Open") -> None:
    texts = {"m3": Text("all of it\n[red]and more[/]", "[… 20 characters left out …]"), "m5": Text("gone", "")}
    async with open_window() as stage:
        view = stage.app.window.ledger
        view.count = lambda prompt: replace(LEDGER, texts=texts)
        await stage.pilot.press("ctrl+l")
        await stage.until(lambda: view.current == PROMPT)
        await stage.shows("⏎ read")
        await stage.pilot.press("k", "k", "enter")
        await stage.shows("(The model is shown nothing of it.)")
        await stage.pilot.press("escape", "k", "enter")
        await stage.shows("400 tokens, shortened")
        await stage.shows("[red]and more[/]")
        assert "[… 20 characters left out …]" in stage.text


async def test_pages_are_turned_only_where_there_is_room_for_one(open_window: "Open") -> None:
    async with open_window() as stage:
        view = stage.app.window.ledger
        view.count = lambda prompt: LEDGER
        await stage.pilot.press("ctrl+l")
        await stage.until(lambda: view.current == PROMPT)
        await stage.pilot.resize_terminal(1, 1)
        view.ledger = replace(LEDGER, parts=LEDGER.parts[::-1])
        await stage.pilot.press("pageup", "pagedown")
        assert view.current == PROMPT
        await stage.pilot.resize_terminal(120, 40)
        await stage.pilot.press("pageup")
        await stage.until(lambda: view.current == LEDGER.parts[-1])


async def test_what_cannot_be_done_is_said(open_window: "Open") -> None:
    async with open_window() as stage:
        stage.app.window.ledger.count = lambda prompt: LEDGER
        stage.agent.refuses = "There is no part m5 in the context."
        await stage.pilot.press("ctrl+l")
        await stage.shows("exec pytest")
        await stage.pilot.press("k", "k", "b")
        await stage.shows("✗ There is no part m5 in the context.")


def test_a_resumed_session_does_not_tell_of_keys_in_the_ledger() -> None:
    said = [TurnStarted("why?"), Answering("So."), TurnFinished("answered")]
    pinned = [TurnStarted("/pin map", command=True), Adjusted("map", "pin"), TurnFinished("answered")]
    assert [turn.events for turn in turns([*said, *pinned])] == [said]
    assert prompts([*said, *pinned]) == ["why?"]


async def test_the_cursor_stays_on_its_part(open_window: "Open") -> None:
    async with open_window() as stage:
        view = stage.app.window.ledger
        view.count = lambda prompt: LEDGER
        await stage.pilot.press("ctrl+l")
        await stage.until(lambda: view.current == PROMPT)
        await stage.pilot.press("k", "k", "k")
        assert view.current == RESULT
        fewer = Ledger((SYSTEM, RESULT, PROMPT), 1640, 8192, 2048, 0)
        view.count = lambda prompt: fewer
        view.follow()
        await stage.until(lambda: view.ledger == fewer)
        assert view.current == RESULT


async def test_counting_never_holds_up_typing(open_window: "Open") -> None:
    go, asked = threading.Event(), list[str]()

    def slow(prompt: str) -> Ledger:
        asked.append(prompt)
        go.wait(LIMIT)
        return of_prompt(prompt)

    async with open_window() as stage:
        window = stage.app.window
        window.ledger.count = slow
        try:
            await stage.pilot.press("ctrl+l")
            await stage.until(lambda: asked == [""])
            window.prompt.focus()
            await stage.pilot.press(*"abcdefgh")
            assert window.prompt.text == "abcdefgh" and asked == [""]
        finally:
            go.set()
        await stage.shows("1,708 of 8,192 tokens")
        assert len(asked) <= 3


async def test_that_nothing_can_be_counted_is_said(open_window: "Open") -> None:
    def broken(prompt: str) -> Ledger:
        raise ModelError("The model's process has ended.")

    async with open_window() as stage:
        view = stage.app.window.ledger
        assert isinstance(view, LedgerView)
        view.count = broken
        await stage.pilot.press("ctrl+l")
        await stage.shows("The model's process has ended.")
        view.count = of_prompt
        view.follow()
        await stage.shows("1,700 of 8,192 tokens")
