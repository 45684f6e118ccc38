"""An editor of the tests' own, on the library's client, and a repository for it."""

import asyncio
import os
import subprocess
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, cast

from acp.client.connection import ClientSideConnection
from acp.exceptions import RequestError
from acp.helpers import text_block
from acp.interfaces import Client
from acp.schema import (
    AllowedOutcome,
    ClientCapabilities,
    DeniedOutcome,
    FileSystemCapabilities,
    PermissionOption,
    PromptResponse,
    ReadTextFileResponse,
    RequestPermissionResponse,
    ToolCallUpdate,
)
from acp.stdio import spawn_agent_process

from ossa.tests.waiting import LIMIT

Json: TypeAlias = dict[str, Any]
PATCH = "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End Patch\n"
CALC = "def add(a, b):\n    return a - b\n"
MENDED = "def add(a, b):\n    return a + b\n"
EDIT = [{"call": ["repo_browser.apply_patch", PATCH]}]


def make(root: Path) -> Path:
    """A repository with a check that fails, and takes no time."""
    root.mkdir()
    (root / "calc.py").write_text(CALC)
    (root / "check.py").write_text("from calc import add\n\nassert add(1, 2) == 3\n")
    (root / ".ossa.toml").write_text('test_command = "python3 -S -B check.py"\n')
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    return root


@dataclass
class Editor:
    """What the editor was told and asked; it answers a request for permission by the next of `taken`."""

    taken: list[str] = field(default_factory=list[str])
    buffers: dict[str, str] = field(default_factory=dict[str, str])
    """What is open, by path; all else is read from the disk."""
    updates: list[tuple[str, Json]] = field(default_factory=list[tuple[str, Json]])
    """With the session of each."""
    asked: list[tuple[ToolCallUpdate, list[PermissionOption]]] = field(
        default_factory=list[tuple[ToolCallUpdate, list[PermissionOption]]]
    )
    news: asyncio.Event = field(default_factory=asyncio.Event)
    session: str = ""

    async def session_update(self, session_id: str, update: Any, **_: Any) -> None:
        self.updates.append((session_id, update.model_dump(by_alias=True, exclude_none=True)))
        self.news.set()

    async def request_permission(
        self, session_id: str, tool_call: ToolCallUpdate, options: list[PermissionOption], **_: Any
    ) -> RequestPermissionResponse:
        self.asked.append((tool_call, options))
        self.news.set()
        taken = self.taken.pop(0) if self.taken else ""
        if taken == "wait":
            await asyncio.Event().wait()
        if taken == "broken":
            raise RequestError(-32603, "no")
        outcome = AllowedOutcome(outcome="selected", option_id=taken) if taken else DeniedOutcome(outcome="cancelled")
        return RequestPermissionResponse(outcome=outcome)

    async def read_text_file(self, path: str, **_: Any) -> ReadTextFileResponse:
        text = self.buffers.get(path)
        return ReadTextFileResponse(content=text if text is not None else await asyncio.to_thread(Path(path).read_text))

    def on_connect(self, conn: Any) -> None: ...

    def of(self, kind: str, session: str = "") -> list[Json]:
        """The updates of this kind, of one session or of all."""
        return [u for s, u in self.updates if u["sessionUpdate"] == kind and session in ("", s)]

    def said(self, session: str = "") -> str:
        """All that was said by messages."""
        return "".join(update["content"]["text"] for update in self.of("agent_message_chunk", session))

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(LIMIT):
            while not condition():
                self.news.clear()
                await self.news.wait()


@dataclass
class Ossa:
    """A running `ossa acp`, and the editor at its other end."""

    connection: ClientSideConnection
    process: asyncio.subprocess.Process
    editor: Editor

    async def open(self, root: Path, **more: Any) -> str:
        session = (await self.connection.new_session(cwd=str(root), mcp_servers=[], **more)).session_id
        await self.editor.until(lambda: self.editor.of("available_commands_update", session))
        return session

    async def prompt(self, session: str, *texts: Any) -> PromptResponse:
        blocks = [text_block(text) if isinstance(text, str) else text for text in texts]
        return await self.connection.prompt(session_id=session, prompt=blocks)


@asynccontextmanager
async def running(line: Sequence[str], editor: Editor, *, reads: bool = False) -> AsyncGenerator[Ossa]:
    """Start it, introduce the editor, and let it end in order."""
    files = FileSystemCapabilities(read_text_file=reads, write_text_file=False)
    client = cast(Client, editor)  # what an editor need not do, it does not
    async with spawn_agent_process(client, *line, env=dict(os.environ), use_unstable_protocol=True) as started:
        connection, process = started
        await connection.initialize(1, ClientCapabilities(fs=files))
        yield Ossa(connection, process, editor)
        assert process.stdin
        process.stdin.close()
        async with asyncio.timeout(LIMIT):
            assert await process.wait() == 0
