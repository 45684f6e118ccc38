"""Fits a conversation into the model's window, by the steps of `compaction`, and says what was done.

front, entries, prompt ─► within the room? ─► as it is
└► step by step down to three quarters of it, so that the next turns need none ─►
still nearly full? a summary ─► still too much? answers go, then whole turns
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.context import compaction
from ossa.assistant.context.compaction import Changes
from ossa.assistant.context.counting import Counter
from ossa.assistant.context.parts import Replaced
from ossa.assistant.context.summary import Summarise
from ossa.assistant.transcript import Entry, shown, view
from ossa.model.base import Message

_GOAL, _NEARLY_FULL = 3 / 4, 9 / 10
"""Shares of the room: what is made of a full one, and above which old answers have to give way, too."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is to be fitted."""

    front: Sequence[Message]
    entries: Sequence[Entry]
    replaced: Mapping[str, Replaced]
    kept: Collection[str]
    """Parts that stay whole since the person wants it."""
    end: int
    """Entries from here on stay as they are."""
    turn: int
    """Where the running turn begins."""
    pending: Sequence[Message] = ()
    """The new prompt, which is no entry yet."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """How it is to be shown."""

    replaced: Mapping[str, Replaced]
    total: int
    done: tuple[str, ...] = ()
    """What was done, in words."""
    sums_up: bool = False
    """Whether it needs a summary that was not asked for yet."""


class Fitter:
    """Fits one conversation; to be used once."""

    def __init__(self, counter: Counter, conversation: Conversation, room: int) -> None:
        self._counter, self._is, self._room = counter, conversation, room
        self._replaced = dict(conversation.replaced)
        self._done: list[str] = []
        self._total = 0

    def fit(self, summarise: Summarise | None) -> Fitted:
        """Fit it as far as it can be; without `summarise` the model is left alone, for a look ahead.

        Raises:
            ModelError: the model that counts cannot be had.
        """
        self._recount()
        if self._total <= self._room:
            return self._fitted()
        goal = int(self._room * _GOAL)
        for step in compaction.steps(self._is.entries, self._replaced, self._is.kept, self._is.end, self._is.turn):
            if self._total > goal and (count := self._make(step.changes(), goal)):
                self._done.append(step.told(count))
        if self._total > self._room * _NEARLY_FULL:
            if summarise is None and self._before:
                return self._fitted(sums_up=True)
            self._sum_up(summarise)
        if self._total > self._room:
            self._leave_out(goal)
        return self._fitted()

    def _fitted(self, *, sums_up: bool = False) -> Fitted:
        return Fitted(self._replaced, self._total, tuple(self._done), sums_up)

    @property
    def _before(self) -> int:
        """Where the latest turn that can be summed up ends: all but one, or within the only one."""
        starts = [n for n, entry in enumerate(self._is.entries[: self._is.turn]) if entry.kind == "prompt"]
        return starts[-1] if len(starts) > 1 and self._is.turn == len(self._is.entries) else self._is.end

    def _sum_up(self, summarise: Summarise | None) -> None:
        if summarise is None:
            return
        before = self._before
        read = [message for _, message in view(self._is.entries[:before], self._replaced)]
        if not any(message.role == "assistant" for message in read):
            return
        summary = summarise([*self._is.front, *read])
        if summary:
            self._apply(compaction.summed_up(self._is.entries, self._is.kept, before, summary))
            self._recount()
            self._done.append("earlier answers and tool results summed up")

    def _leave_out(self, goal: int) -> None:
        entries, kept = self._is.entries, self._is.kept
        answers = self._make(compaction.answers_left_out(entries, self._replaced, kept, self._is.end), goal)
        if answers:
            self._done.append(f"{compaction.many(answers, 'earlier answer')} left out, tool results included")
        if self._total > self._room and (
            turns := self._make(compaction.turns_left_out(entries, kept, self._is.turn), self._room)
        ):
            self._done.append(f"{compaction.many(turns, 'old turn')} left out")

    def _make(self, changes: Iterable[Changes], goal: int) -> int:
        """Make changes until the goal is reached; returns how many gained anything."""
        made = 0
        for group in list(changes):
            if self._total <= goal:
                break
            gain = sum(map(self._gain, group))
            if gain > 0:
                self._apply(group)
                self._total -= gain
                made += 1
        self._recount()
        return made

    def _gain(self, change: Replaced) -> int:
        """Tokens that are saved by it."""
        number = int(change.part[1:].partition(".")[0])
        entry = self._is.entries[number]
        before = shown(number, entry, self._replaced)
        after = shown(number, entry, {**self._replaced, change.part: change})
        return self._tokens(before) - self._tokens(after)

    def _tokens(self, message: Message | None) -> int:
        return self._counter.tokens(message) if message else 0

    def _apply(self, changes: Changes) -> None:
        self._replaced.update({change.part: change for change in changes})

    def _recount(self) -> None:
        conversation = [message for _, message in view(self._is.entries, self._replaced)]
        self._total = self._counter.total([*self._is.front, *conversation, *self._is.pending])


def cut_to_fit(texts: Sequence[str], count: Callable[[str], int], room: int, least: int = 400) -> list[int]:
    """To how many characters texts are cut so that they have at most so many tokens together: the longest first."""
    limits = [len(text) for text in texts]
    tokens = [count(text) for text in texts]
    while sum(tokens) > room:
        longest = max(range(len(texts)), key=lambda n: tokens[n])
        if limits[longest] <= least:
            break
        limits[longest] = max(least, limits[longest] // 2)
        tokens[longest] = count(texts[longest][: limits[longest]])
    return limits
