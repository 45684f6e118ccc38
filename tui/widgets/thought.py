"""The model's reasoning: a line with its length and time, which opens to the text."""

import time

from textual.content import Content
from textual.timer import Timer

from ossa.tui.safe import plain_text, shown
from ossa.tui.widgets.fold import Fold

BEAT = 0.1
"""Seconds between two looks at how long it has become."""
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
        self._timer: Timer | None = None

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
        self._bits.append(plain_text(text))
        self._words += text.count(" ") + text.count("\n") or int(not self._words)
        if self._started is not None:
            self._seconds = time.monotonic() - self._started
        if self._timer is None:
            self._timer = self.set_timer(BEAT, self._show)

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
        if self._timer is not None:
            self._timer.stop()
        self._show()

    def _show(self) -> None:
        self._timer = None
        self.renew()
