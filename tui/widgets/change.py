"""The change under review: keys decide on the hunk that is current, or have it written otherwise.

decide(change, verdict, alternatives) ─► the person presses keys
    ─► decisions · an edit · asking again · another of the repairs · None when it is put off
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import ClassVar, Literal, TypeAlias

from textual import on
from textual.app import SuspendNotSupported
from textual.binding import BindingType
from textual.message import Message
from textual.reactive import reactive

from ossa.assistant.change import Change
from ossa.assistant.events import Reviewed
from ossa.assistant.review import Alternatives, Answer, Choose, Decision, HunkEdit, Reroll
from ossa.assistant.verdict import Verdict
from ossa.tui.commands import bindings
from ossa.tui.hunktext import as_text, edited, refusal, untypable
from ossa.tui.origins import Origin, Origins, still, traced
from ossa.tui.outside import EditorError, edit_outside
from ossa.tui.widgets.editor import HunkEditor
from ossa.tui.widgets.failing import FailingTest
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.hunks import HunkList
from ossa.tui.widgets.reason import Reason
from ossa.tui.widgets.repairs import RepairTab, RepairTabs

Phase: TypeAlias = Literal["empty", "shown", "reviewing", "revising", "applied", "over"]
"""Of what is shown: nothing, a change that waits for its review, the review, a hunk of it being written otherwise and
tested, and what came of it."""
CHOOSING = frozenset({"choose", "next_repair", "previous_repair"})
DECIDING = CHOOSING | {"accept", "reject", "accept_all", "submit", "edit", "edit_outside", "ask_again"}
GOING = frozenset({"next", "previous", "next_file", "previous_file", "fold", "fold_all", "split", "outputs"})
_NO_CHOICE = Alternatives()


class ChangeView(HunkList):
    """The change being reviewed, or the last one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("change")]

    phase: reactive[Phase] = reactive("empty", bindings=True)
    armed = reactive(False, bindings=True)
    """Whether keys may decide."""
    typing = reactive(False, bindings=True)
    """Whether the person writes a reason or edits a hunk, and keys are letters."""
    undecided = reactive(0, bindings=True)
    """Hunks that wait for a decision."""
    outcome = reactive("")
    """What comes or came of it, in a few words, where the phase alone does not say."""

    class Progressed(Message):
        """Something was decided, or another change is shown."""

    class UndoWanted(Message):
        """The user wants the applied change taken back."""

    def __init__(self) -> None:
        super().__init__(id="change")
        self.guard_seconds = 0.4
        """For which no key decides after a review has popped up under somebody's fingers."""
        self.aside: Callable[[], AbstractContextManager[None]] = lambda: self.app.suspend()
        """Leaves the terminal to an editor meanwhile."""
        self.leave_key = "esc"
        """The key that leaves a line, as written in texts."""
        self._asked: asyncio.Future[Answer] | None = None
        self._revised: tuple[str, Origin] | None = None
        """The hunk being written otherwise, and by whom."""
        self._trying = 0
        """The number of the repair whose tests run, since the person wants that one."""
        self._why = ""
        """What was said last of the hunk that is being written otherwise, or of the repair."""
        self._untested = False
        """Whether the verdict is of the change as it was before an edit."""
        self._origins: Origins = {}
        self._typed: dict[str, str] = {}
        """By hunk: edits that were left and not saved."""
        self._checkpoint = ""

    @property
    def refused(self) -> int:
        """Hunks that were accepted and could not be applied."""
        return sum(view.state == "refused" for view in self.hunks)

    async def present(
        self,
        change: Change,
        verdict: Verdict,
        origins: Origins | None = None,
        alternatives: Alternatives = _NO_CHOICE,
    ) -> None:
        """Show a change without asking anything; what was decided about the same hunks still stands.

        `origins` says which hunks were written anew where the view has not seen it happen.
        """
        again = self.phase in ("shown", "revising")
        decided = {v.hunk.id: v for v in self.hunks if again and v.state in ("accepted", "rejected")}
        index, top = (self.current, self.scroll_y) if self.phase == "revising" else (0, 0.0)
        before, self._origins = self._origins, self._traced(change) if origins is None else origins
        await self.fill(change, verdict, alternatives)
        for place, view in enumerate(self.hunks):
            view.origin = self._origins.get(view.hunk.id, "")
            if view.origin and view.hunk.id not in before and self._revised:
                index, self._revised = place, None
            if earlier := decided.get(view.hunk.id):
                view.state, view.reason = earlier.state, earlier.reason
        if self._revised and any(view.hunk.id == self._revised[0] for view in self.hunks):
            self._say(self._why or "The hunk is as it was; the conversation says why.")
        if self._trying and self._trying != alternatives.shown:
            self._say(self._why or "The change is as it was; the conversation says why.")
        self._revised, self._trying, self._untested = None, 0, False
        self._typed = {view.hunk.id: self._typed.get(view.hunk.id, "") for view in self.hunks}
        self.phase = "shown"
        self._count()
        self.go_to(max(0, min(index, len(self.hunks) - 1)), top)

    async def decide(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> Answer:
        """Ask the person about every hunk; None when the review is put off."""
        await self.present(change, verdict, alternatives=alternatives)
        self._asked = asyncio.get_running_loop().create_future()
        self.phase = "reviewing"
        self.guard()
        try:
            return await self._asked
        finally:
            self._asked = None
            if self.is_attached:
                self._close_fields()
                self.phase = "revising" if self._revised or self._trying else "shown"
                self.post_message(self.Progressed())

    def guard(self) -> None:
        """Let no key decide for a moment, since the review has just come up."""
        self.armed = False
        self.set_timer(self.guard_seconds, lambda: setattr(self, "armed", True))

    def put_off(self) -> bool:
        """End a review without a decision; False when there is none."""
        return self._answer(None)

    def conclude(self, event: Reviewed) -> None:
        """Show what became of the change."""
        chosen = {decision.hunk: decision for decision in event.decisions}
        reasons = dict(zip(event.refused_hunks, event.refused, strict=False))
        for view in self.hunks:
            if view.hunk.id in event.refused_hunks:
                view.reason, view.state = reasons.get(view.hunk.id, ""), "refused"
            elif decision := chosen.get(view.hunk.id):
                view.state, view.reason = ("accepted" if decision.accepted else "rejected"), decision.reason
        self._count()
        self._checkpoint = event.checkpoint
        if event.checkpoint:
            self._end("applied", "")
        else:
            wanted = any(decision.accepted for decision in event.decisions)
            self._end("over", "nothing written" if wanted else "rejected")

    def take_back(self, checkpoints: Sequence[str]) -> None:
        """Show that the applied change is no longer in the working tree, where it was one of these accepts."""
        if self.phase == "applied" and self._checkpoint in checkpoints:
            for view in self.hunks:
                view.state = "undone" if view.state == "accepted" else view.state
            self._end("over", "taken back")

    def make_again(self, checkpoint: str) -> None:
        """Show that the change which was taken back is in the working tree again, where it was this accept."""
        if self.phase == "over" and self._checkpoint == checkpoint:
            for view in self.hunks:
                view.state = "accepted" if view.state == "undone" else view.state
            self._end("applied", "")

    def follow(self, step: str) -> None:
        """Tell how far the hunk is that is being written otherwise: where there is little room, only this is seen."""
        if self.phase == "revising" and step != self.outcome:
            self._end("revising", step)

    def explain(self, sentence: str) -> None:
        """Something was said in the conversation: it may be why a hunk stays as it was."""
        self._why = sentence

    def settle(self) -> None:
        """The turn is over: a hunk that was being written otherwise is as it was, or as the next review shows it."""
        if self.phase == "revising":
            self._untested = self._revised is not None and self._revised[1] == "edited by you"
            self._revised, self._trying = None, 0
            for tabs in self.query(RepairTabs):
                tabs.test(0)
            for view in self.hunks:
                view.state = "pending" if view.state == "revising" else view.state
            self._end("shown", "")

    def withdraw(self) -> None:
        """Show that there is nothing to decide any more, since the draft holds no change."""
        if self.phase in ("shown", "empty"):
            self._end("over" if self.phase == "shown" else "empty", "gone from the draft")

    def watch_phase(self) -> None:
        self._date_verdict()

    def watch_outcome(self) -> None:
        self._date_verdict()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "fix_failing":
            idle = self.phase not in ("empty", "revising") and not self.typing
            return idle and bool(self.query(FailingTest)) and (self.armed or self.phase != "reviewing")
        if action in DECIDING:
            fits = {"submit": not self.undecided, "accept_all": bool(self.undecided)}.get(action, True)
            if action in CHOOSING:
                fits = (
                    0 < max((n for n in parameters if isinstance(n, int)), default=1) <= len(self.alternatives.repairs)
                )
            return fits and self.phase == "reviewing" and self.armed and not self.typing
        if action == "revert":
            decided = self.phase == "reviewing" and self.undecided < len(self.hunks)
            return (decided or self.phase == "applied") and not self.typing
        return self.phase != "empty" and not self.typing if action in GOING else True

    def action_accept(self) -> None:
        self._set("accepted")
        self.advance()

    def action_reject(self) -> None:
        self._set("rejected")
        self._ask_why(Reason(self.hunks[self.current], "reject", self.leave_key))

    def action_ask_again(self) -> None:
        self._ask_why(Reason(self.hunks[self.current], "ask again", self.leave_key))

    def action_edit(self) -> None:
        view = self.hunks[self.current]
        if why := refusal(view.file, view.hunk) or untypable(view.hunk):
            self._say(why)
            return
        self.typing = view.editing = True
        self.open_below(view, HunkEditor(view, self._typed[view.hunk.id]))

    def action_edit_outside(self) -> None:
        view = self.hunks[self.current]
        if why := refusal(view.file, view.hunk):
            self._say(why)
            return
        try:
            with self.aside():
                text = edit_outside(as_text(view.hunk), view.file.path)
        except SuspendNotSupported:
            self._say("This terminal cannot be left to an editor: e edits the hunk here.")
        except EditorError as error:
            self._say(str(error))
        else:
            self._rewrite(view, text)

    def action_accept_all(self) -> None:
        for view in self.hunks:
            if view.state == "pending":
                view.state = "accepted"
        self._count()
        self.action_submit()

    def action_choose(self, number: int) -> None:
        shown, count = self.alternatives.shown, len(self.alternatives.repairs)
        if 1 <= number <= count and number != shown and self._answer(Choose(number)):
            self._trying, self._why = number, ""
            self.outcome = f"testing repair {number}"
            self.query_one(RepairTabs).test(number)

    def action_next_repair(self) -> None:
        self.action_choose(self.alternatives.shown % len(self.alternatives.repairs) + 1)

    def action_previous_repair(self) -> None:
        count = len(self.alternatives.repairs)
        self.action_choose((self.alternatives.shown - 2) % count + 1)

    @on(RepairTab.Chosen)
    def _tab_chosen(self, event: RepairTab.Chosen) -> None:
        event.stop()
        if self.check_action("choose", (event.number,)):
            self.action_choose(event.number)

    def action_fix_failing(self) -> None:
        self.query(FailingTest).first().action_fix_test()

    def action_submit(self) -> None:
        self._answer([Decision(v.hunk.id, v.state == "accepted", v.reason) for v in self.hunks if v.state != "pending"])

    def action_revert(self) -> None:
        if self.phase == "applied":
            self.post_message(self.UndoWanted())
        else:
            self._set("pending")

    @on(Reason.Given)
    def _reason_given(self, event: Reason.Given) -> None:
        event.stop()
        self.typing = False
        self.focus()
        if event.purpose == "reject":
            event.view.reason = event.text or ""
            self.advance()
        elif event.text is not None:
            self._revise(event.view, Reroll(event.view.hunk.id, event.text), "another version", "asking the model")

    @on(HunkEditor.Ended)
    def _editor_ended(self, event: HunkEditor.Ended) -> None:
        event.stop()
        view, text = event.editor.view, event.editor.text
        self._close_fields()
        self.focus(scroll_visible=False)
        if event.saved:
            self._rewrite(view, text)
        elif text != event.editor.original:
            self._say("Left without saving; e goes on with what you typed.")

    def _rewrite(self, view: HunkView, text: str) -> None:
        """Have an edited hunk tested, if it is another one now."""
        after = edited(view.hunk, text)
        if after == view.hunk.after:
            self._say("The hunk is as it was.")
            return
        view.rewrite(after)
        self._revise(view, HunkEdit(view.hunk.id, after), "edited by you", "testing your edit")

    def _revise(self, view: HunkView, answer: HunkEdit | Reroll, origin: Origin, doing: str) -> None:
        """Answer that a hunk is to be another one; the review comes again with it."""
        if self._answer(answer):
            self._revised = view.hunk.id, origin
            self._why = ""
            view.state, view.reason, self.outcome = "revising", doing, doing

    def _date_verdict(self) -> None:
        """Say of a verdict that a new one is on its way, as long as that is so."""
        if self.verdict is not None and self.verdict.is_mounted:
            waits = "! not tested since your edit" if self._untested else ""
            self.verdict.doing = f"◦ {self.outcome} …" if self.phase == "revising" else waits

    def _traced(self, change: Change) -> Origins:
        if self._revised is None:
            return still(self._origins, change)
        return traced(self._origins, self.change, *self._revised, change)

    def _ask_why(self, field: Reason) -> None:
        self.typing = True
        self.query(Reason).remove()
        self.mount(field)

    def _close_fields(self) -> None:
        """Put away the reason and the editor; what was typed into that is kept for its hunk."""
        self.query(Reason).remove()
        for editor in self.query(HunkEditor):
            self._typed[editor.view.hunk.id] = editor.text
            editor.view.editing = False
            editor.remove()
            self.close_below()
        self.typing = False

    def _say(self, sentence: str) -> None:
        self.notify(sentence, markup=False)

    def _set(self, state: Literal["pending", "accepted", "rejected"]) -> None:
        view = self.hunks[self.current]
        view.state, view.reason, view.folded = state, "", state != "pending"
        self._count()

    def _end(self, phase: Phase, outcome: str) -> None:
        self.phase, self.outcome = phase, outcome
        self.post_message(self.Progressed())

    def _count(self) -> None:
        self.undecided = sum(view.state == "pending" for view in self.hunks)
        self.post_message(self.Progressed())

    def _answer(self, answer: Answer) -> bool:
        if self._asked is None or self._asked.done():
            return False
        self._asked.set_result(answer)
        return True
