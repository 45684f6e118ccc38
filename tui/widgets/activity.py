"""The line above the prompt: what is going on right now, or which commands fit what is being typed."""

import time

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

BAR = 24
"""Cells of the progress bar, at most."""
LEAST_BAR = 6
LEAST = 1.0
"""Seconds of reading from which its end is foretold."""
BEAT = 0.1
"""Seconds between two pictures while something goes on."""
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Activity(Widget):
    """One line, always there, so that nothing moves when a turn begins or ends."""

    doing = reactive("", toggle_class="-busy")
    """What is going on; empty when nothing is."""
    progress: reactive[tuple[int, int]] = reactive((0, 0))
    """Tokens read of the prompt, and all of them; (0, 0) when nothing is being read."""
    reused = reactive(0)
    hint = reactive("")
    """Shown instead, while the user types a command."""
    waiting = reactive("")
    """Shown while nothing goes on: what waits for the user."""
    thinking = reactive(False, bindings=True)
    """Whether the model reasons, and can be told to come to its answer."""
    keeps = reactive(False)
    """Whether something has passed that is kept when the turn is ended."""
    queued = reactive(0)
    """Prompts that wait for the turn to end."""

    def __init__(self) -> None:
        super().__init__()
        self._since = time.monotonic()
        self.stop_key = "esc"
        """What ends a turn, as it is called in texts."""
        self._pace = (0.0, 0)
        """When reading began, and how many tokens were known then."""

    def begin(self, doing: str) -> None:
        """Something begins; an empty text: nothing goes on any more."""
        if doing != self.doing or not doing:
            self._since = time.monotonic()
        self.doing = doing
        self.progress = (0, 0)
        if bool(doing) != (self.auto_refresh is not None):  # each assignment makes a timer; this comes with each token
            self.auto_refresh = BEAT if doing else None

    def reading(self, done: int, total: int, reused: int) -> None:
        """The prompt is being read."""
        before, _ = self.progress
        self.begin("Reading" if done < total else "Thinking")
        if not before or done < before:
            self._pace = (time.monotonic(), done)
        self.reused = reused
        self.progress = (done, total) if done < total else (0, 0)

    @property
    def seconds_left(self) -> float | None:
        """Until the prompt is read, at the pace so far; None where that is too short to tell."""
        began, first = self._pace
        elapsed, read = time.monotonic() - began, self.progress[0] - first
        return (self.progress[1] - self.progress[0]) * elapsed / read if read and elapsed > LEAST else None

    def render(self) -> Content:
        if self.hint:
            return Content.styled(self.hint, "$text-muted")
        if not self.doing:
            return Content.styled(self.waiting, "$text-warning")
        elapsed = time.monotonic() - self._since
        spinner = SPINNER[int(elapsed * 10) % len(SPINNER)]
        parts: list[str | tuple[str, str]] = [(f"{spinner} ", "$text-primary"), self.doing, " "]
        parts += self._read() if self.progress[1] else [(f"{elapsed:.0f} s", "$text-muted")]
        parts.append((f"  {self.stop_key} {'keeps the best so far' if self.keeps else 'stops'}", "$text-disabled"))
        if self.queued:
            parts.append((f"  {self.queued} waiting", "$text-warning"))
        if self.progress[1]:
            room = self.content_size.width - sum(cell_len(part if isinstance(part, str) else part[0]) for part in parts)
            parts[3:3] = bar(*self.progress, max(LEAST_BAR, min(BAR, room)))
        return Content.assemble(*parts)

    def _read(self) -> list[tuple[str, str]]:
        """How far the prompt is read, in words."""
        done, total = self.progress
        known = f", {self.reused:,} known" if self.reused else ""
        left = f", {duration(left)} left" if (left := self.seconds_left) is not None else ""
        return [(f" {done:,}/{total:,} tokens{known}{left}", "$text-muted")]


def duration(seconds: float) -> str:
    """For example "8 s" or "3 min"."""
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def bar(done: int, total: int, cells: int) -> list[tuple[str, str]]:
    """How far something is, that many cells wide, as parts of a line."""
    full = min(cells, cells * done // total)
    return [("━" * full, "$text-primary"), ("━" * (cells - full), "$text-disabled")]
