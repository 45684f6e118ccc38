"""The ledger: every part of what the model is shown, in exact tokens, and what dropping it would cost.

    front, conversation, new prompt ─► Shown.lines() ─► Ledger: tokens · state · tokens to read again without it

Tokens of texts that share a message are differences of what it has with and without them, so all add up to the total.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ossa.assistant.context.counting import Counter
from ossa.assistant.context.parts import Attached, FrontPart, Part, PartKind, PartState, Replaced
from ossa.assistant.transcript import Entry, is_new, number_of, shown
from ossa.model.base import Message


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a prompt costs."""

    parts: tuple[Part, ...]
    """In the order in which the model reads them; their tokens are the total. Those left out have none."""
    total: int
    window: int
    reserve: int
    """Tokens of the window that are kept for the answer."""
    unread: int
    """Tokens that the model reads now: all behind the first that differs from what it has read."""
    notices: tuple[str, ...] = ()
    """What is trimmed and left out, and why, a sentence each."""

    @property
    def over(self) -> int:
        """Tokens too many; 0 where it fits."""
        return max(0, self.total + self.reserve - self.window)

    @property
    def summary(self) -> tuple[Part, ...]:
        """The same in fewer lines, for the log: the conversation is one of them."""
        front = [part for part in self.parts if number_of(part.id) < 0 and not is_new(part.id)]
        spoken = sum(part.tokens for part in self.parts if number_of(part.id) >= 0)
        talk = [Part("conversation", spoken)] if spoken else []
        return (*front, *talk, *(part for part in self.parts if is_new(part.id)))


@dataclass(frozen=True, slots=True)
class Line:
    """One message, as it is shown and as it was."""

    id: str
    kind: PartKind
    name: str
    message: Message | None
    whole: Message
    state: PartState = ""
    attached: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the model is shown, in its order."""

    front: Sequence[FrontPart]
    entries: Sequence[Entry]
    replaced: Mapping[str, Replaced]
    pinned: frozenset[str] = frozenset()
    pending: Message | None = None
    """The new prompt."""
    attached: tuple[Attached, ...] = ()
    """What is in it."""
    tooled: bool = field(default=True)
    """Whether the model has tools."""

    @property
    def messages(self) -> list[Message]:
        """What the model reads."""
        return [line.message for line in self.lines() if line.message]

    def lines(self) -> Iterator[Line]:
        """Message by message, those left out included."""
        for part in self.front:
            name = f"{part.name} and tools" if part.kind == "system" and self.tooled else part.name
            yield Line(part.id, part.kind, name, part.message, part.message, self._state(part.id))
        for number, entry in enumerate(self.entries):
            name, message = f"m{number}", shown(number, entry, self.replaced)
            kind, title = _named(entry)
            yield Line(name, kind, title, message, entry.message, self._state(name), entry.attached)
        if self.pending:
            yield Line("new", "prompt", "prompt", self.pending, self.pending, attached=self.attached)

    def _state(self, part: str) -> PartState:
        if change := self.replaced.get(part):
            return change.state
        return "pinned" if part in self.pinned else ""

    def parts(self, known: int, counter: Counter) -> tuple[Part, ...]:
        """The lines of the ledger; so many of the messages the model has read already.

        Raises:
            ModelError: the model that counts cannot be had.
        """
        lines = list(self.lines())
        tokens = counter.each([line.message for line in lines if line.message])
        read, behind = sum(tokens[:known]), 0
        sizes = iter(tokens)
        found: list[Part] = []
        for line in lines:
            size = next(sizes) if line.message else 0
            behind += size
            saved = counter.tokens(line.whole) - (counter.tokens(line.message) if line.message else 0)
            part = Part(line.name, size, line.id, line.kind, max(0, read - behind), line.state)
            found += self._split(replace(part, saved=max(0, saved)), line, counter)
        return tuple(found)

    def _split(self, part: Part, line: Line, counter: Counter) -> list[Part]:
        """The message's own line and those of the texts that are attached to it, in the order of the message."""
        found: list[Part] = []
        if line.message is None or not line.attached:
            return [part]
        whole, left = line.message, line.message
        for place, attached in enumerate(line.attached):
            name = f"new:{attached.name}" if line.id == "new" else f"{line.id}.{place}"
            change = self.replaced.get(name)
            text = (change.text or "") if change else attached.text
            left = replace(left, text=left.text.replace(text, "", 1))
            size = counter.tokens(whole) - counter.tokens(left)
            was = counter.tokens(Message("user", attached.text)) - counter.tokens(Message("user", text))
            found.append(Part(attached.name, size, name, "attached", part.reread, self._state(name), max(0, was)))
            whole = left
        return [*found, replace(part, tokens=part.tokens - sum(other.tokens for other in found), saved=0)]


def common(before: Sequence[Message], after: Sequence[Message]) -> int:
    """With how many equal messages both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))


def _named(entry: Entry) -> tuple[PartKind, str]:
    """What a line of the conversation is called."""
    words = " ".join(entry.message.text.split())
    match entry.kind:
        case "prompt":
            return "prompt", _short(" ".join(entry.message.text.splitlines()[-1:])) or "prompt"
        case "answer":
            calls = ", ".join(call.name.rpartition(".")[2] for call in entry.message.calls)
            return "answer", _short(words) or calls or "answer"
        case "result":
            arguments = f" {' '.join(entry.call.arguments.split())}" if entry.call else ""
            return "result", _short(f"{entry.message.tool.rpartition('.')[2]}{arguments}")
        case "instructions":
            return "agents", entry.path


def _short(words: str) -> str:
    return words if len(words) <= 60 else f"{words[:59]}…"
