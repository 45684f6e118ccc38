"""A file to read, in which one can search and go to a line; it can follow what the assistant reads.

show(path) ─► read_page in a thread ─► FileText            "/" or ":" ─► Field ─► found in a thread ─► marked
renew(paths): those are shown as the draft has them, until `d` shows the working tree's
follow(path, line): only until the person moves, chooses a file or searches; then `f` has it follow again
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self, TypeAlias

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from ossa.assistant.draft import DraftError
from ossa.tui.code import COLOURED
from ossa.tui.commands import bindings
from ossa.tui.keymap import Keymap
from ossa.tui.pages import FOUND, READ, Page, Place, page_of, read_page
from ossa.tui.safe import cut, plain_text
from ossa.tui.widgets.field import Field
from ossa.tui.widgets.filetext import FileText

Purpose: TypeAlias = Literal["search", "line"]


def nothing_yet(keys: Keymap) -> Page:
    """What stands where no file is shown: which keys bring one."""
    rows = (("files", "go to the files"), ("open", "find one by some of its letters"), ("widen", "give this the width"))
    hints = (f"{keys.key(name):<8}{text}" for name, text in rows)
    return Page([], "\n".join(("Files and changes are shown here.", "", *hints)))


class Preview(Vertical):
    """The file that the user looks at."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("preview")]

    path = reactive("")
    """From the root of the repository; empty when no file is shown."""
    following = reactive(True, init=False, bindings=True)
    """Whether it shows what the assistant reads."""
    of_draft = reactive(True, init=False, bindings=True)
    """Whether a file that the draft has otherwise is shown as there; else as in the working tree."""

    class Turned(Message):
        """Another file is shown, or its title is another."""

    def __init__(self, root: Path, keys: Keymap) -> None:
        """`keys` are those in force, for the texts that name one."""
        super().__init__(id="preview")
        self.root = root
        self._leave_key = keys.key("leave_field")
        self.read_draft: Callable[[str], bytes | None] | None = None
        """Reads a file of the draft, once there is one."""
        self._drafted: frozenset[str] = frozenset()
        """The files that the draft has otherwise than the working tree."""
        self.lines = FileText(nothing_yet(keys))
        self._field = Field(self._typed, self._close, self._left)
        self._purpose: Purpose = "search"
        self._sought = ""
        self._places: list[Place] = []
        self._at = -1
        """Index of the place that was gone to."""
        self._origin = 0
        """The first line in view when the field was opened."""

    def compose(self) -> ComposeResult:
        yield self.lines
        yield self._field

    def focus(self, scroll_visible: bool = True) -> Self:
        self.lines.focus(scroll_visible)
        return self

    @property
    def page(self) -> Page:
        """What is shown."""
        return self.lines.page

    @property
    def title(self) -> Content:
        """The file's name, what there is to say of how it is shown, and whether it follows."""
        name = Content.styled(cut(plain_text(self.path), 200) or "File", "bold")
        parts = [plain_text(self.page.note)] if self.page.lines and self.page.note else []
        parts += [f"“{plain_text(self._sought)}” {self._count}"] if self._sought and not self._field.display else []
        if self.path in self._drafted:
            parts.append("± as in the draft" if self.of_draft else "as in your files, not the draft")
        parts += ["◉ follows the assistant"] if self.following and self.path else []
        return Content("  · ").join([name, *map(Content, parts)])

    async def show(self, path: str, *, only_while_shown: bool = False) -> None:
        """Show a file, or the same one as it is now without scrolling away."""
        again = path == self.path
        page = await asyncio.to_thread(self._read, path, colours=False)
        if only_while_shown and path != self.path:
            return
        self.lines.turn(page, keep=again)
        self.path = path
        self.post_message(self.Turned())
        if 0 < sum(map(len, page.lines)) <= COLOURED:
            coloured = await asyncio.to_thread(self._read, path, colours=True)
            if path != self.path:
                return
            self.lines.turn(coloured, keep=True)
        if again and self._sought:
            await self._search()
        elif self._sought:
            self._forget()

    def _read(self, path: str, *, colours: bool) -> Page:
        """The file as it is to be shown; blocking."""
        if self.read_draft is None or not self.of_draft or path not in self._drafted:
            return read_page(self.root, path, colours=colours)
        try:
            data = self.read_draft(path)
        except (DraftError, OSError) as error:
            return Page([], f"It cannot be read: {error}")
        if data is None:
            return Page([], "The draft has deleted this file.")
        return page_of(data[:READ], len(data), path, colours=colours)

    def renew(self, drafted: frozenset[str]) -> None:
        """The draft has these files otherwise than the working tree; one in view may be another now."""
        before, self._drafted = self._drafted, drafted
        if self.path in before | drafted:
            self._again()

    def _again(self) -> None:
        """Show the same file as it is now."""
        self.refresh_bindings()
        if self.path:
            self.run_worker(partial(self.show, self.path, only_while_shown=True), exclusive=True, group="again")

    def watch_of_draft(self) -> None:
        self._again()

    def action_show_draft(self) -> None:
        self.of_draft = not self.of_draft

    async def follow(self, path: str, line: int) -> None:
        """Show what the assistant reads, from that line on where it is above 0."""
        await self.show(path)
        if line > 0:
            self.lines.go(line - 1)

    def stay(self) -> None:
        """Follow no more, since the person goes their own way."""
        self.following = False

    def watch_following(self) -> None:
        self.post_message(self.Turned())

    def action_follow(self) -> None:
        self.following = not self.following

    def action_top(self) -> None:
        self.stay()
        self.lines.scroll_home(animate=False)

    def action_bottom(self) -> None:
        self.stay()
        self.lines.scroll_end(animate=False)

    def action_search(self) -> None:
        self._open("search", self._sought)

    def action_line(self) -> None:
        self._open("line", "")

    def action_next_place(self) -> None:
        self._go(self._at + 1)

    def action_previous_place(self) -> None:
        self._go(self._at - 1)

    def action_leave_search(self) -> None:
        self._forget()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next_place", "previous_place", "leave_search"):
            return bool(self._sought) and not self._field.display
        if action == "show_draft":
            return self.path in self._drafted and not self._field.display
        return bool(self.path) and not self._field.display if action in ("search", "line", "follow") else True

    def _open(self, purpose: Purpose, text: str) -> None:
        """Let the person type."""
        self.stay()
        self._purpose, self._origin = purpose, self.lines.first
        leave = self._leave_key
        hint = f"Search; enter keeps, {leave} leaves" if purpose == "search" else f"Line; {leave} goes back"
        self._field.open(hint, text)

    def _close(self) -> None:
        self._field.close()
        self.focus()
        self.refresh_bindings()
        self.post_message(self.Turned())

    def _typed(self, text: str) -> None:
        if self._purpose == "line":
            self._go_to_line(text)
        else:
            self._sought = text
            self.run_worker(self._search, exclusive=True, group="search")

    def _left(self) -> None:
        if self._purpose == "search":
            self._forget()
        self.lines.scroll_to(y=self._origin, animate=False, immediate=True)
        self.lines.marked = -1
        self._close()

    @on(FileText.Moved)
    def _moved(self, event: FileText.Moved) -> None:
        event.stop()
        self.stay()

    def _go_to_line(self, text: str) -> None:
        number = int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0
        count = len(self.page.lines)
        self._field.tell("" if 0 < number <= count else f"1 to {count:,}")
        if number and count:
            self.lines.go(min(number, count) - 1)

    async def _search(self) -> None:
        """Find what is sought, and go to the first place from where the person was."""
        page, sought = self.page, self._sought
        places = await asyncio.to_thread(page.find, sought)
        if page is not self.page or sought != self._sought:
            return
        self._places = places
        first = next((index for index, place in enumerate(places) if place.line >= self._origin), 0)
        self._go(first if self._field.display or self._at < 0 else self._at)

    def _go(self, index: int) -> None:
        self._at = index % len(self._places) if self._places else -1
        self.lines.mark(self._places, self._places[self._at] if self._places else None)
        self._field.tell(self._count if self._sought else "")
        self.refresh_bindings()
        self.post_message(self.Turned())

    def _forget(self) -> None:
        """Nothing is sought any more."""
        self._sought, self._places, self._at = "", [], -1
        self.lines.mark([], None)
        self.refresh_bindings()
        self.post_message(self.Turned())

    @property
    def _count(self) -> str:
        if not self._places:
            return "not found"
        return f"{self._at + 1} of {len(self._places):,}{'+' if len(self._places) == FOUND else ''}"
