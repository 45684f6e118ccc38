"""A summary of the conversation by the model itself: the last resort but one when its window is full.

    the beginning of the conversation, as the model has read it ─► Summariser ─► a text that takes its place

The model still has that beginning in its cache, so it reads no more than the request.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from ossa.assistant.wording import prompt_text
from ossa.model.base import Finished, Generation, LanguageModel, Message, ModelError, Sampling, ToolSpec

Summarise: TypeAlias = Callable[[Sequence[Message]], str]
"""Sums up a conversation; empty where it could not."""

_WORDS, _TOKENS = 300, 2_000
"""What the model is asked for, and what it may write, its reasoning included."""


@dataclass(slots=True)
class Summariser:
    """Asks the model; blocking, and ended by `stop` from any thread."""

    model: LanguageModel
    tools: Sequence[ToolSpec] = ()
    sampling: Sampling = Sampling()
    """That of the conversation: another effort would be another prompt from its first message on."""
    _running: Generation | None = field(default=None, init=False)

    def __call__(self, messages: Sequence[Message]) -> str:
        """The summary; empty where the model could not write it or was stopped."""
        asked = Message("user", prompt_text("summary").format(words=_WORDS))
        try:
            sampling = replace(self.sampling, max_tokens=_TOKENS)
            self._running = self.model.generate([*messages, asked], tools=self.tools, sampling=sampling)
            for piece in self._running:
                if isinstance(piece, Finished):
                    return "" if piece.reason == "cancelled" else piece.message.text.strip()
        except ModelError:
            return ""
        finally:
            self._running = None
        return ""

    def stop(self) -> None:
        """End what is being written."""
        if self._running is not None:
            self._running.close()
