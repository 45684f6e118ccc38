"""The way of a change from the draft to the working tree: verdict, review, accept, and back by undo."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.draft import Draft
from ossa.assistant.events import End, Notice, Proposed, Reviewed, Undone
from ossa.assistant.proof import Proof
from ossa.assistant.review import Decision, Reviewer
from ossa.assistant.threads import in_thread, to_its_end
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import Verdict


class Delivery:
    """Offers what is in the draft, and carries out what the person decides."""

    def __init__(self, root: Path, draft: Draft, proof: Proof, reviewer: Reviewer, checkpoints: Checkpoints) -> None:
        """`root` is the working tree that accepted hunks go to."""
        self._root, self._draft, self._proof = root, draft, proof
        self._reviewer, self._checkpoints = reviewer, checkpoints

    async def change(self) -> Change:
        """What the draft would do to the working tree now."""
        return await in_thread(self._draft.change)

    async def offer(self, emit: Emit, verdict: Verdict | None = None) -> End:
        """Show the change with its verdict, where that is known already, and do what the person decides."""
        change = await self.change()
        if not change:
            return "no change"
        judged = verdict or await self._proof.verdict(emit)
        emit(Proposed(change, judged))
        decisions = await self._reviewer.review(change, judged)
        if decisions is None:
            return "proposed"
        return await _in_any_case(self._carry_out(change, tuple(decisions), emit))

    async def undo(self, emit: Emit) -> End:
        """Take back the latest accept."""
        return await _in_any_case(self._undo(emit))

    async def discard(self, emit: Emit) -> End:
        """Forget the change in the draft."""
        change = await self.change()
        await in_thread(self._draft.discard)
        emit(Notice(f"The draft was discarded: {change.summary}." if change else "The draft holds no change."))
        return "answered"

    async def _undo(self, emit: Emit) -> End:
        checkpoint = await asyncio.to_thread(self._checkpoints.undo)
        try:
            await asyncio.to_thread(self._draft.settle, checkpoint.files)
        finally:
            emit(Undone(checkpoint.files, checkpoint.id))
        return "answered"

    async def _carry_out(self, change: Change, decisions: tuple[Decision, ...], emit: Emit) -> End:
        done = await asyncio.to_thread(accept, change, decisions, self._root, self._draft.read, self._checkpoints)
        decided = {decision.hunk for decision in decisions}
        rejected = {decision.hunk for decision in decisions if not decision.accepted}
        try:
            await asyncio.to_thread(take_out, self._draft, self._root, change, rejected)
            settled = [f.path for f in change.files if any(h.id in decided for h in f.hunks)]
            await asyncio.to_thread(self._draft.settle, settled)
        finally:  # the files are written, whatever becomes of the draft
            emit(Reviewed(decisions, done.files, done.checkpoint, done.refused, done.refused_hunks))
        return "applied" if done.files else "rejected"


async def _in_any_case(work: Coroutine[Any, Any, End]) -> End:
    """Do what the person decided, all of it, also if they press Esc right after, or several times."""
    doing = asyncio.create_task(work)
    with suppress(asyncio.CancelledError):
        await to_its_end(doing)
    return doing.result()
