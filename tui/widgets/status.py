"""The status line: which model and why, what confines it, how fast it is, and what ossa is doing."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ossa.model.base import Usage
from ossa.tui.safe import cut, plain_text


class Status(Widget):
    """One line; where there is little room, the reasons go first, the warnings last."""

    model = reactive("")
    why = reactive("")
    isolation = reactive("")
    confined = reactive(True)
    usage: reactive[Usage | None] = reactive(None)
    context: reactive[tuple[int, int]] = reactive((0, 0))
    """Tokens of the last prompt, and the model's window."""
    state = reactive("starting")

    def render(self) -> Content:
        width = self.content_size.width
        right = Content.styled(self.state, "bold $text-primary")
        left = Content.styled(cut(plain_text(self.model), 40) or "no model yet", "bold")
        isolation = Content.styled(self.isolation, "$foreground 65%" if self.confined else "bold $text-warning")
        extras = [isolation, *self._figures(), Content.styled(plain_text(self.why), "$foreground 65%")]
        separator = Content.styled("  ·  ", "$foreground 40%")
        for extra in extras:
            longer = left + separator + extra
            if extra and longer.cell_length + right.cell_length + 2 <= width:
                left = longer
        gap = max(1, width - left.cell_length - right.cell_length)
        return (left + " " * gap + right).truncate(width, ellipsis=True)

    def _figures(self) -> list[Content]:
        figures: list[str] = []
        if usage := self.usage:
            new = usage.prompt_tokens - usage.reused_tokens
            figures.append(f"{usage.tokens_per_second:.1f} tok/s")
            figures.append(f"{usage.reused_tokens:,} known + {new:,} new")
        total, window = self.context
        if window:
            figures.append(f"{100 * total / window:.0f}% of {window:,}")
        return [Content.styled(text, "$foreground 65%") for text in figures]
