"""Between the synchronous model and the asynchronous turn: a thread that pulls pieces, a queue that carries them."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress

from ossa.model.base import Piece, Pieces


async def pieces(start: Callable[[], Pieces]) -> AsyncGenerator[Piece, None]:
    """Yield what a generation yields; leaving early, or being cancelled, stops the model at its next token.

    `start` is called in the thread as well, since it may load the model.

    Raises:
        ModelError: the model cannot go on.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Piece | BaseException | None] = asyncio.Queue()
    stopped = threading.Event()
    running: list[Pieces] = []

    def put(item: Piece | BaseException | None) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody is listening any more
            loop.call_soon_threadsafe(queue.put_nowait, item)

    def pull() -> None:
        try:
            generation = start()
            running.append(generation)
            for piece in generation:
                if stopped.is_set():
                    generation.close()
                    break
                put(piece)
        except BaseException as error:
            put(error)
        else:
            put(None)

    thread = threading.Thread(target=pull, name="ossa-generate", daemon=True)
    thread.start()
    try:
        while (item := await queue.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        threading.Thread(target=_close, args=(running,), name="ossa-stop", daemon=True).start()


def _close(running: list[Pieces]) -> None:
    """Stop what runs; this waits for the model's next token, so it is not for the loop's thread."""
    for generation in running:
        with suppress(ValueError):  # a plain generator that is executing stops by `stopped` instead
            generation.close()
