"""`ossa acp` end to end, by the library's client over real pipes: turns, changes, permission, cancel, sessions."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from acp.exceptions import RequestError
from acp.helpers import embedded_text_resource, resource_block, resource_link_block
from acp.schema import (
    EnvVariable,
    McpServerStdio,
)

from ossa.tests.acp.editing import CALC, EDIT, MENDED, Editor, make, running

Command = Callable[..., list[str]]


def logged(home: Path) -> str:
    return next(home.glob("state/sessions/*/*.jsonl")).read_text()


async def test_a_change_is_shown_with_its_verdict_granted_and_taken_back(repository: Path, command: Command) -> None:
    editor, calc = Editor(["accept"]), repository / "calc.py"
    line = command([{"thought": "It subtracts."}, *EDIT], "Now it \x1b[31madds.")
    async with running(line, editor) as ossa:
        session = await ossa.open(repository)
        assert (await ossa.prompt(session, "mend add")).stop_reason == "end_turn"
        assert calc.read_text() == MENDED
        assert editor.of("agent_thought_chunk")[0]["content"]["text"] == "It subtracts."
        assert "Now it adds." in editor.said()
        about, options = editor.asked[0]
        assert (
            about.title
            == "Change: 1 file, +1 −1 – 1/1 passed · 1 fixed · 0 broken · judged by the command's exit code alone"
        )
        assert [option.option_id for option in options] == ["accept", "always", "reject", "again", "later"]
        assert options[0].name.startswith("Accept: 1/1 passed")
        card = next(u for u in editor.of("tool_call") if u["toolCallId"] == about.tool_call_id)
        assert "The tests prove it: 1 of 1 passed." in card["content"][0]["content"]["text"]
        diff = card["content"][1]
        assert (diff["type"], diff["path"], diff["oldText"], diff["newText"]) == ("diff", str(calc), CALC, MENDED)
        step = next(u for u in editor.of("tool_call") if u["title"] == "edit calc.py")
        assert step["kind"] == "edit" and step["locations"][0]["path"] == str(calc)
        ends = {u["toolCallId"]: u["status"] for u in editor.of("tool_call_update") if "status" in u}
        assert set(ends) == {u["toolCallId"] for u in editor.of("tool_call")}
        assert set(ends.values()) <= {"completed", "failed"}
        assert editor.of("usage_update") and editor.of("session_info_update")[0]["title"] == "mend add"
        await ossa.prompt(session, "/undo")
        assert calc.read_text() == CALC and "taken back: calc.py" in editor.said()


async def test_nothing_is_written_unless_granted(repository: Path, command: Command) -> None:
    calc = repository / "calc.py"
    editor = Editor(["reject", "later", "", "broken", "frob", "again", "reject"], {str(calc): f"{CALC}# typed\n"})
    async with running(command(EDIT, "Done.", EDIT, "Done.", EDIT, "Better."), editor, reads=True) as ossa:
        session = await ossa.open(repository)
        await ossa.prompt(session, "mend add")
        assert "nothing was written" in editor.said()
        await ossa.prompt(session, "mend it now")
        assert "waits in the draft" in editor.said()
        for _ in range(3):
            await ossa.prompt(session, "/review")
        assert len(editor.asked) == 5
        cards = {card["toolCallId"] for card in editor.of("tool_call")}
        assert all(about.tool_call_id in cards for about, _ in editor.asked)
        # What the person has typed since, and not saved, is not overwritten either, however often they accept.
        editor.taken[:] = ["accept", "always", "accept"]
        await ossa.prompt(session, "/review")
        assert "NOT SAVED in the editor: calc.py" in str(editor.asked[6][0].title) and "is not saved" in editor.said()
        assert calc.read_text() == CALC and not editor.of("current_mode_update")
        # Saved, or undone there, it goes in.
        editor.buffers.clear()
        editor.taken[:] = ["accept"]
        await ossa.prompt(session, "/review")
        assert calc.read_text() == MENDED


async def test_what_the_tests_prove_goes_in_unasked_once_the_person_said_so(repository: Path, command: Command) -> None:
    editor, calc = Editor(["always"]), repository / "calc.py"
    async with running(command(EDIT, "Done.", EDIT, "Done."), editor) as ossa:
        session = await ossa.open(repository)
        await ossa.prompt(session, "mend add")
        assert editor.of("current_mode_update")[0]["currentModeId"] == "proven"
        await ossa.prompt(session, "/undo")
        await ossa.prompt(session, "once more")
        assert calc.read_text() == MENDED and len(editor.asked) == 1
        await ossa.prompt(session, "/undo")
        await ossa.connection.set_session_mode(session_id=session, mode_id="ask")
        for wrong in ("frob", ""):
            with pytest.raises(RequestError, match="no setting"):
                await ossa.connection.set_session_mode(session_id=session, mode_id=wrong)
        told = await ossa.connection.set_config_option(session_id=session, config_id="effort", value="high")
        assert told and [option.current_value for option in told.config_options] == ["ask", "scripted", "high"]


async def test_several_files_are_decided_one_by_one(repository: Path, command: Command) -> None:
    patch = str(EDIT[0]["call"][1]).replace("*** End", "*** Add File: notes.md\n+# Notes\n*** End")
    editor = Editor(["files", "accept", "reject"])
    async with running(command([{"call": ["repo_browser.apply_patch", patch]}], "Done."), editor) as ossa:
        await ossa.prompt(await ossa.open(repository), "mend add")
    assert (repository / "calc.py").read_text() == MENDED and not (repository / "notes.md").exists()
    assert [about.title for about, _ in editor.asked[1:]] == ["calc.py: modified, +1 −1", "notes.md: added, +1 −0"]


async def test_a_cancelled_turn_ends_at_once_whatever_it_waits_for(repository: Path, command: Command) -> None:
    editor = Editor(["wait"])
    async with running(command([{"text": "Well"}, "wait"], EDIT, "Done.", "Here."), editor) as ossa:
        session = await ossa.open(repository)
        turn = asyncio.create_task(ossa.prompt(session, "go on for ever"))
        await editor.until(lambda: "Well" in editor.said())
        with pytest.raises(RequestError, match="A turn is running"):
            await ossa.prompt(session, "another")
        await ossa.connection.cancel(session_id=session)
        assert (await turn).stop_reason == "cancelled"
        turn = asyncio.create_task(ossa.prompt(session, "mend add"))
        await editor.until(lambda: editor.asked)
        await ossa.connection.cancel(session_id=session)
        assert (await turn).stop_reason == "cancelled"
        assert (repository / "calc.py").read_text() == CALC
        assert (await ossa.prompt(session, "still there?")).stop_reason == "end_turn"


async def test_a_session_is_listed_loaded_resumed_and_forked(repository: Path, command: Command) -> None:
    line, first = command(EDIT, "Done.", "Again."), Editor(["accept"])
    async with running(line, first) as ossa:
        session = await ossa.open(repository)
        await ossa.prompt(session, "mend add")
    editor = Editor()
    async with running(command("Again."), editor) as ossa:
        listed = await ossa.connection.list_sessions(cwd=str(repository))
        assert [(s.session_id, s.cwd, s.title) for s in listed.sessions] == [(session, str(repository), "mend add")]
        await ossa.connection.load_session(cwd=str(repository), session_id=session, mcp_servers=[])
        assert editor.of("user_message_chunk")[0]["content"]["text"] == "mend add"
        assert [u["title"] for u in editor.of("tool_call")] == [u["title"] for u in first.of("tool_call")]
        assert editor.said() == first.said()
        diff = next(part for u in editor.of("tool_call") for part in u.get("content", ()) if part["type"] == "diff")
        assert diff["oldText"] == CALC and diff["newText"] == MENDED
        assert (await ossa.prompt(session, "and now?")).stop_reason == "end_turn" and "Again." in editor.said()
        forked = await ossa.connection.fork_session(cwd=str(repository), session_id=session)
        assert forked.session_id != session
        await ossa.connection.close_session(session_id=session)
        for name in (session, await ossa.open(repository)):  # the other one has said nothing yet
            await ossa.connection.resume_session(cwd=str(repository), session_id=name)
        again = [ossa.connection.load_session(cwd=str(repository), session_id=session, mcp_servers=[]) for _ in "ab"]
        assert all(await asyncio.gather(*again)), "an editor may ask twice at once"
        for wrong in ("latest", session[:8], "../x"):
            with pytest.raises(RequestError, match="There is no session"):
                await ossa.connection.load_session(cwd=str(repository), session_id=wrong, mcp_servers=[])


async def test_two_sessions_share_a_model_and_nothing_else(tmp_path: Path, repository: Path, command: Command) -> None:
    other, editor = make(tmp_path / "other"), Editor(["accept"])
    async with running(command([{"text": "first"}, "wait"], EDIT, "second"), editor) as ossa:
        one, two = await ossa.open(repository), await ossa.open(other)
        waiting = asyncio.create_task(ossa.prompt(one, "hold"))
        await editor.until(lambda: "first" in editor.said(one))
        assert (await ossa.prompt(two, "mend add")).stop_reason == "end_turn"
        assert (other / "calc.py").read_text() == MENDED and (repository / "calc.py").read_text() == CALC
        assert "second" in editor.said(two) and "second" not in editor.said(one)
        await ossa.connection.close_session(session_id=one)
        assert (await waiting).stop_reason == "cancelled"


async def test_errors_are_sentences(tmp_path: Path, repository: Path, command: Command, home: Path) -> None:
    async with running(command("One."), Editor()) as ossa:
        (tmp_path / "plain").mkdir()
        for cwd, why in (
            ("calc", "absolute path"),
            (str(tmp_path / "none"), "no folder"),
            (str(tmp_path / "plain"), "git"),
        ):
            with pytest.raises(RequestError, match=why):
                await ossa.connection.new_session(cwd=cwd, mcp_servers=[])
        server = McpServerStdio(name="files", command="/bin/false", args=[], env=[EnvVariable(name="a", value="b")])
        session = (await ossa.connection.new_session(cwd=str(repository), mcp_servers=[server])).session_id
        link = resource_link_block("calc.py", f"{(repository / 'calc.py').as_uri()}#L1:2")
        await ossa.prompt(session, "explain", link)
        assert "ossa uses no MCP servers, so these are left alone: files." in ossa.editor.said()
        with pytest.raises(RequestError, match="The script has no more answers"):
            await ossa.prompt(session, "two")
        with pytest.raises(RequestError, match="rewind takes a number"):
            await ossa.prompt(session, "/rewind frob")
        typed = embedded_text_resource((repository / "calc.py").as_uri(), "typed\n")
        with pytest.raises(RequestError, match="/fix takes no text that is attached"):
            await ossa.prompt(session, "/fix", resource_block(typed))
        with pytest.raises(RequestError, match="no command /frob"):
            await ossa.prompt(session, "/frob")
        await ossa.prompt(session, "/status")
        assert "Model: scripted" in ossa.editor.said()
    assert "explain @calc.py:1-2" in logged(home)
