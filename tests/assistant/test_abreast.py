"""Work side by side keeps its order, its width, and ends with whoever listens."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from ossa.assistant.repair.abreast import abreast


async def numbers(count: int) -> AsyncIterator[int | None]:
    for number in range(count):
        yield number
        yield None


class Work:
    """Counts who runs; later items are done first."""

    def __init__(self) -> None:
        self.running = self.most = self.ended = 0
        self.turn = asyncio.Condition()
        self.started: list[int] = []

    async def __call__(self, number: int) -> str:
        self.running += 1
        self.most = max(self.most, self.running)
        self.started.append(number)
        try:
            for _ in range(20 if number % 2 == 0 else 1):
                await asyncio.sleep(0)
            if number == 7:
                raise ValueError("seven")
        finally:
            self.running -= 1
            self.ended += 1
        return f"<{number}>"


async def test_results_come_in_order_and_never_more_than_the_width_run() -> None:
    work = Work()
    told = [pair async for pair in abreast(numbers(6), work, 3) if pair]
    assert told == [(n, f"<{n}>") for n in range(6)]
    assert work.most == 3


async def test_leaving_early_ends_what_runs() -> None:
    work = Work()
    async with aclosing(abreast(numbers(6), work, 3)) as stream:
        async for pair in stream:
            if pair:
                break
    assert work.running == 0 and work.ended == len(work.started) < 6


async def test_an_error_is_raised_in_its_turn_and_ends_the_others() -> None:
    work = Work()
    told: list[int] = []
    with pytest.raises(ValueError, match="seven"):
        async with aclosing(abreast(numbers(20), work, 3)) as stream:
            async for pair in stream:
                if pair:
                    told.append(pair[0])
    assert told == list(range(7)) and work.running == 0


async def test_items_that_break_off_are_told_as_far_as_they_came() -> None:
    async def breaking() -> AsyncIterator[int | None]:
        yield 0
        yield 1
        raise KeyError("no more")

    told: list[int] = []
    with pytest.raises(KeyError):
        async for pair in abreast(breaking(), Work(), 3):
            if pair:
                told.append(pair[0])
    assert told == [0, 1]
