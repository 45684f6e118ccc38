"""Going to the first or the last line of something long."""

from textual.actions import SkipAction
from textual.widget import Widget


class Ends(Widget):
    """Goes there at once: Textual would scroll for a second past all that lies in between.

    Named behind other bases, since Textual takes the look of a widget from the first.
    """

    def action_scroll_home(self) -> None:
        """Go to the first line."""
        self._allowed()
        self.scroll_home(animate=False)

    def action_scroll_end(self) -> None:
        """Go to the last line."""
        self._allowed()
        self.scroll_end(animate=False)

    def _allowed(self) -> None:
        """Leave the key to what is around where there is nothing to scroll."""
        if not self.allow_vertical_scroll:
            raise SkipAction()
