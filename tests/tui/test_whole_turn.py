"""The window over the real assistant: a change is drafted, proved by the tests, accepted by keys, and taken back."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.config import Config
from ossa.assistant.review import Reviewer, Unattended
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Piece, ToolCall
from ossa.model.scripted import ScriptedModel
from ossa.tui.app import OssaApp
from ossa.tui.widgets.editor import HunkEditor

if TYPE_CHECKING:
    from tests.tui.conftest import MakeStage

PATCH = "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End Patch\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions, drafts and checkpoints go into the test's own folder."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))


def open_real(root: Path, answers: Sequence[Sequence[Piece] | str], resume: str, reviewer: Reviewer) -> Workbench:
    def load(config: Config) -> ScriptedModel:
        return ScriptedModel(answers)

    return open_workbench(Options(root, resume=resume), load, reviewer)


async def test_a_change_is_accepted_taken_back_and_told_again(repository: Path, make_stage: "MakeStage") -> None:
    (repository / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    before = (repository / "calc.py").read_text()
    answers = [[ToolCall("repo_browser.apply_patch", PATCH)], "It subtracted."]
    async with make_stage(OssaApp(repository, partial(open_real, repository, answers, ""))) as stage:
        await stage.shows("tests   pytest with ")
        await stage.send("add subtracts, mend it")
        await stage.review()
        await stage.shows("✓ 1/1 passed · 1 fixed")
        assert (repository / "calc.py").read_text() == before
        await stage.pilot.press("A")
        await stage.shows("1 accepted")
        assert "return a + b" in (repository / "calc.py").read_text()
        await stage.shows("calc.py M")
        await stage.send("/undo")
        await stage.shows("Taken back: calc.py")
        assert (repository / "calc.py").read_text() == before
    async with make_stage(OssaApp(repository, partial(open_real, repository, (), "latest"))) as stage:
        await stage.shows("It subtracted.")
        await stage.shows("Taken back: calc.py")


async def test_a_session_that_is_open_in_another_window_is_refused_and_this_one_goes_on(
    repository: Path, make_stage: "MakeStage"
) -> None:
    other = open_real(repository, ["Hello."], "", Unattended())
    try:
        assert [event async for event in other.agent.run("greet me")]
        async with make_stage(OssaApp(repository, partial(open_real, repository, ["Here."], ""))) as stage:
            await stage.shows("ready")
            await stage.send("/sessions")
            await stage.shows("greet me")
            await stage.pilot.press("enter")
            await stage.shows("another ossa")
            await stage.send("where are you?")
            await stage.shows("Here.")
    finally:
        other.close()


async def test_an_edited_change_goes_back_forth_and_into_a_commit(
    repository: Path, make_stage: "MakeStage", monkeypatch: pytest.MonkeyPatch
) -> None:
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ann")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ann@example.org")
    (repository / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    calc = repository / "calc.py"
    before = calc.read_text()
    answers = [[ToolCall("repo_browser.apply_patch", PATCH)], "It subtracted."]
    async with make_stage(OssaApp(repository, partial(open_real, repository, answers, ""))) as stage:
        await stage.send("add subtracts, mend it")
        await stage.review()
        await stage.pilot.press("e")
        await stage.until(lambda: isinstance(stage.app.focused, HunkEditor), "the editor")
        await stage.pilot.press("end", *" # sum", "ctrl+s")
        await stage.shows("✎ edited by you")
        await stage.review()
        await stage.pilot.press("A")
        await stage.shows("1 accepted")
        mended = calc.read_text()
        assert mended == before.replace("a - b", "a + b # sum")
        calc.write_text(mended + "# mine\n")
        await stage.send("/undo")
        await stage.shows("▾ in the way  +1 −0")
        await stage.shows("+# mine")
        calc.write_text(mended)
        await stage.send("/undo")
        await stage.until(lambda: calc.read_text() == before)
        await stage.send("/redo")
        await stage.until(lambda: calc.read_text() == mended)
        await stage.send("/commit Add adds")
        await stage.shows(": Add adds")
        await stage.send("!git log --format='%s by %an'")
        await stage.shows("Add adds by Ann")
        await stage.send("/rewind")
        await stage.shows("↶ taken back  add subtracts")
        assert calc.read_text() == before and stage.app.window.prompt.text == "add subtracts, mend it"
    async with make_stage(OssaApp(repository, partial(open_real, repository, (), "latest"))) as stage:
        await stage.shows("↶ taken back  add subtracts")
        await stage.shows("Back by 1 prompt")


async def test_an_answer_that_is_put_otherwise_keeps_its_tool_calls(repository: Path, make_stage: "MakeStage") -> None:
    looks = [ToolCall("repo_browser.open_file", '{"path": "calc.py"}')]
    async with make_stage(OssaApp(repository, partial(open_real, repository, [looks, "It add", "s."], ""))) as stage:
        await stage.shows("tests   ")
        await stage.send("what does it do?")
        await stage.shows("It add")
        await stage.send("/amend")
        await stage.shows("the answer: ")
        await stage.pilot.press("backspace", "backspace", "backspace", *"subtract", "enter")
        await stage.shows("It subtracts.")
        assert stage.text.count("open calc.py") == 1  # that of the turn that was taken back is folded away
