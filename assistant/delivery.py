"""The way of a change from the draft to the working tree: verdict, review, accept."""

import asyncio
from pathlib import Path

from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.draft import Draft
from ossa.assistant.events import End, Proposed, Reviewed
from ossa.assistant.proof import Proof
from ossa.assistant.review import Decision, Reviewer
from ossa.assistant.threads import in_any_case, in_thread
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
        return await in_any_case(self._carry_out(change, tuple(decisions), emit))

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
