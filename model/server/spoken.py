"""An answer of which the server gives text: stop texts, what it was made to begin with, and calls in their parts."""

from collections.abc import Sequence

from ossa.model.base import Message, Piece, Sampling, Text, Thought, ToolCall
from ossa.model.stops import Stops


class Spoken:
    """One such answer in the making."""

    def __init__(self, sampling: Sampling) -> None:
        # As in the local engine, a blank at the end of the beginning is left to the model's first word.
        self._owed = sampling.begin[-1:] if sampling.begin.endswith(" ") else ""
        self.opening = sampling.begin.removesuffix(self._owed)
        self.text, self.thought = sampling.begin, ""
        self._stops = Stops(sampling.stop)
        self._calls: dict[int, tuple[str, str]] = {}

    @property
    def owes_blank(self) -> bool:
        """Whether the next text has to begin with a blank."""
        return bool(self._owed)

    @property
    def is_complete(self) -> bool:
        """Whether a stop text came."""
        return self._stops.hit

    def say(self, text: str) -> list[Piece]:
        """More text came."""
        text, self._owed = (text.removeprefix(self._owed), "") if text else (text, self._owed)
        return self._said(self._stops.feed(text))

    def reason(self, text: str) -> list[Piece]:
        """More reasoning came."""
        self.thought += text
        return [Thought(text)] if text else []

    def call(self, index: int, name: str, arguments: str) -> None:
        """More of a tool call came; it is made once all of it is there."""
        known_name, known_arguments = self._calls.get(index, ("", ""))
        self._calls[index] = (known_name or name, known_arguments + arguments)

    def finish(self, *, is_whole: bool) -> list[Piece]:
        """What was held back; of an answer that was cut off no call is made."""
        pieces = self._said(self._stops.flush())
        if is_whole:
            pieces += self.calls
        elif self._calls:
            pieces += self._said("".join(f"\n{name} {arguments}" for name, arguments in self._calls.values()))
        return pieces

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """The calls in their order."""
        return tuple(ToolCall(name, arguments or "{}") for _, (name, arguments) in sorted(self._calls.items()))

    def message(self, *, is_whole: bool, tokens: Sequence[int] = ()) -> Message:
        """The entry for the transcript."""
        return Message("assistant", self.text, self.calls if is_whole else (), tokens=tuple(tokens))

    def _said(self, text: str) -> list[Piece]:
        self.text += text
        return [Text(text)] if text else []
