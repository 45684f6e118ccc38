"""Back and forth: undo, redo, rewind, and the draft forgotten.

    undo ⇄ redo         one accept
    rewind(N, what)     to before the N-th last prompt: all accepts since, what came into the draft since, the model's
                        memory of it

The files come from the checkpoints; the draft then takes their state as what it found.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, TypeAlias

from ossa.assistant.accepting.checkpoints import Checkpoint, Checkpoints
from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.draft import Draft
from ossa.assistant.events import End, Failure, Notice, Redone, Rewound, Undone
from ossa.assistant.threads import in_any_case, in_thread
from ossa.assistant.timeline import Prompt, Timeline
from ossa.assistant.turn import Emit

What: TypeAlias = Literal["files", "conversation", "both"]


class WayBack:
    """Takes the working tree and the draft back and forth."""

    def __init__(self, root: Path, draft: Draft, checkpoints: Checkpoints, timeline: Timeline) -> None:
        """`root` is the working tree; `timeline` sees every event of the session."""
        self._root, self._draft, self._checkpoints, self._timeline = root, draft, checkpoints, timeline

    async def undo(self, emit: Emit) -> End:
        """Take back the latest accept."""
        return await in_any_case(self._step(self._checkpoints.undo, Undone, emit))

    async def redo(self, emit: Emit) -> End:
        """Make the accept again that was taken back last."""
        return await in_any_case(self._step(self._checkpoints.redo, Redone, emit))

    async def rewind(self, turns: int, what: What, emit: Emit) -> End:
        """Go back to before the person's last `turns` prompts: their files, the model's memory of them, or both."""
        known = len(self._timeline.prompts)
        if not 1 <= turns <= known:
            count = f"{known} prompt{'s' * (known != 1)}" if known else "no prompt"
            emit(Failure(f"There is no way back by {turns}: this session has {count} to go back by."))
            return "failed"
        return await in_any_case(self._rewind(self._timeline.prompts[-turns], turns, what, emit))

    async def discard(self, emit: Emit) -> End:
        """Forget the change in the draft."""
        change = await in_thread(self._draft.change)
        await in_thread(self._draft.discard)
        if change:
            emit(Notice(f"The draft was discarded: {change.summary}.", told=True))
        else:
            emit(Notice("The draft holds no change."))
        return "answered"

    async def _step(self, go: Callable[[], Checkpoint], told: type[Undone | Redone], emit: Emit) -> End:
        done = await asyncio.to_thread(go)
        try:
            await asyncio.to_thread(self._draft.settle, done.files)
        finally:
            emit(told(done.files, done.id))
        _tell(done.notes, emit)
        return "answered"

    async def _rewind(self, prompt: Prompt, turns: int, what: What, emit: Emit) -> End:
        newer: set[str] = set()
        change, back = Change(), ()
        if what != "conversation":
            change = await asyncio.to_thread(self._draft.change)
            newer = {hunk.id for _, hunk in change.hunks} - prompt.waiting
            back = await asyncio.to_thread(self._take_back, prompt)
        files = tuple(sorted({path for checkpoint in back for path in checkpoint.files}))
        try:
            await asyncio.to_thread(take_out, self._draft, self._root, change, newer)
            await asyncio.to_thread(self._draft.settle, files)
        finally:  # the files are back, whatever becomes of the draft
            emit(Rewound(turns, files, tuple(c.id for c in back), what != "files", prompt.text))
        _tell([note for checkpoint in back for note in checkpoint.notes], emit)
        if newer:
            emit(Notice("What had come into the draft since was discarded.", told=what == "files"))
        if what != "conversation" and not files:
            emit(Notice("No file had been changed since."))
        return "answered"

    def _take_back(self, prompt: Prompt) -> Sequence[Checkpoint]:
        """Undo all accepts since the prompt that still stand, in one step."""
        standing = {c.id for c in self._checkpoints.list() if c.state == "done"}
        oldest = next((a.checkpoint for a in self._timeline.since(prompt) if a.checkpoint in standing), "")
        return self._checkpoints.rewind(oldest) if oldest else ()


def _tell(notes: Sequence[str], emit: Emit) -> None:
    for note in dict.fromkeys(notes):
        emit(Notice(note))
