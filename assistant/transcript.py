"""The conversation as the model is to see it, derived from the events of the session and from nothing else.

So a resumed session shows the model what the running one would have, to the token.
"""

from collections.abc import Iterable

from ossa.assistant.events import (
    Answering,
    Composed,
    Event,
    Rewound,
    Spoken,
    StepFinished,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.news import News
from ossa.assistant.trim import shorten
from ossa.model.base import Message

_NOTE = 8_000
"""Characters of all that the model is told beside a prompt of what the person did."""


class Transcript:
    """Grows by every event it sees."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Start from the log of an earlier session, or from nothing."""
        self.messages: list[Message] = []
        """Without the system prompt."""
        self._partial = ""
        self._news = News()
        self._untold: list[str] = []
        self._prompts: list[tuple[int, list[str]]] = []
        """Of every prompt: how many messages came before it, and what was untold then."""
        for event in events:
            self.see(event)
        self._mend()

    @property
    def note(self) -> str:
        """What the model has yet to be told of the person's doing, with the next prompt."""
        return shorten("\n\n".join(self._untold), _NOTE)

    def see(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case Composed(message=message):
                self.messages.append(message)
                self._untold.clear()
            case Answering(text):
                self._partial += text
            case Spoken(message=message):
                self.messages.append(message)
                self._partial = ""
            case StepFinished(result=Message() as result):
                self.messages.append(result)
            case TurnStarted(command=command):
                self._mend()
                if not command:
                    self._prompts.append((len(self.messages), list(self._untold)))
            case TurnFinished():
                self._mend()
            case Rewound(conversation=True, turns=turns) if self._prompts:
                self._forget(min(turns, len(self._prompts)))
            case _:
                pass
        if told := self._news.of(event):
            self._untold.append(told)

    def _forget(self, turns: int) -> None:
        """Go back to before a prompt; what was untold then is to be told again."""
        self._mend()
        count, self._untold = self._prompts[-turns]
        del self.messages[count:], self._prompts[-turns:]

    def _mend(self) -> None:
        """Close what an interruption left open: a half answer, a call without a result, a prompt without an answer."""
        if self._partial:
            self.messages.append(Message("assistant", self._partial))
            self._partial = ""
        last = max((i for i, m in enumerate(self.messages) if m.role != "tool"), default=None)
        if last is None:
            return
        if self.messages[last].role == "user":
            self.messages.append(Message("assistant", "(interrupted)"))
        answered = len(self.messages) - 1 - last
        for call in self.messages[last].calls[answered:]:
            self.messages.append(Message("tool", "(interrupted by the person)", tool=call.name))
