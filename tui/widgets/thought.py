"""The model's reasoning: a line with its length and time, which opens to the text."""

import time

from textual.content import Content

from ossa.tui.safe import shown
from ossa.tui.widgets.fold import Fold

LINES = 400
"""Lines of reasoning that are shown."""


class Thought(Fold):
    """Reasoning, folded."""

    def __init__(self, *, live: bool = True) -> None:
        """`live` reasoning is timed; of that of a resumed session the log knows how long it `took`."""
        super().__init__(classes="-running" if live else "")
        self._bits: list[str] = []
        self._words = 0
        self._started = time.monotonic() if live else None
        self._seconds: float | None = None
        self._is_cut = False

    def head(self) -> Content:
        verb = "Thinking" if self.has_class("-running") else "Thought"
        parts = [verb, "1 word" if self._words == 1 else f"{self._words:,} words"]
        if self._seconds is not None:
            parts.append(f"{self._seconds:.0f} s")
        if self._is_cut:
            parts.append("cut short")
        return Content(" · ".join(parts))

    def body(self) -> Content:
        return Content("\n".join(shown("".join(self._bits), LINES)))

    def append(self, text: str) -> None:
        """Add the next bit."""
        self._bits.append(text)  # made harmless as a whole: an escape sequence may be cut between two bits
        self._words += text.count(" ") + text.count("\n") or int(not self._words)
        if self._started is not None:
            self._seconds = time.monotonic() - self._started
        self.renew_soon()

    def cut_short(self) -> None:
        """The person wants the answer."""
        self._is_cut = True
        self.renew()

    def took(self, seconds: float) -> None:
        """It took so long; not known where that is 0."""
        if seconds:
            self._seconds = seconds
            self.renew()

    async def finish(self) -> None:
        """It is over."""
        self.remove_class("-running")
        self.renew()
