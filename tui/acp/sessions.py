"""The sessions of one editor: opened anew or again, listed, closed, deleted; all on one model.

new · load · resume · fork ─► open_bench(folder, session, reviewer, lend) ─► Conversation ─► close · delete
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TypeAlias

from acp.exceptions import RequestError
from acp.schema import SessionInfo

from ossa.assistant import paths
from ossa.assistant.archive import delete, fork
from ossa.assistant.drafts.leftovers import drop
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.review import Reviewer
from ossa.assistant.session import SessionInfo as Logged
from ossa.assistant.session import sessions
from ossa.assistant.workbench import Workbench
from ossa.model.base import LanguageModel
from ossa.tui.acp.conversation import INVALID_PARAMS, INVALID_REQUEST, Conversation
from ossa.tui.acp.editor import Editor
from ossa.tui.acp.lender import Lender
from ossa.tui.acp.reviewer import EditorReviewer
from ossa.tui.acp.settings import Settings

Lend: TypeAlias = Callable[[Callable[[], LanguageModel]], LanguageModel]
OpenBench: TypeAlias = Callable[[Path, str, Reviewer, Lend], Workbench]
"""Wires everything for a folder and the id of a session to go on with, or "", on a model that is lent."""
_PAGE = 50
"""Sessions that are listed at once."""
_NOT_FOUND = -32002


class Sessions:
    """All that are open, by their ids."""

    def __init__(self, editor: Editor, open_bench: OpenBench) -> None:
        self._editor, self._open_bench = editor, open_bench
        self._lender = Lender()
        self._open: dict[str, Conversation] = {}
        self._opening: set[asyncio.Task[Conversation]] = set()
        self._again = asyncio.Lock()
        """Held while an earlier session is opened, so that two who ask for it get it one after the other."""

    def get(self, name: str) -> Conversation:
        """The open session of this id.

        Raises:
            RequestError: there is none.
        """
        if conversation := self._open.get(name):
            return conversation
        raise RequestError(_NOT_FOUND, f"No session {name[:80]} is open here: open it by session/load, or a new one.")

    async def open(self, cwd: str, resume: str = "", remarks: Sequence[str] = ()) -> Conversation:
        """A new session on the repository of a folder, or an earlier one of it.

        Raises:
            RequestError: the folder makes no sense, the session is not there, or a turn of it is running.
            NotARepository, ModelError, SessionError: as `open_workbench`.
        """
        folder = Path(cwd)
        if not folder.is_absolute() or "\0" in cwd:
            raise RequestError(INVALID_PARAMS, "The working directory has to be an absolute path.")
        async with self._again if resume else nullcontext():
            return await self._reopened(folder, resume, remarks)

    async def _reopened(self, folder: Path, resume: str, remarks: Sequence[str]) -> Conversation:
        if conversation := self._open.get(resume):
            if not conversation.bench.session.path.exists():  # nothing was said in it yet, so there is no log to read
                return conversation
            if conversation.busy:
                raise RequestError(INVALID_REQUEST, "A turn is running in this session: stop it, or wait for its end.")
            await self.shut(resume)
        # Should the editor go meanwhile, what was opened has to be closed all the same.
        opening = asyncio.create_task(self._opened(folder, resume, remarks))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return await asyncio.shield(opening)

    async def fork(self, cwd: str, name: str) -> str:
        """Copy a session; the id of the copy, which is not open yet, or "" where nothing has been said in it.

        Raises:
            RequestError: there is no such session.
            NotARepository: there is no such folder.
            SessionError: it cannot be copied.
        """
        conversation = self._open.get(name)
        if conversation and not conversation.bench.session.path.exists():
            return ""
        return await asyncio.to_thread(_forked, Path(cwd), name)

    async def listed(self, cwd: str | None, cursor: str | None) -> tuple[list[SessionInfo], str | None]:
        """Sessions, of one folder's repository or of all, the latest first; and by what the next ones are had.

        Raises:
            RequestError: the cursor is none of ours.
        """
        start = int(cursor) if cursor and cursor.isdecimal() and len(cursor) < 10 else 0
        if cursor and not start:
            raise RequestError(INVALID_PARAMS, "This is no cursor that a list of sessions gave.")
        found = await asyncio.to_thread(_listed, Path(cwd) if cwd else None)
        following = str(start + _PAGE) if len(found) > start + _PAGE else None
        return found[start : start + _PAGE], following

    async def delete(self, name: str) -> None:
        """Remove a session for good, with the change that waits in its draft; one that is not there is none to remove.

        Raises:
            SessionError, DraftError: it is open in another ossa, or cannot be removed.
        """
        async with self._again:
            await self.shut(name)
            await asyncio.to_thread(_deleted, name)

    async def shut(self, name: str) -> None:
        """Close one session, if it is open."""
        if conversation := self._open.pop(name, None):
            await conversation.close()

    async def close(self) -> None:
        """Close all, and the model."""
        if self._opening:
            await asyncio.wait(self._opening)
        closing = [conversation.close() for conversation in self._open.values()]
        self._open = {}
        await asyncio.gather(*closing, return_exceptions=True)
        await asyncio.to_thread(self._lender.close)

    async def _opened(self, folder: Path, resume: str, remarks: Sequence[str]) -> Conversation:
        settings = Settings()
        told: list[Conversation] = []

        async def switched() -> None:
            await told[0].switched()

        reviewer = EditorReviewer(settings, switched)
        bench = await asyncio.to_thread(self._bench, folder, resume, reviewer)
        every = [*bench.notices, *_where(bench), *remarks]
        conversation = Conversation(bench, self._editor.line(bench.session.id), settings, every)
        reviewer.attach(conversation.teller, bench.root, bench.draft.read)
        told.append(conversation)
        self._open[bench.session.id] = conversation
        return conversation

    def _bench(self, folder: Path, resume: str, reviewer: Reviewer) -> Workbench:
        """Open it. What can be done before the first prompt, it does beside. Blocks."""
        if resume:
            _log_of(folder, resume)
        bench = self._open_bench(folder, resume, reviewer, self._lender.lend)
        bench.finder.start()
        bench.watcher.start()
        return bench


def _where(bench: Workbench) -> list[str]:
    """What a person has to know of where this runs, where that is not as one would think."""
    info, isolation = bench.model.info, bench.draft.isolation
    told = [f"What {info.name} reads and writes goes to a {info.where}."] if info.where else []
    return told if isolation.confined else [*told, f"{isolation.summary}."]


def _forked(folder: Path, name: str) -> str:
    return fork(_log_of(folder, name).path)


def _log_of(folder: Path, name: str) -> Logged:
    """The session of this id, of the repository of a folder.

    Raises:
        RequestError: there is none.
        NotARepository: there is no such folder.
    """
    for info in sessions(paths.state_dir() / "sessions", _root(folder)):
        if info.id == name:
            return info
    raise RequestError(_NOT_FOUND, f"There is no session {name[:80]} of {folder}.")


def _deleted(name: str) -> None:
    for info in sessions(paths.state_dir() / "sessions"):
        if info.id == name:
            delete(info.path, partial(_undrafted, info))


def _undrafted(info: Logged) -> None:
    """Remove what waits in the draft of a session."""
    drafts = paths.state_dir() / "repositories" / paths.repository_key(info.root) / "drafts"
    with suppress(NotARepository):  # it is gone, and what would have been changed with it
        drop(_repository(info.root), drafts, info.id)


def _listed(folder: Path | None) -> list[SessionInfo]:
    try:
        root = _root(folder) if folder else None
    except NotARepository:
        return []
    return [
        SessionInfo(
            session_id=info.id, cwd=str(info.root), title=info.title, updated_at=info.updated.astimezone().isoformat()
        )
        for info in sessions(paths.state_dir() / "sessions", root)
    ]


def _root(folder: Path) -> Path:
    return _repository(folder).root


def _repository(folder: Path) -> Repository:
    """What is worked on in a folder: the repository around it, or the folder itself.

    Raises:
        NotARepository: there is no such folder.
    """
    try:
        return Repository.open(folder)
    except NotARepository:
        return Repository.plain(folder)
