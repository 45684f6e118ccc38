"""Hunks below each other under the names of their files, as one widget: only the rows in view are ever drawn.

HunkView… ─► rows each takes ─► sums ─► the row of the screen ─► the hunk ─► its row
"""

from bisect import bisect_right
from collections.abc import Sequence
from functools import partial
from itertools import accumulate
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.line import file_title

COMPONENTS = ("head", "current", "same", "removed", "added", "refused", "number", "nothing")
EDGES = ("edge", "edge-current", "edge-good", "edge-bad", "edge-odd")
_TITLE = 1
"""Rows of a file's name."""


class HunkStrips(Widget):
    """Some hunks of a change, in its order."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"hunk--{name}" for name in (*COMPONENTS, *EDGES)} | {"hunk--file"}

    class Pressed(Message):
        """The person clicked on a hunk; `head`: on its first row."""

        def __init__(self, view: HunkView, *, head: bool) -> None:
            super().__init__()
            self.view, self.head = view, head

    def __init__(self, views: Sequence[HunkView], *, split: bool) -> None:
        super().__init__()
        self.split = split
        """Whether old lines stand beside new ones."""
        self.drawn = 0
        """Rows drawn so far."""
        self._ends: list[int] = []
        self._laid_for = 0
        self.take(views)

    def take(self, views: Sequence[HunkView]) -> None:
        """Draw these hunks from now on."""
        self.views = views
        for view in views:
            view.changed = partial(self._renew, view)
        self.renew()

    def renew(self) -> None:
        """Count the rows of all anew, and draw them."""
        self._laid_for = 0
        self.refresh(layout=True)

    def _renew(self, view: HunkView, lays: bool) -> None:
        """Draw one of them anew; `lays`: it may have more or fewer rows now."""
        if lays or not self._laid_for:
            self.renew()
        else:
            start, height = self.top(view)
            self.refresh(Region(0, start, self._laid_for, height))

    def top(self, view: HunkView) -> tuple[int, int]:
        """The row where a hunk begins, its file's name with it where that is above it, and how many it takes."""
        self._lay(self.content_size.width)
        index = self.views.index(view)
        end = self._ends[index] - self._gap(index)
        start = self._ends[index - 1] if index else 0
        return start, end - start

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._lay(width)
        return self._ends[-1] if self._ends else 0

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        self._lay(width)
        self.drawn += 1
        view, row = self._at(y)
        if view is None:
            return Strip.blank(width, self.visual_style.rich_style)
        if row < 0:
            return self.strip(file_title(view.file), width, "hunk--file")
        if row >= view.height(width, split=self.split):
            return self.strip(Content(""), width, "hunk--file")
        return view.draw(row, width, self, split=self.split)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        view, row = self._at(event.y)
        if view is not None:
            self.post_message(self.Pressed(view, head=row == 0))

    def strip(self, content: Content, width: int, component: str) -> Strip:
        if width <= 0:
            return Strip([])
        strips = Visual.to_strips(
            self, content.truncate(width), width, 1, self.style(component), pad=True, apply_selection=False
        )
        return strips[0] if strips else Strip.blank(width, self.style(component).rich_style)

    def bar(self, character: str, component: str) -> Strip:
        return Strip([Segment(character, self.style(component).rich_style)], 1)

    def style(self, *components: str) -> Style:
        return self.get_visual_style(*components)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def _at(self, y: int) -> tuple[HunkView | None, int]:
        """The hunk of a row, and its row of that; below 0 for those of the file's name above it."""
        index = bisect_right(self._ends, y)
        if index >= len(self.views):
            return None, 0
        view = self.views[index]
        return view, y - (self._ends[index - 1] if index else 0) - (_TITLE if _is_first(view) else 0)

    def _lay(self, width: int) -> None:
        if width == self._laid_for:
            return
        heights = (
            view.height(width, split=self.split) + (_TITLE if _is_first(view) else 0) + self._gap(index)
            for index, view in enumerate(self.views)
        )
        self._ends, self._laid_for = list(accumulate(heights)), width

    def _gap(self, index: int) -> int:
        """Empty rows below a hunk: none where its editor follows, or another folded one of the same file."""
        view, following = self.views[index], self.views[index + 1 : index + 2]
        close = view.folded and following and following[0].folded and following[0].file is view.file
        return 0 if view.editing or close else 1


def _is_first(view: HunkView) -> bool:
    """Whether the name of its file stands above it."""
    return view.hunk is view.file.hunks[0]
