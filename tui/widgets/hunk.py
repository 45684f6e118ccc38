"""One hunk of a change, line by line: drawn a row at a time, so that its length does not matter."""

from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar, Literal, TypeAlias

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

from ossa.assistant.change import FileChange, Hunk
from ossa.tui.code import coloured_lines, plain_lines
from ossa.tui.origins import Origin
from ossa.tui.safe import plain_text

State: TypeAlias = Literal["pending", "revising", "accepted", "rejected", "refused", "undone"]
Sign: TypeAlias = Literal[" ", "-", "+", "!"]

MARKS: dict[State, str] = {
    "pending": "○ to decide",
    "revising": "◦ being written anew",
    "accepted": "✓ accepted",
    "rejected": "✗ rejected",
    "refused": "! not applied",
    "undone": "↶ taken back",
}
STYLES: dict[State, str] = {
    "pending": "$text-primary",
    "revising": "$text-primary",
    "accepted": "$text-success",
    "undone": "$text-warning",
}
KINDS: dict[Sign, str] = {" ": "hunk--same", "-": "hunk--removed", "+": "hunk--added", "!": "hunk--refused"}


@dataclass(frozen=True, slots=True)
class Row:
    """A row on the screen: a line of the hunk, or what of it did not fit into the row above."""

    sign: Sign
    number: int
    """Of the line in the file, from 1; 0 for a row that goes on with the line above."""
    text: Content


class HunkView(Widget):
    """A hunk with its state. Its classes: the state, and "-current" for the one that keys act on."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "hunk--head", "hunk--same", "hunk--removed", "hunk--added", "hunk--refused", "hunk--number",
    }  # fmt: skip

    state: reactive[State] = reactive("pending", init=False)
    current = reactive(False, toggle_class="-current")
    reason = reactive("", layout=True)
    """Why it was rejected, or why it could not be applied."""
    origin: reactive[Origin | Literal[""]] = reactive("")
    """Who wrote it, where it is not as the model had it first."""
    editing = reactive(False, layout=True, toggle_class="-editing")
    """Whether its new lines are being edited below, and so are not shown here."""

    class Chosen(Message):
        """The user clicked on this hunk."""

        def __init__(self, view: "HunkView") -> None:
            super().__init__()
            self.view = view

    def __init__(self, file: FileChange, hunk: Hunk, number: int, count: int) -> None:
        """The `number`-th of `count` hunks of the whole change."""
        super().__init__(classes="-pending")
        self.file = file
        self.hunk = hunk
        self.place = f"{number}/{count}"
        self._before = plain_lines("".join(hunk.before)) if hunk.before else []
        self._after = plain_lines("".join(hunk.after)) if hunk.after else []
        self._lead = plain_lines("".join(hunk.lead)) if hunk.lead else []
        self._trail = plain_lines("".join(hunk.trail)) if hunk.trail else []
        self._rows: list[Row] = []
        self._rows_width = 0

    def colour(self) -> None:
        """Colour the lines by the language; slow for a long hunk, call it in a thread."""
        hunk, path = self.hunk, self.file.path
        old = coloured_lines("".join((*hunk.lead, *hunk.before)), path) if hunk.before else []
        new = coloured_lines("".join((*hunk.lead, *hunk.after, *hunk.trail)), path)
        lead, before, after = len(self._lead), len(self._before), len(self._after)
        self.app.call_from_thread(
            self._recolour, new[:lead], old[lead : lead + before], new[lead : lead + after], new[lead + after :]
        )

    def _recolour(self, lead: list[Content], before: list[Content], after: list[Content], trail: list[Content]) -> None:
        self._lead, self._before, self._trail = lead, before, trail
        if self.state != "revising":
            self._after = after
        self._rows_width = 0
        self.refresh()

    def rewrite(self, after: tuple[str, ...]) -> None:
        """Show other new lines in place of the hunk's, until the change comes anew."""
        self._after = plain_lines("".join(after)) if after else []
        self._rows_width = 0
        self.refresh(layout=True)

    def watch_state(self, old: State, new: State) -> None:
        self.remove_class(f"-{old}")
        self.add_class(f"-{new}")
        self._rows_width = 0

    def watch_reason(self) -> None:
        self._rows_width = 0

    def watch_editing(self) -> None:
        self._rows_width = 0

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(self.Chosen(self))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        self._lay(width)
        return len(self._rows) + 1

    def render_line(self, y: int) -> Strip:
        width = self.content_size.width
        self._lay(width)
        if y == 0:
            return self._strip(self._head(width), width, "hunk--head")
        if y > len(self._rows):
            return Strip.blank(width)
        row = self._rows[y - 1]
        gutter = f"{row.number or '':>{self._digits}} "
        number = self.get_visual_style(KINDS[row.sign], "hunk--number")
        content = Content.assemble((gutter, number), f"{row.sign} ", row.text)
        return self._strip(content, width, KINDS[row.sign])

    def _strip(self, content: Content, width: int, component: str) -> Strip:
        style: Style = self.get_visual_style(component)
        strips = Visual.to_strips(self, content.truncate(width), width, 1, style, pad=True, apply_selection=False)
        return strips[0] if strips else Strip.blank(width)

    def _head(self, width: int) -> Content:
        hunk = self.hunk
        where = hunk.note or (f"line {hunk.start + 1}" if self.file.kind == "modified" else self.file.kind)
        left = Content.assemble((self.place, "bold"), f"  {plain_text(where)}")
        if self.origin:
            left += Content.styled(f"  ✎ {self.origin}", "$text-secondary")
        right = Content.styled(self._mark(), STYLES.get(self.state, "$text-error"))
        gap = max(2, width - left.cell_length - right.cell_length)
        return (left + " " * gap + right).truncate(width, ellipsis=True)

    def _mark(self) -> str:
        """The state in words; why it was refused has rows of its own."""
        if self.editing:
            return "✎ editing"
        said = plain_text(self.reason)
        if self.state == "revising":
            return f"◦ {said}"
        return f"{MARKS[self.state]}: {said}" if said and self.state == "rejected" else MARKS[self.state]

    @property
    def _digits(self) -> int:
        hunk = self.hunk
        return len(str(hunk.start + len(hunk.trail) + max(len(hunk.before), len(hunk.after))))

    def _lay(self, width: int) -> None:
        if width == self._rows_width:
            return
        start = self.hunk.start
        after = start + len(self._after)
        room = max(8, width - self._digits - 3)
        parts: list[tuple[Sign, int, list[Content]]] = [
            (" ", start - len(self._lead), self._lead),
            ("-", start, self._before),
            ("+", start, self._after),
            (" ", after, self._trail),
        ]
        rows = [Row("!", 0, text) for text in self._refusal(room)]
        for sign, first, lines in parts[:2] if self.editing else parts:
            for number, line in enumerate(lines, first + 1):
                folded = line.fold(room)
                rows += [Row(sign, 0 if index else number, text) for index, text in enumerate(folded)]
        self._rows, self._rows_width = rows, width

    def _refusal(self, room: int) -> list[Content]:
        """Why it could not be applied, in rows of that many cells."""
        return [Content(line) for line in wrap(plain_text(self.reason), room)] if self.state == "refused" else []
