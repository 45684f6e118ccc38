"""The attempts of the guided repair: a counter and the latest tries, a line each; opens to every candidate."""

from textual.content import Content

from ossa.assistant.events import Attempt
from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.fold import Fold

LATEST = 3
"""Attempts listed while it is folded."""


class Attempts(Fold):
    """All attempts of one repair."""

    def __init__(self) -> None:
        super().__init__(classes="-running")
        self._attempts: list[Attempt] = []

    def head(self) -> Content:
        if not self._attempts:
            return Content("Attempts")
        last = self._attempts[-1]
        title = Content.assemble(
            f"Attempt {last.number} of at most {last.limit}", (_found(self._attempts), "$foreground 65%")
        )
        latest = self._attempts[-LATEST:]
        return Content("\n").join([title, *(Content.assemble("    ", _line(a)) for a in latest)])

    def body(self) -> Content:
        blocks = [Content.assemble(_line(a), "\n", *_candidate(a)) for a in self._attempts]
        return Content("\n\n").join(blocks)

    def add(self, attempt: Attempt) -> None:
        """One more was tried."""
        self._attempts.append(attempt)
        self.renew()

    def finish(self) -> None:
        """No more will come."""
        self.remove_class("-running")


def _found(attempts: list[Attempt]) -> str:
    good = sum(a.ok for a in attempts)
    return f" · {good} confirmed" if good else ""


def _line(attempt: Attempt) -> Content:
    mark, style = ("✓", "$text-success") if attempt.ok else ("✗", "$text-error")
    outcome = cut(plain_text(attempt.outcome).replace("\n", " "), 200)
    return Content.assemble(
        (f"{attempt.number:>3} ", "$foreground 65%"),
        (mark, style),
        f" {plain_text(attempt.place)}  ",
        (outcome, "$foreground 65%"),
    )


def _candidate(attempt: Attempt) -> list[Content]:
    return [Content.styled("\n".join(f"      {line}" for line in shown(attempt.text, 60)), "$text-secondary")]
