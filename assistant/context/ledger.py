"""The ledger: every part of what the model is shown, in exact tokens, and what dropping it would cost.

    front, conversation, new prompt ─► Shown.lines() ─► Ledger: tokens · state · what dropping it frees and costs

Tokens of texts that share a message are differences of what it has with and without them, so all add up to the total.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile

from ossa.assistant.context import compaction
from ossa.assistant.context.costs import Costs
from ossa.assistant.context.counting import Counter
from ossa.assistant.context.parts import GONE, Attached, Enclosed, FrontPart, Part, PartKind, PartState, Replaced
from ossa.assistant.transcript import Entry, is_new, number_of, shown
from ossa.model.base import Message


@dataclass(frozen=True, slots=True)
class Text:
    """What a part says."""

    whole: str
    shown: str
    """To the model; empty where it is left out."""


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
    texts: Mapping[str, Text] = field(default_factory=dict[str, "Text"])
    """What stands in each part, by its id."""

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

    @property
    def text(self) -> Text:
        return Text(_written(self.whole), _written(self.message) if self.message else "")


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the model is shown, in its order."""

    front: Sequence[FrontPart]
    entries: Sequence[Entry]
    replaced: Mapping[str, Replaced]
    pinned: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()
    """The parts of the front that the person left out."""
    pending: Message | None = None
    """The new prompt."""
    enclosed: tuple[Enclosed, ...] = ()
    """What is attached to it, or was to be."""
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
            if part.id in self.dropped:
                yield Line(part.id, part.kind, name, None, part.message, "left out")
            else:
                yield Line(part.id, part.kind, name, part.message, part.message, self._state(part.id))
        for number, entry in enumerate(self.entries):
            name, message = f"m{number}", shown(number, entry, self.replaced)
            kind, title = _named(entry)
            yield Line(name, kind, title, message, entry.message, self._state(name), entry.attached)
        for one in self.enclosed:
            if not one.shown:
                whole = Message("user", one.whole.text)
                yield Line(f"new:{one.whole.name}", "attached", one.whole.name, None, whole, "left out")
        if self.pending:
            attached = tuple(one.shown for one in self.enclosed if one.shown)
            yield Line("new", "prompt", "prompt", self.pending, self.pending, attached=attached)

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
        shown = [(line.id, line.message) for line in lines if line.message]
        tokens = counter.each([message for _, message in shown])
        costs = Costs(shown, tokens, known, counter)
        sizes = iter(tokens)
        found: list[Part] = []
        for line in lines:
            size = next(sizes) if line.message else 0
            saved = counter.tokens(line.whole) - (counter.tokens(line.message) if line.message else 0)
            part = Part(line.name, size, line.id, line.kind, 0, line.state, max(0, saved))
            found += self._split(part, line, counter)
        saved = {part.id: part.saved for part in found}
        return tuple(self._priced(part, costs, saved) for part in found)

    def texts(self) -> dict[str, Text]:
        """What stands in each part, by its id."""
        found: dict[str, Text] = {}
        wholes = {one.whole.name: one.whole.text for one in self.enclosed}
        for line in self.lines():
            found[line.id] = line.text
            for name, attached in self._attached(line):
                whole = wholes.get(attached.name, attached.text) if line.id == "new" else attached.text
                found[name] = Text(whole, self._shown(name, attached))
        return found

    def _attached(self, line: Line) -> Iterator[tuple[str, Attached]]:
        """The texts that are attached to a message, by the ids of their parts."""
        for place, attached in enumerate(line.attached):
            yield f"new:{attached.name}" if line.id == "new" else f"{line.id}.{place}", attached

    def _shown(self, name: str, attached: Attached) -> str:
        """How an attached text stands in its message now."""
        change = self.replaced.get(name)
        return (change.text or "") if change else attached.text

    def _split(self, part: Part, line: Line, counter: Counter) -> list[Part]:
        """The message's own line and those of the texts that are attached to it, in the order of the message."""
        found: list[Part] = []
        if line.message is None or not line.attached:
            return [part]
        whole, left = line.message, line.message
        enclosed = {f"new:{one.whole.name}": one for one in self.enclosed}
        for name, attached in self._attached(line):
            text, one = self._shown(name, attached), enclosed.get(name)
            left = replace(left, text=left.text.replace(text, "", 1))
            size = counter.tokens(whole) - counter.tokens(left)
            was = one.whole.text if one and one.state else attached.text
            saved = counter.tokens(Message("user", was)) - counter.tokens(Message("user", text))
            state = one.state if one else self._state(name)
            found.append(Part(attached.name, size, name, "attached", 0, state, max(0, saved)))
            whole = left
        return [*found, replace(part, tokens=part.tokens - sum(other.tokens for other in found), saved=0)]

    def _priced(self, part: Part, costs: Costs, saved: Mapping[str, int]) -> Part:
        """The part with what it would cost to drop it, or where it is gone, to have it back."""
        if part.id in ("", "system", "new"):
            return part
        if part.state in GONE:
            back = compaction.together(self.entries, self.replaced, part.id) if number_of(part.id) >= 0 else [part.id]
            return replace(part, moved=sum(saved.get(name, 0) for name in {*back}), along=len(back) > 1)
        if is_new(part.id):
            return replace(part, moved=part.tokens)
        if number_of(part.id) < 0:
            becomes: dict[str, Message | None] = {part.id: None}
        else:
            changes = {change.part: change for change in compaction.dropped(self.entries, part.id)}
            numbers = dict.fromkeys(map(number_of, changes))
            becomes = {f"m{n}": shown(n, self.entries[n], {**self.replaced, **changes}) for n in numbers}
        freed, reread = costs.of(becomes)
        return replace(part, moved=max(0, freed), reread=reread, along=len(becomes) > 1)


def common(before: Sequence[Message], after: Sequence[Message]) -> int:
    """With how many equal messages both begin."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))


def _written(message: Message) -> str:
    """A message in words: what it says, and what it calls."""
    calls = [f"→ {call.name} {call.arguments}" for call in message.calls]
    return "\n\n".join(text for text in (message.text, *calls) if text)


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
