"""The conversation as the model is to see it, derived from the events of the session and from nothing else.

    event ─► Transcript.see() ─► entries, whole · what stands in front · what of both is shown otherwise ─► view()

So a resumed session shows the model what the running one would have, to the token; and what was left out is still here.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from ossa.assistant.context.parts import Attached, FrontPart, Replaced
from ossa.assistant.events import (
    Adjusted,
    Answering,
    Compacted,
    Composed,
    Event,
    FrontChanged,
    Instructed,
    Ran,
    Rewound,
    Settled,
    Spoken,
    StepFinished,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.news import News
from ossa.assistant.trim import shorten
from ossa.model.base import Message, ToolCall

_NOTE = 8_000
"""Characters of all that the model is told beside a prompt of what the person did."""
EntryKind: TypeAlias = Literal["prompt", "answer", "result", "instructions"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of the conversation, and what is known of it beside."""

    message: Message
    kind: EntryKind
    attached: tuple[Attached, ...] = ()
    """Texts that are attached to a prompt, and in its message."""
    call: ToolCall | None = None
    """What a result is the result of."""
    path: str = ""
    """Of instructions, the AGENTS.md."""


@dataclass(frozen=True, slots=True)
class Read:
    """What the model has read when it last spoke: so many entries, as they were shown then."""

    front: tuple[FrontPart, ...] = ()
    replaced: Mapping[str, Replaced] = field(default_factory=dict[str, Replaced])
    count: int = 0


class Transcript:
    """Grows by every event it sees."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Start from the log of an earlier session, or from nothing."""
        self.entries: list[Entry] = []
        self.front: tuple[FrontPart, ...] = ()
        """What stood in front of the conversation when the model was last asked."""
        self.replaced: dict[str, Replaced] = {}
        """By part, what is shown otherwise."""
        self.choices: dict[str, Adjusted] = {}
        """By part, what the person last chose for it."""
        self.read = Read()
        """What need not be read again."""
        self.known: dict[str, str] = {}
        """By path, the digests of files as the model knew them when it last answered."""
        self.ran: Ran | None = None
        """The person's latest command."""
        self._partial = ""
        self._news = News()
        self._untold: list[str] = []
        self._prompts: list[tuple[int, list[str]]] = []
        """Of every prompt: how many messages came before it, and what was untold then."""
        for event in events:
            self.see(event)
        self._mend()

    @property
    def messages(self) -> list[Message]:
        """All messages, whole; without what stands in front."""
        return [entry.message for entry in self.entries]

    @property
    def note(self) -> str:
        """What the model has yet to be told of the person's doing, with the next prompt."""
        return shorten("\n\n".join(self._untold), _NOTE)

    def note_but_for(self, ran: Ran) -> str:
        """The same without a command whose output is told by itself."""
        known = self._news.of(ran)
        return shorten("\n\n".join(text for text in self._untold if text != known), _NOTE)

    def see(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case Composed(message=message, attached=attached):
                self.entries.append(Entry(message, "prompt", attached))
                self._untold.clear()
                self.choices = {part: choice for part, choice in self.choices.items() if not is_new(part)}
            case Answering(text):
                self._partial += text
            case Spoken(message=message):
                self.entries.append(Entry(message, "answer"))
                self.read = Read(self.front, self.replaced, len(self.entries))
                self._partial = ""
            case StepFinished(result=Message() as result):
                self.entries.append(Entry(result, "result", call=self._next_call()))
            case Instructed(path=path, message=message):
                self.entries.append(Entry(message, "instructions", path=path))
            case TurnStarted(command=command):
                self._mend()
                if not command:
                    self._prompts.append((len(self.entries), list(self._untold)))
            case TurnFinished():
                self._mend()
            case Rewound(conversation=True, turns=turns) if self._prompts:
                self._forget(min(turns, len(self._prompts)))
            case _:
                self._see_beside(event)
        if told := self._news.of(event):
            self._untold.append(told)

    def _see_beside(self, event: Event) -> None:
        """Take in what does not add to the conversation, but to how it is shown."""
        match event:
            case FrontChanged(parts):
                self.front = parts
            case Compacted(replaced):
                self.replaced = {change.part: change for change in replaced}
            case Settled(files):
                self.known.update({file.path: file.digest for file in files})
            case Adjusted(part=part, action=action):
                last = self.choices.pop(part, None)
                # What was brought back stays until the person says otherwise; what was pinned only ceases to be.
                if action != "restore" or part in self.replaced or (last and last.action in ("drop", "shorten")):
                    self.choices[part] = event
            case Ran():
                self.ran = event
            case _:
                pass

    def _next_call(self) -> ToolCall | None:
        """The earliest call of the latest answer that has no result yet."""
        last = max((i for i, entry in enumerate(self.entries) if entry.kind != "result"), default=0)
        calls = self.entries[last].message.calls if self.entries else ()
        done = len(self.entries) - 1 - last
        return calls[done] if done < len(calls) else None

    def _forget(self, turns: int) -> None:
        """Go back to before a prompt; what was untold then is to be told again."""
        self._mend()
        count, self._untold = self._prompts[-turns]
        del self.entries[count:], self._prompts[-turns:]
        self.read = replace(self.read, count=min(count, self.read.count))
        self.replaced = {part: change for part, change in self.replaced.items() if number_of(part) < count}
        self.choices = {part: choice for part, choice in self.choices.items() if number_of(part) < count}

    def _mend(self) -> None:
        """Close what an interruption left open: a half answer, a call without a result, a prompt without an answer."""
        if self._partial:
            self.entries.append(Entry(Message("assistant", self._partial), "answer"))
            self._partial = ""
        last = max((i for i, entry in enumerate(self.entries) if entry.kind != "result"), default=None)
        if last is None:
            return
        if self.entries[last].kind == "prompt":
            self.entries.append(Entry(Message("assistant", "(interrupted)"), "answer"))
        answered = len(self.entries) - 1 - last
        for call in self.entries[last].message.calls[answered:]:
            result = Message("tool", "(interrupted by the person)", tool=call.name)
            self.entries.append(Entry(result, "result", call=call))


def view(entries: Iterable[Entry], replaced: Mapping[str, Replaced]) -> Iterator[tuple[int, Message]]:
    """The messages as the model is shown them, each with the number of its entry; without what is left out."""
    for number, entry in enumerate(entries):
        if message := shown(number, entry, replaced):
            yield number, message


def shown(number: int, entry: Entry, replaced: Mapping[str, Replaced]) -> Message | None:
    """The message of the entry with this number as the model is shown it; None where it is left out."""
    change, message = replaced.get(f"m{number}"), entry.message
    if change is None:
        for place, attached in enumerate(entry.attached):
            if part := replaced.get(f"m{number}.{place}"):
                message = replace(message, text=message.text.replace(attached.text, part.text or "", 1))
        return message
    if change.state == "reasoning left out":
        return replace(message, tokens=())
    if change.text is None:
        return None
    calls = () if change.state == "summed up" else message.calls
    return replace(message, text=change.text, calls=calls, tokens=())


def number_of(part: str) -> int:
    """Which message of the conversation a part belongs to; -1 where it belongs to none."""
    number = part[1:].partition(".")[0]
    return int(number) if part.startswith("m") and number.isdigit() else -1


def is_new(part: str) -> bool:
    """Whether the part is of what is about to be sent."""
    return part == "new" or part.startswith("new:")
