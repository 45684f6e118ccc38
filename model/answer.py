"""What the model has said so far: tokens in, pieces out; and what it may say next.

token ─► reader ─► stop texts ─► pieces            forced() · allowed() ─► the next token
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ossa.model.base import FinishReason, Message, Piece, Sampling, Text, ToolCall
from ossa.model.codec import Codec, read
from ossa.model.stops import Stops

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ossa.model.constraints_matcher import Matcher


class Answer:
    """One answer in the making."""

    def __init__(self, codec: Codec, sampling: Sampling, hurried: Callable[[], bool] = lambda: False) -> None:
        """`hurried` tells whether it is to stop thinking now."""
        # Models write a blank together with the word behind it, so one at the end is left to the first token.
        self._owed = sampling.begin[-1:] if sampling.begin.endswith(" ") else ""
        self.opening = codec.opening(sampling.begin.removesuffix(self._owed)) if sampling.begin else []
        self.tokens: list[int] = []
        self.ended = False
        self._codec, self._hurried = codec, hurried
        self._reader = codec.reader()
        self._stops = Stops(sampling.stop)
        self._text = sampling.begin
        self._calls: list[ToolCall] = []
        self._thinking, self._budget = 0, sampling.thinking
        self._forced: Sequence[int] = ()
        self._matcher: Matcher | None = None
        for token in self.opening:
            self._reader.feed(token)

    def hold_to(self, matcher: "Matcher") -> None:
        """From now on only what the matcher allows may come."""
        self._matcher = matcher

    def allowed(self) -> "NDArray[np.bool_] | Sequence[int] | None":
        """The tokens that may come next, as ids or as a mask; None for all."""
        mask = self._matcher.allowed() if self._matcher else None
        if not self._owed or self.tokens:
            return mask
        blanks = self._codec.blank_ids()
        return blanks if mask is None else [token for token in blanks if mask[token]] or mask

    def forced(self) -> Sequence[int]:
        """The tokens that must come next, where only they may: those that end the thinking, or what is certain."""
        if not self._forced and self._reader.is_thinking and (self._is_out_of_budget() or self._hurried()):
            self._forced = self._end_of_thinking()
        if not self._forced and self._matcher:
            self._forced = self._matcher.forced()
        return self._forced

    def possible(self, draft: Sequence[int]) -> Sequence[int]:
        """As much of a draft as may come."""
        return draft[: self._matcher.fits(draft)] if self._matcher else draft

    def feed(self, token: int) -> list[Piece]:
        """The pieces that the next token makes known."""
        self.tokens.append(token)
        self._thinking += self._reader.is_thinking
        self._forced = self._forced[1:]
        if self._matcher:
            self._matcher.accept(token)
        pieces = self._shown(self._reader.feed(token))
        is_complete = self._matcher is not None and self._matcher.ended
        self.ended = self._stops.hit or self._reader.ended or token in self._codec.stop_ids or is_complete
        return pieces

    def finish(self) -> list[Piece]:
        """The pieces held back until now."""
        pieces = self._shown(self._reader.finish())
        return pieces + self._said(self._stops.flush())

    def reason(self, reason: FinishReason) -> FinishReason:
        """Why it ended, given how the loop did."""
        return "tool_calls" if self._calls and reason == "stop" else reason

    def message(self) -> Message:
        """The entry for the transcript, `begin` included; with its ids only if they say just what it says."""
        calls = tuple(self._calls)
        tokens = (*self.opening, *self.tokens)
        is_exact = read(self._codec.reader(), tokens) == (self._text, calls)
        return Message("assistant", self._text, calls, tokens=tokens if is_exact else ())

    @property
    def text(self) -> str:
        """All of it that is for the user, `begin` included."""
        return self._text

    def _end_of_thinking(self) -> Sequence[int]:
        """What ends it; nothing for now where a character is not complete."""
        tokens = self._codec.final()
        return tokens if len(self.possible(tokens)) == len(tokens) else ()

    def _is_out_of_budget(self) -> bool:
        return self._budget is not None and self._thinking >= self._budget

    def _shown(self, pieces: list[Piece]) -> list[Piece]:
        shown: list[Piece] = []
        for piece in pieces:
            if isinstance(piece, Text):
                text, self._owed = piece.text.removeprefix(self._owed), ""
                shown += self._said(self._stops.feed(text))
            elif not self._stops.hit:
                shown += [*self._said(self._stops.flush()), piece]
            if isinstance(piece, ToolCall) and not self._stops.hit:
                self._calls.append(piece)
        return shown

    def _said(self, text: str) -> list[Piece]:
        self._text += text
        return [Text(text)] if text else []
