"""What an editor is told while the model is being loaded."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from acp.exceptions import RequestError
from acp.helpers import text_block
from acp.schema import PermissionOption, ToolCallProgress, ToolCallStart, ToolCallUpdate

from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import ModelError
from ossa.model.scripted import ScriptedModel
from ossa.tests.waiting import LIMIT
from ossa.tui.acp.conversation import Conversation
from ossa.tui.acp.editor import Update
from ossa.tui.acp.settings import Settings


class Slow(ScriptedModel):
    """Loads until it is let go, and says how far it is; then it may fail."""

    def __init__(self, fault: str = "") -> None:
        super().__init__(["Hello."])
        self.loaded, self._fault = threading.Event(), fault

    def start(self) -> None:
        self.far("its libraries")
        assert self.loaded.wait(LIMIT)
        self.far("")
        if self._fault:
            raise ModelError(self._fault)

    def far(self, words: str) -> None:
        """How far it is."""
        self.info = replace(self.info, loading=words)


class Heard:
    """A `Line` whose editor notes the tool calls that it is told of."""

    def __init__(self) -> None:
        self.titles: list[str] = []
        self.statuses: list[str] = []
        self._news = asyncio.Event()

    async def update(self, update: Update) -> None:
        if isinstance(update, ToolCallStart | ToolCallProgress):
            self.titles += [update.title] if update.title else []
            self.statuses += [update.status] if update.status else []
        self._news.set()

    async def ask(self, about: ToolCallUpdate, options: Sequence[PermissionOption]) -> str:
        return ""

    async def read(self, path: Path) -> str | None:
        return None

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT):
            while not holds():
                self._news.clear()
                await self._news.wait()


@pytest.mark.parametrize("fault", ["", "There is no room for it."])
async def test_loading_says_how_far_it_is_and_how_it_ended(repository: Path, fault: str) -> None:
    model, line = Slow(fault), Heard()
    bench = open_workbench(Options(repository), lambda _: model, Unattended())
    conversation = Conversation(bench, line, Settings())
    try:
        prompt = asyncio.create_task(conversation.prompt([text_block("hello")]))
        await line.until(lambda: bool(line.titles))
        model.far("40 % of 12.8 GB")
        await line.until(lambda: len(line.titles) > 1)
        model.loaded.set()
        if fault:
            with pytest.raises(RequestError, match=fault):
                await prompt
        else:
            assert (await prompt).stop_reason == "end_turn"
        assert line.titles[:2] == ["Load scripted, a script: its libraries", "Load scripted, a script: 40 % of 12.8 GB"]
        assert ("Loaded scripted, a script" in line.titles) == (not fault)
        assert line.statuses == ["in_progress", "failed" if fault else "completed"]
    finally:
        model.loaded.set()
        await conversation.close()
