"""What the model is shown: composed for every prompt, counted exactly, and fitted into its window by stated rules.

    prompt ─► preview() ─► Ledger, before anything is sent
           ─► compose() ─► events (what the front is now, what was left out, the new message) and the messages
    tool results ─► go_on() ─► the same within a turn          adjust() ─► what the person pins, drops, brings back

The front stays the same bytes from turn to turn, so the model need not read it again; what varies (date, branch,
changed files) is in the last message. What is shown follows from the transcript, so a resumed session shows the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ossa.assistant.context import compaction
from ossa.assistant.context.asking import Ask, Asker, Hints, above, instructions_shown, no_hints, trimmed
from ossa.assistant.context.attachments import Attachments, Definitions, no_definitions
from ossa.assistant.context.calls import opened, touched
from ossa.assistant.context.counting import Counter
from ossa.assistant.context.fitting import Conversation, Fitted, Fitter
from ossa.assistant.context.front import Front, RepoMap, no_map
from ossa.assistant.context.instructions import Instructions
from ossa.assistant.context.ledger import Ledger, Shown, common
from ossa.assistant.context.parts import FileState, FrontPart, Replaced
from ossa.assistant.context.summary import Summarise, Summariser
from ossa.assistant.draft import Draft
from ossa.assistant.events import Adjusted, Compacted, Composed, Event, FrontChanged, Instructed, Settled
from ossa.assistant.repository import Repository
from ossa.assistant.transcript import Entry, Transcript, number_of
from ossa.model.base import LanguageModel, Message, ModelError, ToolCall, ToolSpec

_MAP = 2_048
"""Tokens of the map at most; a sixteenth of a small window."""
_ATTACHED = 3 / 4
"""The share of what is left of the window beside the front that the texts attached to one prompt may take."""


@dataclass(frozen=True, slots=True)
class Composition:
    """A prompt ready to be sent."""

    messages: tuple[Message, ...]
    events: tuple[Event, ...]
    """To be recorded before it is sent."""
    ledger: Ledger

    @property
    def notices(self) -> tuple[str, ...]:
        """What was trimmed or left out and why, a sentence each."""
        return self.ledger.notices


class Context:
    """Composes what one model is shown of one repository. Its methods block: exact counts load the model."""

    def __init__(
        self,
        model: LanguageModel,
        repository: Repository,
        draft: Draft,
        tools: Sequence[ToolSpec] = (),
        *,
        repo_map: RepoMap = no_map,
        definitions: Definitions = no_definitions,
        hints: Hints = no_hints,
        summariser: Summariser | None = None,
    ) -> None:
        """`tools` are those the model may call; none for a model that was not trained to."""
        self._model, self._repository, self._draft, self._tools = model, repository, draft, tuple(tools)
        self._counter = Counter(model, self._tools)
        self._attachments, self._instructions = Attachments(draft, definitions), Instructions(draft)
        self._asker = Asker(repository, draft, self._attachments, self._instructions, bool(tools), hints)
        map_tokens = min(_MAP, model.info.window // 16)
        self._front = Front(bool(tools), self._instructions, self._attachments, repo_map, map_tokens)
        self._summariser = summariser

    def preview(self, transcript: Transcript, ask: Ask, reserve: int) -> Ledger:
        """What `compose` would show, without a word to the model; where it does not fit, it says what would be done.

        Raises:
            ModelError: the model that counts cannot be had.
        """
        return self._compose(transcript, ask, reserve, None).ledger

    def compose(self, transcript: Transcript, ask: Ask, reserve: int) -> Composition:
        """Put a new prompt behind the conversation so far, leaving `reserve` tokens for the answer.

        Raises:
            ModelError: the model cannot be had, or the prompt is larger than its window.
        """
        composed = self._compose(transcript, ask, reserve, self._summary)
        self._check(composed.ledger)
        return composed

    def go_on(self, transcript: Transcript, reserve: int) -> Composition:
        """The conversation with the results of the calls that the model has just made.

        Raises:
            ModelError: as in `compose`.
        """
        entries = transcript.entries
        last = max((n for n, entry in enumerate(entries) if entry.kind == "answer"), default=len(entries))
        turn = max((n for n, entry in enumerate(entries) if entry.kind == "prompt"), default=0)
        conversation = self._conversation(transcript, transcript.front, last, turn)
        fitted = self._fit(conversation, reserve, self._summary)
        shown = Shown(transcript.front, entries, fitted.replaced, _pinned(transcript), tooled=self._works)
        ledger = self._ledger(transcript, shown, reserve, self._told(fitted))
        self._check(ledger)
        return Composition(tuple(shown.messages), _compacted(transcript, fitted.replaced), ledger)

    def instructed(self, transcript: Transcript, calls: Sequence[ToolCall]) -> list[Instructed]:
        """The AGENTS.md of folders to which the model has come by these calls, where it was not shown them yet."""
        paths = [path for call in calls for path in touched(call)]
        known = instructions_shown(transcript)
        texts = [(path, self._instructions.text(path)) for path in self._instructions.applying(paths)]
        return [Instructed(path, Message("system", text)) for path, text in texts if text not in known]

    def settle(self, transcript: Transcript) -> list[Settled]:
        """The model has answered: from now on, a change of a file that it has seen is the person's."""
        paths = {part.id.partition(":")[2] for part in transcript.front if part.kind == "file"}
        paths.update(file.path for file in self._draft.change().files)
        paths.update(transcript.known)  # what was told as changed once is known from then on
        for entry in transcript.entries:
            paths.update(a.path for a in entry.attached if a.path)
            if place := opened(entry.call):
                paths.add(place[0])
        now = {path: self._attachments.digest(path) for path in sorted(paths)}
        other = [FileState(path, digest) for path, digest in now.items() if transcript.known.get(path) != digest]
        return [Settled(tuple(other))] if other else []

    def adjust(self, transcript: Transcript, choice: Adjusted) -> list[Event]:
        """The events by which a part is pinned, dropped, shortened or brought back, as `Adjusted` says.

        Raises:
            KeyError: the conversation has no such part.
        """
        replaced, part = dict(transcript.replaced), choice.part
        if number_of(part) < 0:
            return [choice]
        _check_part(transcript.entries, part)
        match choice.action:
            case "drop":
                replaced.update({change.part: change for change in compaction.dropped(transcript.entries, part)})
            case "shorten":
                changes = compaction.cut(transcript.entries, part, choice.limit)
                replaced.update({change.part: change for change in changes})
            case "restore":
                for name in compaction.together(transcript.entries, replaced, part):
                    replaced.pop(name, None)
            case "pin":
                pass
        return [choice, *_compacted(transcript, replaced)]

    def stop(self) -> None:
        """End a summary that is being written; the conversation is made to fit without it."""
        if self._summariser:
            self._summariser.stop()

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of these messages, tools included."""
        return self._counter.total(messages)

    def _compose(self, transcript: Transcript, ask: Ask, reserve: int, summarise: Summarise | None) -> Composition:
        enclosed, notices = self._asker.enclosed(transcript, ask)
        about = ask.about([one.shown for one in enclosed if one.shown])
        whole = self._front.parts(transcript, about, transcript.known, self._tokens)
        dropped = _dropped(transcript)
        front = tuple(part for part in whole if part.id not in dropped)
        enclosed = [above(one, {part.message.text for part in front}) for one in enclosed]
        enclosed, cuts = trimmed(enclosed, self._tokens, self._for_attached(front, reserve))
        attached = tuple(one.shown for one in enclosed if one.shown)
        message = self._asker.message(transcript, ask, attached)
        end = len(transcript.entries)
        conversation = replace(self._conversation(transcript, front, end, end), pending=(message,))
        fitted = self._fit(conversation, reserve, summarise)
        kept, entries = _pinned(transcript), transcript.entries
        shown = Shown(whole, entries, fitted.replaced, kept, dropped, message, tuple(enclosed), self._works)
        notices = (*notices, *cuts, *self._cut(front, transcript), *self._told(fitted))
        ledger = self._ledger(transcript, shown, reserve, notices)
        composed = Composed(message, ledger.summary, ledger.total, ledger.window, attached, ledger.unread)
        changed = [FrontChanged(front)] if front != transcript.front else []
        events = (*changed, *_compacted(transcript, fitted.replaced), composed)
        return Composition(tuple(shown.messages), events, ledger)

    def _summary(self, messages: Sequence[Message]) -> str:
        return self._summariser(messages) if self._summariser else ""

    @property
    def _works(self) -> bool:
        return bool(self._tools)

    def _conversation(self, transcript: Transcript, front: Sequence[FrontPart], end: int, turn: int) -> Conversation:
        messages = [part.message for part in front]
        return Conversation(messages, transcript.entries, transcript.replaced, _kept(transcript), end, turn)

    def _fit(self, conversation: Conversation, reserve: int, summarise: Summarise | None) -> Fitted:
        return Fitter(self._counter, conversation, self._model.info.window - reserve).fit(summarise)

    def _for_attached(self, front: Sequence[FrontPart], reserve: int) -> int:
        """Tokens that the texts attached to one prompt may have together."""
        room = self._model.info.window - reserve - self._counter.total([part.message for part in front])
        return max(0, int(room * _ATTACHED))

    def _ledger(self, transcript: Transcript, now: Shown, reserve: int, notices: Sequence[str]) -> Ledger:
        read = transcript.read
        before = Shown(read.front, transcript.entries[: read.count], read.replaced)
        known = common(before.messages, now.messages)
        parts = now.parts(known, self._counter)
        total = sum(part.tokens for part in parts)
        unread = sum(self._counter.each(now.messages)[known:])
        return Ledger(parts, total, self._model.info.window, reserve, unread, tuple(notices), now.texts())

    def _told(self, fitted: Fitted) -> list[str]:
        """What was done to make room."""
        done = list(fitted.done)
        if fitted.sums_up:
            done.append("earlier answers and tool results to be summed up")
        return [f"The model's window is full: {'; '.join(done)}."] if done else []

    def _cut(self, front: Sequence[FrontPart], transcript: Transcript) -> list[str]:
        """Of which AGENTS.md the middle is left out, where that was not said before."""
        new = [p.name for p in front if p.kind == "agents" and p not in transcript.front]
        return [f"{path} is long: its middle is left out." for path in new if self._instructions.is_cut(path)]

    def _check(self, ledger: Ledger) -> None:
        if ledger.over:
            raise ModelError(
                f"The prompt has {ledger.total:,} tokens; {self._model.info.name} takes "
                f"{ledger.window - ledger.reserve:,} beside its answer. "
                "Attach fewer or shorter files (@path:10-40), drop what is pinned or brought back (/context), "
                "or start a new session."
            )

    def _tokens(self, text: str) -> int:
        return self._counter.tokens(Message("user", text))


def _kept(transcript: Transcript) -> frozenset[str]:
    """The parts that the person pinned or brought back."""
    return frozenset(part for part, choice in transcript.choices.items() if choice.action in ("pin", "restore"))


def _pinned(transcript: Transcript) -> frozenset[str]:
    """Those of them that would not be kept without that: the front stays in any case, but for files."""
    return frozenset(part for part in _kept(transcript) if number_of(part) >= 0 or part.startswith("file:"))


def _dropped(transcript: Transcript) -> frozenset[str]:
    """The parts of the front that the person left out."""
    return frozenset(part for part, choice in transcript.choices.items() if choice.action == "drop") - {"system"}


def _compacted(transcript: Transcript, replaced: Mapping[str, Replaced]) -> tuple[Compacted, ...]:
    return (Compacted(tuple(replaced.values())),) if replaced != transcript.replaced else ()


def _check_part(entries: Sequence[Entry], part: str) -> None:
    """See that the conversation has this part.

    Raises:
        KeyError: it has not.
    """
    number, place = number_of(part), part.partition(".")[2]
    if number >= len(entries) or (place and int(place) >= len(entries[number].attached)):
        raise KeyError(part)
