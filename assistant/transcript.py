"""The conversation as the model is to see it, derived from the events of the session and from nothing else.

So a resumed session shows the model what the running one would have, to the token.
"""

from collections.abc import Iterable

from ossa.assistant.change import Change
from ossa.assistant.events import (
    Answering,
    Composed,
    Event,
    Proposed,
    Reviewed,
    Spoken,
    StepFinished,
    TurnFinished,
    TurnStarted,
    Undone,
)
from ossa.model.base import Message


class Transcript:
    """Grows by every event it sees."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        """Start from the log of an earlier session, or from nothing."""
        self.messages: list[Message] = []
        """Without the system prompt."""
        self.note = ""
        """What the model has yet to be told of the review, with the next prompt."""
        self._partial = ""
        self._change = Change()
        for event in events:
            self.see(event)
        self._mend()

    def see(self, event: Event) -> None:
        """Take in the next event."""
        match event:
            case Composed(message=message):
                self.messages.append(message)
                self.note = ""
            case Answering(text):
                self._partial += text
            case Spoken(message=message):
                self.messages.append(message)
                self._partial = ""
            case StepFinished(result=Message() as result):
                self.messages.append(result)
            case Proposed(change=change):
                self._change = change
            case Reviewed():
                self.note = self._told(event)
            case Undone(files=files):
                self.note = f"The person took back what they had accepted in: {', '.join(files)}."
            case TurnStarted() | TurnFinished():
                self._mend()
            case _:
                pass

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

    def _told(self, reviewed: Reviewed) -> str:
        verdicts = {decision.hunk: decision for decision in reviewed.decisions}
        lines: list[str] = []
        for file, hunk in self._change.hunks:
            decision = verdicts.get(hunk.id)
            if decision is None:
                continue
            word = "accepted" if decision.accepted else "rejected"
            reason = f": {decision.reason}" if decision.reason else ""
            lines.append(f"- {word} {file.path}, line {hunk.start + 1}{reason}")
        return "\n".join(["The person reviewed your change:", *lines, *reviewed.refused]) if lines else ""
