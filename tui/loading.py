"""Says how far the model's loading is, for as long as it lasts: a cold disk gives a large one in half a minute."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ossa.model.base import LanguageModel

_MOMENT = 0.25
LINES = 3.0
"""Seconds between two looks where each makes a line."""


async def load(model: "LanguageModel", tell: Callable[[str], object], moment: float = _MOMENT) -> None:
    """Load the model; `tell` hears how far it is whenever that changes.

    Raises:
        ModelError: it cannot be loaded.
    """
    async with told(model, tell, moment):
        await asyncio.to_thread(model.start)


@asynccontextmanager
async def told(model: "LanguageModel", tell: Callable[[str], object], moment: float = _MOMENT) -> AsyncGenerator[None]:
    """Meanwhile `tell` hears how far the model's loading is, whoever began it."""

    async def look() -> None:
        last = ""
        while True:
            await asyncio.sleep(moment)
            if (far := model.info.loading) != last:
                last = far
                if far:
                    tell(f"loading the model: {far}")

    looking = asyncio.ensure_future(look())
    try:
        yield
    finally:
        looking.cancel()
