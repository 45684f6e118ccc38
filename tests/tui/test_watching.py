"""Watch mode on the screens: a saved comment becomes a change to review, in the window and line by line."""

import asyncio
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.events import AppBlur, AppFocus

from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Piece, ToolCall
from ossa.model.scripted import ScriptedModel
from ossa.tests.waiting import LIMIT, until_async
from ossa.tui.app import OssaApp
from ossa.tui.asking import LineReviewer, Lines
from ossa.tui.bell import Bell
from ossa.tui.spoken import Speaker
from ossa.tui.talk import Talk

if TYPE_CHECKING:
    from tests.tui.conftest import MakeStage, Open

PATCH = "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End Patch\n"
ASKING = "def add(a, b):\n    # add, AI!\n    return a - b\n"
Script = Sequence[Sequence[Piece] | str]
ANSWERS: Script = [[ToolCall("repo_browser.apply_patch", PATCH)], "Now it adds."]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))


def opening(root: Path, answers: Script) -> Callable[[Reviewer], Workbench]:
    return lambda reviewer: open_workbench(Options(root, test="true"), lambda _: ScriptedModel(answers), reviewer)


async def test_a_comment_becomes_a_change_and_the_bell_rings(repository: Path, make_stage: "MakeStage") -> None:
    (folder := repository.parent / "config").mkdir()
    (folder / "config.toml").write_text("watch = true\n")
    async with make_stage(OssaApp(repository, opening(repository, [*ANSWERS, "It counts."]), "", folder)) as stage:
        app, written = stage.app, list[str]()
        await stage.shows("watching  ready")
        app.player.bell = Bell(written.append, lambda: app.app_focus, 1000)
        app.post_message(AppBlur())
        await stage.until(lambda: not app.app_focus)
        (repository / "calc.py").write_text(ASKING)
        await stage.until(lambda: app.window.change.phase == "reviewing")
        assert any("a change waits" in text for text in written), "it took no 1000 seconds, yet nobody looks"
        await stage.shows("add, AI!")
        (repository / "lib/deep.py").write_text("x = 3  # why 3 AI?\n")
        await stage.shows("why 3 (AI?) waits")
        app.post_message(AppFocus())
        await stage.review()
        await stage.pilot.press("A")
        await stage.until(lambda: (repository / "calc.py").read_text() == "def add(a, b):\n    return a + b\n")
        await stage.shows("It counts.")
        await stage.until(app.player.idle.is_set)


async def test_it_is_switched_by_a_command(open_window: "Open", repository: Path) -> None:
    async with open_window() as stage:
        await stage.send("/watch on")
        await stage.shows("Files are watched")
        await stage.shows("watching  ready")
        await stage.send("/watch")
        await stage.shows("Files are not watched")
        await stage.until(lambda: "watching  ready" not in stage.text)
        (repository / "calc.py").write_text(ASKING)
        (repository / "seen.txt").write_text("x")
        await stage.shows("seen.txt")
        assert stage.agent.asked == []


async def test_line_by_line_it_goes_on_without_anybody_typing_until_it_is_left(repository: Path) -> None:
    out = io.StringIO()
    source, sink = os.pipe()
    typed, speaker = Lines(os.fdopen(source)), Speaker(out)
    bench = opening(repository, [*ANSWERS, "Since two is too few."])(LineReviewer(speaker, typed))
    talk = Talk(bench, speaker, typed, watch=True)
    talking = asyncio.ensure_future(talk.go_on())

    async def says(text: str) -> None:
        await until_async(lambda: text in out.getvalue(), out.getvalue)

    try:
        await says("Files are watched")
        await says("You:")
        (repository / "calc.py").write_text(ASKING)
        await says("calc.py:2: add, (AI!)")
        await says("[a]ccept")
        os.write(sink, b"a\n")
        await says("Written: calc.py.")
        assert (repository / "calc.py").read_text() == "def add(a, b):\n    return a + b\n"
        os.close(sink)
        (repository / "lib/deep.py").write_text("x = 3  # why 3 AI?\n")
        await says("Since two is too few.")
        talk.interrupt()
        await asyncio.wait_for(talking, LIMIT)
    finally:
        bench.close()


async def test_line_by_line_what_was_asked_as_watching_ends_is_not_played(repository: Path, tmp_path: Path) -> None:
    out = io.StringIO()
    source, sink = os.pipe()
    typed, speaker = Lines(os.fdopen(source)), Speaker(out)
    bench = opening(repository, ["Played."])(LineReviewer(speaker, typed))
    talking = asyncio.ensure_future(Talk(bench, speaker, typed, watch=True).go_on())

    async def until(met: Callable[[], object]) -> None:
        await until_async(met, out.getvalue)

    try:
        await until(lambda: "You:" in out.getvalue())
        os.write(sink, b"/watch \\\n")  # while a line goes on, nothing else is played
        (repository / "calc.py").write_text(ASKING)
        await until(lambda: [*(tmp_path / "home").rglob("comments.json")])
        os.write(sink, b"off\n")
        await until(lambda: "Files are not watched" in out.getvalue())
        os.write(sink, b"/quit\n")
        await asyncio.wait_for(talking, LIMIT)
        assert "add, (AI!)" not in out.getvalue() and "Played." not in out.getvalue()
    finally:
        os.close(sink)
        bench.close()
