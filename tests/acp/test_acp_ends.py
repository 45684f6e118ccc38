"""How turns and sessions of `ossa acp` end: cut off at the limit of tokens, and deleted for good."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from acp.exceptions import RequestError

from ossa.tests.acp.editing import CALC, EDIT, Editor, Ossa, running

Command = Callable[..., list[str]]


async def delete(ossa: Ossa, session: str) -> None:
    """Ask for it, for which the library's client has no method of its own."""
    assert await ossa.connection._conn.send_request("session/delete", {"sessionId": session}) == {}


def kept_of(home: Path, session: str) -> list[Path]:
    """What there is of a session."""
    return list(home.glob(f"**/*{session}*"))


async def test_an_answer_that_reached_its_limit_says_so_and_the_next_ones_do_not(
    repository: Path, command: Command
) -> None:
    line = command([{"text": "It goes on"}, {"cut": "It goes on"}], "Done.")
    async with running(line, Editor()) as ossa:
        session = await ossa.open(repository)
        assert (await ossa.prompt(session, "tell me all")).stop_reason == "max_tokens"
        assert "was cut off" in ossa.editor.said()
        assert (await ossa.prompt(session, "/status")).stop_reason == "end_turn"
        assert (await ossa.prompt(session, "in short")).stop_reason == "end_turn"


async def test_a_deleted_session_is_gone_with_the_change_that_waited_in_it(
    repository: Path, command: Command, home: Path
) -> None:
    editor = Editor(["later"])
    async with running(command(EDIT, "Done.", "Kept.", [{"text": "Well"}, "wait"]), editor) as ossa:
        session = await ossa.open(repository)
        await ossa.prompt(session, "mend add")
        assert kept_of(home, session)
        kept = await ossa.open(repository)
        await ossa.prompt(kept, "keep this")
        turn = asyncio.create_task(ossa.prompt(kept, "go on for ever"))
        await editor.until(lambda: "Well" in editor.said(kept))
        for name in (session, session, "20260101-000000-00000000", "../x", ""):  # there or not, it is so afterwards
            await delete(ossa, name)
        assert not kept_of(home, session) and (repository / "calc.py").read_text() == CALC
        listed = await ossa.connection.list_sessions(cwd=str(repository))
        assert [one.session_id for one in listed.sessions] == [kept]
        with pytest.raises(RequestError, match="No session"):
            await ossa.prompt(session, "still there?")
        with pytest.raises(RequestError, match="There is no session"):
            await ossa.connection.load_session(cwd=str(repository), session_id=session, mcp_servers=[])
        await delete(ossa, kept)
        assert (await turn).stop_reason == "cancelled"
    assert not kept_of(home, kept)


async def test_a_session_of_before_is_deleted_unless_it_is_open_elsewhere(repository: Path, command: Command) -> None:
    editor, line = Editor(["later"]), command(EDIT, "Done.")
    async with running(line, editor) as ossa:
        session = await ossa.open(repository)
        await ossa.prompt(session, "mend add")
        async with running(line, Editor()) as other:
            with pytest.raises(RequestError, match="open in another ossa"):
                await delete(other, session)
    async with running(line, Editor()) as later:
        await delete(later, session)
        assert not (await later.connection.list_sessions()).sessions


async def test_a_session_in_which_nothing_was_said_is_forked_to_an_empty_one(
    repository: Path, command: Command
) -> None:
    async with running(command("One.", "Two."), Editor()) as ossa:
        session = await ossa.open(repository)
        forked = await ossa.connection.fork_session(cwd=str(repository), session_id=session)
        assert forked.session_id != session
        assert (await ossa.prompt(forked.session_id, "hello")).stop_reason == "end_turn"
        assert (await ossa.prompt(session, "hello")).stop_reason == "end_turn"
        for wrong in ("latest", session[:8], "../x"):
            with pytest.raises(RequestError, match="There is no session"):
                await ossa.connection.fork_session(cwd=str(repository), session_id=wrong)
