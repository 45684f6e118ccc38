"""The window's notices: sentences that stand over a corner of it for a while."""

from textual.app import App
from textual.notifications import SeverityLevel

from ossa.tui.wrapping import seams

WIDEST = 60
"""Cells that a notice takes at most, and half of the window where that is less."""
_AROUND = 4
"""Cells of those that are not for the text."""


class Notices(App[str]):
    """An app whose notices part a name that is longer than a row where it has a seam."""

    def notify(
        self,
        message: str,
        *,
        title: str = "",
        severity: SeverityLevel = "information",
        timeout: float | None = None,
        markup: bool = True,
    ) -> None:
        room = min(WIDEST, self.size.width // 2) - _AROUND
        ends = [*([] if markup else seams(message, room)), len(message)]
        rows = [message[start:end] for start, end in zip([0, *ends], ends, strict=False)]
        super().notify("\n".join(rows), title=title, severity=severity, timeout=timeout, markup=markup)
