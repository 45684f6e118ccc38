"""Drafts copied from what is known already: the prompt, files in view, and what has been written so far.

    tokens so far ─► the place where their last few stood before ─► what followed there ─► draft ─► verified in one pass

A draft costs little where it is wrong and much is gained where the model copies. So it grows while all of it is taken,
shrinks when it is not, and goes on behind the last copied place, also past one token that the model changed.
"""

from collections.abc import Sequence

_LAST = 3
"""So many tokens have to stand at a place before it is copied from."""
_FEWEST, MOST = 8, 192
_GROWTH = 4
_AGAIN = 16
"""The most where copying goes on after it had ended."""
_NEAR = 64
"""Tokens behind a place where copying ended in which two are enough to go on."""
_PATIENCE = 3
"""Failures in a row after which only longer matches are tried."""


class Lookup:
    """Proposes drafts for one answer."""

    def __init__(self, prompt: Sequence[int], others: Sequence[Sequence[int]] = (), most: int = MOST) -> None:
        """What it copies from.

        Args:
            prompt: of the answer.
            others: texts that are likely to be copied, though the prompt has them not.
            most: tokens of a draft; more would cost as much each, and be lost where the model goes another way.
        """
        self._tokens: list[int] = []
        self._places: dict[tuple[int, ...], int] = {}
        """Where the latest run of so many tokens ends."""
        self._length = _FEWEST
        self._place: int | None = None
        """What is to be copied next."""
        self._lost: int | None = None
        """The place that a token did not follow, until copying goes on."""
        self._since = 0
        """Tokens since then."""
        self._failed, self._most = 0, most
        self.drafted = self.taken = 0
        for tokens in (*others, prompt):
            # A run must not go over from one text to the next.
            self._tokens.append(-1)
            for token in tokens:
                self._add(token)

    def feed(self, token: int) -> None:
        """Note the next token of the answer."""
        key = (*self._tokens[1 - _LAST :], token)
        self._place = self._follow(token) or self._places.get(key)
        if self._place is not None and self._lost is not None:
            # It may be the wrong place.
            self._lost, self._length = None, min(self._length, _AGAIN)
        self._add(token)

    def draft(self, room: int) -> list[int]:
        """What may come next, at most so many; nothing where nothing is known."""
        if self._place is None or self._failed > _PATIENCE:
            self._failed = max(self._failed - 1, 0)
            return []
        following = self._tokens[self._place : self._place + min(self._length, room)]
        return following[: following.index(-1)] if -1 in following else following

    def judge(self, drafted: int, taken: int) -> None:
        """Learn how many tokens of the last draft the model would have written itself."""
        self.drafted += drafted
        self.taken += taken
        if taken == drafted:
            self._length, self._failed = min(self._length * _GROWTH, self._most), 0
            return
        self._length = max(_FEWEST, min(self._length // 2, 2 * taken))
        self._failed = self._failed + 1 if taken == 0 else 0

    def _follow(self, token: int) -> int | None:
        """Where to go on copying behind this token, also where some before it had been changed, put in or left out."""
        if self._place is not None:
            if self._at(self._place) == token:
                return self._place + 1
            self._lost, self._since = self._place, 0
        lost = self._lost
        if lost is None:
            return None
        self._since += 1
        if self._since == 2 and (found := next((at for at in (lost + 1, lost) if self._at(at) == token), None)):
            return found + 1
        last = self._tokens[-1]
        near = range(lost, min(lost + _NEAR, len(self._tokens) - 1))
        return next((at + 2 for at in near if self._tokens[at] == last and self._tokens[at + 1] == token), None)

    def _at(self, place: int) -> int | None:
        return self._tokens[place] if place < len(self._tokens) else None

    def _add(self, token: int) -> None:
        self._tokens.append(token)
        if len(self._tokens) > _LAST:
            self._places[tuple(self._tokens[-_LAST:])] = len(self._tokens)
