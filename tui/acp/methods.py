"""What an editor may ask of ossa, method by method; an error is a sentence.

{"method": "session/prompt", …} ─► checked by the protocol's schema ─► Sessions, Conversation ─► answer
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from importlib.metadata import version
from typing import Any, TypeAlias, TypeVar

from acp.exceptions import RequestError
from acp.meta import AGENT_METHODS, PROTOCOL_VERSION
from acp.schema import (
    AgentCapabilities,
    CancelNotification,
    CloseSessionRequest,
    CloseSessionResponse,
    DeleteSessionRequest,
    DeleteSessionResponse,
    ForkSessionRequest,
    ForkSessionResponse,
    Implementation,
    InitializeRequest,
    InitializeResponse,
    ListSessionsRequest,
    ListSessionsResponse,
    LoadSessionRequest,
    LoadSessionResponse,
    NewSessionRequest,
    NewSessionResponse,
    PromptCapabilities,
    PromptRequest,
    PromptResponse,
    ResumeSessionRequest,
    ResumeSessionResponse,
    SessionCapabilities,
    SessionCloseCapabilities,
    SessionDeleteCapabilities,
    SessionForkCapabilities,
    SessionListCapabilities,
    SessionResumeCapabilities,
    SetSessionConfigOptionBooleanRequest,
    SetSessionConfigOptionResponse,
    SetSessionConfigOptionSelectRequest,
    SetSessionModeRequest,
    SetSessionModeResponse,
)
from pydantic import BaseModel, ValidationError

from ossa.tui.acp.conversation import INTERNAL, INVALID_PARAMS, Conversation
from ossa.tui.acp.editor import Editor
from ossa.tui.acp.sessions import Sessions
from ossa.tui.acp.settings import UnknownSetting
from ossa.tui.console import explain

Asked = TypeVar("Asked", bound=BaseModel)
_Act: TypeAlias = Callable[[Any], Awaitable[BaseModel | None]]
_log = logging.getLogger(__name__)


class Methods:
    """The agent's side of the protocol."""

    def __init__(self, editor: Editor, sessions: Sessions) -> None:
        self._editor, self._sessions = editor, sessions
        self._later: set[asyncio.Task[None]] = set()
        self._known: dict[str, _Act] = {
            AGENT_METHODS["initialize"]: _checked(InitializeRequest, self._initialize),
            AGENT_METHODS["session_new"]: _checked(NewSessionRequest, self._new),
            AGENT_METHODS["session_load"]: _checked(LoadSessionRequest, self._load),
            AGENT_METHODS["session_resume"]: _checked(ResumeSessionRequest, self._resume),
            AGENT_METHODS["session_fork"]: _checked(ForkSessionRequest, self._fork),
            AGENT_METHODS["session_list"]: _checked(ListSessionsRequest, self._list),
            AGENT_METHODS["session_delete"]: _checked(DeleteSessionRequest, self._delete),
            AGENT_METHODS["session_close"]: _checked(CloseSessionRequest, self._close),
            AGENT_METHODS["session_prompt"]: _checked(PromptRequest, self._prompt),
            AGENT_METHODS["session_cancel"]: _checked(CancelNotification, self._cancel),
            AGENT_METHODS["session_set_mode"]: _checked(SetSessionModeRequest, self._set_mode),
            AGENT_METHODS["session_set_config_option"]: self._set_option,
        }

    async def handle(self, method: str, params: Any, is_notification: bool) -> BaseModel | None:
        """Do what is asked.

        Raises:
            RequestError: with a sentence; a notification is never answered, so nothing comes of one that is wrong.
        """
        try:
            act = self._known.get(method)
            if act is None:
                raise RequestError(-32601, f"ossa has no method {method[:80]}.", None)
            return await act(params)
        except RequestError:
            if not is_notification:
                raise
        except Exception as error:
            if not is_notification:
                raise RequestError(INTERNAL, explain(error)) from error
            _log.warning("%s came to nothing: %s", method, error)
        return None

    async def _initialize(self, asked: InitializeRequest) -> InitializeResponse:
        self._editor.introduced(asked.client_capabilities)
        return InitializeResponse(
            protocol_version=PROTOCOL_VERSION,
            agent_info=Implementation(name="ossa", title="ossa", version=version("ossa")),
            agent_capabilities=AgentCapabilities(
                load_session=True,
                prompt_capabilities=PromptCapabilities(image=False, audio=False, embedded_context=True),
                session_capabilities=SessionCapabilities(
                    list=SessionListCapabilities(),
                    close=SessionCloseCapabilities(),
                    delete=SessionDeleteCapabilities(),
                    resume=SessionResumeCapabilities(),
                    fork=SessionForkCapabilities(),
                ),
            ),
            auth_methods=[],
        )

    async def _new(self, asked: NewSessionRequest) -> NewSessionResponse:
        one = await self._opened(asked, "")
        self._afterwards(one.begin(again=False))
        modes, options = one.settings.modes(), one.settings.options(one.bench.agent)
        return NewSessionResponse(session_id=one.bench.session.id, modes=modes, config_options=[*options])

    async def _load(self, asked: LoadSessionRequest) -> LoadSessionResponse:
        one = await self._opened(asked, asked.session_id)
        await one.begin(again=True)
        return LoadSessionResponse(modes=one.settings.modes(), config_options=[*one.settings.options(one.bench.agent)])

    async def _resume(self, asked: ResumeSessionRequest) -> ResumeSessionResponse:
        one = await self._opened(asked, asked.session_id)
        self._afterwards(one.begin(again=False))
        return ResumeSessionResponse(
            modes=one.settings.modes(), config_options=[*one.settings.options(one.bench.agent)]
        )

    async def _fork(self, asked: ForkSessionRequest) -> ForkSessionResponse:
        one = await self._opened(asked, await self._sessions.fork(asked.cwd, asked.session_id))
        self._afterwards(one.begin(again=False))
        modes, options = one.settings.modes(), one.settings.options(one.bench.agent)
        return ForkSessionResponse(session_id=one.bench.session.id, modes=modes, config_options=[*options])

    async def _list(self, asked: ListSessionsRequest) -> ListSessionsResponse:
        found, following = await self._sessions.listed(asked.cwd, asked.cursor)
        return ListSessionsResponse(sessions=found, next_cursor=following)

    async def _close(self, asked: CloseSessionRequest) -> CloseSessionResponse:
        self._sessions.get(asked.session_id)
        await self._sessions.shut(asked.session_id)
        return CloseSessionResponse()

    async def _delete(self, asked: DeleteSessionRequest) -> DeleteSessionResponse:
        await self._sessions.delete(asked.session_id)
        return DeleteSessionResponse()

    async def _prompt(self, asked: PromptRequest) -> PromptResponse:
        return await self._sessions.get(asked.session_id).prompt(asked.prompt)

    async def _cancel(self, asked: CancelNotification) -> None:
        self._sessions.get(asked.session_id).cancel()

    async def _set_mode(self, asked: SetSessionModeRequest) -> SetSessionModeResponse:
        one = self._sessions.get(asked.session_id)
        _set(one, "mode", asked.mode_id)
        return SetSessionModeResponse()

    async def _set_option(self, params: Any) -> SetSessionConfigOptionResponse:
        is_switch = isinstance(params, dict) and params.get("type") == "boolean"
        kind = SetSessionConfigOptionBooleanRequest if is_switch else SetSessionConfigOptionSelectRequest
        asked = _valid(kind, params)
        one = self._sessions.get(asked.session_id)
        _set(one, asked.config_id, asked.value)
        return SetSessionConfigOptionResponse(config_options=[*one.settings.options(one.bench.agent)])

    async def _opened(
        self, asked: NewSessionRequest | LoadSessionRequest | ResumeSessionRequest | ForkSessionRequest, resume: str
    ) -> Conversation:
        """The session, which says with its first prompt what it cannot use."""
        remarks: list[str] = []
        if servers := asked.mcp_servers:
            names = ", ".join(server.name[:80] for server in servers)
            remarks.append(f"ossa uses no MCP servers, so these are left alone: {names}.")
        if folders := asked.additional_directories:
            names = ", ".join(folder[:200] for folder in folders)
            remarks.append(f"A session of ossa's works on one repository, so these are left alone: {names}.")
        return await self._sessions.open(asked.cwd, resume, remarks)

    def _afterwards(self, work: Awaitable[None]) -> None:
        """Do it once this method is answered: before that, the editor does not know the session."""
        task = asyncio.ensure_future(_done(work))
        self._later.add(task)
        task.add_done_callback(self._later.discard)


def _checked(kind: type[Asked], act: Callable[[Asked], Awaitable[BaseModel | None]]) -> _Act:
    async def checked(params: Any) -> BaseModel | None:
        return await act(_valid(kind, params))

    return checked


def _valid(kind: type[Asked], params: Any) -> Asked:
    """What is asked for.

    Raises:
        RequestError: it is not as the protocol has it.
    """
    try:
        return kind.model_validate(params)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))[:80]}: {fault['msg'][:200]}" for fault in _first(error.errors())]
        raise RequestError(INVALID_PARAMS, f"This is not as the protocol has it: {'; '.join(faults)}.") from None


def _first(faults: Sequence[Any]) -> Sequence[Any]:
    return faults[:3]


def _set(one: Conversation, name: str, value: str | bool) -> None:
    try:
        one.settings.change(one.bench.agent, name, value)
    except UnknownSetting as error:
        raise RequestError(INVALID_PARAMS, str(error)) from error


async def _done(work: Awaitable[None]) -> None:
    await work
