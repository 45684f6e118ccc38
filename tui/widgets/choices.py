"""A list to choose from that may be squeezed to nothing."""

from textual.widgets import OptionList


class Choices(OptionList):
    """Turns no page where it has no room for one: Textual looks then for a row that was never laid out."""

    def action_page_up(self) -> None:
        """Go up by as many rows as are seen."""
        if self.scrollable_content_region.area:
            super().action_page_up()

    def action_page_down(self) -> None:
        """Go down by as many rows as are seen."""
        if self.scrollable_content_region.area:
            super().action_page_down()
