"""Several things at once, told in their order: candidates are tried side by side while the model thinks of the next."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def abreast(
    items: AsyncIterator[T | None], work: Callable[[T], Awaitable[R]], width: int
) -> AsyncGenerator[tuple[T, R] | None, None]:
    """Each item with what its work came to, in the order of the items; None wherever there is no news yet.

    At most `width` works run at once; whoever leaves early ends those that still run. Where the items break off with
    an error, what is running is told before it is raised.
    """
    running: deque[tuple[T, asyncio.Future[R]]] = deque()
    broken: Exception | None = None
    more = True
    try:
        while more or running:
            if more:
                try:
                    item = await anext(items)
                except StopAsyncIteration:
                    more = False
                except Exception as error:
                    more, broken = False, error
                else:
                    if item is not None:
                        running.append((item, asyncio.ensure_future(work(item))))
                    yield None
            while running and (not more or len(running) >= width or running[0][1].done()):
                first, task = running[0]
                result = await task
                running.popleft()
                yield first, result
        if broken:
            raise broken
    finally:
        for _, task in running:
            task.cancel()
        await asyncio.gather(*(task for _, task in running), return_exceptions=True)
