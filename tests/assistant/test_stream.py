"""Pieces cross from the model's thread to the turn, and leaving early stops the model."""

import itertools
import threading
from collections.abc import Generator

import pytest

from ossa.assistant.stream import pieces
from ossa.model.base import Finished, ModelError, Piece, Text
from ossa.model.scripted import ScriptedModel
from ossa.tests.waiting import LIMIT


async def test_pieces_come_in_order() -> None:
    model = ScriptedModel([[Text("a"), Text("b")]])
    got = [piece async for piece in pieces(lambda: model.generate([]))]
    assert [p.text for p in got if isinstance(p, Text)] == ["a", "b"]
    assert isinstance(got[-1], Finished)


async def test_errors_of_the_thread_are_raised_here() -> None:
    model = ScriptedModel([ModelError("gone")])
    with pytest.raises(ModelError, match="gone"):
        [piece async for piece in pieces(lambda: model.generate([]))]


async def test_leaving_early_stops_the_model() -> None:
    stopped = threading.Event()

    def endless() -> Generator[Piece, None, None]:
        try:
            for number in itertools.count():
                yield Text(str(number))
        finally:
            stopped.set()

    stream = pieces(endless)
    assert await anext(stream) == Text("0")
    await stream.aclose()
    assert stopped.wait(LIMIT)
