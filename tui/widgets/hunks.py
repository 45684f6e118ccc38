"""A change laid out: the repairs to choose from and its verdict on top, below them every file with its hunks.

HunkList   RepairTabs · VerdictView · HunkStrips [· HunkEditor · HunkStrips]
    a hunk is drawn without colours ─► uncoloured ─► a thread colours those still in view, the latest first
"""

import asyncio
from collections.abc import Iterable

from textual import on
from textual.containers import VerticalScroll
from textual.geometry import Region
from textual.reactive import reactive
from textual.widget import Widget

from ossa.assistant.change import Change
from ossa.assistant.review import Alternatives
from ossa.assistant.verdict import Verdict
from ossa.tui.hunklines import Block
from ossa.tui.widgets.ends import Ends
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.hunkstrips import HunkStrips
from ossa.tui.widgets.repairs import RepairTabs
from ossa.tui.widgets.verdict import VerdictView

SPLIT = 100
"""Cells of width from which old and new stand side by side unless the person has said otherwise."""
_WAITING = 40
"""Blocks that wait for their colours at most; those asked for longest ago are most likely out of view."""

_TOGETHER = 8
"""Blocks that are coloured before what came of it is drawn."""


class HunkList(VerticalScroll, Ends, can_focus=True):
    """The hunks of a change, to go through."""

    current = reactive(0, init=False)
    """Index of the hunk that keys act on."""
    split: reactive[bool | None] = reactive(None, init=False)
    """Whether the person wants old and new side by side; None leaves it to the width."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.change = Change()
        self.alternatives = Alternatives()
        self.hunks: list[HunkView] = []
        """In the order of the change."""
        self.verdict: VerdictView | None = None
        self._uncoloured: dict[tuple[HunkView, Block], None] = {}
        self._colouring = False

    async def fill(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> None:
        """Show another change in place of the present one."""
        self.change, self.alternatives = change, alternatives
        count = sum(len(file.hunks) for file in change.files)
        self.hunks = [HunkView(file, hunk, number, count) for number, (file, hunk) in enumerate(change.hunks, 1)]
        for view in self.hunks:
            view.uncoloured = self._want
        self._uncoloured.clear()
        self.verdict = VerdictView(verdict)
        async with self.batch():
            await self.remove_children()
            tabs = [RepairTabs(alternatives)] if alternatives.repairs else []
            await self.mount(*tabs, self.verdict, HunkStrips(self.hunks, split=self._is_split))

    def go_to(self, index: int, top: float) -> None:
        """Make a hunk the current one, with the list scrolled to `top` as far as that shows it."""
        self.scroll_to(y=top, animate=False, immediate=True)
        self.current = index
        self._point(index)

    def open_below(self, view: HunkView, widget: Widget) -> None:
        """Put a widget between a hunk and the next one."""
        strips = self._strips_of(view)
        index = strips.views.index(view) + 1
        before, after = strips.views[:index], strips.views[index:]
        strips.take(before)
        self.mount(widget, HunkStrips(after, split=self._is_split), after=strips)

    def close_below(self) -> None:
        """Take away what was put between hunks."""
        first, *others = self.query(HunkStrips)
        for strips in others:
            strips.remove()
        first.take(self.hunks)

    def action_next(self) -> None:
        self.current = min(self.current + 1, len(self.hunks) - 1)

    def action_previous(self) -> None:
        self.current = max(self.current - 1, 0)

    def action_next_file(self) -> None:
        here = self.hunks[self.current].file
        later = (i for i in range(self.current, len(self.hunks)) if self.hunks[i].file is not here)
        self.current = next(later, self.current)

    def action_previous_file(self) -> None:
        firsts = [i for i, view in enumerate(self.hunks) if view.hunk is view.file.hunks[0]]
        self.current = max((i for i in firsts if i < self.current), default=0)

    def action_fold(self) -> None:
        view = self.hunks[self.current]
        view.folded = not view.folded
        self._point(self.current)

    def action_fold_all(self) -> None:
        folded = not all(view.folded for view in self.hunks)
        for view in self.hunks:
            view.folded = folded
        self._point(self.current)

    def action_outputs(self) -> None:
        if self.verdict is not None:
            self.verdict.open_all()

    def action_split(self) -> None:
        self.split = not self._is_split

    @property
    def _is_split(self) -> bool:
        return self.size.width >= SPLIT if self.split is None else self.split

    def watch_split(self) -> None:
        self._lay_out()

    def on_resize(self) -> None:
        """Lay the hunks out as the width allows."""
        self._lay_out()

    def _lay_out(self) -> None:
        for strips in self.query(HunkStrips):
            if strips.split != self._is_split:
                strips.split = self._is_split
                strips.renew()
                self._point(self.current)

    def watch_current(self, old: int, new: int) -> None:
        if old < len(self.hunks):
            self.hunks[old].current = False
        self._point(new)

    @on(HunkStrips.Pressed)
    def _pressed(self, event: HunkStrips.Pressed) -> None:
        event.stop()
        again = event.view.current
        self.current = self.hunks.index(event.view)
        if event.head and again:
            self.action_fold()

    def advance(self) -> None:
        """Go to the next hunk without a decision, after this one or from the top."""
        count = len(self.hunks)
        following = [i % count for i in range(self.current + 1, self.current + count)]
        self.current = next((i for i in following if self.hunks[i].state == "pending"), self.current)

    def _point(self, index: int) -> None:
        if index < len(self.hunks):
            self.hunks[index].current = True
            if index or self.scroll_y:
                self.call_after_refresh(self._bring_up, self.hunks[index])

    def _bring_up(self, view: HunkView) -> None:
        """Scroll until a hunk is seen, or the start of one that is too long."""
        if view not in self.hunks:
            return
        strips = self._strips_of(view)
        start, height = strips.top(view)
        region = Region(0, strips.virtual_region.y + start, 1, height)
        self.scroll_to_region(region, animate=False, immediate=True, force=True, top=height > self.size.height // 2)

    def _strips_of(self, view: HunkView) -> HunkStrips:
        return next(strips for strips in self.query(HunkStrips) if view in strips.views)

    def _want(self, view: HunkView, block: Block) -> None:
        self._uncoloured.pop((view, block), None)
        self._uncoloured[view, block] = None
        while len(self._uncoloured) > _WAITING:
            del self._uncoloured[next(iter(self._uncoloured))]
        if not self._colouring:
            self._colouring = True
            self.run_worker(self._colour())

    async def _colour(self) -> None:
        """Colour what is asked for, the latest first, until nothing is."""
        try:
            while self._uncoloured:
                blocks = [self._uncoloured.popitem()[0] for _ in range(min(len(self._uncoloured), _TOGETHER))]
                await asyncio.to_thread(_coloured, blocks)
                for view in {view for view, _ in blocks}:
                    view.changed(False)
        finally:
            self._colouring = False


def _coloured(blocks: Iterable[tuple[HunkView, Block]]) -> None:
    for view, block in blocks:
        view.lines.colour(block)
