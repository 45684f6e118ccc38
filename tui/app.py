"""The window: starts ossa behind its first frame, and does what prompts and commands ask for.

prompt or command ─► Player ─► agent ─► events ─► Renderer ─► widgets
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import events, on, work
from textual.app import SystemCommand
from textual.binding import BindingType
from textual.driver import Driver
from textual.screen import Screen
from textual.theme import Theme

from ossa.assistant.events import Event, Failure, Notice
from ossa.assistant.review import Reviewer
from ossa.tui.bell import Bell
from ossa.tui.commands import bindings, find, help_content, rewind_arguments, slash_commands
from ossa.tui.copying import copy
from ossa.tui.history import prompts
from ossa.tui.indexing import MOMENT, Indexing
from ossa.tui.loading import load
from ossa.tui.look import Look
from ossa.tui.player import Player
from ossa.tui.replay import replay, replay_earlier
from ossa.tui.rewriting import QUEUED, instead, open_answer
from ossa.tui.screens.page import Page
from ossa.tui.screens.workspace import Noticed, Workspace
from ossa.tui.signals import Signals
from ossa.tui.sketch import TALL, Sketch
from ossa.tui.terminal import outlasting
from ossa.tui.themes import full_name, solid
from ossa.tui.tidying import Tidying
from ossa.tui.turn import Renderer
from ossa.tui.watching import WatchCommands
from ossa.tui.widgets.change import ChangeView
from ossa.tui.widgets.conversation import Earlier
from ossa.tui.widgets.failing import FixWanted
from ossa.tui.widgets.ledger import LedgerView
from ossa.tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from ossa.assistant.agent import Agent
    from ossa.assistant.repository import Repository
    from ossa.assistant.workbench import Workbench


class OssaApp(WatchCommands):
    """The window. Its result is the id of the session to go on with, where the user chose another one."""

    TITLE = "ossa"
    CSS_PATH = "app.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("window")]

    def __init__(
        self,
        root: Path,
        open_workbench: "Callable[[Reviewer], Workbench]",
        first_prompt: str = "",
        config_folder: Path | None = None,
    ) -> None:
        """`open_workbench` is called in a thread once the first frame is painted; `first_prompt` is sent then.

        Keys and colours come from the user's config in `config_folder`, where chosen colours are kept.
        """
        super().__init__()
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]
        self.sketch: Sketch | None = None
        self._typed_ahead: list[events.Event] | None = []
        self._look = Look(config_folder)
        self.window = Workspace(root, self._look.keys)
        self._root = root
        self._open = open_workbench
        self._first_prompt = first_prompt
        self._renderer = Renderer(self.window)
        bell = Bell(self._send, lambda: self.app_focus, self._look.config.notify)
        self._tidying = Tidying(self.set_timer, lambda: self.player.playing, lambda: self.window.prompt.text)
        self.player = Player(self.window, self._renderer, bell, self._tidying.soon)
        self._opening: asyncio.Future[Workbench] | None = None
        self._look.put_on(self)
        self.stylesheet.set_variables(self.get_css_variables())
        self._colours = self.theme_variables

    def _send(self, sequence: str) -> None:
        if self._driver is not None and not self.is_headless:
            self._driver.write(sequence)

    def get_driver_class(self) -> type[Driver]:
        return outlasting(super().get_driver_class())

    def get_default_screen(self) -> Screen[None]:
        return self.window

    def get_css_variables(self) -> dict[str, str]:
        self.theme_variables = solid(super().get_css_variables())
        return self.theme_variables

    def refresh_css(self, animate: bool = True) -> None:
        """Do nothing where the colours are those in force, as at each start."""
        before, self._colours = self._colours, self.get_css_variables()
        if before != self._colours:
            super().refresh_css(animate)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        for command in slash_commands():
            yield SystemCommand(f"/{command.name}", command.help, getattr(self, f"action_{command.name}"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.window.activity.thinking if action == "answer" else super().check_action(action, parameters)

    async def on_event(self, event: events.Event) -> None:
        if self._typed_ahead is not None and isinstance(event, events.Key | events.Paste):
            self._typed_ahead.append(event)
            return
        if isinstance(event, events.InputEvent) and not isinstance(event, events.MouseMove):
            self.window.hurry()
        if isinstance(event, events.Key) and not event.is_forwarded and self._begins(event):
            self.action_begin()
        else:
            await super().on_event(event)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        terminal = getattr(self._driver, "fileno", None)
        self._signals = Signals(lambda: self.exit(return_code=self._signals.exit_code), terminal=terminal)

    @work
    async def _keep_theme(self, theme: Theme) -> None:
        if problem := await asyncio.to_thread(self._look.keep, theme.name):
            self.player.tell(problem)

    async def on_ready(self) -> None:
        """The first frame is on the screen, and the prompt takes keys."""
        typed, self._typed_ahead = self._typed_ahead or [], None
        for event in typed:
            await self.on_event(event)
        self._start()

    async def on_unmount(self) -> None:
        self._signals.close()
        if self._opening is None:
            return
        await asyncio.wait([self._opening])
        if not self._opening.exception():
            bench = self._opening.result()
            bench.agent.cancel()
            await asyncio.to_thread(bench.close)

    # Starting: the workbench, what it found, then the model; each is shown as soon as it is there.

    @work
    async def _start(self) -> None:
        try:
            self._opening = asyncio.ensure_future(asyncio.to_thread(self._open, self._renderer))
            bench = await asyncio.shield(self._opening)
        except Exception as error:
            for problem in (*self._look.config.problems, *self._look.problems):
                await self._renderer.show(Notice(problem))
            await self.player.fail(error, "not started")
            await self.window.attach(*await asyncio.to_thread(find_repository, self._root))
            return
        self.player.bench = bench
        self.window.ledger.count = bench.agent.preview
        self.player.describe(bench, "loading the model")
        for prompt in prompts(bench.history):
            self.window.prompt.remember(prompt)
        await replay(bench.history, self.window)
        await self.window.attach(bench.root, bench.repository, bench.watcher)
        self.window.drafted.attach(bench.draft)
        self.window.see(None, bench.agent.transcript)
        for notice in (*bench.notices, *self._look.problems):
            await self._renderer.show(Notice(notice))
        if bench.history and await self.player.holds_change():
            self.player.do(lambda agent: agent.review())
        else:
            self.window.change.withdraw()
        if self._look.config.watch:
            self.watch_files(bench, on=True)
        await self._follow_index(bench)
        if self._first_prompt:
            self._submit(self._first_prompt)
        if not (bench.history or self._first_prompt):
            self.run_worker(self.player.foresee(bench))
        self.player.play_next()
        try:
            await load(bench.model, self.player.wait)
        except Exception as error:
            await self.player.fail(error, "no model")
        else:
            self.player.describe(bench, "ready")

    async def _follow_index(self, bench: "Workbench") -> None:
        """Offer the names in the index, and tell how it stands."""
        fresh = await asyncio.to_thread(bench.finder.start)
        self.window.offers.define(fresh.index)
        warn = partial(self.notify, severity="warning", timeout=15, markup=False)
        self.set_interval(MOMENT, Indexing(fresh, partial(setattr, self.window.status, "reading"), warn).look)

    # What the person asks for.

    @on(Prompt.Sent)
    def _prompt_sent(self, event: Prompt.Sent) -> None:
        self._tidying.sent()
        bench, rewriting = self.player.bench, event.rewriting
        # What the model is to have said may begin with any sign; it is never a command.
        is_said = rewriting and (rewriting.prompt or event.text.startswith("/fix") or event.text[:1] not in "/!")
        if rewriting and bench and is_said:
            if self.player.is_queued:
                self.window.prompt.rewrite(event.text, rewriting)
                self.player.tell(QUEUED)
                return
            text, refused = event.text, self.window.prompt.propose
            self.player.do(lambda agent: instead(agent, bench.session.path, rewriting, text, refused))
        else:
            self._submit(event.text)

    def _submit(self, text: str) -> None:
        if text.startswith("!"):
            self.player.do(lambda agent: agent.shell(text[1:].strip()))
            return
        if not text.startswith("/"):
            viewing = self.window.preview.path
            self.player.do(lambda agent: _run(agent, text, viewing))
            return
        name, _, argument = text[1:].partition(" ")
        if command := find(name):
            self.call_later(getattr(self, f"action_{command.name}"), *([argument.strip()] if command.argument else []))
        else:
            self.player.tell(f"There is no command /{name}. /help lists them.")

    @on(Noticed)
    def _noticed(self, event: Noticed) -> None:
        self.player.tell(event.text)

    @on(ChangeView.UndoWanted)
    def _undo_wanted(self) -> None:
        self.action_undo()

    @on(LedgerView.Adjust)
    def _adjust_wanted(self, event: LedgerView.Adjust) -> None:
        self.player.do(lambda agent: _failures(agent.adjust(event.action, event.part, event.limit)))

    @on(FixWanted)
    def _fix_wanted(self, event: FixWanted) -> None:
        if self.player.playing and self.window.change.phase != "reviewing":
            self.player.tell(f"A turn is running: press {self.window.keys.key('cancel')} to end it first.")
        else:
            self.action_fix(event.test)
            self.window.back_to_prompt()

    @on(Earlier.Wanted)
    async def _earlier_wanted(self, event: Earlier.Wanted) -> None:
        await replay_earlier(event.earlier, self.window)

    @property
    def _closes(self) -> str:
        return f"{self.window.keys.key('close_page').capitalize()} closes this page"

    # Commands: each is named in the registry.

    def action_help(self) -> None:
        self.push_screen(
            Page(partial(help_content, self._look.keys.commands), f"{self._closes}, ctrl+p searches the commands.")
        )

    def action_status(self) -> None:
        self.push_screen(Page(self.window.status.details, f"{self._closes}.", renew=0.5))

    def action_context(self) -> None:
        self.window.toggle_ledger()

    def action_copy(self, which: str = "") -> None:
        copy(self, self.window.conversation, which)

    def action_edit(self, which: str = "") -> None:
        if problem := QUEUED if self.player.is_queued else self.window.edit_prompt(which):
            self.player.tell(problem)

    def action_amend(self) -> None:
        if problem := QUEUED if self.player.is_queued else open_answer(self.window.prompt, self.window.conversation):
            self.player.tell(problem)

    def action_answer(self) -> None:
        if self.window.activity.thinking and self.player.bench is not None:
            self.player.bench.agent.answer_now()
            self._renderer.hurry()
        else:
            self.player.tell("The model is not reasoning right now.")

    def action_fix(self, hint: str = "") -> None:
        self.player.do(lambda agent: agent.fix(hint))

    def action_test(self) -> None:
        self.player.do(lambda agent: agent.test())

    def action_undo(self) -> None:
        self.player.do(lambda agent: agent.undo())

    def action_redo(self) -> None:
        self.player.do(lambda agent: agent.redo())

    def action_rewind(self, arguments: str = "") -> None:
        try:
            turns, what = rewind_arguments(arguments)
        except ValueError as error:
            self.player.tell(str(error))
        else:
            self.player.do(lambda agent: agent.rewind(turns, what))

    def action_commit(self, message: str = "") -> None:
        self.player.do(lambda agent: agent.commit(message))

    def action_discard(self) -> None:
        self.player.do(lambda agent: agent.discard())

    def action_review(self) -> None:
        bench, phase = self.player.bench, self.window.change.phase
        waits = phase == "shown" or (phase == "empty" and bench is not None and bool(bench.draft.change()))
        if waits and not self.player.playing and not self.window.in_side:
            self.player.do(lambda agent: agent.review())
        else:
            self.window.toggle_change()

    def action_files(self) -> None:
        self.window.toggle_files()

    def action_widen(self) -> None:
        self.window.toggle_side_alone()

    def action_open(self, letters: str = "") -> None:
        self.window.go_to_file(letters)

    def _begins(self, event: events.Key) -> bool:
        """Whether a key begins a command: asked before it is sent on, so that no pane takes the letters behind it."""
        if self._look.keys.names("window").get(event.key) != "begin" or self.screen is not self.window:
            return False
        if self.focused and self.focused.check_consume_key(event.key, event.character):
            return False
        active = self.screen.active_bindings.get(event.key)
        return active is not None and active.enabled and active.binding.action == "begin"

    def action_begin(self) -> None:
        self.window.back_to_prompt()
        self.window.set_focus(self.window.prompt)
        self.window.prompt.begin()

    def action_unfold(self) -> None:
        self.window.conversation.toggle_folds()

    def action_theme(self, name: str = "") -> None:
        if not name:
            self.search_themes()
        elif full_name(name) in self.available_themes:
            self.theme = full_name(name)
        else:
            self.player.tell(f"There is no theme {name}. /theme alone lists them.")

    def action_cancel(self) -> None:
        window = self.window
        if window.change.phase == "reviewing":
            if window.prompt.has_focus:
                window.change.put_off()
        elif self.player.playing and self.player.bench is not None:
            self.player.bench.agent.cancel()
            return
        window.back_to_prompt()

    async def action_quit(self) -> None:
        self.window.status.state = "closing"
        self.exit(return_code=2 if self.player.has_failed else 0)


def _run(agent: "Agent", prompt: str, viewing: str) -> AsyncIterator[Event]:
    """Put a prompt to the agent, telling it what the person has open."""
    agent.viewing = viewing
    return agent.run(prompt)


async def _failures(events: AsyncIterator[Event]) -> AsyncIterator[Event]:
    """Only what went wrong: what went well is seen in the ledger."""
    async for event in events:
        if isinstance(event, Failure):
            yield event


def find_repository(root: Path) -> "tuple[Path, Repository | None]":
    """The repository that a folder is in, for reading alone; the folder itself where there is none."""
    from ossa.assistant.repository import NotARepository, Repository

    try:
        repository = Repository.open(root)
    except NotARepository:
        return root, None
    return repository.root, repository
