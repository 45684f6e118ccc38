"""Events become widgets in one `match`; and, as the `Reviewer`, the assistant's questions become keys.

Live events and those of a resumed session all go through `show`.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol, TypeVar

from textual.widget import Widget

from ossa.assistant.change import Change
from ossa.assistant.events import (
    Adjusted,
    Answering,
    Attempt,
    Committed,
    Compacted,
    Composed,
    Event,
    Failure,
    FrontChanged,
    Instructed,
    Notice,
    Proposed,
    Ran,
    Reading,
    Redone,
    Reviewed,
    Revised,
    Rewound,
    Searching,
    Settled,
    Spoken,
    StepFinished,
    StepOutput,
    StepStarted,
    Thinking,
    TurnFinished,
    TurnStarted,
    Undone,
)
from ossa.assistant.review import Alternatives, Choose, HunkEdit, Permission, Reroll
from ossa.assistant.review import Answer as ReviewAnswer
from ossa.assistant.verdict import Verdict
from ossa.tui.keymap import Keymap
from ossa.tui.screens.confirm import Confirm
from ossa.tui.widgets.activity import Activity
from ossa.tui.widgets.attempts import Attempts
from ossa.tui.widgets.change import ChangeView
from ossa.tui.widgets.conversation import Conversation, TurnBlock
from ossa.tui.widgets.failing import FailingTests
from ossa.tui.widgets.inway import InTheWay
from ossa.tui.widgets.line import (
    committed_line,
    failure_line,
    finished_line,
    notice_line,
    proposed_line,
    redone_line,
    reviewed_line,
    revised_line,
    rewound_line,
    undone_line,
)
from ossa.tui.widgets.prompt import Prompt
from ossa.tui.widgets.status import Status
from ossa.tui.widgets.step import Step
from ossa.tui.widgets.thought import Thought

if TYPE_CHECKING:
    from ossa.tui.laid import Read
    from ossa.tui.widgets.answer import Answer

WidgetT = TypeVar("WidgetT", bound=Widget)


class Surroundings(Protocol):
    """The parts of the window that a turn shows itself in."""

    @property
    def conversation(self) -> Conversation: ...
    @property
    def change(self) -> ChangeView: ...
    @property
    def activity(self) -> Activity: ...
    @property
    def prompt(self) -> Prompt: ...
    @property
    def status(self) -> Status: ...
    @property
    def keys(self) -> Keymap: ...

    def reveal_change(self, *, ask: bool = True) -> None: ...
    def back_to_prompt(self) -> None: ...
    async def ask(self, question: Confirm) -> Permission | None: ...


class Renderer:
    """Shows events at the end of the conversation, or before some widget of it."""

    def __init__(
        self,
        window: Surroundings,
        *,
        live: bool = True,
        before: Widget | None = None,
        known: "Mapping[str, Read] | None" = None,
    ) -> None:
        """Not `live`: events of the past, which leave change, activity and status alone; some texts are `known`."""
        self._window, self._live, self._before, self._known = window, live, before, known
        self._block: TurnBlock | None = None
        self._growing: Answer | Thought | None = None
        """The widget that takes the next bit of what the model writes."""
        self._shown: TurnBlock | None = None
        """The turn that is or was shown last."""
        self._reasoned: Thought | None = None
        """The reasoning that was shown last in this turn."""
        self._steps: dict[str, Step] = {}
        self._latest: Step | None = None
        """The step that ended last in this turn."""
        self._failing: FailingTests | None = None
        """What failed in the latest run of the tests in this turn."""
        self._attempts: Attempts | None = None
        """All attempts of one search are in one widget, whatever happens in between."""
        self._reviewing = False
        self._hurried = False
        """Whether the model was told to come to its answer."""

    async def show(self, event: Event) -> None:
        """Show one event."""
        if self._live:
            self._window.activity.thinking = isinstance(event, Thinking) and not self._hurried
        if isinstance(event, TurnStarted):
            await self._begin(event.prompt, is_prompt=not event.command)
        block = self._block
        await self._show(event)
        if block := block or self._block:
            block.tell(event)

    async def _show(self, event: Event) -> None:
        match event:
            case Composed():
                self._composed(event)
            case Reading(done, total, reused):
                self._doing_reading(done, total, reused)
            case Thinking(text):
                (await self._thought()).append(text)
                self._doing("Coming to the answer" if self._hurried else "Thinking")
            case Answering(text):
                await (await self._answer()).append_text(text)
                self._doing("Writing")
            case Spoken(_, usage, reasoned):
                self._hurried = False
                await self._end_growth()
                if self._live:
                    self._window.status.spoke(usage)
                elif self._reasoned is not None:
                    self._reasoned.took(reasoned)
            case StepStarted(step, title, detail):
                self._steps[step] = await self._add(Step(title, detail))
                self._doing(title)
            case StepOutput(step, text):
                (await self._step(step)).append(text)
            case StepFinished():
                await self._step_finished(event)
            case Searching():
                self._end_search()
                self._attempts = await self._add(Attempts(event, live=self._live))
                self._doing("Searching")
            case Attempt():
                await self._attempt(event)
            case Proposed(change, verdict):
                self._end_search()
                await self._add(proposed_line(change, verdict))
            case Reviewed() | Undone() | Redone() | Rewound() | Revised() | Ran() | Committed():
                await self._decided(event)
            case Notice(text):
                await self._add(notice_line(text))
                self._explain(text)
            case Failure(text, diff):
                await self._fail(text, diff)
            case TurnFinished():
                await self._finish(event)
            case TurnStarted() | FrontChanged() | Compacted() | Instructed() | Adjusted() | Settled():
                pass  # what the latter tell is in the ledger

    def _composed(self, event: Composed) -> None:
        """Tell how full the model's window is; a search is over, since a model with tools goes on with them."""
        self._end_search()
        if self._live:
            self._window.status.context = (event.total, event.window)

    async def _decided(self, event: Reviewed | Undone | Redone | Rewound | Revised | Ran | Committed) -> None:
        """Show what the person did: decided on a change, went back or forth, ran or committed something."""
        match event:
            case Reviewed():
                await self._add(reviewed_line(event))
                if self._live:
                    self._window.change.conclude(event)
            case Undone(checkpoint=checkpoint):
                await self._add(undone_line(event))
                if self._live:
                    self._window.change.take_back([checkpoint])
            case Redone(checkpoint=checkpoint):
                await self._add(redone_line(event))
                if self._live:
                    self._window.change.make_again(checkpoint)
            case Rewound():
                await self._rewound(event)
            case Revised():
                self._end_search()
                await self._add(revised_line(event))
            case Ran():
                await self._ran(event)
            case Committed():
                await self._add(committed_line(event))

    async def _fail(self, text: str, diff: str) -> None:
        await self._add(failure_line(text))
        if diff:
            (await self._add(InTheWay(diff))).opened = True
        self._explain(text)

    async def _rewound(self, event: Rewound) -> None:
        await self._add(rewound_line(event))
        if not self._live:
            return
        self._window.change.take_back(event.checkpoints)
        if event.conversation:
            await self._window.conversation.take_back(event.turns, self._block)
            self._window.prompt.propose(event.prompt)

    async def _ran(self, event: Ran) -> None:
        """Open the step of the person's command: they want to see what came out."""
        if self._latest is None:
            self._latest = await self._add(Step(f"! {event.command}"))
            self._latest.finish(event.exit_code == 0, f"exit {event.exit_code}", event.output)
        self._latest.opened = True

    async def take_back(self) -> None:
        """Mark the turn that was shown last as taken back."""
        if self._shown is not None:
            await self._shown.take_back()

    def hurry(self) -> None:
        """The model was told to come to its answer."""
        self._hurried, self._window.activity.thinking = True, False
        if isinstance(self._growing, Thought):
            self._growing.cut_short()
        self._doing("Coming to the answer")

    async def tell(self, text: str) -> None:
        """Say something that is no event of the turn: what is being written goes on above it."""
        block = self._block or await self._open(TurnBlock())
        block.tell(Notice(text))
        await block.mount(notice_line(text))

    async def review(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> ReviewAnswer:
        """Let the person decide, by keys on the change."""
        self._reviewing = True
        self._window.activity.keeps = False
        self._window.activity.begin("")
        self._window.activity.waiting = f"A change waits for your review: {self._window.keys.key('review')}"
        self._window.status.state = "your review"
        deciding = asyncio.ensure_future(self._window.change.decide(change, verdict, alternatives))
        self._window.reveal_change()
        try:
            answer = await deciding
            if isinstance(answer, HunkEdit | Reroll | Choose):
                self._window.activity.begin("Working")
            elif answer is not None:
                # What is typed now is meant for the model: a letter of it must not decide or undo anything.
                self._window.back_to_prompt()
            return answer
        finally:
            deciding.cancel()
            self._reviewing = False
            self._window.activity.waiting = ""
            self._window.status.state = "working"

    async def permit(self, command: str, warning: str, pattern: str) -> Permission:
        """Ask; what is permitted for good is remembered by whoever asks."""
        return await self._window.ask(Confirm(command, warning, pattern)) or "no"

    async def _begin(self, prompt: str, *, is_prompt: bool) -> None:
        await self._end_growth()
        self._steps.clear()
        self._attempts = self._latest = self._failing = self._reasoned = None
        self._hurried = self._window.activity.keeps = False
        await self._open(TurnBlock(prompt, is_prompt=is_prompt))
        self._doing("Working")

    async def _add(self, widget: WidgetT) -> WidgetT:
        await self._end_growth()
        block = self._block or await self._open(TurnBlock())
        await block.mount(widget)
        return widget

    async def _open(self, block: TurnBlock) -> TurnBlock:
        self._block = self._shown = await self._window.conversation.begin(block, self._before)
        return block

    async def _answer(self) -> "Answer":
        # Imported here since Markdown's parser would delay the first frame.
        from ossa.tui.widgets.answer import Answer

        if not isinstance(self._growing, Answer):
            self._growing = await self._add(Answer(self._known))
        return self._growing

    async def _step(self, step: str) -> Step:
        """The running step; a new one where the log of a session has lost its beginning."""
        if step not in self._steps:
            self._steps[step] = await self._add(Step("step"))
        return self._steps[step]

    async def _step_finished(self, event: StepFinished) -> None:
        self._latest = await self._step(event.id)
        self._latest.finish(event.ok, event.summary, event.output)
        del self._steps[event.id]
        if event.failing is not None and self._failing is not None:
            await self._failing.remove()  # what failed before says nothing any more
            self._failing = None
        if event.failing:
            self._failing = await self._add(FailingTests(event.failing))
        self._doing("Working")

    async def _thought(self) -> Thought:
        if not isinstance(self._growing, Thought):
            self._growing = self._reasoned = await self._add(Thought(live=self._live))
        return self._growing

    async def _end_growth(self) -> None:
        """What was growing is complete: what comes next begins anew."""
        if self._growing is not None:
            growing, self._growing = self._growing, None
            await growing.finish()

    async def _attempt(self, event: Attempt) -> None:
        if self._attempts is None:
            self._attempts = await self._add(Attempts(live=self._live))
        self._attempts.add(event)
        self._doing("Searching", f"attempt {event.number} of {event.limit}")
        if self._live and event.ok:
            self._window.activity.keeps = True

    def _end_search(self) -> None:
        """No more attempts come to the latest search; others are shown apart."""
        if self._attempts is not None:
            self._attempts.finish()
            self._attempts = None

    def _doing(self, what: str, precisely: str = "") -> None:
        """Say what goes on; beside the change more precisely, for what was tried is not shown there."""
        # The review may be asked for before the last events that led to it are shown.
        if self._live and not self._reviewing:
            self._window.activity.begin(what)
            self._window.change.follow(precisely or what[:1].lower() + what[1:])

    def _explain(self, sentence: str) -> None:
        if self._live:
            self._window.change.explain(sentence)

    def _doing_reading(self, done: int, total: int, reused: int) -> None:
        if self._live:
            self._window.activity.reading(done, total, reused)

    async def _finish(self, event: TurnFinished) -> None:
        for step in self._steps.values():
            step.finish(False, "stopped")
        self._steps.clear()
        self._end_search()
        goes_on = event.end == "cancelled" and self._block is not None and self._block.has_answer
        await self._add(finished_line(event, " · /amend edits what was written and goes on" if goes_on else ""))
        self._doing("")
        self._block = None
