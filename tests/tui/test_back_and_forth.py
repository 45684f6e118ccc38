"""Undo, redo, rewind, commit and the person's own commands, and what a resumed session shows of them."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import (
    Answering,
    Committed,
    Event,
    Failure,
    Proposed,
    Ran,
    Redone,
    Reviewed,
    Revised,
    Rewound,
    StepFinished,
    StepStarted,
    TurnFinished,
    TurnStarted,
    Undone,
)
from ossa.assistant.review import Decision
from ossa.tui.commands import rewind_arguments
from ossa.tui.history import turns
from ossa.tui.widgets.conversation import Earlier, TakenBack, TurnBlock
from ossa.tui.widgets.inway import InTheWay

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage


def turn(prompt: str, *told: Event, command: bool = False) -> list[Event]:
    return [TurnStarted(prompt, command), *told, TurnFinished("answered", 0.1)]


def back(stage: "Stage") -> list[bool]:
    return [block.back for block in stage.app.window.query(TurnBlock)]


async def test_a_change_that_is_made_again_is_applied_again(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", "escape", "A")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        await stage.send("/undo")
        await stage.shows("↶ taken back")
        await stage.send("/redo")
        await stage.shows("Made again: calc.py")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        assert [view.state for view in stage.app.window.change.hunks] == ["rejected", "accepted", "accepted"]


async def test_an_undo_that_would_overwrite_offers_the_diff(open_window: "Open") -> None:
    diff = "--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-    return a + b\n+\treturn [b]b[/b] + a\n"
    script = [Failure("calc.py changed since, so nothing was taken back.", diff)]
    async with open_window(script) as stage:
        await stage.send("undo it")
        await stage.shows("▾ in the way  +1 −1")
        await stage.shows("+   return [b]b[/b] + a")
        styles = [str(span.style) for span in stage.app.query_one(InTheWay).body().spans]
        assert "error" in styles[-2] and "success" in styles[-1]
        await stage.pilot.press("ctrl+o")
        await stage.shows("▸ in the way  +1 −1")
        assert "-    return a + b" not in stage.text


async def test_a_rewind_closes_what_was_taken_back_and_offers_the_prompt(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([Answering("Nine.")], [proposed]) as stage:
        await stage.send("what is three by three?")
        await stage.shows("Nine.")
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("A")
        await stage.until(lambda: stage.app.window.change.phase == "applied")
        await stage.send("!ls")
        await stage.shows("! ls  exit 0")
        await stage.send("/rewind")
        await stage.shows("↶ taken back  mend it")
        await stage.until(lambda: stage.app.window.prompt.text == "mend it")
        assert stage.agent.asked[-1] == "/rewind 1 both"
        assert back(stage) == [False, True, True, False]
        assert "Nine." in stage.text and "3 accepted" not in stage.text
        assert stage.app.window.change.outcome == "taken back"
        stage.app.window.query(TakenBack).first().focus()
        await stage.pilot.press("enter")
        await stage.shows("3 accepted")


async def test_a_rewind_of_the_files_alone_leaves_the_conversation_and_the_prompt(open_window: "Open") -> None:
    async with open_window([Answering("Nine.")]) as stage:
        await stage.send("what is three by three?")
        await stage.shows("Nine.")
        stage.app.window.prompt.text = "/rewind 1 files"
        await stage.pilot.press("enter", *"but")
        await stage.shows("knows of it")
        assert back(stage) == [False, False]
        assert stage.app.window.prompt.text == "but"


async def test_what_is_being_written_is_not_replaced_by_the_old_prompt(open_window: "Open") -> None:
    gate = asyncio.Event()
    async with open_window([gate]) as stage:
        await stage.send("mend it")
        await stage.send("/rewind")
        await stage.pilot.press(*"but")
        gate.set()
        await stage.shows("Back by 1 prompt")
        assert stage.app.window.prompt.text == "but"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, "both")),
        ("3", (3, "both")),
        ("files", (1, "files")),
        ("2 conv", (2, "conversation")),
        ("b 2", (2, "both")),
    ],
)
def test_a_rewind_takes_a_number_and_a_word(text: str, expected: tuple[int, str]) -> None:
    assert rewind_arguments(text) == expected


@pytest.mark.parametrize("text", ["0", "-1", "everything", "1.5", "²"])
async def test_a_rewind_that_makes_no_sense_is_said(open_window: "Open", text: str) -> None:
    async with open_window() as stage:
        await stage.send(f"/rewind {text}")
        await stage.shows("/rewind takes a number of prompts")
        assert not stage.agent.asked


async def test_a_commit_says_what_it_made(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.send("/commit")
        await stage.shows("Committed abc1234567: Add adds")
        await stage.send("/commit Mend the sum")
        await stage.shows("Committed abc1234567: Mend the sum")


async def test_a_command_of_ones_own_is_told_apart_while_it_is_typed(open_window: "Open") -> None:
    async with open_window() as stage:
        prompt = stage.app.window.prompt
        await stage.pilot.press(*"!ls")
        await stage.shows("! runs in your own files, unconfined")
        assert prompt.has_class("-shell")
        await stage.pilot.press("enter")
        await stage.shows("! ls  exit 0")
        await stage.until(
            lambda: "out" in [line.strip("│▌ ") for line in stage.text.splitlines()] or "    out" in stage.text
        )
        assert stage.agent.asked == ["!ls"] and not prompt.has_class("-shell")
        await stage.pilot.press("up")
        assert prompt.text == "!ls" and prompt.has_class("-shell")


async def test_a_resumed_session_shows_all_of_it(open_window: "Open", proposed: Proposed, repository: Path) -> None:
    decided = tuple(Decision(hunk.id, True) for _, hunk in proposed.change.hunks)
    revised = Revised("h2", "calc.py", 6, "model", "simpler")
    ran = (StepStarted("s", "! ls"), StepFinished("s", True, "exit 0", "calc.py"), Ran("ls", 0, "calc.py"))
    history = [
        *turn("add numbers", Answering("Done already.")),
        *turn("mend it", proposed, revised, Reviewed(decided, ("calc.py",), "c1")),
        *turn("/undo", Undone(("calc.py",), "c1"), command=True),
        *turn("/redo", Redone(("calc.py",), "c1"), command=True),
        *turn("/commit", Committed("abc123", "Mend sums", ("calc.py",)), command=True),
        *turn("!ls", *ran, command=True),
        *turn("/rewind 1 both", Rewound(1, ("calc.py",), ("c1",), True, "mend it"), command=True),
    ]
    async with open_window([], history=history, size=(120, 70)) as stage:
        await stage.shows("Back by 1 prompt")
        assert back(stage) == [False, *[True] * 5, False]
        assert "Done already." in stage.text and "Made again" not in stage.text
        assert not stage.app.window.prompt.text
        for fold in stage.app.window.query(TakenBack):
            fold.opened = True
        for line in ("↻ Asked again for calc.py, line 6", "Made again: calc.py", "Committed abc123", "! ls  exit 0"):
            await stage.shows(line)


async def test_earlier_turns_are_marked_although_they_are_not_shown_yet(open_window: "Open") -> None:
    history = [event for n in range(15) for event in turn(f"question {n}.", Answering(f"answer {n}."))]
    async with open_window([], history=history, size=(120, 60)) as stage:
        await stage.shows("answer 14.")
        await stage.send("/rewind 12")
        await stage.shows("Back by 12 prompts")
        earlier = stage.app.window.query_one(Earlier)
        assert [turn.back for turn in earlier.turns] == [False] * 3 + [True] * 2
        earlier.action_load()
        stage.app.window.conversation.scroll_home(animate=False)
        await stage.shows("answer 2.")
        assert back(stage) == [False] * 3 + [True] * 12 + [False]


def test_a_second_rewind_goes_on_from_where_the_first_one_came_to() -> None:
    events = [
        *turn("one"), *turn("two"), *turn("three"),
        *turn("/rewind 1 both", Rewound(1), command=True),
        *turn("four"),
        *turn("/rewind 2 both", Rewound(2), command=True),
        *turn("/rewind 1 files", Rewound(1, conversation=False), command=True),
    ]  # fmt: skip
    assert [t.back for t in turns(events)] == [False, True, True, True, True, False, False]
