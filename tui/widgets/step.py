"""A tool call, or a step of ossa's own: one line, which opens to what exactly was done and what came out."""

from rich.cells import cell_len
from textual.content import Content

from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.widgets.fold import Fold

LINES = 200
"""Lines of detail or output that are shown."""
MOST = 60_000
"""Characters of them, about: laying out more makes the keys wait."""
_MARKS = 6
"""Cells of the two marks before a title, and of the gap behind it."""
_TITLE = 12
"""Cells that a title has at least; what came of it is cut for them."""


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
        title, room = Content(self.title), self.size.width - cell_len(self.summary) - _MARKS
        if self.summary and title.cell_length > room >= _TITLE:
            title = title.truncate(room, ellipsis=True)  # what came of it is to be seen
        return Content.assemble((mark, style), title, (f"  {self.summary}", "$text-muted"))

    def on_resize(self) -> None:
        if self.summary and len(self.title) > _TITLE:
            self.renew()

    def body(self) -> Content:
        parts = [(self.detail, "$text-secondary"), (self.output, "")]
        blocks = [Content.styled("\n".join(shown(text, LINES, MOST)), style) for text, style in parts if text.strip()]
        return Content("\n\n").join(blocks) if blocks else Content.styled("no output", "$text-disabled")

    def append(self, text: str) -> None:
        """Add what a running command printed."""
        self.output += text
        if self.opened:
            self.renew_soon()

    def finish(self, ok: bool, summary: str, output: str = "") -> None:
        """Say how it ended; `output` is the whole of it where there was any."""
        self.summary = cut(plain_text(summary), 200).replace("\n", " ")
        self.output = output or self.output
        self.set_class(False, "-running")
        self.set_class(ok, "-ok")
        self.set_class(not ok, "-failed")
        self.renew()
