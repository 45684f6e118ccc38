"""A draft that asks before it runs a command, where nothing confines commands."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from ossa.assistant.change import Change
from ossa.assistant.draft import Command, Completed, Draft, DraftError, Isolation
from ossa.assistant.drafts.permissions import Permissions, line, pattern
from ossa.assistant.review import Reviewer


class GuardedDraft:
    """Passes everything on; an unconfined command runs only if the reviewer permits it."""

    def __init__(self, draft: Draft, reviewer: Reviewer, permissions: Permissions | None = None) -> None:
        """Wrap `draft`; `reviewer` is asked for every command that `permissions` do not cover."""
        self._draft = draft
        self._reviewer = reviewer
        self._permissions = permissions or Permissions()
        self._asking = asyncio.Lock()

    @property
    def root(self) -> Path:
        return self._draft.root

    @property
    def isolation(self) -> Isolation:
        return self._draft.isolation

    def read(self, path: str) -> bytes | None:
        return self._draft.read(path)

    def permissions(self, path: str) -> int | None:
        return self._draft.permissions(path)

    def write(self, path: str, data: bytes | None, mode: int | None = None) -> None:
        self._draft.write(path, data, mode)

    def restore(self, path: str) -> None:
        self._draft.restore(path)

    def files(self) -> list[str]:
        return self._draft.files()

    def change(self) -> Change:
        return self._draft.change()

    async def run(
        self, command: Command, *, scratch: bool = False, on_output: Callable[[str], None] | None = None
    ) -> Completed:
        """Run the command, asking first where it would not be confined.

        Raises:
            DraftError: it was not permitted.
        """
        if not self.isolation.confined:
            async with self._asking:  # candidates are tried side by side, and one answer may do for both
                await self._ask(command)
        return await self._draft.run(command, scratch=scratch, on_output=on_output)

    def settle(self, paths: Sequence[str]) -> None:
        self._draft.settle(paths)

    def discard(self) -> None:
        self._draft.discard()

    def close(self) -> None:
        self._draft.close()

    async def _ask(self, command: Command) -> None:
        if self._permissions.covers(command):
            return
        text, scope = line(command), pattern(command)
        permission = await self._reviewer.permit(text, self.isolation.warning, scope)
        if permission == "no":
            raise DraftError(
                f"`{text}` was not run: commands are not confined here ({self.isolation.summary}) and it was not "
                "permitted. Permit it when asked, or start ossa with --allow-unconfined."
            )
        if permission == "always":
            self._permissions.add(command)
