"""One answer of the model with all its tool calls: what it is shown, what it says, and what the tools gave back.

answer(ask)         compose ─► generate ⇄ tools ─► its final words
answer(ask, said)   the same, going on from what of an earlier answer is said again
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from ossa.assistant.context.asking import Ask
from ossa.assistant.context.context import Composition, Context
from ossa.assistant.events import (
    Answering,
    Composed,
    Event,
    Instructed,
    Notice,
    Reading,
    Rewound,
    Spoken,
    StepFinished,
    StepOutput,
    StepStarted,
    Thinking,
    TurnStarted,
)
from ossa.assistant.stream import pieces
from ossa.assistant.threads import in_thread
from ossa.assistant.tools import Toolbox
from ossa.assistant.transcript import Transcript
from ossa.assistant.turn import Emit
from ossa.model.base import Finished, Generation, LanguageModel, Message, Prefill, Sampling, Text, Thought, ToolCall
from ossa.model.constraints import Constraint

MAX_CALLS = 60
"""Tool calls in one answer."""
_SAID = (Composed, Thinking, Answering, Spoken, StepStarted, StepOutput, StepFinished, Instructed)
"""What makes up the conversation; all else that happened in a turn is not said again."""


@dataclass(slots=True)
class Answers:
    """Has the model answer in one conversation."""

    model: LanguageModel
    context: Context
    toolbox: Toolbox
    transcript: Transcript
    sampling: Callable[[], Sampling]
    """How the next tokens are chosen, asked anew for each answer."""
    _running: Generation | None = field(default=None, init=False)
    """The answer that is being written."""

    @property
    def reserve(self) -> int:
        """Tokens that are kept for the answer."""
        return self.sampling().reserve(self.model.info.window)

    def answer_now(self) -> None:
        """Let the model end its reasoning and answer with what it has; nothing where it does not reason."""
        if self._running is not None:
            self._running.answer_now()

    async def answer(self, ask: Ask, emit: Emit, said: Sequence[Event] = ()) -> bool:
        """Generate, call tools, generate again, until the model says its final words; False where it came to none.

        With `said` nothing is asked: these events come again, and the model goes on from there.
        """
        for event in said:
            emit(event)
        if said:
            messages = await self._composed(lambda: self.context.go_on(self.transcript, self.reserve), emit)
        else:
            messages = await self._composed(lambda: self.context.compose(self.transcript, ask, self.reserve), emit)
        try:
            return await self._to_the_end(messages, emit, ask.begin)
        finally:
            for event in await in_thread(self.context.settle, self.transcript):
                emit(event)

    async def _to_the_end(self, messages: Sequence[Message], emit: Emit, begin: str) -> bool:
        seen: list[tuple[ToolCall, str]] = []
        while True:
            finished = await self._generate(messages, emit, begin)
            begin = ""
            if finished.reason == "length":
                emit(Notice("The answer reached its limit of tokens and was cut off."))
            if not finished.message.calls:
                return True
            for call in finished.message.calls:
                seen.append((call, await self._call(call, len(seen), emit)))
            if any(seen.count(pair) >= 3 for pair in seen[-len(finished.message.calls) :]):
                emit(Notice("The model made the same call with the same result three times; the turn ends here."))
                return False
            if len(seen) >= MAX_CALLS:
                emit(Notice(f"The model made {MAX_CALLS} calls; the turn ends here."))
                return False
            for event in await in_thread(self.context.instructed, self.transcript, finished.message.calls):
                emit(event)
            messages = await self._composed(lambda: self.context.go_on(self.transcript, self.reserve), emit)

    async def _composed(self, compose: Callable[[], Composition], emit: Emit) -> Sequence[Message]:
        """What the model is to be shown, and to the person what had to be left out of it."""
        composed = await asyncio.to_thread(compose)
        for event in (*map(Notice, composed.notices), *composed.events):
            emit(event)
        return composed.messages

    async def _generate(self, messages: Sequence[Message], emit: Emit, begin: str) -> Finished:
        tools = self.toolbox.specs if self.model.info.calls_tools else ()
        # Calls can then only be of these tools, with arguments of their schemas; all else is free.
        sampling = replace(self.sampling(), constraint=Constraint() if tools else None, begin=begin)
        if begin:
            emit(Answering(begin))

        def start() -> Generation:
            self._running = self.model.generate(messages, tools=tools, sampling=sampling)
            return self._running

        began = reasoned = 0.0
        async with aclosing(pieces(start)) as stream:
            async for piece in stream:
                match piece:
                    case Prefill(done, total, reused):
                        emit(Reading(done, total, reused))
                    case Thought(text):
                        emit(Thinking(text))
                        began = began or time.monotonic()
                        reasoned = time.monotonic() - began
                    case Text(text):
                        emit(Answering(text))
                    case ToolCall():
                        pass  # it comes again, whole, in the finished message
                    case Finished(reason=reason, message=message, usage=usage):
                        emit(Spoken(message, usage, reasoned, cut=reason == "length"))
                        return piece
        raise AssertionError("a generation ends with Finished")

    async def _call(self, call: ToolCall, number: int, emit: Emit) -> str:
        """Call a tool; returns the output, by which a repetition is known: what the model is told may bear a time."""
        step = f"call-{len(self.transcript.messages)}-{number}"
        emit(StepStarted(step, self.toolbox.title(call), call.arguments))
        outcome = await self.toolbox.call(call, lambda text: emit(StepOutput(step, text)))
        result = Message("tool", outcome.for_model, tool=call.name)
        emit(StepFinished(step, outcome.ok, outcome.summary, outcome.output, result))
        for note in outcome.notes:
            emit(Notice(note))
        return outcome.output


def said_before(events: Iterable[Event]) -> list[Event]:
    """Of the session's last prompt that stands, what was said before the last words of its answer.

    So these can be put otherwise, and the tool calls that led to them stay; empty where there were none.
    """
    prompts: list[list[Event]] = []
    said: list[Event] = []
    for event in events:
        if isinstance(event, TurnStarted):
            said = []
            if not event.command:
                prompts.append(said)
        elif isinstance(event, Rewound) and event.conversation:
            del prompts[-event.turns :]
        elif isinstance(event, _SAID):
            said.append(event)
    return _before_last_words(prompts[-1]) if prompts else []


def _before_last_words(said: Sequence[Event]) -> list[Event]:
    message = end = 0  # where the message that is being said begins, and the last one with words
    for place, event in enumerate(said):
        if isinstance(event, Answering) and event.text.strip():
            end = message
        elif isinstance(event, Composed | Spoken | StepFinished | Instructed):
            message = place + 1
    called = any(isinstance(event, StepFinished) and event.result for event in said[:end])
    return list(said[:end]) if called else []
