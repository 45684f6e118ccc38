"""Where several lines are typed: Textual's text area, whose cursor may be past the end for a moment."""

from textual.geometry import Offset
from textual.timer import Timer
from textual.widgets import TextArea

from ossa.tui.widgets.inorder import InOrder


class Lines(InOrder, TextArea):
    """A text area in which lines may be taken back while its scrollbar comes or goes."""

    STILL: float = 10.0
    """Seconds without a key from which the cursor stands still: each time that it blinks the text is painted anew."""

    _stills: Timer | None = None

    def on_focus(self) -> None:
        self._stir()

    def on_text_area_selection_changed(self) -> None:
        self._stir()

    def scroll_cursor_visible(self, center: bool = False, animate: bool = False) -> Offset:
        # An undo takes lines away, then the scrollbar goes, which asks for this, and only then the cursor is put back.
        if self.cursor_location[0] >= self.document.line_count:
            return Offset(0, 0)
        return super().scroll_cursor_visible(center, animate)

    def _stir(self) -> None:
        if self._stills is not None:
            self._stills.stop()
        self.cursor_blink = True
        self._stills = self.set_timer(self.STILL, self._come_to_rest)

    def _come_to_rest(self) -> None:
        self.cursor_blink = False
