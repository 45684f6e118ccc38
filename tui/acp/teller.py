"""Events of a turn as the editor's session updates, in their order; a resumed session is told by the same.

event ─► updates_of(event) ─► message and thought chunks · tool calls · the change · tokens in use ─► Line
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from acp.helpers import (
    start_tool_call,
    update_agent_message_text,
    update_agent_thought_text,
    update_tool_call,
    update_user_message_text,
)
from acp.schema import Usage, UsageUpdate

from ossa.assistant.change import Change
from ossa.assistant.events import (
    Answering,
    Attempt,
    Composed,
    Event,
    Failure,
    Proposed,
    Reading,
    Reviewed,
    Searching,
    Spoken,
    StepFinished,
    StepOutput,
    StepStarted,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.tui.acp import changes
from ossa.tui.acp.changes import ReadDraft
from ossa.tui.acp.editor import Line, Update
from ossa.tui.acp.steps import Steps
from ossa.tui.export import fenced
from ossa.tui.plain import line_of
from ossa.tui.safe import plain_text


class Teller:
    """Tells one session's events to the editor."""

    def __init__(self, line: Line, root: Path, read: ReadDraft) -> None:
        """`read` gives files as the draft has them."""
        self.line, self.steps = line, Steps(root)
        self._root, self._read = root, read
        self._change, self._card = Change(), ""
        """What was told of last, and the tool call that it is, while it is not decided."""
        self._news = asyncio.Event()
        self._window = 0
        self._spent = (0, 0, 0)
        """Tokens read, written and known before, in this turn."""
        self._in_paragraph = False
        self.failure = ""
        """The last one of this turn."""
        self.cut = False
        """Whether the model's last words in this turn reached their limit before their end."""

    @property
    def card(self) -> str:
        """The id of the tool call that the change on offer is."""
        return self._card

    @property
    def usage(self) -> Usage:
        """What the turn has cost."""
        read, written, known = self._spent
        return Usage(total_tokens=read + written, input_tokens=read, output_tokens=written, cached_read_tokens=known)

    def begin(self) -> None:
        """Another prompt: what was told of the one before is no part of it."""
        self._spent, self.failure, self._in_paragraph, self.cut = (0, 0, 0), "", False, False

    async def tell(self, event: Event, *, again: bool = False) -> None:
        """Show an event; `again`: it belongs to a session that is resumed, so the prompts are shown, too."""
        for update in self._updates(event, again=again):
            await self.line.update(update)
        if isinstance(event, Proposed):
            self._change = event.change
            self._news.set()

    async def has_told(self, change: Change) -> None:
        """Wait until this change was told of: the person may be asked before the last events come that led to it."""
        while not self._card or self._change != change:
            self._news.clear()
            await self._news.wait()

    async def say(self, text: str) -> None:
        """Say something that is neither the model's nor a step, as a paragraph of its own."""
        for update in self._paragraph(text):
            await self.line.update(update)

    def _updates(self, event: Event, *, again: bool) -> Iterator[Update]:
        match event:
            case TurnStarted(prompt=prompt):
                self.begin()
                if again:
                    yield update_user_message_text(plain_text(prompt))
            case Thinking(text=text):
                yield update_agent_thought_text(plain_text(text))
            case Answering(text=text):
                self._in_paragraph = not text.endswith("\n\n")
                yield update_agent_message_text(plain_text(text))
            case Composed(total=total, window=window):
                yield from self.steps.close("search")
                self._window = window
                yield UsageUpdate(session_update="usage_update", used=total, size=window)
            case Spoken():
                yield from self._spoken(event)
            case Proposed():
                yield from self._proposed(event)
            case Reviewed():
                yield from self._reviewed(event)
            case Failure(text=text, diff=diff):
                self.failure = text
                told = [text] if again else []
                yield from self._paragraph("\n\n".join([*told, *([fenced(diff, "diff")] if diff else [])]))
            case TurnFinished(end=end):
                yield from self.steps.close(ok=end != "cancelled")
                yield from self._left(end)
                if end != "failed" and not again:  # else it is what the prompt is answered by
                    yield from self._paragraph(self.failure)
            case _:
                yield from self._step(event)

    def _step(self, event: Event) -> Iterator[Update]:
        match event:
            case StepStarted():
                yield from self.steps.begin(event)
            case StepOutput():
                yield from self.steps.output(event)
            case StepFinished():
                yield from self.steps.end(event)
            case Searching():
                yield from self.steps.search(event)
            case Attempt():
                yield from self.steps.attempt(event)
            case Reading():
                yield from self.steps.reading(event)
            case _:
                yield from self._paragraph(line_of(event))

    def _spoken(self, event: Spoken) -> Iterator[Update]:
        """The model has said something to its end."""
        self.cut = event.cut
        self.steps.called(event.message.calls)
        usage = event.usage
        read, written, known = self._spent
        self._spent = (read + usage.prompt_tokens, written + usage.output_tokens, known + usage.reused_tokens)
        if self._window:
            used = usage.prompt_tokens + usage.output_tokens
            yield UsageUpdate(session_update="usage_update", used=used, size=self._window)

    def _proposed(self, event: Proposed) -> Iterator[Update]:
        yield from self.steps.close("search")
        if self._card:  # it was asked for again, or another repair was chosen
            yield update_tool_call(self._card, status="completed", title="Replaced by the next one")
        self._card = self.steps.fresh("change")
        yield start_tool_call(
            self._card,
            changes.title(event.change, event.verdict),
            kind="edit",
            status="pending",
            content=changes.content(event, self._root, self._read),
            locations=changes.locations(event.change.files, self._root),
        )

    def _reviewed(self, event: Reviewed) -> Iterator[Update]:
        told = changes.outcome(event)
        if self._card:
            status = "completed" if event.files else "failed"
            yield update_tool_call(self._card, status=status, title=told)
        self._card = ""
        back = " `/undo` takes it back." if event.checkpoint else ""
        yield from self._paragraph(f"{told}.{back}")
        yield from self._paragraph("\n\n".join(event.refused))

    def _left(self, end: str) -> Iterator[Update]:
        """The turn is over; a change may be left undecided."""
        if self._card:
            status = "completed" if end == "proposed" else "failed"
            yield update_tool_call(self._card, status=status)
        self._card = ""
        if end == "proposed":
            yield from self._paragraph(
                "The change waits in the draft, and your files are as they were: `/review` offers it again, "
                "`/discard` forgets it."
            )

    def _paragraph(self, text: str) -> Iterator[Update]:
        if text:
            before, self._in_paragraph = "\n\n" * self._in_paragraph, False
            yield update_agent_message_text(f"{before}{plain_text(text)}\n\n")
