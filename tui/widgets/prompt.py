"""Where the user types: several lines, a history, commands after a slash, and shell commands after a "!"."""

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from ossa.tui.commands import completion


class Prompt(TextArea):
    """The prompt: Enter sends, Ctrl+J begins a new line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+j,shift+enter", "newline", "new line", show=False),
    ]

    class Sent(Message):
        """The user sent what is in the prompt."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(
            id="prompt",
            soft_wrap=True,
            tab_behavior="focus",
            compact=True,
            highlight_cursor_line=False,
            placeholder="Ask for a change; / commands, ! shell",
        )
        self._history: list[str] = []
        self._place = 0
        """Index into the history; its length stands for the text being written."""
        self._unsent = ""

    def remember(self, text: str) -> None:
        """Add to the history, unless it is what was sent last."""
        if not self._history or self._history[-1] != text:
            self._history.append(text)
        self._place = len(self._history)

    def propose(self, text: str) -> None:
        """Offer a text to be sent again or put otherwise, unless something is being written."""
        if not self.text:
            self.text = text
            self.move_cursor(self.document.end)

    def on_text_area_changed(self) -> None:
        self.set_class(self.text.startswith("!"), "-shell")

    def _send(self) -> None:
        text = self.text.strip()
        if text:
            self.remember(text)
            self.text = ""
            self.post_message(self.Sent(text))

    def action_newline(self) -> None:
        self.insert("\n")

    def action_cursor_up(self, select: bool = False) -> None:
        if select or self._row > 0:
            super().action_cursor_up(select)
        else:
            self._recall(self._place - 1)

    def action_cursor_down(self, select: bool = False) -> None:
        if select or self._row < self.wrapped_document.height - 1:
            super().action_cursor_down(select)
        else:
            self._recall(self._place + 1)

    async def _on_key(self, event: events.Key) -> None:
        # Here and not as a binding: a binding with priority would overtake letters that are still on their way.
        completed = completion(self.text) if event.key == "tab" else ""
        if event.key != "enter" and not completed:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        if completed:
            self.text = completed
            self.move_cursor(self.document.end)
        else:
            self._send()

    @property
    def _row(self) -> int:
        """The row of the cursor, counting rows that a long line is wrapped to."""
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def _recall(self, place: int) -> None:
        if not 0 <= place <= len(self._history) or place == self._place:
            return
        if self._place == len(self._history):
            self._unsent = self.text
        self._place = place
        self.text = self._unsent if place == len(self._history) else self._history[place]
        self.move_cursor(self.document.end)
