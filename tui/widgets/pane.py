"""A column of the window: a title, which tells whether the column has the focus, and one thing below it."""

from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Static


class PaneTitle(Static):
    """The first row of a column."""


class Pane(Vertical):
    """A column with a title.

    The title has the class "-lit" while the column has the focus; the CSS pseudo-class for that would restyle every
    widget below.
    """

    heading: reactive[Content] = reactive(Content(""), init=False)

    def __init__(self, *children: Widget, id: str) -> None:
        self._title = PaneTitle("", markup=False)
        super().__init__(self._title, *children, id=id)

    def on_descendant_focus(self) -> None:
        self._light()

    def on_descendant_blur(self) -> None:
        self._light()

    def _light(self) -> None:
        # Asked anew each time: where the focus goes from one child to another, the two events may come in any order.
        focused = self.screen.focused
        self._title.set_class(focused is not None and self in focused.ancestors, "-lit")

    def watch_heading(self, heading: Content) -> None:
        self._title.update(heading)
