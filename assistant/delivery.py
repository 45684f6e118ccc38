"""The way of a change from the draft to the working tree: verdict, review, accept, and back by undo."""

import asyncio
from pathlib import Path

from ossa.assistant.accept import accept
from ossa.assistant.change import Change
from ossa.assistant.checkpoints import Checkpoints
from ossa.assistant.draft import Draft
from ossa.assistant.events import End, Notice, Proposed, Reviewed, Undone
from ossa.assistant.proof import Proof
from ossa.assistant.rejection import take_out
from ossa.assistant.review import Decision, Reviewer
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import Verdict


class Delivery:
    """Offers what is in the draft, and carries out what the person decides."""

    def __init__(self, root: Path, draft: Draft, proof: Proof, reviewer: Reviewer, checkpoints: Checkpoints) -> None:
        """`root` is the working tree that accepted hunks go to."""
        self._root, self._draft, self._proof = root, draft, proof
        self._reviewer, self._checkpoints = reviewer, checkpoints

    @property
    def pending(self) -> bool:
        """Whether the draft differs from the working tree."""
        return bool(self._draft.change())

    async def offer(self, emit: Emit, verdict: Verdict | None = None) -> End:
        """Show the change with its verdict, where that is known already, and do what the person decides."""
        change = self._draft.change()
        if not change:
            return "no change"
        judged = verdict or await self._proof.verdict(emit)
        emit(Proposed(change, judged))
        decisions = await self._reviewer.review(change, judged)
        if decisions is None:
            return "proposed"
        carrying = asyncio.create_task(self._carry_out(change, tuple(decisions), emit))
        try:
            return await asyncio.shield(carrying)
        except asyncio.CancelledError:  # what the person decided is done, also if they press Esc right after
            return await carrying

    async def undo(self, emit: Emit) -> End:
        """Take back the latest accept."""
        checkpoint = await asyncio.to_thread(self._checkpoints.undo)
        self._draft.settle(checkpoint.files)
        emit(Undone(checkpoint.files, checkpoint.id))
        return "answered"

    async def discard(self, emit: Emit) -> End:
        """Forget the change in the draft."""
        change = self._draft.change()
        self._draft.discard()
        emit(Notice(f"The draft was discarded: {change.summary}." if change else "The draft holds no change."))
        return "answered"

    async def _carry_out(self, change: Change, decisions: tuple[Decision, ...], emit: Emit) -> End:
        done = await asyncio.to_thread(accept, change, decisions, self._root, self._draft.read, self._checkpoints)
        take_out(self._draft, self._root, change, {d.hunk for d in decisions if not d.accepted})
        decided = {decision.hunk for decision in decisions}
        self._draft.settle([f.path for f in change.files if any(h.id in decided for h in f.hunks)])
        emit(Reviewed(decisions, done.files, done.checkpoint, done.refused))
        return "applied" if done.files else "rejected"
