"""Where several lines are typed: Textual's text area, whose cursor may be past the end for a moment."""

from textual.geometry import Offset
from textual.widgets import TextArea


class Lines(TextArea):
    """A text area in which lines may be taken back while its scrollbar comes or goes."""

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # An undo takes lines away, then the scrollbar goes, which asks for this, and only then the cursor is put back.
        if self.cursor_location[0] >= self.document.line_count:
            return Offset(0, 0)
        return super().scroll_cursor_visible(center, animate)
