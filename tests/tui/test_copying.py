"""Blocks of code come into the clipboard: the only one, one by its number, one from a list."""

from typing import TYPE_CHECKING

import pytest
from textual.selection import SELECT_ALL

from ossa.assistant.events import Answering, TurnFinished, TurnStarted
from ossa.tui.widgets.answer import Answer

if TYPE_CHECKING:
    from tests.tui.conftest import Open

TWO = "First:\n\n```python\nx = 1\n\n\tif x:\n```\n\n- then\n  ```sh\n  ls [bold]\n  ```\n"


def said(text: str) -> list[TurnStarted | Answering | TurnFinished]:
    return [TurnStarted("code?"), Answering(text), TurnFinished("answered")]


async def test_the_only_block_is_copied_by_a_key(open_window: "Open") -> None:
    async with open_window(history=[*said("```\na\n\tb\n```\n"), *said("No code here.")]) as stage:
        await stage.pilot.press("f2")
        await stage.shows("Copied 2 lines of code")
        assert stage.app.clipboard == "a\n\tb\n"


async def test_of_several_blocks_one_is_chosen_by_its_number(open_window: "Open") -> None:
    async with open_window(history=said(TWO)) as stage:
        await stage.shows("/copy 2")
        await stage.pilot.press("f2")
        await stage.shows("Which block of code")
        await stage.shows("ls [bold]")
        await stage.pilot.press("1")
        await stage.until(lambda: stage.app.clipboard == "x = 1\n\n\tif x:\n")
        await stage.pilot.press("f2")
        await stage.shows("Which block of code")
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.app.clipboard == "ls [bold]\n")
        await stage.send("/copy 1")
        await stage.until(lambda: stage.app.clipboard == "x = 1\n\n\tif x:\n")


@pytest.mark.parametrize("which", ["3", "0", "x", "²"])
async def test_a_number_that_no_block_has_is_said(open_window: "Open", which: str) -> None:
    async with open_window(history=said(TWO)) as stage:
        await stage.send(f"/copy {which}")
        await stage.shows("has 2 blocks")
        assert not stage.app.clipboard


async def test_what_the_mouse_selects_is_copied_as_it_was_written(open_window: "Open") -> None:
    text = "It is *one* long line " + "of words " * 20 + "\n\n- and a list\n"
    async with open_window(history=said(text), size=(80, 30)) as stage:
        await stage.shows("and a list")
        answer = stage.app.query(Answer).first()
        stage.app.screen.selections = {answer: SELECT_ALL}
        copied = stage.app.screen.get_selected_text()
        assert copied == "It is one long line " + "of words " * 19 + "of words\n\n• and a list"


async def test_the_mouse_selects_words_across_what_is_wrapped_and_across_code(open_window: "Open") -> None:
    text = "It is one long line of words and more words\n\n```\nx = 1\ny = 2\n```\n"
    async with open_window(history=said(text), size=(40, 24)) as stage:
        await stage.shows("y = 2")
        answer = stage.app.query(Answer).first()
        rows = [answer.render_line(y).text.rstrip() for y in range(answer.size.height)]
        assert rows[:2] == ["It is one long line of words and", "more words"]
        await stage.pilot.mouse_down(Answer, offset=(6, 0))
        await stage.pilot.hover(Answer, offset=(4, 1))
        await stage.pilot.mouse_up(Answer, offset=(4, 1))
        await stage.until(lambda: stage.app.screen.get_selected_text() == "one long line of words and more ")
        selected = [segment for segment in answer.render_line(0) if segment.text.startswith("one long")]
        assert selected, "it is seen what is selected"
        await stage.pilot.mouse_down(Answer, offset=(1, 4))
        await stage.pilot.hover(Answer, offset=(3, 5))
        await stage.pilot.mouse_up(Answer, offset=(3, 5))
        await stage.until(lambda: stage.app.screen.get_selected_text() == "x = 1\ny =")
