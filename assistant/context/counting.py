"""Exact tokens of every message of a prompt, each counted once and remembered.

    messages ─► Counter.each() ─► tokens of each, which together are what `LanguageModel.count` says of all

In the formats that models converse in, what a message adds depends on itself and on the role before it. Whether that
holds is tried once; where it does not, whole beginnings of the prompt are counted.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from ossa.model.base import LanguageModel, Message, ModelError, Role, ToolCall, ToolSpec

_REMEMBERED = 8_000_000
"""Characters of messages whose count is remembered."""
_PROBE = (
    Message("system", "Be brief."),
    Message("system", "More to it."),
    Message("user", "What?"),
    Message("user", "Look."),
    Message("assistant", "So", (ToolCall("container.exec", "{}"),)),
    Message("tool", "None.", tool="container.exec"),
    Message("assistant", "This."),
    Message("user", "And?"),
)


class Counter:
    """Counts for one model and its tools. Blocking: the first count loads the model."""

    def __init__(self, model: LanguageModel, tools: Sequence[ToolSpec] = ()) -> None:
        self._model, self._tools = model, tuple(tools)
        self._known: dict[tuple[Role | None, Message], int] = {}
        self._anchors: dict[Role, int] = {}
        self._characters = 0
        self._is_sum: bool | None = None

    def each(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Tokens of each; the first has those of the tools and of the answer's beginning, too.

        Raises:
            ModelError: the model cannot be loaded.
        """
        if not messages:
            return ()
        if self._is_sum is None:
            self._is_sum = self._sums_up()
        if not self._is_sum:
            return self._by_beginnings(messages)
        return (self._first(messages[0]), *(self._next(before.role, message) for before, message in pairwise(messages)))

    def total(self, messages: Sequence[Message]) -> int:
        """Tokens of all of them, as `LanguageModel.count` says.

        Raises:
            ModelError: as in `each`.
        """
        return sum(self.each(messages))

    def tokens(self, message: Message) -> int:
        """Tokens of one message behind a user's; where counts are no sums, about so many."""
        return self._next("user", message)

    def behind(self, role: Role | None, message: Message) -> int:
        """Tokens of one message behind another of this role, or of the first; as in `tokens`."""
        return self._first(message) if role is None else self._next(role, message)

    def _sums_up(self) -> bool:
        """Whether messages can be counted one by one."""
        self._whole([_PROBE[0], _PROBE[-1]])  # a model that cannot be had says so here
        try:
            whole = self._whole(_PROBE)
            each = (self._first(_PROBE[0]), *(self._next(before.role, m) for before, m in pairwise(_PROBE)))
        except ModelError:  # its template refuses some of it
            return False
        return whole == sum(each)

    def _first(self, message: Message) -> int:
        return self._remembered(None, message, lambda: self._whole([message]))

    def _next(self, before: Role, message: Message) -> int:
        return self._remembered(before, message, lambda: self._whole([*_anchor(before), message]) - self._base(before))

    def _base(self, before: Role) -> int:
        if before not in self._anchors:
            self._anchors[before] = self._whole(_anchor(before))
        return self._anchors[before]

    def _remembered(self, before: Role | None, message: Message, count: Callable[[], int]) -> int:
        key = (before, message)
        if key not in self._known:
            self._characters += len(message.text) + 8 * len(message.tokens)
            if self._characters > _REMEMBERED:
                self._known.clear()
                self._characters = 0
            self._known[key] = count()
        return self._known[key]

    def _by_beginnings(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """Differences of what longer and longer beginnings have; one that is refused counts with the next."""
        counts = [0]
        for end in range(1, len(messages)):
            try:
                counts.append(self._whole(messages[:end]))
            except ModelError:
                counts.append(counts[-1])
        counts.append(self._whole(messages))
        return tuple(after - before for before, after in pairwise(counts))

    def _whole(self, messages: Sequence[Message]) -> int:
        return self._model.count(messages, tools=self._tools)


def _anchor(role: Role) -> list[Message]:
    """The shortest conversation whose last message is of that role."""
    first = Message("system", "a")
    return [first] if role == "system" else [first, Message(role, "a")]
