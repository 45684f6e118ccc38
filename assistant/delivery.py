"""The way of a change from the draft to the working tree.

draft ─► verdict ─► review ─► accept
           ▲          └──► a hunk edited or asked for again, another repair chosen ─┐
           └────────────────────────────────────────────────────────────────────────┘
"""

import asyncio
from pathlib import Path

from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.choosing import Choices
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.events import End, Failure, Notice, Proposed, Reviewed, Revised
from ossa.assistant.proof import Proof
from ossa.assistant.review import Choose, Decision, HunkEdit, Reroll, Reviewer
from ossa.assistant.revision import Author, RevisionError, Second, Wish, find, rewrite
from ossa.assistant.threads import in_any_case, in_thread, to_its_end
from ossa.assistant.turn import Emit
from ossa.assistant.verdict import Verdict
from ossa.model.base import ModelError


class Delivery:
    """Offers what is in the draft, and carries out what the person decides."""

    def __init__(self, root: Path, draft: Draft, proof: Proof, reviewer: Reviewer, checkpoints: Checkpoints) -> None:
        """`root` is the working tree that accepted hunks go to."""
        self._root, self._draft, self._proof = root, draft, proof
        self._reviewer, self._checkpoints = reviewer, checkpoints

    async def change(self) -> Change:
        """What the draft would do to the working tree now."""
        return await in_thread(self._draft.change)

    async def offer(self, emit: Emit, author: Author, verdict: Verdict | None = None) -> End:
        """Show the change with its verdict, where that is known already, and do what the person decides.

        What they edit or choose, or have the `author` write once more, is proved and shown anew before it is asked for
        again.
        """
        change = await self.change()
        if not change:
            return "no change"
        judged = verdict or await self._proof.verdict(emit)
        author.choices.renew()
        shown = None
        while True:
            alternatives = await in_thread(author.choices.offered, change, judged)
            if change != shown:
                emit(Proposed(change, judged, alternatives))
            answer = await self._reviewer.review(change, judged, alternatives)
            shown = change
            match answer:
                case None:
                    return "proposed"
                case Choose(number):
                    judged = await self._chosen(number, judged, author.choices, emit)
                    change = await self.change()
                case HunkEdit() | Reroll():
                    change = await self._revised(shown, answer, judged, author, emit)
                    if not change:
                        emit(Notice("The draft holds no change any more."))
                        return "no change"
                    if change != shown:
                        judged = await self._judged(emit)
                case decisions:
                    author.choices.forget()
                    return await in_any_case(self._carry_out(change, tuple(decisions), emit))

    async def _chosen(self, number: int, shown: Verdict, choices: Choices, emit: Emit) -> Verdict:
        """Put another of the repairs that passed into the draft; the former comes back unless the tests confirm it."""
        former, holds = choices.shown, False
        why = "could not be tested to the end"
        try:
            if not await in_thread(choices.put, number):
                why = "can no longer be had"
                return shown
            verdict = choices.verdict() or await self._proof.verdict(emit)
            choices.judged(verdict)
            holds = bool(verdict.fixed) and not (verdict.broken or verdict.missing or verdict.problem)
            why = f"passed when it was tried, but not in a run of its own ({verdict.summary})"
            return verdict if holds else shown
        except DraftError as error:
            emit(Failure(str(error)))
            return shown
        finally:
            if not holds:
                await to_its_end(asyncio.to_thread(choices.put, former))
                emit(Notice(f"Repair {number} {why}, so repair {former} is back."))

    async def _revised(
        self, change: Change, answer: HunkEdit | Reroll, shown: Verdict, author: Author, emit: Emit
    ) -> Change:
        """What the draft holds once a hunk was written otherwise, or could not be."""
        try:
            if isinstance(answer, HunkEdit):
                await to_its_end(self._edit(change, answer, emit))
            else:
                await self._ask_again(change, answer, shown, author, emit)
        except RevisionError as error:
            emit(Notice(str(error), told=isinstance(answer, Reroll)))
        except (ModelError, DraftError) as error:
            emit(Failure(str(error)))
        return await self.change()

    async def _edit(self, change: Change, edit: HunkEdit, emit: Emit) -> None:
        file, hunk = find(change, edit.hunk)
        after, broken = await asyncio.to_thread(rewrite, self._draft, self._root, change, edit)
        emit(Revised(hunk.id, file.path, hunk.start + 1, "person", after=after))
        if broken:
            emit(Notice(broken))

    async def _ask_again(self, change: Change, wish: Reroll, shown: Verdict, author: Author, emit: Emit) -> None:
        """Have one hunk written once more; the old version comes back unless another one comes."""
        file, hunk = find(change, wish.hunk)
        second = await in_thread(Second, self._draft, self._root, change, file, hunk)
        try:
            await in_thread(second.begin)
            emit(Revised(hunk.id, file.path, hunk.start + 1, "model", wish.reason))
            await author.ask(Wish(file, hunk, wish.reason, second.refused, shown.still_failing), emit)
            told = await in_thread(second.conclude, anywhere=author.anywhere)
        except BaseException as why:
            await to_its_end(asyncio.to_thread(second.restore))
            if not isinstance(why, RevisionError):  # which says so itself
                stays = "asking again came to nothing, so the old version stays"
                emit(Notice(f"{file.path}, line {hunk.start + 1}: {stays}.", told=True))
            raise
        if told:
            emit(Notice(told, told=True))

    async def _judged(self, emit: Emit) -> Verdict:
        try:
            return await self._proof.verdict(emit)
        except asyncio.CancelledError:
            emit(Notice("The change waits in the draft as it is now: /review shows it."))
            raise

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
            for note in done.notes:
                emit(Notice(note))
        return "applied" if done.files else "rejected"
