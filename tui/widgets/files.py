"""The file tree: folders are read when they are opened, git's marks and the listing follow the disk."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import ClassVar, Protocol

from rich.style import Style
from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from ossa.assistant.repository import NotARepository
from ossa.tui.commands import bindings
from ossa.tui.listing import Entry, folders_of, list_folder, marks
from ossa.tui.safe import visible


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
    }  # fmt: skip
    ICON_NODE = "▸ "
    ICON_NODE_EXPANDED = "▾ "

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
        self.context: Collection[str] = frozenset()
        """The files of which the model is shown something."""
        self._all = False
        self._marks: dict[str, str] = {}
        self._marked_folders: set[str] = set()
        self._loaded: dict[str, TreeNode[Entry]] = {}
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
        for path in sorted(touched & self._loaded.keys()):
            if node := self._loaded.get(path):
                await self._load(node)
        self._redraw()

    async def action_show_ignored(self) -> None:
        self._all = not self._all
        for path in sorted(self._loaded):
            if node := self._loaded.get(path):
                await self._load(node)

    @on(Tree.NodeExpanded)
    async def _expanded(self, event: Tree.NodeExpanded[Entry]) -> None:
        event.stop()
        entry = event.node.data
        if entry and entry.path not in self._loaded:
            await self._load(event.node)

    @on(Tree.NodeHighlighted)
    def _highlighted(self, event: Tree.NodeHighlighted[Entry]) -> None:
        event.stop()
        self._look(event.node, chosen=False)

    @on(Tree.NodeSelected)
    def _selected(self, event: Tree.NodeSelected[Entry]) -> None:
        event.stop()
        self._look(event.node, chosen=True)

    def _look(self, node: TreeNode[Entry], chosen: bool) -> None:
        entry = node.data
        if entry and entry.path and not entry.folder and self.has_focus:
            self.post_message(self.Looked(entry.path, chosen))

    def render_label(self, node: TreeNode[Entry], base_style: Style, style: Style) -> Text:
        entry = node.data or Entry("")
        if entry.note:
            return Text(f"… {entry.note}", self._part("files--note", style))
        icon = (self.ICON_NODE_EXPANDED if node.is_expanded else self.ICON_NODE) if entry.folder else "  "
        mark = self._marks.get(entry.path, "•" if entry.path in self._marked_folders else "")
        part = self._mark_style(mark, entry, style)
        label = Text.assemble((icon, base_style), (visible(entry.name).replace("\n", "␊"), part))
        return label.append(f" {mark}", part) if mark else label

    def _mark_style(self, mark: str, entry: Entry, style: Style) -> Style:
        if not mark or mark == "•":
            return self._part("files--folder", style) if entry.folder else style
        kind = {"?": "files--new", "A": "files--new", "D": "files--deleted"}.get(mark, "files--changed")
        return self._part(kind, style)

    def _part(self, component: str, style: Style) -> Style:
        return style + Style(color=self.get_component_rich_style(component, partial=True).color)

    async def _read_status(self) -> None:
        if self._repository is None:
            return
        try:
            self._marks = marks(await asyncio.to_thread(self._repository.status))
        except NotARepository:  # the turn that needs git says so; the tree keeps the marks that it has
            return
        self._marked_folders = folders_of(self._marks)

    def _ignored(self, paths: Collection[str]) -> Iterable[str]:
        """What the tree hides; nothing where git cannot tell."""
        try:
            return () if self._repository is None or self._all else self._repository.ignored(paths)
        except NotARepository:
            return ()

    async def _load(self, node: TreeNode[Entry]) -> None:
        """Make the node's children what the folder holds, touching only those that differ."""
        entry = node.data or Entry("")
        deleted = [path for path, mark in self._marks.items() if mark == "D"]
        wanted = await asyncio.to_thread(list_folder, self._folder, entry.path, self._ignored, deleted)
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
