"""The window where it cannot start as asked, and over files with odd names: it says so and goes on."""

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import ToolCall
from ossa.model.scripted import ScriptedModel
from ossa.tui.__main__ import make_app
from ossa.tui.app import OssaApp
from ossa.tui.options import parse

if TYPE_CHECKING:
    from tests.tui.conftest import MakeStage


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "pull smollm2-135m"),
        (["--model", "nosuch"], "ossa knows no model"),
        (["--model", "/nosuch/model"], "does not exist"),
    ],
)
async def test_what_keeps_it_from_starting_is_said(
    repository: Path, make_stage: "MakeStage", arguments: list[str], told: str
) -> None:
    app = make_app(parse([str(repository), *arguments]))
    async with make_stage(app) as stage:
        await stage.shows(told)
        await stage.shows("calc.py")
        await stage.send("hello?")
        await stage.shows("ossa did not start")
        await stage.send("/quit")
        await stage.until(lambda: not app.is_running, "the end")
    assert app.return_code == 2


async def test_a_config_that_cannot_be_read_is_said_with_what_keeps_it_from_starting(
    repository: Path, make_stage: "MakeStage", tmp_path: Path
) -> None:
    config = tmp_path / "home" / "config" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text("model = [broken\n")
    async with make_stage(make_app(parse([str(repository)]))) as stage:
        await stage.shows("TOML")  # the path before it may break the line anywhere
        await stage.shows("pull smollm2-135m")


def open_scripted(root: Path, calls: list[ToolCall], reviewer: Reviewer) -> Workbench:
    return open_workbench(Options(root, test="true"), lambda _: ScriptedModel([calls, "Done."]), reviewer)


async def test_paths_and_text_that_are_no_text(repository: Path, make_stage: "MakeStage") -> None:
    odd = repository / os.fsdecode(b"a\xff\x1b[31m.py")
    odd.write_bytes(b"x = '\xe9'\ny = 1\n")
    (repository / ".ossa.toml").write_text("test_command = \n")
    calls = [ToolCall("container.exec", json.dumps({"cmd": f"sed -i 's/y = 1/y = 2/' '{odd.name}'"}))]
    async with make_stage(OssaApp(repository, partial(open_scripted, repository, calls))) as stage:
        await stage.shows("TOML")  # the path before it may break the line anywhere
        await stage.shows("a�")
        await stage.send(f"change @{odd.name}")
        await stage.review()
        await stage.shows("y = 2")
        await stage.pilot.press("A")
        await stage.shows("1 accepted")
        assert odd.read_bytes() == b"x = '\xe9'\ny = 2\n"
        await stage.send("/undo")
        await stage.shows("Taken back")
        assert odd.read_bytes() == b"x = '\xe9'\ny = 1\n"
