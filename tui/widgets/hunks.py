"""A change laid out: the repairs to choose from and its verdict on top, below them every file with its hunks."""

from collections.abc import Iterator

from textual import on
from textual.containers import VerticalScroll
from textual.reactive import reactive

from ossa.assistant.change import Change
from ossa.assistant.review import Alternatives
from ossa.assistant.verdict import Verdict
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.line import Line, file_line
from ossa.tui.widgets.repairs import RepairTabs
from ossa.tui.widgets.verdict import VerdictView


class HunkList(VerticalScroll, can_focus=True):
    """The hunks of a change, to go through."""

    current = reactive(0, init=False)
    """Index of the hunk that keys act on."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.change = Change()
        self.alternatives = Alternatives()
        self.hunks: list[HunkView] = []
        """In the order of the change."""
        self.verdict: VerdictView | None = None

    async def fill(self, change: Change, verdict: Verdict, alternatives: Alternatives) -> None:
        """Show another change in place of the present one."""
        self.change, self.alternatives = change, alternatives
        count = sum(len(file.hunks) for file in change.files)
        self.hunks = [HunkView(file, hunk, number, count) for number, (file, hunk) in enumerate(change.hunks, 1)]
        self.verdict = VerdictView(verdict)
        async with self.batch():
            await self.remove_children()
            tabs = [RepairTabs(alternatives)] if alternatives.repairs else []
            await self.mount(*tabs, self.verdict, *self._under_files())
        self.run_worker(self._colour, thread=True, exclusive=True, group="colour", exit_on_error=False)

    def go_to(self, index: int, top: float) -> None:
        """Make a hunk the current one, with the list scrolled to `top` as far as that shows it."""
        self.scroll_to(y=top, animate=False, immediate=True)
        self.current = index
        self._point(index)

    def action_next(self) -> None:
        self.current = min(self.current + 1, len(self.hunks) - 1)

    def action_previous(self) -> None:
        self.current = max(self.current - 1, 0)

    def watch_current(self, old: int, new: int) -> None:
        if old < len(self.hunks):
            self.hunks[old].current = False
        self._point(new)

    @on(HunkView.Chosen)
    def _chosen(self, event: HunkView.Chosen) -> None:
        event.stop()
        self.current = self.hunks.index(event.view)

    def advance(self) -> None:
        """Go to the next hunk without a decision, after this one or from the top."""
        count = len(self.hunks)
        following = [i % count for i in range(self.current + 1, self.current + count)]
        self.current = next((i for i in following if self.hunks[i].state == "pending"), self.current)

    def _point(self, index: int) -> None:
        if index < len(self.hunks):
            view = self.hunks[index]
            view.current = True
            if index or self.scroll_y:
                self.call_after_refresh(
                    view.scroll_visible, animate=False, top=view.size.height > self.size.height // 2
                )

    def _colour(self) -> None:
        for view in self.hunks:
            view.colour()

    def _under_files(self) -> Iterator[HunkView | Line]:
        for view in self.hunks:
            if view.hunk is view.file.hunks[0]:
                yield file_line(view.file)
            yield view
