"""The repairs that passed, as tabs above the change: side by side, or one below the other where that is too narrow.

All of them are seen at once: what scrolls out of view cannot be compared.
"""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from ossa.assistant.review import Alternative, Alternatives
from ossa.tui.safe import cut, plain_text

ROOM = 24
"""Cells that a tab needs to stand beside another one."""
_TOLD = 28
"""Characters of a repair's first line where the tab is one line."""


class RepairTab(Static):
    """One of them: its number and place, its first line, and what speaks for it or against; "-shown" is the change."""

    testing = reactive(False, init=False)
    """Whether its tests run, since it was chosen."""
    flat = reactive(False, init=False, toggle_class="-flat")
    """Whether it is one line."""

    class Chosen(Message):
        """The person clicked on it."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, number: int, repair: Alternative, *, shown: bool) -> None:
        super().__init__(markup=False, classes="-shown" if shown else "")
        self._number, self._repair = number, repair
        self.tooltip = self._content(repair.place)

    def on_mount(self) -> None:
        self.update(self._content())

    def watch_testing(self) -> None:
        self.update(self._content())

    def watch_flat(self) -> None:
        self.update(self._content())

    def on_click(self) -> None:
        self.post_message(self.Chosen(self._number))

    def _content(self, place: str = "") -> Content:
        """What it shows; without folders unless the place is given."""
        repair = self._repair
        place = place or repair.place.rpartition("/")[2]
        mark = "●" if self.has_class("-shown") else "○"
        first, *more = plain_text(repair.text).strip().splitlines() or ["(lines taken out)"]
        head, where = Content.styled(f"{mark}{self._number} ", "bold"), Content(cut(plain_text(place), 200))
        if self.flat and len(first) > _TOLD:
            first, more = first[:_TOLD].rstrip(), [*more, ""]
        text = Content(f"{cut(first, 200)}{' …' if more else ''}")
        if self.flat:  # what tells one from another comes first: the end may be cut off
            return head + Content("  ").join([text, self._evidence(), where])
        return head + Content("\n   ").join([where, text, self._evidence()])

    def _evidence(self) -> Content:
        if self.testing:
            return Content.styled("◦ testing", "$text-primary")
        if self._repair.lost:
            return Content.styled(f"does less: {cut(plain_text(self._repair.lost), 200)}", "$text-warning")
        return Content.styled(self._repair.proof or "passed", "$text-success")


class RepairTabs(Horizontal):
    """All of them, one of which is the change."""

    def __init__(self, alternatives: Alternatives) -> None:
        super().__init__()
        self._alternatives = alternatives

    def compose(self) -> ComposeResult:
        for number, repair in enumerate(self._alternatives.repairs, 1):
            yield RepairTab(number, repair, shown=number == self._alternatives.shown)

    def on_resize(self, event: events.Resize) -> None:
        """Lay the tabs out as the width allows."""
        flat = event.size.width < ROOM * len(self._alternatives.repairs)
        self.set_class(flat, "-flat")
        for tab in self.query(RepairTab):
            tab.flat = flat

    def test(self, number: int) -> None:
        """Say of this one that its tests run; of none where there is none of that number."""
        for place, tab in enumerate(self.query(RepairTab), 1):
            tab.testing = place == number
