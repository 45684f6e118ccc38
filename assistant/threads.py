"""Blocking work beside the event loop, in a thread; a cancelling never leaves it behind, still at work on the files."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    """Do `work` in a thread; when this is cancelled, it ends as soon as the work is over, not before."""
    return await to_its_end(asyncio.to_thread(work, *arguments, **named))


async def to_its_end(work: Awaitable[T]) -> T:
    """Wait for something that must not stop halfway; a cancelling, or several, take effect when it is over."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                continue
        raise


async def in_any_case(work: Coroutine[Any, Any, T]) -> T:
    """Do what the person decided, all of it, also if they press Esc right after, or several times."""
    doing = asyncio.create_task(work)
    with suppress(asyncio.CancelledError):
        await to_its_end(doing)
    return doing.result()
