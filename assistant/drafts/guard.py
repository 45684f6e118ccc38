"""A draft that asks before it runs a command, where nothing confines commands."""

from collections.abc import Callable, Sequence
from pathlib import Path

from ossa.assistant.change import Change
from ossa.assistant.draft import Command, Completed, Draft, DraftError, Isolation
from ossa.assistant.review import Reviewer


class GuardedDraft:
    """Passes everything on; an unconfined command runs only if the reviewer permits it."""

    def __init__(self, draft: Draft, reviewer: Reviewer) -> None:
        """Wrap `draft`; `reviewer` is asked for every command that is new."""
        self._draft = draft
        self._reviewer = reviewer
        self._permitted: set[str] = set()

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
        line = command.name or " ".join(command.argv)
        if not self.isolation.confined and line not in self._permitted:
            if not await self._reviewer.permit(line, self.isolation.summary):
                raise DraftError(
                    f"`{line}` was not run: commands are not confined here ({self.isolation.summary}) and it was not "
                    "permitted. Permit it when asked, or start ossa with --allow-unconfined."
                )
            self._permitted.add(line)
        return await self._draft.run(command, scratch=scratch, on_output=on_output)

    def settle(self, paths: Sequence[str]) -> None:
        self._draft.settle(paths)

    def discard(self) -> None:
        self._draft.discard()

    def close(self) -> None:
        self._draft.close()
