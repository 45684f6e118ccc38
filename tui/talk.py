"""`ossa --plain`: a conversation line by line, for screen readers and terminals without any skills.

stdin ─► Lines ─► prompt or command ─► agent ─► events ─► Speaker ─► stdout
                                         └► LineReviewer: the change hunk by hunk, answered by a letter

The same assistant as in the window; nothing on the screen is ever written anew, moved or said by colour.
"""

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from ossa.assistant.events import Event, TurnFinished, TurnStarted
from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Workbench
from ossa.tui.asking import LineReviewer, Lines
from ossa.tui.commands import Command, find, slash_commands
from ossa.tui.console import explain
from ossa.tui.signals import Signals
from ossa.tui.spoken import Speaker
from ossa.tui.typed import turn_of, words_of

HERE = frozenset(
    {
        *("help", "fix", "test", "undo", "redo", "rewind", "commit", "discard", "review", "context", "status"),
        *("sessions", "rename", "export", "quit"),
    }
)
"""Commands that have a sense where lines only follow each other."""


def talk(open_bench: Callable[[Reviewer], Workbench]) -> int:
    """Talk until the person leaves; the exit code."""
    return asyncio.run(_talk(open_bench))


async def _talk(open_bench: Callable[[Reviewer], Workbench]) -> int:
    speaker, lines = Speaker(sys.stdout), Lines(sys.stdin)
    speaker.say("ossa, an offline pair programmer. It starts.")
    bench = await asyncio.to_thread(open_bench, LineReviewer(speaker, lines))
    talk = Talk(bench, speaker, lines)
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

    def __init__(self, bench: Workbench, speaker: Speaker, lines: Lines) -> None:
        self._bench, self._speaker, self._lines = bench, speaker, lines
        self._playing = False
        self._over = False
        self._waiting: asyncio.Task[str | None] | None = None
        """For what the person types next."""

    async def go_on(self) -> None:
        """Say what there is, then take one prompt after the other."""
        await self._begin()
        while not self._over:
            text = await self._prompt()
            if text is None:
                return
            if text.strip():
                await self._do(text.strip())

    def interrupt(self) -> None:
        """Ctrl+C: end the turn that is running; where none is, leave."""
        if self._playing:
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
        try:
            await asyncio.to_thread(bench.model.start)
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

    async def _prompt(self) -> str | None:
        """What the person types; a line that ends in a backslash goes on in the next. None: they leave."""
        self._speaker.ask("You:")
        text = ""
        while True:
            self._waiting = asyncio.ensure_future(self._lines.next())
            try:
                line = await self._waiting
            except asyncio.CancelledError:
                line = None
            self._waiting = None
            if line is None:
                self._speaker.say("")
                return text or None
            if not line.endswith("\\"):
                return text + line
            text += line[:-1] + "\n"

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
            case "status" | "context":
                say(await asyncio.to_thread(words_of, bench, command.name, argument))
            case _:
                say(await asyncio.to_thread(_with_sessions, bench, command.name, argument))

    async def _play(self, events: AsyncIterator[Event]) -> None:
        self._playing = True
        try:
            async for event in events:
                self._speaker.tell(event)
                if isinstance(event, TurnFinished) and event.end == "proposed":
                    self._speaker.say("The change stays in the draft: /review goes through it again.")
        finally:
            self._playing = False


def _with_sessions(bench: Workbench, name: str, argument: str) -> str:
    """What is done with sessions; blocks."""
    # Imported here since it is seldom asked for.
    from ossa.tui.kept import exported, listed, titled

    match name:
        case "sessions":
            return f"{listed(bench.root, argument.split())}\n`ossa --plain --resume ID` goes on with one."
        case "rename":
            return titled(bench.session, argument)
        case _:
            return exported(bench.session, bench.root, argument)
