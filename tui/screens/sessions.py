"""The earlier sessions of this repository: found by words, gone on with, forked, named, exported.

Sessions ─ search Input · OptionList · naming Input · what was done · keys
└► the id of the session to go on with; empty when there is none
"""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ossa.assistant import paths
from ossa.assistant.archive import Found, fork, matching, rename
from ossa.assistant.session import SessionError
from ossa.tui.commands import bindings
from ossa.tui.export import ExportError, export
from ossa.tui.keymap import Keymap
from ossa.tui.safe import cut, plain_text
from ossa.tui.widgets.choices import Choices
from ossa.tui.widgets.inorder import InOrder
from ossa.tui.widgets.keys import Keys

OF_LIST = ("close_list", "next_row", "previous_row", "fork_it", "rename_it", "export_it", "search_sessions")
"""What a key does only where nothing is being typed."""


class Line(InOrder, Input):
    """Where a title or words to look for are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("field")]

    def __init__(self, left: Callable[[], None], text: str = "", *, placeholder: str, id: str) -> None:
        """`left` is called when the person leaves it."""
        super().__init__(text, placeholder=placeholder, compact=True, id=id)
        self._left = left

    def action_leave_field(self) -> None:
        self._left()


class Sessions(ModalScreen[str]):
    """A list; its result is the id of the chosen session, empty when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("list"),
        *bindings("sessions"),
    ]

    def __init__(self, root: Path, present: str, keys: Keymap, words: str = "") -> None:
        """`present` is the id of the session that is open, which is not listed; `keys` are those in force."""
        super().__init__()
        self._root, self._present, self._keys = root, present, keys
        self._found: dict[str, Found] = {}
        self._renamed: Found | None = None
        """What the title that is being typed is for."""
        self._title = Static("Earlier sessions", markup=False, classes="-title")
        self._search = Line(
            self._leave, words, placeholder=f"{keys.key('search_sessions')} words in titles and prompts", id="search"
        )
        self._list = Choices(compact=True)
        self._naming = Line(self._leave, placeholder="A title; empty: as it began", id="naming")
        self._told = Static("", markup=False, classes="-hint")

    def compose(self) -> ComposeResult:
        footer = Keys()
        yield Vertical(self._title, self._search, self._list, self._naming, self._told, footer, id="dialog")

    def on_mount(self) -> None:
        self._naming.display = False
        self._list.focus()
        self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.focused is self._list if action in OF_LIST else True

    @on(Input.Changed, "#search")
    def _look(self) -> None:
        self._list_those(self._search.value.split())

    @work(exclusive=True)
    async def _list_those(self, words: list[str]) -> None:
        folder = paths.state_dir() / "sessions"
        found = await asyncio.to_thread(lambda: list(matching(folder, self._root, words)))
        self._found = {one.info.id: one for one in found if one.info.id != self._present}
        chosen = self._chosen
        self._list.set_options([Option(_row(one), id=name) for name, one in self._found.items()])
        if self._found:
            self._list.highlighted = list(self._found).index(chosen) if chosen in self._found else 0
            self._title.update("Earlier sessions")
        elif words:
            self._title.update("No earlier session of this repository has these words.")
        else:
            self._title.update("There is no earlier session of this repository.")

    @property
    def _chosen(self) -> str:
        """The id of the session that the cursor is on; empty where there is none."""
        option = self._list.highlighted_option
        return (option.id or "") if option is not None else ""

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id or "")

    def action_close_list(self) -> None:
        self.dismiss("")

    def action_next_row(self) -> None:
        self._list.action_cursor_down()

    def action_previous_row(self) -> None:
        self._list.action_cursor_up()

    def _leave(self) -> None:
        """Go back to the list."""
        self._naming.display = False
        self._told.update("")
        self._list.focus()

    def action_search_sessions(self) -> None:
        self._search.focus()

    @on(Input.Submitted, "#search")
    def _searched(self) -> None:
        self._list.focus()

    def action_rename_it(self) -> None:
        if found := self._found.get(self._chosen):
            self._renamed = found
            self._naming.value = plain_text(found.info.title)
            self._naming.display = True
            self._told.update(f"Enter keeps the title, {self._keys.key('leave_field')} leaves it as it was.")
            self._naming.focus()

    @on(Input.Submitted, "#naming")
    async def _named(self) -> None:
        found, title = self._renamed, self._naming.value
        self._leave()
        if found is None:
            return
        if await self._done(lambda: f"Its title is {rename(found.info.path, title) or 'as it began'}."):
            self._look()

    async def action_fork_it(self) -> None:
        if (found := self._found.get(self._chosen)) and (name := await self._done(lambda: fork(found.info.path))):
            self.dismiss(name)

    async def action_export_it(self) -> None:
        if found := self._found.get(self._chosen):
            await self._done(lambda: f"It is in {export(found.info)}")

    async def _done(self, doing: Callable[[], str]) -> str:
        """Do something in a thread, and say what came of it; empty where it failed."""
        try:
            told = result = await asyncio.to_thread(doing)
        except (SessionError, ExportError) as error:
            told, result = str(error), ""
        self._told.update(plain_text(told))
        return result


def _row(found: Found) -> Content:
    info = found.info
    count = "1 turn" if info.turns == 1 else f"{info.turns} turns"
    row = Content.assemble(
        (f"{info.updated:%d %b %H:%M}  {count:<8}  ", "$text-muted"),
        cut(" ".join(plain_text(info.title).split()), 200) or "(nothing said)",
        (f"  {plain_text(info.model)}", "$text-muted"),
    )
    if not found.prompt:
        return row
    return row + Content.styled(f"\n{'':24}… {cut(' '.join(plain_text(found.prompt).split()), 200)}", "$text-muted")
