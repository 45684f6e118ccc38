"""What is in the way of a step back or forth: a diff below the sentence that says so, opened from the start."""

from textual.content import Content

from ossa.tui.code import display_lines
from ossa.tui.widgets.fold import Fold

LINES = 200
"""Lines of a diff that are shown."""
_STYLES = {"+": "$text-success on $success 16%", "-": "$text-error on $error 16%", "@": "$text-primary"}


class InTheWay(Fold):
    """The diff, coloured like a change."""

    def __init__(self, diff: str) -> None:
        super().__init__()
        self._lines = display_lines(diff)

    def head(self) -> Content:
        inside = [line for line in self._lines if not line.startswith(("+++ ", "--- "))]
        added, removed = (sum(line.startswith(sign) for line in inside) for sign in "+-")
        return Content.assemble("in the way  ", (f"+{added} ", "$text-success"), (f"−{removed}", "$text-error"))

    def body(self) -> Content:
        rows = [_row(line) for line in self._lines[:LINES]]
        left = len(self._lines) - LINES
        if left > 0:
            rows.append(Content.styled(f"… {left:,} more lines", "$text-muted"))
        return Content("\n").join(rows)


def _row(line: str) -> Content:
    if line.startswith(("diff ", "+++ ", "--- ")):
        return Content.styled(line, "bold")
    return Content.styled(line, _STYLES.get(line[:1], ""))
