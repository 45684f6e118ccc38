"""One session in an editor: its prompts become turns, and these are told as they happen.

blocks ─► prompt_of() ─► "/fix …" or a prompt ─► the model is ready ─► events ─► Teller ─► why the turn ended
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence

from acp.exceptions import RequestError
from acp.helpers import update_available_commands, update_current_mode
from acp.schema import (
    AvailableCommand,
    AvailableCommandInput,
    ConfigOptionUpdate,
    PromptResponse,
    SessionInfoUpdate,
    StopReason,
    UnstructuredCommandInput,
)

from ossa.assistant.events import End, Event, TurnFinished
from ossa.assistant.session import SessionError, info_of
from ossa.assistant.workbench import Workbench
from ossa.model.base import ModelError
from ossa.tui.acp.editor import Line
from ossa.tui.acp.lender import Lent
from ossa.tui.acp.prompts import Block, Prompt, UnfitPrompt, prompt_of
from ossa.tui.acp.settings import Settings
from ossa.tui.acp.teller import Teller
from ossa.tui.commands import find, slash_commands
from ossa.tui.typed import turn_of, words_of

COMMANDS = ("fix", "test", "review", "undo", "redo", "rewind", "commit", "discard", "context", "status")
"""Those that have a sense in an editor."""
_THINKING = ("fix", "commit")
"""Those for which the model is needed."""
_HELP = {"review": "Offer the change in the draft again", "context": "What the model is shown with a prompt, in tokens"}
"""What they do, where that is not what they do in the window."""
_COMMAND = re.compile(r"/([a-z-]+)(?:\s+(.*))?$", re.DOTALL)
_SHORT, _MOMENT, _NOW_AND_THEN = 0.3, 1.0, 3.0
"""Seconds after which it is worth a line that the model is being loaded, and after which again, where it says how far
it is and where it does not."""
INVALID_REQUEST, INVALID_PARAMS, INTERNAL = -32600, -32602, -32603


class Conversation:
    """A session that is open."""

    def __init__(self, bench: Workbench, line: Line, settings: Settings, remarks: Sequence[str] = ()) -> None:
        """`remarks` are said with the first prompt."""
        self.bench, self.settings = bench, settings
        self.teller = Teller(line, bench.root, bench.draft.read)
        self._line, self._remarks = line, list(remarks)
        self._turn: asyncio.Task[End] | None = None
        self._titled = bool(bench.history)

    @property
    def busy(self) -> bool:
        """Whether a turn is running."""
        return self._turn is not None

    async def begin(self, *, again: bool) -> None:
        """Tell what can be typed, and `again` what was said so far."""
        for event in self.bench.history if again else ():
            await self.teller.tell(event, again=True)
        await self._line.update(update_available_commands(_commands()))

    async def prompt(self, blocks: Sequence[Block]) -> PromptResponse:
        """Play one turn.

        Raises:
            RequestError: another one is running, the prompt has what ossa does not take, or the turn failed.
        """
        if self._turn is not None:
            raise RequestError(INVALID_REQUEST, "A turn is running in this session: stop it, or wait for its end.")
        self.teller.begin()
        self._turn = asyncio.create_task(self._play(blocks))
        try:
            end = await self._turn
        except asyncio.CancelledError:
            if not self._turn.cancelled():  # it is the one who waits for it that is to end
                self._turn.cancel()
                raise
            end = "cancelled"
        except UnfitPrompt as error:
            raise RequestError(INVALID_PARAMS, str(error)) from error
        except ModelError as error:
            raise RequestError(INTERNAL, str(error)) from error
        finally:
            self._turn = None
        if end == "failed":
            raise RequestError(INTERNAL, self.teller.failure or "The turn failed; ossa's log has the details.")
        reason: StopReason = "cancelled" if end == "cancelled" else "max_tokens" if self.teller.cut else "end_turn"
        return PromptResponse(stop_reason=reason, usage=self.teller.usage)

    def cancel(self) -> None:
        """End the running turn at once."""
        if self.bench.agent.busy:
            self.bench.agent.cancel()
        elif self._turn is not None:
            self._turn.cancel()

    async def close(self) -> None:
        """End the turn that is running, and put everything away."""
        self.cancel()
        if self._turn is not None:
            await asyncio.wait([self._turn])
        await asyncio.to_thread(self.bench.close)

    async def switched(self) -> None:
        """Tell that the person has chosen another way to review, and not in the editor's menu."""
        await self._line.update(update_current_mode(self.settings.mode))
        options = self.settings.options(self.bench.agent)
        await self._line.update(ConfigOptionUpdate(session_update="config_option_update", config_options=[*options]))

    async def _play(self, blocks: Sequence[Block]) -> End:
        bench = self.bench
        prompt = await asyncio.to_thread(prompt_of, blocks, bench.root)
        while self._remarks:
            await self.teller.say(self._remarks.pop(0))
        events = await self._events(prompt)
        end: End = "answered"
        if events is not None:
            watching = asyncio.create_task(self._tell_waits())
            try:
                async for event in events:
                    await self.teller.tell(event)
                    if isinstance(event, TurnFinished):
                        end = event.end
            finally:
                watching.cancel()
            await self._title()
        return end

    async def _tell_waits(self) -> None:
        """Say so for as long as the model answers another session, and this one has to wait."""
        model, steps = self.bench.model, self.teller.steps
        while isinstance(model, Lent):
            await asyncio.sleep(_SHORT)
            title = "Wait until another session has its answer"
            for update in steps.waiting("turn", title) if model.waits else steps.close("turn"):
                await self._line.update(update)

    async def _events(self, prompt: Prompt) -> AsyncIterator[Event] | None:
        """The turn that is asked for, once the model is there; None where it is answered already.

        Raises:
            UnfitPrompt: there is no such command, or its argument makes no sense.
        """
        agent, typed = self.bench.agent, _COMMAND.match(prompt.text)
        if typed is None:
            await self._ready()
            return agent.run(prompt.text, prompt.attached)
        command, argument = find(typed[1]), (typed[2] or "").strip()
        if command is None or command.name not in COMMANDS:
            names = ", ".join(f"/{name}" for name in COMMANDS)
            raise UnfitPrompt(f"There is no command /{typed[1]} in an editor. There are {names}.")
        if prompt.attached:
            raise UnfitPrompt(f"/{command.name} takes no text that is attached: save its file, or ask in words.")
        if command.name in _THINKING:
            await self._ready()
        try:
            events = turn_of(agent, command.name, argument)
        except ValueError as error:
            raise UnfitPrompt(str(error)) from error
        if events is None:
            await self.teller.say(await asyncio.to_thread(words_of, self.bench, command.name, argument))
        return events

    async def _ready(self) -> None:
        """Wait until the model is loaded, and say so where that takes its time.

        Raises:
            ModelError: it cannot be loaded.
        """
        model, steps = self.bench.model, self.teller.steps
        loading = asyncio.create_task(asyncio.to_thread(model.start))
        began, patience, told = time.monotonic(), _SHORT, False
        try:
            while not (await asyncio.wait([loading], timeout=patience))[0]:
                so_far = model.info.loading or (f"{time.monotonic() - began:.0f} s so far" if told else "")
                for update in steps.waiting("load", ": ".join(filter(None, (f"Load {model.info.about}", so_far)))):
                    await self._line.update(update)
                patience, told = _MOMENT if model.info.loading else _NOW_AND_THEN, True
            await loading
            for update in steps.waiting("load", f"Loaded {model.info.about}") if told else ():
                await self._line.update(update)
        finally:
            well = loading.done() and not loading.cancelled() and loading.exception() is None
            for update in steps.close("load", ok=well):
                await self._line.update(update)

    async def _title(self) -> None:
        """Tell what the session is about, once, as lists of sessions have it."""
        if not self._titled:
            self._titled = True
            try:
                info = await asyncio.to_thread(info_of, self.bench.session.path)
            except SessionError:
                return
            told = SessionInfoUpdate(
                session_update="session_info_update", title=info.title, updated_at=info.updated.astimezone().isoformat()
            )
            await self._line.update(told)


def _commands() -> list[AvailableCommand]:
    """What can be typed, as an editor offers it."""
    known = {command.name: command for command in slash_commands()}
    return [
        AvailableCommand(
            name=name,
            description=_HELP.get(name, known[name].help),
            input=AvailableCommandInput(UnstructuredCommandInput(hint=known[name].argument))
            if known[name].argument
            else None,
        )
        for name in COMMANDS
    ]
