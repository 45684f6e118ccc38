"""The main screen: files | conversation and prompt | file or change; below them status and keys.

    Workspace
    ├ Pane #files-pane   Files
    ├ Pane #talk         Conversation · Offers · Activity · Prompt
    ├ Pane #side         Preview, ChangeView or LedgerView
    ├ Status
    └ Keys

Which columns fit is decided by the width; keys bring a hidden one in.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

from textual import on, work
from textual.app import ComposeResult
from textual.command import Provider
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import ContentSwitcher, TextArea

from ossa.assistant.events import Event
from ossa.assistant.review import Permission
from ossa.assistant.transcript import Transcript
from ossa.tui.commands import suggestions
from ossa.tui.drafted import CHANGING, Drafted
from ossa.tui.jump import GoToFile, Paths
from ossa.tui.keymap import Keymap
from ossa.tui.painting import Punctual
from ossa.tui.palette import Palette
from ossa.tui.rewriting import hint_of, open_prompt
from ossa.tui.safe import plain_text
from ossa.tui.screens.confirm import Confirm
from ossa.tui.sights import TELLING, in_context, opened
from ossa.tui.sketch import THREE_COLUMNS
from ossa.tui.targets import Targets
from ossa.tui.widgets.activity import Activity
from ossa.tui.widgets.change import ChangeView
from ossa.tui.widgets.conversation import Conversation
from ossa.tui.widgets.files import Files
from ossa.tui.widgets.keys import Keys
from ossa.tui.widgets.ledger import LedgerView
from ossa.tui.widgets.line import PromptLine
from ossa.tui.widgets.offers import Offers
from ossa.tui.widgets.pane import Pane
from ossa.tui.widgets.preview import Preview
from ossa.tui.widgets.prompt import Prompt
from ossa.tui.widgets.status import Status
from ossa.tui.widgets.welcome import Welcome

if TYPE_CHECKING:
    from ossa.assistant.repository import Repository
    from ossa.assistant.watch import Watcher


Side: TypeAlias = Literal["preview", "change", "ledger"]

TWO_COLUMNS = 100
"""Cells of width from which as many are shown side by side."""
OFFERS_HINT = "tab takes it  ↑↓ another  esc closes"


class DiskChanged(Message):
    """These paths have changed in the working tree."""

    def __init__(self, paths: frozenset[str]) -> None:
        super().__init__()
        self.paths = paths


class Noticed(Message):
    """The window has something to say in the conversation."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class Workspace(Punctual):
    """Files, conversation and change, side by side."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {GoToFile}

    side_open = reactive(False)
    """Where there is little room: whether the file or change is shown."""
    files_open: reactive[bool | None] = reactive(None)
    """Whether the user wants the files; None leaves it to the width."""
    side_alone = reactive(False)
    """Whether the file or change has the whole width."""

    def __init__(self, root: Path, keys: Keymap) -> None:
        """`keys` are those in force, for the texts that name one."""
        super().__init__()
        self.root, self.keys = root, keys
        self._repository: Repository | None = None
        self._watcher: Watcher | None = None
        self._touched: set[str] = set()
        """Paths changed on disk that are not shown yet."""
        self._following = False
        self.files = Files(root)
        self.paths = self.files.paths
        """Where files are found by their letters."""
        self.welcome = Welcome(root, keys)
        self.conversation = Conversation(self.welcome)
        self.activity = Activity()
        self.activity.stop_key = keys.key("cancel")
        self.offers = Offers()
        self.prompt = Prompt(self.offers, keys)
        self.preview = Preview(root, keys)
        self.drafted = Drafted(self.files, self.preview)
        self.change = ChangeView()
        self.change.leave_key = keys.key("leave_field")
        self.ledger = LedgerView()
        self.status = Status()
        self._switcher = ContentSwitcher(self.preview, self.change, self.ledger, initial="preview", id="switcher")
        self._files_pane = Pane(self.files, self.files.field, id="files-pane")
        self._talk = Pane(self.conversation, self.offers, self.activity, self.prompt, id="talk")
        self._side = Pane(self._switcher, id="side")

    def compose(self) -> ComposeResult:
        yield Horizontal(self._files_pane, self._talk, self._side, id="columns")
        yield self.status
        yield Keys()

    def on_mount(self) -> None:
        self._files_pane.heading = Content.styled(plain_text(self.root.name), "bold")
        self._talk.heading = Content.styled("Conversation", "bold")
        self._title_side()
        self.prompt.focus()

    async def attach(self, root: Path, repository: "Repository | None", watcher: "Watcher | None" = None) -> None:
        """Show the folder, with git's marks where it is a repository, and from now on what the watcher tells of it."""
        self._repository = repository
        self.root = self.preview.root = root
        await self._show_branch()
        await self.files.attach(root, repository)
        if repository is not None:
            self.offers.attach(Targets(root, repository.files), lambda: self.favoured)
            self.paths = self.files.paths = Paths(repository.files)
        self.run_worker(self._watch(root, watcher))

    def watch_side_open(self) -> None:
        self._arrange()

    def watch_files_open(self) -> None:
        self._arrange()

    def watch_side_alone(self) -> None:
        self._arrange()

    def on_resize(self) -> None:
        self._arrange()

    def _arrange(self) -> None:
        """Show the columns that fit. Not by classes of the screen: they would restyle every widget of a long talk."""
        wide, beside = self._is_wide, not self.side_alone
        self._files_pane.display = beside and (self.files_open is True or (wide and self.files_open is None))
        self._side.display = wide or self.side_open
        self._talk.display = beside and (self.size.width >= TWO_COLUMNS or not self.side_open)

    @property
    def _is_wide(self) -> bool:
        """Whether all three columns fit."""
        return self.size.width >= THREE_COLUMNS

    def toggle_side_alone(self) -> None:
        """Give the file or the change the whole width, or no longer."""
        if self.side_alone:
            self.side_alone = False
        else:
            self._open_side("change" if self._switcher.current == "change" else "preview", focus=True)
            self.side_alone = True

    def toggle_files(self) -> None:
        """Show the files, or go to them, or from there hide them."""
        self.side_alone = False
        if not self._files_pane.display:
            self.files_open = True
            self.call_after_refresh(self.files.focus)
        elif self.files.has_focus:
            self.files_open = False
            self.prompt.focus()
        else:
            self.files.focus()

    def toggle_change(self) -> None:
        """Go to the change, or to the file where there is none; from there back to the prompt."""
        if not self.in_side or self._switcher.current == "ledger":
            self._open_side(self._unasked, focus=True)
        elif self.change.armed or self.change.phase != "reviewing":  # else the key meant to open what has just come up
            self.back_to_prompt()

    def toggle_ledger(self) -> None:
        """Go to the ledger; from there back to the prompt, and what was beside it comes back."""
        if self.in_side and self._switcher.current == "ledger":
            self._open_side(self._unasked, focus=False)
            self.back_to_prompt()
        else:
            self._open_side("ledger", focus=True)

    @property
    def _unasked(self) -> Side:
        """What stands at the side where nothing else was asked for."""
        return "change" if self.change.phase != "empty" else "preview"

    def reveal_change(self, *, ask: bool = True) -> None:
        """Bring the change up; to `ask` about it, the focus goes there unless the user is typing."""
        self._open_side("change", focus=ask and not self.prompt.text)

    @work(exclusive=True, group="preview")
    async def go_to_file(self, letters: str = "") -> None:
        """Show the file that fits some letters best; without any, let the person choose by them."""
        if not letters:
            self.app.push_screen(Palette([GoToFile], placeholder="Go to a file by some of its letters"))
        elif found := await self.paths.find(letters, 1, self.favoured):
            await self.show_file(found[0].path, chosen=True)
        else:
            self.notify(f"No file has the letters {plain_text(letters)} in this order.", markup=False)

    async def show_file(self, path: str, chosen: bool) -> None:
        """Show a file; a `chosen` one even where a review is open or there is little room."""
        if not chosen and (self.change.phase == "reviewing" or not self._side.display):
            return
        self.preview.stay()
        await self.preview.show(path)
        self._open_side("preview", focus=chosen)

    def see(self, event: Event | None, transcript: Transcript) -> None:
        """Show in files and preview what an event tells of them, or where there is none what a whole session did."""
        if event and (place := opened(event)):
            self._follow(*place)
        if event is None or isinstance(event, CHANGING):
            self.run_worker(self.drafted.look, exclusive=True, group="draft")
        if event is None or isinstance(event, TELLING):
            self.files.context = in_context(transcript)

    def _follow(self, path: str, line: int) -> None:
        """Show what the assistant reads, unless the person is at something else beside the conversation."""
        decides = self.change.phase in ("reviewing", "revising") or self.change.has_focus
        if self._switcher.current != "ledger" and not decides and self.preview.following and self._side.display:
            self._switcher.current = "preview"
            self.run_worker(partial(self.preview.follow, path, line), exclusive=True, group="preview")

    @property
    def in_side(self) -> bool:
        """Whether the file or the change has the focus."""
        return self.focused is not None and self._side in self.focused.ancestors

    def back_to_prompt(self) -> None:
        """Go to the prompt; where there is little room, the conversation comes back."""
        self.side_open = self.side_alone = False
        self.prompt.focus()

    async def on_unmount(self) -> None:
        if self._watcher is not None:
            await asyncio.to_thread(self._watcher.stop)

    async def _watch(self, root: Path, watcher: "Watcher | None") -> None:
        # Imported here since the first frame should not wait for it.
        from ossa.assistant.watch import Watcher

        def tell(paths: frozenset[str]) -> None:
            self.post_message(DiskChanged(paths))

        watcher = self._watcher = watcher or Watcher(root)
        watcher.listen(tell)
        await asyncio.to_thread(watcher.start)
        if watcher.problem:
            self.post_message(Noticed(watcher.problem))

    @on(DiskChanged)
    def _disk_changed(self, event: DiskChanged) -> None:
        self._touched |= event.paths
        self.offers.touch(event.paths)
        self.paths.touch()
        if not self._following:
            self._following = True
            self.run_worker(self._follow_disk())

    async def _follow_disk(self) -> None:
        """Show what has changed on disk; what changes meanwhile is looked at once, afterwards."""
        try:
            while self._touched:
                touched, self._touched = frozenset(self._touched), set()
                if ".git/HEAD" in touched:
                    await self._show_branch()
                await self.files.changed(touched)
                if self.preview.path in touched:
                    await self.preview.show(self.preview.path)
        finally:
            self._following = False

    async def _show_branch(self) -> None:
        branch = await asyncio.to_thread(self._repository.head) if self._repository else "no git"
        self.welcome.branch = branch
        self._files_pane.heading = Content.assemble((plain_text(self.root.name), "bold"), f"  {plain_text(branch)}")

    async def ask(self, question: Confirm) -> Permission | None:
        """Show a question and wait for its answer."""
        answered: asyncio.Future[Permission | None] = asyncio.get_running_loop().create_future()

        def answer(permission: Permission | None) -> None:
            if not answered.done():
                answered.set_result(permission)

        await self.app.push_screen(question, answer)
        try:
            return await answered
        finally:
            if question.is_current:
                await self.app.pop_screen()

    @on(TextArea.Changed, "#prompt")
    @on(Offers.Turned)
    def _hint(self) -> None:
        rewriting = self.prompt.rewriting
        hint = OFFERS_HINT if self.offers.opened else "" if self.prompt.amends else suggestions(self.prompt.text)
        if not hint and rewriting:
            hint = hint_of(rewriting, self.keys)
        self.activity.hint = hint

    @on(TextArea.Changed, "#prompt")
    def _count(self) -> None:
        text = self.prompt.whole
        self.ledger.follow("" if text.startswith(("/", "!")) else text)

    @on(PromptLine.EditWanted)
    def _edit_wanted(self, event: PromptLine.EditWanted) -> None:
        if count := self.conversation.from_last(event.line.parent):
            self.edit_prompt(str(count))

    def edit_prompt(self, which: str) -> str:
        """Have an earlier prompt put otherwise; a sentence where there is none."""
        self.side_open = False
        return open_prompt(self.prompt, self.conversation, which)

    @on(Offers.Chosen)
    def _chosen(self) -> None:
        self.prompt.take()

    @property
    def favoured(self) -> list[str]:
        """What is likely meant where a file is asked for: the one in view, then those changed."""
        return [self.preview.path, *self.files.marked] if self.preview.path else list(self.files.marked)

    @on(Files.Looked)
    async def _looked(self, event: Files.Looked) -> None:
        self.run_worker(partial(self.show_file, event.path, event.chosen), exclusive=True, group="preview")

    @on(ChangeView.Progressed)
    @on(Preview.Turned)
    def _title_side(self) -> None:
        waits = self.change.phase in ("shown", "reviewing", "revising")
        self.drafted.review(file.path for file in self.change.change.files if waits)
        if self._switcher.current == "ledger":
            self._side.heading = Content.styled("Context", "bold") + "  if the prompt were sent now"
            return
        if self._switcher.current == "preview":
            self._side.heading = self.preview.title
            return
        change = self.change
        decided = len(change.hunks) - change.undecided
        states = {
            "shown": f"put off · {self.keys.key('review')}",
            "reviewing": f"{decided} of {len(change.hunks)} decided",
            "revising": f"◦ {change.outcome} · {self.keys.key('cancel')} stops",
            "applied": f"applied{f', {change.refused} not' if change.refused else ''} · /undo",
            "over": change.outcome,
        }
        state = states.get(change.phase, "")
        if change.phase == "reviewing" and not change.undecided:
            state = "⏎ applies"
        self._side.heading = Content.assemble(("Change  ", "bold"), change.change.summary, f"  {state}")

    def _open_side(self, which: Side, focus: bool) -> None:
        self._switcher.current = which
        self._title_side()
        self.side_open = self.side_open or focus
        if focus and not self._is_wide:
            self.files_open = None
        if focus:
            shown: dict[Side, Widget] = {"preview": self.preview, "change": self.change, "ledger": self.ledger}
            self.call_after_refresh(shown[which].focus)
