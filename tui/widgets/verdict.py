"""What the tests said of the change, above it: the summary, and the tests that changed or still fail."""

from textual.content import Content
from textual.widgets import Static

from ossa.assistant.verdict import Verdict
from ossa.tui.safe import cut, plain_text

NAMED = 6
"""Tests of each sort that are named."""


class VerdictView(Static):
    """The verdict: "-proved", "-broken" or "-unproved"."""

    def __init__(self, verdict: Verdict) -> None:
        bad = verdict.broken or verdict.missing
        kind = "-proved" if verdict.proved else "-broken" if bad else "-unproved"
        super().__init__(_content(verdict), markup=False, classes=kind)


def _content(verdict: Verdict) -> Content:
    mark = "✓" if verdict.proved else "✗" if verdict.broken or verdict.missing else "!"
    rows = [Content.styled(f"{mark} {cut(plain_text(verdict.summary), 400)}", "bold")]
    sorts = (
        ("broken", verdict.broken, "$text-error"),
        ("gone", verdict.missing, "$text-error"),
        ("failing", verdict.still_failing, "$text-warning"),
        ("fixed", verdict.fixed, "$text-success"),
    )
    for name, tests, style in sorts:
        rows += [Content.assemble((f"  {name:<8}", style), cut(plain_text(test), 200)) for test in tests[:NAMED]]
        if len(tests) > NAMED:
            rows.append(Content.styled(f"  {'':<8}and {len(tests) - NAMED} more", "$foreground 65%"))
    return Content("\n").join(rows)
