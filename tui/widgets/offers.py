"""The list above the prompt while an "@" or a "/" is being typed: what it may name, the letters that fit lit.

Prompt ─► follow(text, cursor) ─► Targets.find() in a thread ─► rows ─► Prompt takes the current one, or Chosen by mouse
                                  Targets.renew() in another, where files or names have changed
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

from textual import on
from textual.content import Content, Span
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ossa.tui.commands import find
from ossa.tui.targets import Definitions, Target, Targets, Wanted, commands, wanted

ROWS = 8
"""Shown at once, at most; where there is little room, fewer."""
_USAGE = 22
"""Cells of a command, before what it does."""
_PATIENCE = 0.3
"""Seconds that a key waits for a search that its letters began; others wait behind it, so that none overtakes."""


class Offers(OptionList, can_focus=False):
    """Lies over the conversation; the prompt keeps the focus."""

    opened = reactive(False, toggle_class="-opened")
    """Whether there is something to choose from."""

    class Chosen(Message):
        """A row was clicked."""

    class Turned(Message):
        """The list has come up or gone."""

        def __init__(self, opened: bool) -> None:
            super().__init__()
            self.opened = opened

    def __init__(self) -> None:
        super().__init__(id="offers", compact=True, markup=False)
        self.targets: Targets | None = None
        """What can be named; None until the repository is known."""
        self.favoured: Callable[[], Sequence[str]] = lambda: ()
        """Paths that come first where they fit: what is open, what was changed."""
        self._wanted: Wanted | None = None
        self._found: list[Target] = []
        self._found_of: Wanted | None = None
        """What the rows are for."""
        self._looking = self._renewing = False
        self._done = asyncio.Event()
        self._moved = False
        """Whether the person has chosen a row."""
        self._left: int | None = None
        """Where the "@" stands whose list the person has closed."""

    @property
    def current(self) -> Target | None:
        """What the keys would take."""
        if not self.opened or self.highlighted is None:
            return None
        return self._found[self.highlighted]

    @property
    def is_chosen(self) -> bool:
        """Whether the person has gone to the row that is current."""
        return self._moved

    @property
    def is_late(self) -> bool:
        """Whether the rows are still those for earlier letters."""
        return self.opened and self._found_of != self._wanted

    @property
    def is_needed(self) -> bool:
        """Whether a row is to be taken before the prompt can be sent: one was chosen, or nothing is named yet."""
        if self._moved or self._wanted is None:
            return True
        letters = self._wanted.letters
        if self._wanted.is_command:
            return find(letters) is None
        if self.targets is None:
            return True
        return not (self.targets.has(self._wanted) or any(target.name == letters for target in self._found))

    @property
    def start(self) -> int:
        """Where the "@" stands that is being completed."""
        return self._wanted.start if self._wanted else 0

    def attach(self, targets: Targets, favoured: Callable[[], Sequence[str]]) -> None:
        """Offer these from now on; the list of files is read at once."""
        self.targets, self.favoured = targets, favoured
        self._look()

    def define(self, definitions: Definitions) -> None:
        """Offer the names in the index, too."""
        if self.targets is not None:
            self.targets.definitions = definitions
            self._look()

    def touch(self, paths: Iterable[str]) -> None:
        """These files have changed on disk."""
        if self.targets is not None:
            self.targets.touch(paths)

    def follow(self, text: str, cursor: int) -> None:
        """The prompt reads so now: look for what its "@" may name, or close the list."""
        now = wanted(text, cursor)
        if now is None or now.start != self._left:
            self._left = None
        if now == self._wanted:
            return
        self._wanted, self._moved = now, False
        if now is None or self._left is not None:
            self._show([])
        else:
            self._look()

    def leave(self) -> None:
        """Close the list until another "@" or "/" is begun."""
        self._left = self._wanted.start if self._wanted else None
        self._show([])

    async def settled(self) -> None:
        """Wait a moment for what the last letters look for."""
        if self._wanted is None or not self._looking:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._done.wait()

    def move(self, rows: int) -> None:
        """Go to another row; from the last one on to the first."""
        if self._found and self.highlighted is not None:
            self.highlighted = (self.highlighted + rows) % len(self._found)
            self._moved = True

    def watch_opened(self, opened: bool) -> None:
        self.post_message(self.Turned(opened))

    def _look(self) -> None:
        if self._wanted and self._wanted.is_command and not self._looking:
            self._found_of = self._wanted
            if self._left is None:
                self._show(commands(self._wanted.letters))
            return
        if self.targets is None:
            return
        self._read_anew(self.targets)
        if not self._looking:
            self._looking = True
            self._done.clear()
            self.run_worker(self._search(self.targets))

    def _read_anew(self, targets: Targets) -> None:
        if targets.stale and not self._renewing:
            self._renewing = True
            self.run_worker(self._renew(targets))

    async def _renew(self, targets: Targets) -> None:
        """Read anew what there is, which may take seconds, and look again; letters are not kept waiting for it."""
        try:
            while targets.stale:
                await asyncio.to_thread(targets.renew)
        finally:
            self._renewing = False
        self._found_of = None
        self._look()

    async def _search(self, targets: Targets) -> None:
        """Look for what is wanted until nothing else is."""
        try:
            while (sought := self._wanted) != self._found_of:
                found: list[Target] = []
                if sought and sought.is_command:
                    found = commands(sought.letters)
                elif sought:
                    found = await asyncio.to_thread(targets.find, sought, self.favoured())
                self._found_of = sought
                if self._left is None and self._wanted is not None:
                    self._show(found)
        finally:
            self._looking = False
            self._done.set()
        self._read_anew(targets)

    def _show(self, found: list[Target]) -> None:
        if found != self._found:
            self._found = found
            self.set_options([Option(_row(target)) for target in found])
            self.highlighted = 0 if found else None
        room = (self.parent.size.height if isinstance(self.parent, Widget) else ROWS) - 6
        rows = max(1, min(ROWS, len(found), room))
        self.styles.height, self.styles.offset = rows, (0, -rows)
        self.opened = bool(found)

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.post_message(self.Chosen())


def _row(target: Target) -> Content:
    """What it is called, then where it lies: where there is no room for both, the name is what tells them apart."""
    cut = target.name.rstrip("/").rfind("/") + 1 if target.kind in ("file", "folder") else 0
    name = _lit(target.name[cut:], [p - cut for p in target.positions if p >= cut])
    folder = _lit(target.name[:cut], [p for p in target.positions if p < cut]).stylize_before("$text-disabled")
    if target.kind == "command":
        return Content.assemble(name.pad_right(max(0, _USAGE - name.cell_length)), (f"  {target.note}", "$text-muted"))
    return Content.assemble(
        name, "  " if cut else "", folder, (f"  {target.note}" if target.note else "", "$text-disabled")
    )


def _lit(text: str, positions: Sequence[int]) -> Content:
    return Content(text, spans=[Span(p, p + 1, "bold $text-primary") for p in positions])
