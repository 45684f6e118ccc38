"""The search of the guided way: how much of its budget is used, where it is, what has passed; opens to the attempts.

Searching ─► a bar ─► Attempt… ─► finish
"""

import time

from textual.content import Content
from textual.timer import Timer

from ossa.assistant.events import Attempt, Searching
from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.activity import bar
from ossa.tui.widgets.fold import Fold

LATEST = 3
"""Attempts listed while it is folded, and as many that passed."""
OPEN = 200
"""The latest that are listed while it is open, besides those that passed."""
_BAR = 20
"""Cells of the bar, at most."""
_FAINT = "$text-muted"


class Attempts(Fold):
    """All attempts of one search: "-running" as long as more may come."""

    def __init__(self, budget: Searching | None = None, *, live: bool = True) -> None:
        """`budget` is what the search may spend, where that is known; `live`: it goes on now."""
        super().__init__(classes="-running" if live else "")
        self._attempts: list[Attempt] = []
        self._budget = budget
        self._since = time.monotonic()
        self._clock: Timer | None = None

    def on_mount(self) -> None:
        super().on_mount()
        if self._budget and self.has_class("-running"):
            self._clock = self.set_interval(1.0, self.renew)

    def head(self) -> Content:
        running = self.has_class("-running")
        title = self._progress() if running else Content(f"{_count(len(self._attempts))} tried{self._found()}")
        lines = self._lines() if running else list(map(_line, self._passed[-LATEST:]))
        return Content("\n").join([title, *(Content.assemble("    ", line) for line in lines)])

    def body(self) -> Content:
        shown = [attempt for n, attempt in enumerate(self._attempts, -len(self._attempts)) if attempt.ok or n >= -OPEN]
        blocks = [Content.assemble(_line(a), "\n", *_candidate(a)) for a in shown]
        if hidden := len(self._attempts) - len(shown):
            blocks.insert(0, Content.styled(f"{hidden:,} earlier ones that did not pass are not shown", _FAINT))
        return Content("\n\n").join(blocks)

    def add(self, attempt: Attempt) -> None:
        """One more was tried."""
        self._attempts.append(attempt)
        self.renew()

    def finish(self) -> None:
        """No more will come."""
        self.remove_class("-running")
        if self._clock is not None:
            self._clock.stop()
        self.renew()

    def _progress(self) -> Content:
        last = self._attempts[-1] if self._attempts else None
        if self._budget is None:
            count = f"Attempt {last.number} of at most {last.limit:,}" if last else "Attempts"
            return Content.assemble(count, (self._found(), _FAINT))
        seconds, number = time.monotonic() - self._since, last.number if last else 0
        limit = last.limit if last else self._budget.candidates
        told = f" {seconds:.0f}/{self._budget.seconds:.0f} s · {number:,}/{limit:,}{self._found()}"
        used = max(seconds / max(self._budget.seconds, 0.1), number / max(limit, 1))
        room = self.content_size.width - len(told) - 2
        cells = max(6, min(_BAR, room)) if self.content_size.width else _BAR
        return Content.assemble(*bar(round(min(used, 1.0) * 100), 100, cells), (told, _FAINT))

    def _lines(self) -> list[Content]:
        """Where it is, what has passed, and what was tried last."""
        if not self._attempts:
            return [Content.styled("looking for the place", _FAINT)]
        passed = self._passed[-LATEST:]
        failed = [attempt for attempt in self._attempts if not attempt.ok][-max(1, LATEST - len(passed)) :]
        lines = [Content.styled(f"at {plain_text(self._attempts[-1].place)}", _FAINT)] if self._budget else []
        return [*lines, *map(_line, [*passed, *failed])]

    def _found(self) -> str:
        return f" · {len(self._passed)} passed" if self._passed else ""

    @property
    def _passed(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts if attempt.ok]


def _count(attempts: int) -> str:
    return "1 candidate" if attempts == 1 else f"{attempts:,} candidates"


def _line(attempt: Attempt) -> Content:
    """A try with its outcome; of one that passed rather what it is."""
    mark, style = ("✓", "$text-success") if attempt.ok else ("✗", "$text-error")
    first = (attempt.text.strip().splitlines() or ["(lines taken out)"])[0]
    told = cut(plain_text(first if attempt.ok else attempt.outcome).replace("\n", " "), 200)
    return Content.assemble(
        (f"{attempt.number:>3} ", _FAINT), (mark, style), f" {plain_text(attempt.place)}  ", (told, _FAINT)
    )


def _candidate(attempt: Attempt) -> list[Content]:
    told = [Content.styled("\n".join(f"      {line}" for line in shown(attempt.text, 60)), "$text-secondary")]
    return [*told, Content(f"\n      {cut(plain_text(attempt.outcome), 200)}")] if attempt.ok else told
