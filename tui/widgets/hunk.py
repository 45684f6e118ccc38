"""One hunk of a change with its state, drawn a row at a time so that its length does not matter.

No widget: a change may have thousands of hunks, and one `HunkStrips` draws them all.
"""

from collections.abc import Callable
from textwrap import wrap
from typing import Generic, Literal, Protocol, TypeAlias, TypeVar, overload

from textual.content import Content
from textual.strip import Strip
from textual.style import Style

from ossa.assistant.change import FileChange, Hunk
from ossa.tui.hunklines import Block, Cell, HunkLines, Layout, Sign
from ossa.tui.origins import Origin
from ossa.tui.safe import plain_text

State: TypeAlias = Literal["pending", "revising", "accepted", "rejected", "refused", "undone"]
T = TypeVar("T")

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
KINDS: dict[Sign, str] = {" ": "hunk--same", "-": "hunk--removed", "+": "hunk--added"}
_CALM: frozenset[State] = frozenset({"rejected", "undone"})
"""States of which nothing comes: their lines have their signs, and no ground of their own."""


class Paper(Protocol):
    """What a hunk is drawn on."""

    def strip(self, content: Content, width: int, component: str) -> Strip:
        """One row of text in the style of a component, filled up to the width."""
        ...

    def bar(self, character: str, component: str) -> Strip:
        """One character in the style of a component."""
        ...

    def style(self, *components: str) -> Style:
        """The style of a component, or of several laid over each other."""
        ...


class Seen(Generic[T]):
    """An attribute of a hunk that is seen on the screen: set, it has the hunk drawn anew."""

    def __init__(self, default: T, *, lays: bool = True) -> None:
        """`lays`: it may take more or fewer rows then."""
        self._default, self._lays = default, lays

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = f"_{name}"

    @overload
    def __get__(self, view: None, owner: type[object]) -> "Seen[T]": ...
    @overload
    def __get__(self, view: "HunkView", owner: type[object]) -> T: ...
    def __get__(self, view: "HunkView | None", owner: type[object]) -> "Seen[T] | T":
        return self if view is None else getattr(view, self._name, self._default)

    def __set__(self, view: "HunkView", value: T) -> None:
        if getattr(view, self._name, self._default) != value:
            setattr(view, self._name, value)
            view.changed(self._lays)


class HunkView:
    """A hunk as the person sees it."""

    state: Seen[State] = Seen("pending")
    current = Seen(False, lays=False)
    """Whether it is the one that keys act on."""
    folded = Seen(False)
    """Whether only its head is shown."""
    reason = Seen("")
    """Why it was rejected, or why it could not be applied."""
    origin: Seen[Origin | Literal[""]] = Seen("", lays=False)
    """Who wrote it, where it is not as the model had it first."""
    editing = Seen(False)
    """Whether its new lines are being edited below, and so are not shown here."""

    def __init__(self, file: FileChange, hunk: Hunk, number: int, count: int) -> None:
        """The `number`-th of `count` hunks of the whole change."""
        self.file = file
        self.hunk = hunk
        self.place = f"{number}/{count}"
        self.changed: Callable[[bool], None] = lambda _lays: None
        """Called when it looks otherwise than it did; with whether its rows are to be counted anew."""
        self.uncoloured: Callable[[HunkView, Block], None] = lambda _view, _block: None
        """Called when lines of it are drawn without their colours."""
        self.lines = self._lines(hunk)
        self._layout: tuple[tuple[int, bool, bool], Layout] | None = None

    def rewrite(self, after: tuple[str, ...]) -> None:
        """Show other new lines in place of the hunk's, until the change comes anew."""
        hunk = self.hunk
        self.lines = self._lines(Hunk(hunk.id, hunk.start, hunk.before, after, hunk.lead, hunk.trail))
        self._layout = None
        self.changed(True)

    def height(self, width: int, *, split: bool) -> int:
        """Rows that it takes: its head, and its lines; `split`: the old ones beside the new ones."""
        if self.folded and not self.editing:
            return 1
        return 1 + len(self._refusal(width)) + self._laid(width, split).height

    def draw(self, row: int, width: int, paper: Paper, *, split: bool) -> Strip:
        """The `row`-th row of it, from 0."""
        if row == 0:
            strip = paper.strip(self._head(width - 1), width - 1, "hunk--current" if self.current else "hunk--head")
        else:
            refusal = self._refusal(width)
            if row <= len(refusal):
                strip = paper.strip(refusal[row - 1], width - 1, "hunk--refused")
            else:
                (left, right), part = self._laid(width, split).at(row - 1 - len(refusal))
                if self._is_split(split):
                    strip = self._pair(left, right, part, width - 1, paper)
                else:
                    strip = self._row(left, part, width - 1, paper)
        return Strip.join([paper.bar("█" if self.current else "▌", self._edge), strip])

    @property
    def _edge(self) -> str:
        if self.state == "pending":
            return "hunk--edge-current" if self.current else "hunk--edge"
        edges: dict[State, str] = {"accepted": "hunk--edge-good", "rejected": "hunk--edge-bad"}
        return edges.get(self.state, "hunk--edge-odd")

    def _pair(self, left: Cell | None, right: Cell | None, part: int, width: int, paper: Paper) -> Strip:
        half = (width - 1) // 2
        bar = paper.bar("│", "hunk--number")
        return Strip.join([self._row(left, part, half, paper), bar, self._row(right, part, width - 1 - half, paper)])

    def _row(self, cell: Cell | None, part: int, width: int, paper: Paper) -> Strip:
        """A row of a line; nothing where there is no line, or it is shorter than the one beside it."""
        text = self.lines.part(cell, part, self._room(width)) if cell else None
        if cell is None or text is None:
            return paper.strip(Content(""), width, KINDS[cell.sign] if cell else "hunk--nothing")
        kind = "hunk--same" if self.state in _CALM else KINDS[cell.sign]
        gutter = f"{'' if part else cell.number:>{self.lines.digits}} "
        content = Content.assemble((gutter, paper.style(kind, "hunk--number")), f"{cell.sign} ", text)
        return paper.strip(content, width, kind)

    def _room(self, width: int) -> int:
        return max(8, width - self.lines.digits - 3)

    def _is_split(self, wanted: bool) -> bool:
        """Whether old and new stand side by side: only where there are both."""
        return wanted and not self.editing and bool(self.hunk.before and self.hunk.after)

    def _laid(self, width: int, split: bool) -> Layout:
        key = width, self._is_split(split), self.editing
        if self._layout is None or self._layout[0] != key:
            if self._is_split(split):
                layout = self.lines.beside(self._room((width - 2) // 2))
            else:
                layout = self.lines.below(self._room(width - 1), old=self.editing)
            self._layout = key, layout
        return self._layout[1]

    def _head(self, width: int) -> Content:
        hunk = self.hunk
        where = hunk.note or (f"line {hunk.start + 1}" if self.file.kind == "modified" else self.file.kind)
        fold = "▸ " if self.folded and not self.editing else "▾ "
        left = Content.assemble((fold, "$foreground 40%"), (self.place, "bold"), f"  {plain_text(where)}")
        if self.folded:
            left += f"  +{len(hunk.after)} −{len(hunk.before)}"
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

    def _refusal(self, width: int) -> list[Content]:
        """Why it could not be applied, in rows."""
        if self.state != "refused":
            return []
        return [Content(line) for line in wrap(plain_text(self.reason), self._room(width - 1))]

    def _lines(self, hunk: Hunk) -> HunkLines:
        return HunkLines(hunk, self.file.path, lambda block: self.uncoloured(self, block))
