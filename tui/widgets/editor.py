"""The new lines of a hunk, being edited in their place in the change."""

from typing import ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.style import Style

from ossa.tui.code import TAB, coloured_lines
from ossa.tui.commands import bindings
from ossa.tui.hunktext import BOM, as_text
from ossa.tui.safe import visible
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.lines import Lines

COLOURED = 300
"""Lines above which a hunk is edited without colours, since each key would colour them all anew."""


class HunkEditor(Lines):
    """Edits a hunk until it is saved or left; a new line begins at the indentation of the one above."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("editor")]

    class Ended(Message):
        """The person has saved or left."""

        def __init__(self, editor: "HunkEditor", *, saved: bool) -> None:
            super().__init__()
            self.editor, self.saved = editor, saved

    def __init__(self, view: HunkView, typed: str = "") -> None:
        """`typed` is what the person had written before they left the same hunk; undo goes back behind it."""
        hunk = view.hunk
        self.view = view
        self.original = as_text(hunk).removeprefix(BOM)
        """What it began with."""
        self._typed = typed
        self._coloured: tuple[str, list[Content]] = ("", [])
        super().__init__(
            self.original,
            id="editor",
            soft_wrap=True,
            tab_behavior="indent",
            compact=True,
            show_line_numbers=True,
            line_number_start=hunk.start + 1,
            highlight_cursor_line=False,
        )
        tabbed = any(line.startswith("\t") for line in (*hunk.lead, *hunk.before, *hunk.after, *hunk.trail))
        self.indent_type = "tabs" if tabbed else "spaces"
        self.indent_width = TAB

    def on_mount(self) -> None:
        if self._typed and self._typed != self.text:
            self.replace(self._typed, self.document.start, self.document.end)
            self.move_cursor(self.document.start)
        self.focus()

    def get_line(self, line_index: int) -> Text:
        line = Text(visible(self.document.get_line(line_index)), end="", no_wrap=True)
        for span in self._colours(line_index).spans:
            style = Style.parse(span.style) if isinstance(span.style, str) else span.style
            line.stylize(style.rich_style, span.start, span.end)
        return line

    def action_save(self) -> None:
        self.post_message(self.Ended(self, saved=True))

    def action_leave(self) -> None:
        self.post_message(self.Ended(self, saved=False))

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "escape":  # goes on to the binding; a text area would only pass the focus on
            event.prevent_default()
        elif event.key == "enter":
            event.stop()
            event.prevent_default()
            line = self.document.get_line(self.cursor_location[0])[: self.cursor_location[1]]
            start, end = self.selection
            self.replace(
                "\n" + line[: len(line) - len(line.lstrip(" \t"))], start, end, maintain_selection_offset=False
            )
        else:
            await super()._on_key(event)

    def _colours(self, index: int) -> Content:
        """A line as it is coloured; tabs are as wide as in the text itself, so that the colours fall on it."""
        if self.document.line_count > COLOURED:
            return Content()
        if self._coloured[0] != self.text:
            self._coloured = self.text, coloured_lines(self.text, self.view.file.path, tab=1)
        lines = self._coloured[1]
        return lines[index] if index < len(lines) else Content()
