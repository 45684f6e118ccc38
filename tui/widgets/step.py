"""A tool call, or a step of ossa's own: one line, which opens to what exactly was done and what came out."""

from textual.content import Content

from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.fold import Fold

LINES = 200
"""Lines of detail or output that are shown."""


class Step(Fold):
    """A step: "-running", then "-ok" or "-failed"."""

    def __init__(self, title: str, detail: str = "") -> None:
        super().__init__(classes="-running")
        self.title = cut(plain_text(title), 200)
        self.detail = detail
        self.summary = ""
        self.output = ""

    def head(self) -> Content:
        if self.has_class("-running"):
            return Content.assemble("◦ ", self.title, ("  running", "$text-muted"))
        mark, style = ("✓ ", "$text-success") if self.has_class("-ok") else ("✗ ", "$text-error")
        return Content.assemble((mark, style), self.title, (f"  {self.summary}", "$text-muted"))

    def body(self) -> Content:
        parts = [(self.detail, "$text-secondary"), (self.output, "")]
        blocks = [Content.styled("\n".join(shown(text, LINES)), style) for text, style in parts if text.strip()]
        return Content("\n\n").join(blocks) if blocks else Content.styled("no output", "$text-disabled")

    def append(self, text: str) -> None:
        """Add what a running command printed."""
        self.output += text
        if self.opened:
            self.renew()

    def finish(self, ok: bool, summary: str, output: str = "") -> None:
        """Say how it ended; `output` is the whole of it where there was any."""
        self.summary = cut(plain_text(summary), 200).replace("\n", " ")
        self.output = output or self.output
        self.set_class(False, "-running")
        self.set_class(ok, "-ok")
        self.set_class(not ok, "-failed")
        self.renew()
