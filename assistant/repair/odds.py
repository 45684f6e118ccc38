"""What the model thinks of an edit before anything is written with it: from one reading of the function as it is.

Weighed… ─► surprise: how unlikely it finds what stands there
        └─► gain: how much likelier it finds what would begin to stand there instead
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import takewhile

from ossa.assistant.repair.source import Edit
from ossa.model.base import Weighed

_LOOK = 60
"""Characters in which an edit and what stands there are told apart."""


class Odds:
    """A text with the odds of its tokens."""

    def __init__(self, text: str, weighed: Sequence[Weighed], shift: int) -> None:
        """`weighed` are tokens of the text, in their order; their places count `shift` characters before it."""
        self._text, self._weighed, self._shift = text, weighed, shift
        self._starts = [token.start - shift for token in weighed]

    def surprise(self, edit: Edit) -> float:
        """The greatest negative logarithm among the tokens that an edit touches."""
        first = max(bisect_right(self._starts, edit.start) - 1, 0)
        last = bisect_right(self._starts, edit.end - 1)
        touched = [t for t in self._weighed[first:last] if t.end - self._shift > edit.start]
        return max((-token.logprob for token in touched), default=0.0)

    def gain(self, edit: Edit) -> float | None:
        """How much likelier the token is with which the text goes on otherwise, as a difference of logarithms.

        None where that is none of those that the model thought of.
        """
        behind = self._text[edit.end : edit.end + _LOOK]
        new, old = edit.text[:_LOOK] + behind, self._text[edit.start : edit.start + 2 * _LOOK]
        same = takewhile(lambda pair: pair[0] == pair[1], zip(new, old, strict=False))
        differs = edit.start + sum(1 for _ in same)
        number = bisect_right(self._starts, differs) - 1
        if number < 0:
            return None
        token, begins = self._weighed[number], self._starts[number]
        there = self._text[begins : edit.start] + new if begins <= edit.start else new[begins - edit.start :]
        fitting = [(len(other), odds) for other, odds in token.others if other.strip() and there.startswith(other)]
        return max(fitting)[1] - token.logprob if fitting else None
