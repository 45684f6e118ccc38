"""The prompt folds what is pasted, and opens in the person's own editor."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.widgets import Input

from ossa.tui.pasted import Pasted

if TYPE_CHECKING:
    from tests.tui.conftest import Open

LONG = "\n".join(f"line {n}" for n in range(12))


async def test_a_long_text_is_folded_and_sent_whole(open_window: "Open") -> None:
    async with open_window([]) as stage:
        prompt = stage.app.window.prompt
        await stage.pilot.press(*"see ")
        prompt.post_message(events.Paste(LONG))
        await stage.shows("see [pasted 12 lines #1]")
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked == [f"see {LONG}"])
        await stage.pilot.press("up")
        assert prompt.text == "see [pasted 12 lines #1]"
        await stage.pilot.press("ctrl+o")
        assert prompt.text == prompt.whole == f"see {LONG}"


async def test_what_is_folded_goes_as_a_whole(open_window: "Open") -> None:
    async with open_window([]) as stage:
        prompt = stage.app.window.prompt
        await stage.pilot.press(*"a ", "ctrl+j")
        prompt.post_message(events.Paste("x" * 2_000))
        await stage.shows("[pasted 2,000 characters #1]")
        await stage.pilot.press("backspace")
        assert prompt.text == "a \n"
        prompt.post_message(events.Paste("short\x1b[31m\r\ntext"))
        await stage.until(lambda: prompt.text == "a \nshort\ntext")


def test_what_only_looks_like_a_pasted_text_stays_what_it_is() -> None:
    pasted = Pasted()
    token = pasted.fold(LONG)
    assert pasted.expand(f"{token} [pasted 12 lines #2]") == f"{LONG} [pasted 12 lines #2]"
    assert pasted.token_at(f"a {token}", 2) is None and pasted.token_at("[pasted 12 lines #2]", 3) is None


@pytest.fixture
def editor(tmp_path: Path) -> Iterator[None]:
    """An editor that adds a line to what it is given."""
    script = tmp_path / "editor"
    script.write_text('#!/bin/sh\necho " and more" >> "$1"\n')
    script.chmod(0o700)
    before = os.environ.get("VISUAL")
    os.environ["VISUAL"] = str(script)
    yield
    os.environ.pop("VISUAL") if before is None else os.environ.update(VISUAL=before)


@pytest.mark.usefixtures("editor")
async def test_the_prompt_opens_in_an_editor(open_window: "Open") -> None:
    async with open_window([]) as stage:
        prompt = stage.app.window.prompt
        prompt.aside = contextlib.nullcontext
        await stage.pilot.press(*"ask", "ctrl+x")
        assert prompt.text == "ask and more"
        await stage.pilot.press("shift+home", "ctrl+x")  # what is selected is cut instead
        assert not prompt.text and stage.app.clipboard == "ask and more"


async def test_what_is_pasted_replaces_what_is_selected(open_window: "Open") -> None:
    async with open_window([]) as stage:
        prompt = stage.app.window.prompt
        prompt.text = "old words"
        prompt.select_all()
        prompt.post_message(events.Paste("new"))
        await stage.until(lambda: prompt.text == "new")
        await stage.pilot.press("!")
        assert prompt.text == "new!"


async def test_an_undo_may_take_the_scrollbar_away(open_window: "Open") -> None:
    async with open_window(size=(80, 24)) as stage:
        prompt = stage.app.window.prompt
        for _ in range(2):
            prompt.insert("x")
            prompt.history.checkpoint()
            prompt.insert("\n" * 30)
            await stage.until(lambda: prompt.show_vertical_scrollbar)
            await stage.pilot.press("ctrl+z")
            await stage.until(lambda: not prompt.show_vertical_scrollbar)
            assert prompt.cursor_location[0] == 0


async def test_keys_that_move_and_delete_keep_their_turn_among_letters(open_window: "Open") -> None:
    async with open_window([]) as stage:
        prompt = stage.app.window.prompt
        # All at once, as from a paste by another program or a hand that is faster than a busy machine.
        for key in (*"abX", "backspace", *"cd", "left", "left", *"Y", "home", *"Z", "end", *"!"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: prompt.text == "ZabYcd!", "what was typed")
        await stage.pilot.press("ctrl+t", "slash")
        for key in (*"caX", "backspace", *"l"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: stage.app.window.files.field.query_one(Input).value == "cal", "the filter")
