"""Earlier sessions in the window and on the command line: found, gone on with, forked, named, exported."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.config import Config
from ossa.assistant.events import Answering, TurnFinished, TurnStarted
from ossa.assistant.paths import state_dir
from ossa.assistant.review import Reviewer
from ossa.assistant.session import Session, sessions
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.scripted import ScriptedModel
from ossa.tui.__main__ import main
from ossa.tui.app import OssaApp

if TYPE_CHECKING:
    from tests.tui.conftest import MakeStage


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions and exports go into the test's own folder."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))


def open_real(root: Path, reviewer: Reviewer) -> Workbench:
    def load(config: Config) -> ScriptedModel:
        return ScriptedModel(["Here.", "There."])

    return open_workbench(Options(root), load, reviewer)


def said(root: Path, *prompts: str) -> str:
    """The id of a session in which this was asked."""
    session = Session.create(state_dir() / "sessions", root, "tiny")
    for prompt in prompts:
        session.append(TurnStarted(prompt))
        session.append(Answering("**so**"))
        session.append(TurnFinished("answered", 1.0))
    session.close()
    return session.id


async def test_sessions_are_found_named_exported_and_forked_in_the_window(
    repository: Path, make_stage: "MakeStage"
) -> None:
    said(repository, "first of all", "then the \x1b[31mdates")
    app = OssaApp(repository, partial(open_real, repository))
    async with make_stage(app) as stage:
        await stage.send("where are you?")
        await stage.shows("Here.")
        await stage.send("/sessions")
        await stage.shows("first of all")
        assert "where are you" not in "\n".join(stage.text.splitlines()[14:26])
        await stage.shows("f fork")
        await stage.pilot.press("slash", *"dates")
        await stage.shows("… then the dates")
        await stage.pilot.press(*"x")
        await stage.shows("No earlier session of this repository has these words.")
        await stage.pilot.press("backspace", "enter", "r")
        await stage.shows("first of all")
        await stage.pilot.press("ctrl+u", *"All about years", "enter")
        await stage.shows("Its title is All about years.")
        await stage.until(lambda: "All about years  tiny" in stage.text, "the title in the list")
        await stage.pilot.press("x")
        await stage.shows("It is in ")
        (file,) = (state_dir() / "exports").glob("*.md")
        assert "# All about years" in file.read_text() and "**so**" in file.read_text()
        await stage.pilot.press("f")
        await stage.until(lambda: app.return_value)
    assert app.return_value not in {file.stem, ""}
    assert [info.title for info in sessions(state_dir() / "sessions") if info.id == app.return_value] == [
        "All about years"
    ]


async def test_the_list_and_its_lines_have_the_users_keys(
    repository: Path, make_stage: "MakeStage", tmp_path: Path
) -> None:
    said(repository, "first of all")
    keys = 'search_sessions = "f9"\nrename_it = "t"\nexport_it = "w"\nleave_field = "f8"\nclose_list = "q"\n'
    (tmp_path / "config.toml").write_text(f"[keys]\n{keys}")
    app = OssaApp(repository, partial(open_real, repository), "", tmp_path)
    async with make_stage(app) as stage:
        await stage.send("/sessions")
        await stage.shows("first of all")
        await stage.shows("w export")
        assert "F9 words in titles" in stage.text or "f9 words in titles" in stage.text
        for opens, line in (("t", "#naming"), ("f9", "#search")):
            await stage.pilot.press(opens)
            await stage.until(lambda line=line: app.screen.query_one(line).has_focus, line)
            await stage.pilot.press("escape")
            assert app.screen.query_one(line).has_focus
            await stage.pilot.press("f8")
            await stage.until(lambda line=line: not app.screen.query_one(line).has_focus, f"{line} is left")
        await stage.pilot.press("w")
        await stage.shows("It is in ")
        await stage.pilot.press("q")
        await stage.until(lambda: app.screen is app.window)


async def test_the_open_session_is_named_exported_and_forked(repository: Path, make_stage: "MakeStage") -> None:
    app = OssaApp(repository, partial(open_real, repository))
    async with make_stage(app, (140, 50)) as stage:
        await stage.send("/export")
        await stage.shows("Nothing has been said in this session yet.")
        await stage.send("/fork")
        await stage.shows("nothing to fork")
        await stage.send("where are you?")
        await stage.shows("Here.")
        await stage.send("/title Where it is")
        await stage.shows("This session is called “Where it is”.")
        await stage.send("/export new.md")
        await stage.shows("The session is in ")
        assert "# Where it is" in (repository / "new.md").read_text()
        await stage.send("/export new.md")
        await stage.shows("already")
        bench = app.player.bench
        assert bench is not None
        await stage.send("/fork")
        await stage.until(lambda: app.return_value)
    assert app.return_value != bench.session.id
    titles = {info.id: info.title for info in sessions(state_dir() / "sessions", repository)}
    assert titles == {bench.session.id: "Where it is", app.return_value: "Where it is"}


def test_the_command_line_finds_names_forks_and_exports(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = said(repository, "mend the \x1b]0;owned\x07dates", "and years")
    said(repository, "explain")

    def ossa(*arguments: str) -> tuple[int, str, str]:
        code = main(["sessions", "-C", str(repository), *arguments])
        out = capsys.readouterr()
        return code, out.out, out.err

    assert ossa("years", "MEND")[1].splitlines() == [ossa("dates")[1].strip(), f"{'':15}… and years"]
    assert ossa("nothing", "such")[:2] == (1, "No session has these words.\n")
    assert ossa("nothing", "such", "--json")[:2] == (1, "")
    assert '"turns": 2' in ossa("dates", "--json")[1]
    assert ossa("--rename", first, "Dates")[0] == 0
    assert "2 turns  Dates" in ossa()[1]
    code, copy, _ = ossa("--fork", first)
    assert code == 0 and ossa()[1].count("Dates") == 2
    code, text, _ = ossa("--export", copy.strip())
    assert code == 0 and "# Dates" in text and "is a fork of" in text and "\x1b" not in text
    assert ossa("--export", first, "--to", str(repository / "a.md"))[0] == 0
    assert ossa("--export", first, "--to", str(repository / "a.md"))[2].endswith("name another file.\n")
    assert ossa("--export", "nothing")[0] == 2
