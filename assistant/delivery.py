"""The way of a change from the draft to the working tree: verdict, review, accept, and back by undo."""

from pathlib import Path

from ossa.assistant.accept import accept
from ossa.assistant.checkpoints import Checkpoints
from ossa.assistant.draft import Draft
from ossa.assistant.events import End, Notice, Proposed, Reviewed, Undone
from ossa.assistant.proof import Proof
from ossa.assistant.review import Reviewer
from ossa.assistant.turn import Emit


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

    async def offer(self, emit: Emit) -> End:
        """Show the change with its verdict, and do what the person decides."""
        change = self._draft.change()
        if not change:
            return "no change"
        verdict = await self._proof.verdict(emit)
        emit(Proposed(change, verdict))
        decisions = await self._reviewer.review(change, verdict)
        if decisions is None:
            return "proposed"
        done = accept(change, decisions, self._root, self._draft.read, self._checkpoints)
        rejected = {d.hunk for d in decisions if not d.accepted}
        ...
        return "applied"
