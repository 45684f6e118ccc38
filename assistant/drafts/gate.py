"""Who may use a draft's files when: one command alone, or several that leave nothing, or the assistant itself."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from ossa.assistant.draft import DraftError


class Gate:
    """Lets commands pass one by one, and those that only share the draft together."""

    def __init__(self) -> None:
        self._changed = asyncio.Condition()
        self._shared = 0
        self._alone = False

    @property
    def busy(self) -> bool:
        """Whether a command is running."""
        return self._alone or self._shared > 0

    def check_idle(self) -> None:
        """Refuse while a command is running.

        Raises:
            DraftError: one is.
        """
        if self.busy:
            raise DraftError("A command is running in the draft; wait until it has ended, or cancel it.")

    @asynccontextmanager
    async def pass_through(self, *, alone: bool) -> AsyncGenerator[None]:
        """Wait for those who are in the way, and keep the others out meanwhile."""
        async with self._changed:
            await self._changed.wait_for(lambda: not (self.busy if alone else self._alone))
            self._alone, self._shared = alone, self._shared + (not alone)
        try:
            yield
        finally:
            self._alone, self._shared = False, self._shared - (not alone)
            async with self._changed:
                self._changed.notify_all()
