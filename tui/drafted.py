"""What the draft holds, in the file tree and beside it: files that a turn changes are seen as it leaves them.

an event of CHANGING ─► look() ─► Draft.change, in a thread ─► Files.proposed · Preview.renew
"""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from ossa.assistant.change import Change
from ossa.assistant.draft import DraftError
from ossa.assistant.events import (
    Proposed,
    Redone,
    Reviewed,
    Revised,
    Rewound,
    StepFinished,
    TurnFinished,
    Undone,
)
from ossa.tui.widgets.files import Files
from ossa.tui.widgets.preview import Preview

CHANGING = (StepFinished, Proposed, Reviewed, Revised, Undone, Redone, Rewound, TurnFinished)
"""Events after which the draft may hold something else."""


class Held(Protocol):
    """What is asked of a draft."""

    def change(self) -> Change: ...
    def read(self, path: str, /) -> bytes | None: ...


class Drafted:
    """Keeps tree and preview to the draft."""

    def __init__(self, files: Files, preview: Preview) -> None:
        self._files, self._preview = files, preview
        self._draft: Held | None = None
        self._held: frozenset[str] = frozenset()
        self._reviewed: frozenset[str] = frozenset()

    def attach(self, draft: Held) -> None:
        """There is a draft from now on."""
        self._draft = draft
        self._preview.read_draft = draft.read

    def review(self, paths: Iterable[str]) -> None:
        """These files are in the change that waits for a decision."""
        self._reviewed = frozenset(paths)
        self._show()

    async def look(self) -> None:
        """Show what the draft holds now."""
        if self._draft is None:
            return
        try:
            change = await asyncio.to_thread(self._draft.change)
        except (DraftError, OSError):  # the turn tells of it
            return
        self._held = frozenset(file.path for file in change.files)
        self._show()
        self._preview.renew(self._held)

    def _show(self) -> None:
        self._files.proposed = self._held | self._reviewed
