"""Who has gone elsewhere is told when a long turn is over; who looks, or has switched it off, is not."""

from typing import TYPE_CHECKING

import pytest
from textual.events import AppBlur

from ossa.assistant.events import Answering, Proposed
from ossa.tui.bell import Bell

if TYPE_CHECKING:
    from tests.tui.conftest import Open


@pytest.mark.parametrize(
    ("seconds", "looks", "took", "rings"),
    [(10, False, 11.0, True), (10, True, 11.0, False), (10, False, 9.0, False), (0, False, 99.0, False)],
)
def test_it_rings_for_what_took_long_where_nobody_looks(seconds: int, looks: bool, took: float, rings: bool) -> None:
    now, written = [5.0], list[str]()
    bell = Bell(written.append, lambda: looks, seconds, lambda: now[0])
    bell.begin()
    now[0] += took
    bell.ring("the turn is over")
    assert written == ["\x1b]9;ossa: the turn is over\x07\x07"] * rings
    bell.ring("again")
    assert len(written) == rings, "what was told is not told again"


async def test_a_review_and_the_end_of_a_turn_are_told(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([Answering("one")], [proposed]) as stage:
        written = list[str]()
        stage.app.player.bell = Bell(written.append, lambda: stage.app.app_focus, 1e-9)
        await stage.send("first")
        await stage.until(lambda: not stage.app.player.playing)
        assert written == []
        stage.app.post_message(AppBlur())
        await stage.until(lambda: not stage.app.app_focus)
        stage.app.window.prompt.post_message(stage.app.window.prompt.Sent("second"))
        await stage.until(lambda: len(written) == 1)
        assert "a change waits for your review" in written[0]
        await stage.until(lambda: stage.app.window.change.phase == "reviewing")
        stage.app.window.change.put_off()
        await stage.until(lambda: len(written) == 2)
        assert "the turn is over" in written[1]
