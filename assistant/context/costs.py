"""What dropping parts of a prompt costs: what it frees, and what the model has to read again behind it.

    messages, how many of them are read, which become others ─► Costs.of() ─► freed, reread

All behind the first message that changes is read again; what the model has not read yet costs nothing more.
"""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import TypeAlias

from ossa.assistant.context.counting import Counter
from ossa.model.base import Message

Becomes: TypeAlias = Mapping[str, Message | None]
"""By the id of a message, what stands in its place; None where nothing does."""


class Costs:
    """Those of one prompt."""

    def __init__(
        self, shown: Sequence[tuple[str, Message]], tokens: Sequence[int], known: int, counter: Counter
    ) -> None:
        """`shown` are ids and messages with their `tokens`; the model has read the first `known`."""
        self._shown, self._tokens, self._known, self._counter = shown, tokens, known, counter
        self._at = {name: number for number, (name, _) in enumerate(shown)}
        self._before = [0, *accumulate(tokens[:known])]

    def of(self, becomes: Becomes) -> tuple[int, int]:
        """Tokens that are freed, and those that are then to be read again or anew.

        Raises:
            ModelError: the model that counts cannot be had.
        """
        places = sorted(self._at[name] for name in becomes if name in self._at)
        if not places:
            return 0, 0
        freed = reread = 0
        role = self._shown[places[0] - 1][1].role if places[0] else None
        for number in range(places[0], len(self._shown)):
            name, was = self._shown[number]
            if number > places[-1] and role == self._shown[number - 1][1].role:
                return freed, reread + self._read(number)  # all behind it counts as it did
            now = becomes.get(name, was)
            if now is None:
                freed += self._tokens[number]
                continue
            size = self._counter.behind(role, now)
            freed += self._tokens[number] - size
            reread += size if number < self._known else 0
            role = now.role
        return freed, reread

    def _read(self, start: int) -> int:
        """Tokens from there on that the model has read."""
        return self._before[-1] - self._before[min(start, self._known)]
