"""The first thing in an empty conversation: what was found, and what to press."""

from pathlib import Path

from textual.content import Content
from textual.reactive import reactive
from textual.widgets import Static

from ossa.tui.keymap import Keymap
from ossa.tui.safe import plain_text
from ossa.tui.wrapping import seams

INDENT = 8
"""Cells before what stands beside a name."""


class Welcome(Static):
    """Facts that fill in while ossa starts."""

    branch = reactive("", layout=True)
    isolation = reactive("", layout=True)
    model = reactive("", layout=True)
    why = reactive("", layout=True)
    tests = reactive("", layout=True)
    """What runs them, or why nothing does."""

    def __init__(self, root: Path, keys: Keymap) -> None:
        super().__init__(markup=False)
        self._root, self._keys = root, keys

    def render(self) -> Content:
        facts = [
            ("folder", str(self._root)),
            ("branch", self.branch),
            ("tests", self.tests),
            ("draft", self.isolation),
            ("model", self.model),
            ("", self.why),
        ]
        keys = (
            (self._keys.key("send"), "ask for a change or about the code"),
            ("/fix", "repair the failing tests"),
            ("/test", "run the tests"),
            (self._keys.key("help"), "all commands and keys"),
        )
        room = max(8, self.content_size.width - INDENT) if self.content_size else 80
        rows = [
            Content.styled("ossa", "bold $text-primary")
            + Content.styled("  an offline pair programmer", "$text-muted"),
            Content(""),
            *(_row(name, value or "–", "$text-muted", "$foreground", room) for name, value in facts if name or value),
            Content(""),
            *(_row(key, text, "$text-primary", "$text-muted", room) for key, text in keys),
        ]
        return Content("\n").join(rows)


def _row(left: str, right: str, left_style: str, right_style: str, room: int) -> Content:
    """A name and what stands beside it, in as many rows of their own as that takes."""
    text = plain_text(right)
    parts = [part.plain for line in Content(text).divide(seams(text, room)) for part in line.wrap(room)]
    return Content.assemble((f"{left:<{INDENT - 2}}  ", left_style), (f"\n{'':<{INDENT}}".join(parts), right_style))
