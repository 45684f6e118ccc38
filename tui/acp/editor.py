"""What ossa asks of the editor: to show something, to let the person decide, to say what a file holds that is open.

Editor ─► Line: the same for one session
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeAlias

from acp.connection import Connection
from acp.exceptions import RequestError
from acp.meta import CLIENT_METHODS
from acp.schema import (
    AgentMessageChunk,
    AgentThoughtChunk,
    AllowedOutcome,
    AvailableCommandsUpdate,
    ClientCapabilities,
    ConfigOptionUpdate,
    CurrentModeUpdate,
    PermissionOption,
    ReadTextFileRequest,
    ReadTextFileResponse,
    RequestPermissionRequest,
    RequestPermissionResponse,
    SessionInfoUpdate,
    SessionNotification,
    ToolCallProgress,
    ToolCallStart,
    ToolCallUpdate,
    UsageUpdate,
    UserMessageChunk,
)
from acp.utils import notify_model, request_model
from pydantic import ValidationError

Update: TypeAlias = (
    UserMessageChunk
    | AgentMessageChunk
    | AgentThoughtChunk
    | ToolCallStart
    | ToolCallProgress
    | AvailableCommandsUpdate
    | CurrentModeUpdate
    | ConfigOptionUpdate
    | SessionInfoUpdate
    | UsageUpdate
)
_SECONDS_TO_READ = 5.0


class Line(Protocol):
    """What one session asks of the editor."""

    async def update(self, update: Update) -> None:
        """Show it."""
        ...

    async def ask(self, about: ToolCallUpdate, options: Sequence[PermissionOption]) -> str:
        """The id of the option that the person takes; empty where they, or the editor, take none."""
        ...

    async def read(self, path: Path) -> str | None:
        """What the editor has of a file, saved or not; None where it does not tell."""
        ...


class Editor:
    """The program at the other end."""

    def __init__(self) -> None:
        self._connection: Connection | None = None
        self.reads = False
        """Whether it says what it has of a file."""

    def connect(self, connection: Connection) -> None:
        """The line to it is there."""
        self._connection = connection

    def introduced(self, capabilities: ClientCapabilities | None) -> None:
        """It has said what it can do."""
        files = capabilities.fs if capabilities else None
        self.reads = bool(files and files.read_text_file)

    def line(self, session: str) -> "EditorLine":
        """What one session uses, once the line to it is there."""
        assert self._connection
        return EditorLine(self, self._connection, session)


class EditorLine:
    """A `Line`; nothing that the editor does wrong comes out of it as an error."""

    def __init__(self, editor: Editor, connection: Connection, session: str) -> None:
        self._editor, self._connection, self._session = editor, connection, session

    async def update(self, update: Update) -> None:
        try:
            told = SessionNotification(session_id=self._session, update=update)
            await notify_model(self._connection, CLIENT_METHODS["session_update"], told)
        except ConnectionError:  # it has gone, which ends the turn, too
            return

    async def ask(self, about: ToolCallUpdate, options: Sequence[PermissionOption]) -> str:
        request = RequestPermissionRequest(session_id=self._session, tool_call=about, options=list(options))
        method = CLIENT_METHODS["session_request_permission"]
        try:
            said = await request_model(self._connection, method, request, RequestPermissionResponse)
        except (ConnectionError, RequestError, ValidationError):
            return ""
        return said.outcome.option_id if isinstance(said.outcome, AllowedOutcome) else ""

    async def read(self, path: Path) -> str | None:
        if not self._editor.reads:
            return None
        request = ReadTextFileRequest(session_id=self._session, path=str(path))
        method = CLIENT_METHODS["fs_read_text_file"]
        try:
            async with asyncio.timeout(_SECONDS_TO_READ):
                said = await request_model(self._connection, method, request, ReadTextFileResponse)
        except (ConnectionError, RequestError, ValidationError, TimeoutError):
            return None
        return said.content
