"""Blocking work that is cancelled, once and again, while it runs."""

import asyncio
import threading

import pytest

from ossa.assistant.threads import in_thread, to_its_end
from ossa.tests.waiting import LIMIT


async def test_the_loop_goes_on_meanwhile_and_the_result_comes_back() -> None:
    go = threading.Event()

    def work(text: str, *, times: int) -> str:
        assert go.wait(LIMIT)
        return text * times

    job = asyncio.create_task(in_thread(work, "a", times=3))
    await asyncio.sleep(0)
    assert not job.done()
    go.set()
    assert await job == "aaa"


async def test_a_cancelling_takes_effect_when_the_work_is_over() -> None:
    began, go, done = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        assert go.wait(LIMIT)
        done.set()

    job = asyncio.create_task(in_thread(work))
    assert await asyncio.to_thread(began.wait, LIMIT)
    for _ in range(3):  # someone leans on Esc
        job.cancel()
        await asyncio.sleep(0)
    assert not job.done()
    go.set()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert done.is_set()


async def test_an_error_of_the_work_is_raised() -> None:
    async def broken() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await to_its_end(broken())
