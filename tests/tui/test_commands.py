"""One registry: what can be typed, picked, pressed and read in the help are the same commands."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import Answering, Proposed
from ossa.tui.app import OssaApp
from ossa.tui.commands import (
    COMMANDS,
    Command,
    Scope,
    bindings,
    completion,
    find,
    help_content,
    slash_commands,
    suggestions,
)
from ossa.tui.screens.confirm import Confirm
from ossa.tui.screens.page import Page
from ossa.tui.screens.sessions import Sessions
from ossa.tui.widgets.change import ChangeView
from ossa.tui.widgets.editor import HunkEditor
from ossa.tui.widgets.failing import FailingTest
from ossa.tui.widgets.files import Files
from ossa.tui.widgets.keys import Keys
from ossa.tui.widgets.ledger import LedgerView
from ossa.tui.widgets.preview import Preview
from ossa.tui.widgets.prompt import Prompt
from ossa.tui.widgets.reason import Reason

if TYPE_CHECKING:
    from tests.tui.conftest import Open

OWNERS: dict[Scope, type[object]] = {
    "window": OssaApp,
    "change": ChangeView,
    "failing": FailingTest,
    "editor": HunkEditor,
    "files": Files,
    "preview": Preview,
    "ledger": LedgerView,
    "sessions": Sessions,
    "list": Sessions,
    "page": Page,
    "field": Reason,
    "permit": Confirm,
}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda c: c.name)
def test_every_command_is_in_the_help_and_can_be_done(command: Command) -> None:
    assert command.help in help_content().plain
    if owner := OWNERS.get(command.scope):
        assert hasattr(owner, f"action_{command.name}")


def test_each_command_is_one_line_of_the_help_in_80_columns() -> None:
    assert not [line for line in help_content().plain.splitlines() if len(line) > 66]


def test_every_id_is_one_command() -> None:
    ids = [command.id for command in COMMANDS]
    assert len(ids) == len(set(ids)), "the config's [keys] goes by id where names are not enough"


def test_no_key_means_two_things_in_one_place() -> None:
    for scope in OWNERS:
        keys = [key for binding in bindings(scope) for key in binding.key.split(",")]
        assert len(keys) == len(set(keys))


def test_a_command_is_found_by_an_unambiguous_beginning() -> None:
    assert (found := find("dis")) and found.name == "discard"
    assert find("t") is None and find("") is None and find("nothing") is None


def test_what_is_typed_is_completed_as_far_as_it_is_certain() -> None:
    assert completion("/dis") == "/discard "
    assert completion("/t") == "" == completion("hello") == completion("/fix it")
    assert completion("/d") == "/discard " and completion("/fi") == ""
    assert suggestions("/t") == "/test  /title  /theme"
    assert suggestions("/fix a b").startswith("/fix [hint]")
    assert suggestions("a / b") == ""


async def test_the_palette_offers_what_can_be_typed(open_window: "Open") -> None:
    async with open_window() as stage:
        offered = {command.title for command in stage.app.get_system_commands(stage.app.screen)}
        assert offered == {f"/{command.name}" for command in slash_commands()}


async def test_slash_commands_do_what_they_say(open_window: "Open") -> None:
    async with open_window([Answering("fixed")], [Answering("tested")]) as stage:
        await stage.send("/fix the mean")
        await stage.shows("fixed")
        await stage.send("/tes")
        await stage.shows("tested")
        assert stage.agent.asked == ["/fix the mean", "/test"]
        await stage.send("/theme light")
        await stage.until(lambda: stage.app.theme == "ossa-light")
        await stage.send("/theme nonsense")
        await stage.shows("There is no theme nonsense.")
        await stage.send("/nonsense")
        await stage.shows("There is no command /nonsense.")
        await stage.send("/help")
        await stage.shows("Repair the failing tests step by step")
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.window)


async def test_the_prompt_takes_several_lines_and_remembers(open_window: "Open") -> None:
    async with open_window() as stage:
        prompt = stage.app.window.prompt
        assert isinstance(prompt, Prompt)
        await stage.pilot.press(*"one", "ctrl+j", *"two", "enter")
        await stage.until(lambda: stage.agent.asked == ["one\ntwo"])
        await stage.pilot.press(*"three", "up")
        assert prompt.text == "one\ntwo"
        await stage.pilot.press("up", "down", "down")
        assert prompt.text == "three"


def test_the_first_frame_needs_neither_torch_nor_git() -> None:
    heavy = ("torch", "transformers", "git", "numpy", "huggingface_hub", "watchdog", "markdown_it", "aiohttp")
    own = ("ossa.assistant.session", "ossa.assistant.edits", "ossa.assistant.context.compaction")
    make = "from ossa.tui.__main__ import make_app; from ossa.tui.options import parse; make_app(parse(['.']))"
    code = f"import sys; {make}; print([m for m in {(*heavy, *own)} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


async def test_help_says_how_to_leave_it_in_a_small_terminal(open_window: "Open") -> None:
    async with open_window(size=(80, 24)) as stage:
        await stage.pilot.press("f1")
        await stage.shows("Esc closes")
        await stage.pilot.press("escape")
        await stage.until(lambda: "Esc closes" not in stage.text)


@pytest.mark.parametrize("width", [60, 80, 120])
async def test_the_footer_is_not_cut(open_window: "Open", proposed: Proposed, width: int) -> None:
    async with open_window([proposed], size=(width, 24)) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("a")
        await stage.shows("u undo")
        keys = stage.app.window.query_one(Keys)
        await stage.until(lambda: "R again" in stage.text.splitlines()[-1])
        shown = stage.text.splitlines()[-1]
        assert "R again" in shown and "esc stop" in shown and ("^q quit" in shown) is (width > 60)
        assert all(f"{key.display} {key.description}" in shown for key in keys.shown)
        await stage.pilot.click(Keys, offset=(shown.index("r reject"), 0))
        await stage.shows("Why not")
