"""The earlier sessions of this repository, to go on with one."""

import asyncio
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from ossa.assistant import paths
from ossa.assistant.session import SessionInfo, sessions
from ossa.tui.safe import cut, plain_text


class Sessions(ModalScreen[str]):
    """A list; its result is the id of the chosen session, empty when none was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss('')", "close"),
        Binding("j", "app.simulate_key('down')", show=False),
        Binding("k", "app.simulate_key('up')", show=False),
    ]

    def __init__(self, root: Path, present: str) -> None:
        """`present` is the id of the session that is open, which is not listed."""
        super().__init__()
        self._root, self._present = root, present
        self._list = OptionList(compact=True)
        self._title = Static("Earlier sessions", markup=False, classes="-title")

    def compose(self) -> ComposeResult:
        yield Vertical(self._title, self._list, id="dialog")

    async def on_mount(self) -> None:
        found = await asyncio.to_thread(sessions, paths.state_dir() / "sessions", self._root)
        earlier = [info for info in found if info.id != self._present]
        self._list.add_options([Option(_row(info), id=info.id) for info in earlier])
        if earlier:
            self._list.highlighted = 0
        else:
            self._title.update("There is no earlier session of this repository. Esc closes.")
        self._list.focus()

    @on(OptionList.OptionSelected)
    def _selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id or "")


def _row(info: SessionInfo) -> Content:
    count = "1 turn" if info.turns == 1 else f"{info.turns} turns"
    return Content.assemble(
        (f"{info.updated:%d %b %H:%M}  {count:<8}  ", "$text-muted"),
        cut(plain_text(info.title).replace("\n", " "), 200) or "(nothing said)",
        (f"  {plain_text(info.model)}", "$text-muted"),
    )
