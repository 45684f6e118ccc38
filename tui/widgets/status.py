"""The status line: which model and why, what confines it, how fast it is, and what ossa is doing."""

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from ossa.model.base import Usage
from ossa.tui.figures import Row, answer_rows, brief, context_row, page
from ossa.tui.safe import cut, plain_text


class Status(Widget):
    """One line; where there is little room, the reasons go first, the warnings last."""

    model = reactive("")
    where = reactive("")
    """The server to which everything is sent; empty for a model on this machine."""
    why = reactive("")
    isolation = reactive("")
    confined = reactive(True)
    usage: reactive[Usage | None] = reactive(None)
    """Of the model's last answer."""
    context: reactive[tuple[int, int]] = reactive((0, 0))
    """Tokens of the last prompt, and the model's window."""
    reading = reactive("")
    """What is read of the repository beside all else."""
    watching = reactive(False)
    """Whether comments in saved files are prompts."""
    state = reactive("starting")

    def spoke(self, usage: Usage) -> None:
        """The model has written a message; what it was shown for that, and the message, are in its window now."""
        self.usage = usage
        _, window = self.context
        if window and usage.prompt_tokens:
            self.context = (usage.prompt_tokens + usage.output_tokens, window)

    def render(self) -> Content:
        width = self.content_size.width
        right = Content.styled(self.state, "bold $text-primary")
        for text in filter(None, ("watching" if self.watching else "", self.reading)):
            right = Content.assemble((text, "$text-muted"), "  ", right)
        left = Content.styled(cut(plain_text(self.model), 40) or "no model yet", "bold")
        separator = Content.styled(" · ", "$text-disabled")
        if self.where:
            left += separator + Content.styled(cut(plain_text(self.where), 40), "bold $text-warning")
        for extra in self._extras():
            longer = left + separator + extra
            if extra and longer.cell_length + right.cell_length + 2 <= width:
                left = longer
        gap = max(1, width - left.cell_length - right.cell_length)
        return (left + " " * gap + right).truncate(width, ellipsis=True)

    def details(self) -> Content:
        """All of it, and what the line has no room for, in sentences."""
        rows: list[Row] = [("Model", plain_text(self.model) or "no model yet")]
        if self.where:
            rows.append(("", f"{plain_text(self.where)}: what the model reads and writes goes there"))
        if self.why:
            rows.append(("", plain_text(self.why)))
        rows += [("Draft", self.isolation or "not open yet"), ("Now", self.state)]
        if self.watching:
            rows.append(("", "a comment with AI! or AI? in a file that you save is a prompt; /watch off ends that"))
        total, window = self.context
        if window:
            rows.append(context_row(total, window))
        last = list(answer_rows(self.usage)) if self.usage else [("", "The model has answered nothing in this window.")]
        return page({"Status": rows, "The last answer": last})

    def _extras(self) -> list[Content]:
        """What may stand behind the model's name, the most important first."""
        figures = list(brief(self.usage)) if self.usage else []
        total, window = self.context
        if window:
            figures.insert(2, f"{100 * total / window:.0f}% of {window:,}")
        extras = [Content.styled(text, "$text-muted") for text in (*figures, plain_text(self.why))]
        isolation = Content.styled(self.isolation, "$text-muted" if self.confined else "bold $text-warning")
        extras.insert(min(3, len(figures)) if self.confined else 0, isolation)
        return extras
