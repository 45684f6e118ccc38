"""The file tree: folders are read when they are opened, git's marks and the listing follow the disk.

opened folder ─► list_folder in a thread, a page of it ─► nodes       "/" ─► Field ─► Paths.find ─► only what fits
signs behind a name: M A D ? ! as git tells, ± in the change, @ in the model's context
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Protocol

from rich.style import Style
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from ossa.assistant.repository import NotARepository
from ossa.tui.commands import bindings
from ossa.tui.jump import Paths
from ossa.tui.listing import SHOWN, Entry, folders_of, list_folder, marks
from ossa.tui.safe import visible
from ossa.tui.widgets.field import Field

KINDS = {"?": "files--new", "A": "files--new", "D": "files--deleted", "•": "files--folder"}
"""The styles of git's signs, where they are not those of a changed file."""
LABEL = 16
"""Cells that are kept for a name, however deep it lies."""
FITTING = 200
"""Files that remain at most when the tree is filtered."""


class Listed(Protocol):
    """What the tree asks of a repository."""

    def status(self) -> Mapping[str, str]: ...
    def ignored(self, paths: Collection[str], /) -> Iterable[str]: ...


class Files(Tree[Entry]):
    """The files of the repository."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("files"),
        Binding("j", "cursor_down", show=False),
        Binding("k", "cursor_up", show=False),
    ]
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "files--folder", "files--changed", "files--new", "files--deleted", "files--note",
        "files--proposed", "files--context",
    }  # fmt: skip
    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "

    context: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    """The files of which the model is shown something."""
    proposed: reactive[frozenset[str]] = reactive(frozenset(), init=False)
    """The files of the change that waits for a decision."""

    class Looked(Message):
        """The cursor is on a file; `chosen`: the user pressed Enter on it."""

        def __init__(self, path: str, chosen: bool) -> None:
            super().__init__()
            self.path = path
            self.chosen = chosen

    def __init__(self, root: Path) -> None:
        super().__init__(root.name, Entry("", folder=True), id="files")
        self._folder = root
        self._repository: Listed | None = None
        self.paths = Paths()
        self.field = Field(self._typed, self._entered, self._left, self._moved)
        """Where the filter is typed; whoever shows the tree shows it below."""
        self._all = False
        self._marks: dict[str, str] = {}
        self._folders: dict[str, set[str]] = {}
        """By sign, the folders that hold something with it."""
        self._loaded: dict[str, TreeNode[Entry]] = {}
        self._pages: dict[str, int] = {}
        """Of folders, how many entries are shown at most."""
        self._filter = ""
        self._open_folders: list[str] = []
        """Those that were open before only some files were shown."""
        self.set_reactive(Tree.show_root, False)
        self.set_reactive(Tree.show_guides, False)
        self.set_reactive(Tree.guide_depth, 2)

    @property
    def marked(self) -> Collection[str]:
        """The paths that git calls changed."""
        return self._marks.keys()

    async def attach(self, root: Path, repository: Listed | None) -> None:
        """Show this folder; with a repository, its marks and without what it ignores."""
        self._folder, self._repository = root, repository
        await self._read_status()
        await self._load(self.root)
        self.root.expand()
        self.cursor_line = 0

    async def changed(self, paths: Iterable[str]) -> None:
        """Follow the disk after these paths have changed."""
        await self._read_status()
        touched = {path.rpartition("/")[0] for path in paths}
        await self._reload(sorted(touched & self._loaded.keys()))
        self._redraw()

    async def _propose(self, folders: Iterable[str]) -> None:
        """Show what these folders hold now, and where the change begins unless the person is at the tree."""
        await self._reload(folders)
        if self.proposed and not self.has_focus:
            await self.reveal(min(self.proposed, key=_place))

    async def _reload(self, folders: Iterable[str]) -> None:
        """Show what these folders hold now."""
        for path in folders:
            if node := self._loaded.get(path):
                await self._load(node)

    def watch_context(self, context: frozenset[str]) -> None:
        self._folders["@"] = folders_of(context)
        self._redraw()

    def watch_proposed(self, proposed: frozenset[str]) -> None:
        before, self._folders["±"] = self._folders.get("±", set()), folders_of(proposed)
        self._redraw()
        if self.is_attached and not self._filter:
            touched = {"", *before, *self._folders["±"]} & self._loaded.keys()
            self.run_worker(partial(self._propose, sorted(touched)), group="proposed", exclusive=True)

    async def reveal(self, path: str) -> None:
        """Open the folders above a file and put the cursor on it; nothing where the tree does not show it."""
        node = self.root
        for length in range(1, path.count("/") + 2):
            if (node.data or Entry("")).path not in self._loaded:
                await self._load(node)
            node.expand()
            wanted = "/".join(path.split("/")[:length])
            child = next((child for child in node.children if child.data and child.data.path == wanted), None)
            if child is None:
                return
            node = child
        self.call_after_refresh(self.move_cursor, node)

    async def action_show_ignored(self) -> None:
        self._all = not self._all
        await self._reload(sorted(self._loaded))

    def action_filter(self) -> None:
        self.field.open("Filter; enter opens, esc clears", self._filter)

    def _typed(self, text: str) -> None:
        self.run_worker(partial(self._narrow, text), exclusive=True, group="filter")

    def _entered(self) -> None:
        entry = self.cursor_node.data if self.cursor_node and self._filter else None
        chosen = entry.path if entry and not entry.folder else ""
        self._end_filter(chosen)
        if chosen:
            self.post_message(self.Looked(chosen, chosen=True))

    def _left(self) -> None:
        self._end_filter("")

    def _moved(self, step: int) -> None:
        if step < 0:
            self.action_cursor_up()
        else:
            self.action_cursor_down()

    def _end_filter(self, chosen: str) -> None:
        self.field.close()
        self.focus()
        self.run_worker(partial(self._widen, chosen), exclusive=True, group="filter")

    async def _narrow(self, text: str) -> None:
        """Show only the files that have these letters."""
        if not text.strip():
            await self._widen("")
            return
        matches = await self.paths.find(text, FITTING, list(self._marks))
        if not self._filter:
            self._open_folders = sorted(path for path, node in self._loaded.items() if node.is_expanded)
        self._filter = text
        self._loaded.clear()
        self.root.remove_children()
        nodes = {"": self.root}
        for path in sorted((match.path for match in matches), key=_place):
            parts = path.split("/")
            for length in range(1, len(parts) + 1):
                above, here = "/".join(parts[: length - 1]), "/".join(parts[:length])
                if here not in nodes:
                    entry = Entry(here, folder=length < len(parts))
                    nodes[here] = nodes[above].add(entry.name, entry, expand=entry.folder, allow_expand=entry.folder)
        self.field.tell("none" if not matches else f"{len(matches)}{'+' if len(matches) == FITTING else ''}")
        if matches:
            self.call_after_refresh(self.move_cursor, nodes[matches[0].path])

    async def _widen(self, chosen: str) -> None:
        """Show all files again, the same folders open; with the cursor on the chosen one."""
        if not self._filter:
            return
        self._filter = ""
        self.field.tell("")
        self.root.remove_children()
        await self._load(self.root)
        if chosen:
            await self.reveal(chosen)
        for path in self._open_folders:
            await self._expand(path)
        if chosen:  # what opened above has moved it
            await self.reveal(chosen)

    async def _expand(self, path: str) -> None:
        above = self._loaded.get(path.rpartition("/")[0]) if path else None
        for node in above.children if above else ():
            if node.data and node.data.path == path and node.data.folder:
                await self._load(node)
                node.expand()

    @on(Tree.NodeExpanded)
    def _expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        event.stop()
        entry = event.node.data
        if entry and entry.path not in self._loaded and not self._filter:
            self.run_worker(partial(self._load, event.node), group=f"load {entry.path}", exclusive=True)

    @on(Tree.NodeHighlighted)
    def _highlighted(self, event: Tree.NodeHighlighted[Entry]) -> None:
        event.stop()
        self._bring_in(event.node)
        self._look(event.node, chosen=False)

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Entry]) -> None:
        event.stop()
        above = event.node.parent.data if event.node.parent else None
        if event.node.data and event.node.data.note and above:
            self._pages[above.path] = self._pages.get(above.path, SHOWN) + SHOWN
            folder = event.node.parent or self.root
            self.run_worker(partial(self._load, folder), group=f"load {above.path}", exclusive=True)
        self._look(event.node, chosen=True)

    def _bring_in(self, node: TreeNode[Entry]) -> None:
        """Scroll sideways where a name lies so deep that there is no room for it."""
        deep = self._depth(node) * self.guide_depth + LABEL - self.scrollable_content_region.width
        self.scroll_to(x=max(0, deep), animate=False, force=True)

    def _look(self, node: TreeNode[Entry], chosen: bool) -> None:
        entry = node.data
        if entry and entry.path and not entry.folder and self.has_focus:
            self.post_message(self.Looked(entry.path, chosen))

    def render_label(self, node: TreeNode[Entry], base_style: Style, style: Style) -> Text:
        entry = node.data or Entry("")
        if entry.note:
            return Text(f"… {entry.note}", self._part("files--note", style))
        icon = (self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE) if entry.folder else "  "
        signs = Text.assemble(*((f" {sign}", self._part(part, style)) for sign, part in self._signs(entry)))
        name = Text(visible(entry.name).replace("\n", "␊"), self._name_style(entry, style))
        room = self.scrollable_content_region.width - self._depth(node) * self.guide_depth - 2 - signs.cell_len
        if room > 4:  # what a long name would push out of view is told by the signs alone
            name.truncate(room, overflow="ellipsis")
        return Text.assemble((icon, base_style), name, signs)

    def get_label_width(self, node: TreeNode[Entry]) -> int:
        """What is kept for each; all would be drawn to know more exactly."""
        return LABEL

    def _depth(self, node: TreeNode[Entry]) -> int:
        depth = -1
        while node.parent is not None:
            node, depth = node.parent, depth + 1
        return depth

    def _signs(self, entry: Entry) -> Iterable[tuple[str, str]]:
        """What is known of a file, or of those in a folder: the sign and the style."""
        if mark := self._marks.get(entry.path, "•" if entry.path in self._folders.get("M", ()) else ""):
            yield mark, KINDS.get(mark, "files--changed")
        for sign, part, paths in (("±", "files--proposed", self.proposed), ("@", "files--context", self.context)):
            if entry.path in paths or (entry.folder and entry.path in self._folders.get(sign, ())):
                yield sign, part

    def _name_style(self, entry: Entry, style: Style) -> Style:
        if entry.folder:
            return self._part("files--folder", style)
        mark = self._marks.get(entry.path)
        return self._part(KINDS.get(mark, "files--changed"), style) if mark else style

    def _part(self, component: str, style: Style) -> Style:
        return style + Style(color=self.get_component_rich_style(component, partial=True).color)

    async def _read_status(self) -> None:
        if self._repository is None:
            return
        try:
            self._marks = marks(await asyncio.to_thread(self._repository.status))
        except NotARepository:  # the turn that needs git says so; the tree keeps the marks that it has
            return
        self._folders["M"] = folders_of(self._marks)

    def _ignored(self, paths: Collection[str]) -> Iterable[str]:
        """What the tree hides; nothing where git cannot tell."""
        try:
            return () if self._repository is None or self._all else self._repository.ignored(paths)
        except NotARepository:
            return ()

    async def _load(self, node: TreeNode[Entry]) -> None:
        """Make the node's children what the folder holds, touching only those that differ."""
        entry = node.data or Entry("")
        also = [*(path for path, mark in self._marks.items() if mark == "D"), *self.proposed]
        limit = self._pages.get(entry.path, SHOWN)
        wanted = await asyncio.to_thread(list_folder, self._folder, entry.path, self._ignored, also, limit)
        if self._filter:
            return
        self._loaded[entry.path] = node
        present = {child.data: child for child in node.children if child.data}
        for data in present.keys() - set(wanted):
            self._forget(data.path)
            present[data].remove()
        for index, data in enumerate(wanted):
            if data not in present:
                node.add(
                    data.name, data, before=index if index < len(node.children) else None, allow_expand=data.folder
                )

    def _forget(self, path: str) -> None:
        for known in [k for k in self._loaded if k == path or k.startswith(f"{path}/")]:
            del self._loaded[known]

    def _redraw(self) -> None:
        for node in self._loaded.values():
            for child in node.children:
                child.refresh()


def _place(path: str) -> list[tuple[bool, str]]:
    """Where a path stands among others: in each folder the folders first."""
    *above, name = path.split("/")
    return [*((False, part.casefold()) for part in above), (True, name.casefold())]
