"""The change: its verdict on top, below it every file with its hunks; keys decide on the hunk that is current.

decide(change, verdict) ─► the person presses keys ─► decisions, or None when it is put off
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import ClassVar, Literal, TypeAlias

from textual import on
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.reactive import reactive

from ossa.assistant.change import Change
from ossa.assistant.review import Decision
from ossa.assistant.verdict import Verdict
from ossa.tui.commands import bindings
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.line import Line, file_line
from ossa.tui.widgets.reason import Reason
from ossa.tui.widgets.verdict import VerdictView

Phase: TypeAlias = Literal["empty", "shown", "reviewing", "applied", "over"]
"""Of what is shown: nothing, a change that waits for its review, the review, and what came of it."""
DECIDING = frozenset({"accept", "reject", "accept_all", "submit"})


class ChangeView(VerticalScroll, can_focus=True):
    """The change being reviewed, or the last one."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("change")]

    phase: reactive[Phase] = reactive("empty", bindings=True)
    armed = reactive(False, bindings=True)
    """Whether keys may decide."""
    undecided = reactive(0, bindings=True)
    """Hunks that wait for a decision."""
    current = reactive(0, init=False)
    """Index of the hunk that keys act on."""
    outcome = reactive("")
    """What came of it, in a word or two, where the phase alone does not say."""

    class Progressed(Message):
        """Something was decided, or another change is shown."""

    class UndoWanted(Message):
        """The user wants the applied change taken back."""

    def __init__(self) -> None:
        super().__init__(id="change")
        self.guard_seconds = 0.4
        """For which no key decides after a review has popped up under somebody's fingers."""
        self.change = Change()
        self.hunks: list[HunkView] = []
        """In the order of the change."""
        self._asked: asyncio.Future[Sequence[Decision] | None] | None = None

    async def present(self, change: Change, verdict: Verdict) -> None:
        """Show a change without asking anything; what was decided before it was put off still stands."""
        self.change = change
        decided = {view.hunk.id: view for view in self.hunks} if self.phase == "shown" else {}
        count = sum(len(file.hunks) for file in change.files)
        self.hunks = [HunkView(file, hunk, number, count) for number, (file, hunk) in enumerate(change.hunks, 1)]
        async with self.batch():
            await self.remove_children()
            await self.mount(VerdictView(verdict), *self._under_files())
        for view in self.hunks:
            if before := decided.get(view.hunk.id):
                view.state, view.reason = before.state, before.reason
        self.phase = "shown"
        self._count()
        self.scroll_home(animate=False)
        self.current = 0
        self._point(0)
        self.run_worker(self._colour, thread=True, exclusive=True, group="colour", exit_on_error=False)
        self.post_message(self.Progressed())

    async def decide(self, change: Change, verdict: Verdict) -> Sequence[Decision] | None:
        """Ask the person about every hunk; None when the review is put off."""
        await self.present(change, verdict)
        self._asked = asyncio.get_running_loop().create_future()
        self.phase = "reviewing"
        self.guard()
        try:
            return await self._asked
        finally:
            self._asked = None
            if self.is_attached:
                self.phase = "shown"
                self.post_message(self.Progressed())

    def guard(self) -> None:
        """Let no key decide for a moment, since the review has just come up."""
        self.armed = False
        self.set_timer(self.guard_seconds, lambda: setattr(self, "armed", True))

    def put_off(self) -> bool:
        """End a review without a decision; False when there is none."""
        return self._answer(None)

    def conclude(self, decisions: Sequence[Decision], *, applied: bool) -> None:
        """Show what became of the change; `applied`: some of it is in the working tree now."""
        chosen = {decision.hunk: decision for decision in decisions}
        for view in self.hunks:
            if decision := chosen.get(view.hunk.id):
                view.state, view.reason = ("accepted" if decision.accepted else "rejected"), decision.reason
        self._count()
        if applied:
            self.phase = "applied"
        else:
            self._end("nothing written" if any(decision.accepted for decision in decisions) else "rejected")

    def take_back(self) -> None:
        """Show that the applied change is no longer in the working tree."""
        if self.phase == "applied":
            for view in self.hunks:
                view.state = "undone" if view.state == "accepted" else view.state
            self._end("taken back")

    def withdraw(self) -> None:
        """Show that there is nothing to decide any more, since the draft holds no change."""
        if self.phase == "shown":
            self._end("gone from the draft")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in DECIDING:
            ready = self.phase == "reviewing" and self.armed
            return ready and (action != "submit" or not self.undecided)
        if action == "revert":
            return self.phase in ("reviewing", "applied")
        return self.phase != "empty" if action in ("next", "previous") else True

    def action_accept(self) -> None:
        self._set("accepted")
        self._advance()

    def action_reject(self) -> None:
        view = self.hunks[self.current]
        self._set("rejected")
        self.query(Reason).remove()
        self.mount(Reason(view))

    def action_accept_all(self) -> None:
        for view in self.hunks:
            if view.state == "pending":
                view.state = "accepted"
        self._count()
        self.action_submit()

    def action_submit(self) -> None:
        self._answer([Decision(v.hunk.id, v.state == "accepted", v.reason) for v in self.hunks if v.state != "pending"])

    def action_revert(self) -> None:
        if self.phase == "applied":
            self.post_message(self.UndoWanted())
        else:
            self._set("pending")

    def action_next(self) -> None:
        self.current = min(self.current + 1, len(self.hunks) - 1)

    def action_previous(self) -> None:
        self.current = max(self.current - 1, 0)

    def watch_current(self, old: int, new: int) -> None:
        if old < len(self.hunks):
            self.hunks[old].current = False
        self._point(new)

    @on(Reason.Given)
    def _reason_given(self, event: Reason.Given) -> None:
        event.stop()
        self.focus()
        self._advance()

    @on(HunkView.Chosen)
    def _chosen(self, event: HunkView.Chosen) -> None:
        event.stop()
        self.current = self.hunks.index(event.view)

    def _set(self, state: Literal["pending", "accepted", "rejected"]) -> None:
        view = self.hunks[self.current]
        view.state, view.reason = state, ""
        self._count()

    def _end(self, outcome: str) -> None:
        self.outcome = outcome
        if self.phase != "empty":
            self.phase = "over"
        self.post_message(self.Progressed())

    def _count(self) -> None:
        self.undecided = sum(view.state == "pending" for view in self.hunks)
        self.post_message(self.Progressed())

    def _advance(self) -> None:
        """Go to the next hunk without a decision, after this one or from the top."""
        count = len(self.hunks)
        following = [i % count for i in range(self.current + 1, self.current + count)]
        self.current = next((i for i in following if self.hunks[i].state == "pending"), self.current)

    def _point(self, index: int) -> None:
        if index < len(self.hunks):
            view = self.hunks[index]
            view.current = True
            if index or self.scroll_y:
                self.call_after_refresh(
                    view.scroll_visible, animate=False, top=view.size.height > self.size.height // 2
                )

    def _answer(self, decisions: Sequence[Decision] | None) -> bool:
        if self._asked is None or self._asked.done():
            return False
        self._asked.set_result(decisions)
        self.query(Reason).remove()
        return True

    def _colour(self) -> None:
        for view in self.hunks:
            view.colour()

    def _under_files(self) -> Iterator[HunkView | Line]:
        for view in self.hunks:
            if view.hunk is view.file.hunks[0]:
                yield file_line(view.file)
            yield view
