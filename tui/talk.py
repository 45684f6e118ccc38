"""`ossa --plain`: a conversation line by line, for screen readers and terminals without any skills.

stdin ─► Lines ─► prompt or command ─► agent ─► events ─► Speaker ─► stdout
saved files ─► Inbox ─► request ────────┘  └► LineReviewer: the change hunk by hunk, answered by a letter

The same assistant as in the window; nothing on the screen is ever written anew, moved or said by colour.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from ossa.assistant.events import Event, Notice, TurnFinished, TurnStarted
from ossa.assistant.marks.inbox import Inbox
from ossa.assistant.marks.looking import Looker
from ossa.assistant.marks.request import Request, Tidying, place
from ossa.assistant.marks.wording import WATCHED, WATCHING
from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Workbench
from ossa.tui.asking import LineReviewer, Lines
from ossa.tui.commands import Command, find, slash_commands
from ossa.tui.console import explain
from ossa.tui.loading import LINES, load
from ossa.tui.signals import Signals
from ossa.tui.spoken import Speaker
from ossa.tui.typed import turn_of, words_of

HERE = frozenset(
    {
        *("help", "fix", "test", "undo", "redo", "rewind", "commit", "discard", "review", "context", "status"),
        *("sessions", "title", "export", "rename", "move", "signature", "watch", "quit"),
    }
)
"""Commands that have a sense where lines only follow each other."""


def talk(open_bench: Callable[[Reviewer], Workbench], *, watch: bool = False) -> int:
    """Talk until the person leaves, with `watch` also by comments in files; the exit code."""
    return asyncio.run(_talk(open_bench, watch))


async def _talk(open_bench: Callable[[Reviewer], Workbench], watch: bool) -> int:
    speaker, lines = Speaker(sys.stdout), Lines(sys.stdin)
    speaker.say("ossa, an offline pair programmer. It starts.")
    bench = await asyncio.to_thread(open_bench, LineReviewer(speaker, lines))
    talk = Talk(bench, speaker, lines, watch=watch or bench.config.watch)
    signals = Signals(talk.leave, ("SIGTERM", "SIGHUP"))
    with suppress(NotImplementedError):  # on Windows, Ctrl+C comes as KeyboardInterrupt
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, talk.interrupt)
    try:
        await talk.go_on()
        return signals.exit_code if signals.received else 0
    finally:
        signals.close()
        await asyncio.to_thread(bench.close)


class Talk:
    """One conversation."""

    def __init__(self, bench: Workbench, speaker: Speaker, lines: Lines, *, watch: bool = False) -> None:
        """With `watch`, comments in files are prompts, too, and the end of what is typed ends nothing."""
        self._bench, self._speaker, self._lines = bench, speaker, lines
        self._idle = asyncio.Event()
        """Set while no turn is running."""
        self._idle.set()
        self._over = self._ended = False
        self._waiting: asyncio.Task[str | Request | None] | None = None
        """For what the person types next, or asks by a comment."""
        self._inbox: Inbox | None = None
        self._asked: asyncio.Task[Request] | None = None
        self._watches = watch

    async def go_on(self) -> None:
        """Say what there is, then take one prompt after the other."""
        await self._begin()
        while not self._over:
            said = await self._prompt()
            if said is None:
                return
            if isinstance(said, Request):
                await self._do_asked(said)
            elif said.strip():
                await self._do(said.strip())

    def interrupt(self) -> None:
        """Ctrl+C: end the turn that is running; where none is, leave."""
        if not self._idle.is_set():
            self._bench.agent.cancel()
        else:
            self.leave()

    def leave(self) -> None:
        """End the conversation, and the turn that is running."""
        self._over = True
        self._bench.agent.cancel()
        if self._waiting is not None:
            self._waiting.cancel()

    async def _begin(self) -> None:
        bench, say = self._bench, self._speaker.say
        say(f"Folder: {bench.root}.\nDraft: {bench.draft.isolation.summary}.")
        for notice in bench.notices:
            say(notice)
        await asyncio.to_thread(bench.finder.start)
        await asyncio.to_thread(bench.watcher.start)
        if self._watches:
            await self._watch("on")
        try:
            await load(bench.model, say, LINES)
        except Exception as error:
            say(f"The model did not start: {explain(error)}")
        else:
            say(f"Model: {bench.model.info.about}.")
        if bench.history:
            self._recall(bench.history)
        if await asyncio.to_thread(bench.draft.change):
            say("A change waits in the draft: /review goes through it.")
        say("Type a prompt and Enter. /help lists the commands, /quit leaves, Ctrl+C ends a turn.")

    def _recall(self, history: tuple[Event, ...]) -> None:
        """Say the last turn of an earlier session."""
        starts = [n for n, event in enumerate(history) if isinstance(event, TurnStarted) and not event.command]
        self._speaker.say(f"This session has {len(starts)} prompts so far. The last one:")
        for event in history[starts[-1] :] if starts else ():
            if isinstance(event, TurnStarted):
                self._speaker.say(f"You: {event.prompt}")
            self._speaker.tell(event)

    async def _prompt(self) -> str | Request | None:
        """What the person asks for next; a line that ends in a backslash goes on in the next. None: they leave."""
        if not self._ended:
            self._speaker.ask("You:")
        text = ""
        while True:
            self._waiting = asyncio.ensure_future(self._line(alone=bool(text)))
            try:
                line = await self._waiting
            except asyncio.CancelledError:
                line, self._over = None, True
            self._waiting = None
            if line is None or isinstance(line, Request):
                self._speaker.say("")
                self._ended = self._ended or line is None
                return line or text or (await self._prompt() if self._watches and not self._over else None)
            if not line.endswith("\\"):
                return text + line
            text += line[:-1] + "\n"

    async def _line(self, *, alone: bool) -> str | Request | None:
        """The next line that is typed, or unless that goes on one `alone`, what a comment asks if that comes first."""
        typed = None if self._ended else asyncio.ensure_future(self._lines.next())
        if self._inbox and self._asked is None:
            self._asked = asyncio.ensure_future(self._inbox.next())
        waits = [task for task in (typed, None if alone else self._asked) if task]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if typed and typed.done():
                return typed.result()
            assert self._asked
            asked, self._asked = self._asked.result(), None
            return asked
        finally:
            if typed:
                typed.cancel()

    async def _do_asked(self, request: Request) -> None:
        """Play what comments ask for."""
        self._speaker.say("\n".join(place(mark) for mark in request.marks))
        tidy = Tidying(request, self._bench.draft, self._bench.root)
        await self._play(self._bench.agent.run(request.prompt, tidy=tidy))

    async def _watch(self, argument: str) -> None:
        """Have comments in files be prompts, too, or no longer, or the other of the two."""
        self._watches = argument == "on" or (argument != "off" and not self._watches)
        if self._watches and self._inbox is None:
            say = self._speaker
            self._inbox = Inbox(Looker.of(self._bench.repository), self._idle, lambda text: say.tell(Notice(text)))
            self._bench.watcher.listen(self._inbox.changed)
        if self._inbox:
            self._inbox.on = self._watches
            if self._asked and self._asked.done() and not self._watches:  # it came as this was typed
                asked, self._asked = self._asked.result(), None
                await self._inbox.drop(asked)
        problem = self._bench.watcher.problem if self._watches else ""
        self._speaker.say(" ".join(filter(None, (WATCHING if self._watches else WATCHED, problem))))

    async def _do(self, text: str) -> None:
        """Play what was typed: a command of the person's own, one of ossa's, or a prompt."""
        agent = self._bench.agent
        if text.startswith("!"):
            await self._play(agent.shell(text[1:].strip()))
            return
        if not text.startswith("/"):
            await self._play(agent.run(text))
            return
        name, _, argument = text[1:].partition(" ")
        command = find(name)
        if command is None:
            self._speaker.say(f"There is no command /{name}. /help lists them.")
        elif command.name not in HERE:
            self._speaker.say(f"/{command.name} is for the window alone.")
        else:
            await self._obey(command, argument.strip())

    async def _obey(self, command: Command, argument: str) -> None:
        """Do what a command says."""
        try:
            events = turn_of(self._bench.agent, command.name, argument)
        except ValueError as error:
            self._speaker.say(str(error))
            return
        if events is not None:
            await self._play(events)
        else:
            await self._tell(command, argument)

    async def _tell(self, command: Command, argument: str) -> None:
        """Do what is no turn of the agent's."""
        bench, say = self._bench, self._speaker.say
        match command.name:
            case "quit":
                self._over = True
            case "help":
                say("\n".join(f"{c.usage}: {c.help}." for c in slash_commands() if c.name in HERE))
                say("An exclamation mark runs a command in your own files. At and a path shows the model a file.")
            case "watch":
                await self._watch(argument)
            case "status" | "context":
                say(await asyncio.to_thread(words_of, bench, command.name, argument))
            case _:
                say(await asyncio.to_thread(_with_sessions, bench, command.name, argument))

    async def _play(self, events: AsyncIterator[Event]) -> None:
        self._idle.clear()
        try:
            async for event in events:
                self._speaker.tell(event)
                if self._inbox:
                    await self._inbox.see(event)
                if isinstance(event, TurnFinished) and event.end == "proposed":
                    self._speaker.say("The change stays in the draft: /review goes through it again.")
        finally:
            self._idle.set()


def _with_sessions(bench: Workbench, name: str, argument: str) -> str:
    """What is done with sessions; blocks."""
    # Imported here since it is seldom asked for.
    from ossa.tui.kept import exported, listed, titled

    match name:
        case "sessions":
            return f"{listed(bench.root, argument.split())}\n`ossa --plain --resume ID` goes on with one."
        case "title":
            return titled(bench.session, argument)
        case _:
            return exported(bench.session, bench.root, argument)
