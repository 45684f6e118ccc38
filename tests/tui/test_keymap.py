"""The user's keys: in force everywhere, and named by them in footer, help and hints; what cannot be had is said."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual.widgets import OptionList

from ossa.assistant.events import Answering, Proposed
from ossa.tui.keymap import Keymap, keymap
from ossa.tui.widgets.keys import Keys

if TYPE_CHECKING:
    from tests.tui.conftest import Open


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        ({"review": "f9", "help": "?"}, {"window.review": "f9", "window.help": "question_mark"}),
        ({"accept": "r", "reject": "a"}, {"change.accept": "r", "change.reject": "a"}),
        ({"submit": "y", "accept": "enter, Y"}, {"change.submit": "y", "change.accept": "enter,Y"}),
        ({"status": "Alt+s,F8", "leave": "esc"}, {"window.status": "alt+s,f8", "editor.leave": "escape"}),
        ({"send": "alt+enter", "newline": "enter"}, {"prompt.send": "alt+enter", "prompt.newline": "enter"}),
        ({"complete": "f4, tab", "close_page": "x"}, {"prompt.complete": "f4,tab", "page.close_page": "x"}),
        ({"status": "ctrl++", "change.edit": "x"}, {"window.status": "ctrl+plus", "change.edit": "x"}),
    ],
)
def test_keys_are_taken_as_a_person_writes_them(wanted: dict[str, str], ids: dict[str, str]) -> None:
    assert (keymap(wanted).ids, keymap(wanted).problems) == (ids, ())


@pytest.mark.parametrize(
    ("wanted", "problem"),
    [
        ({"frobnicate": "x"}, "there is no command “frobnicate”"),
        ({"\x1b[2J": "x"}, r"there is no command “\x1b[2J”"),
        ({"status": "frob"}, "“status”: no key is called “frob”"),
        ({"status": "hyperctrl+x"}, "“status”: no key is called “hyperctrl+x”"),
        ({"status": " ,"}, "“status” needs a key"),
        ({"status": "ctrl+i"}, "most terminals send tab for ctrl+i"),
        ({"status": "ctrl+p"}, "ctrl+p searches the commands"),
        ({"review": "ctrl+k"}, "ctrl+k is for typing in the prompt"),
        ({"send": "y"}, "“send”: y is typed as it is here"),
        ({"newline": "space"}, "space is typed as it is here"),
        ({"editor": "alt+e,?"}, "question_mark is typed as it is here"),
        ({"earlier": "shift+A"}, "shift+A is typed as it is here"),
        ({"send": "backspace"}, "backspace is for typing in the prompt"),
        ({"newline": "enter"}, "enter is for “send”, so “newline” has its usual keys"),
        ({"send": "ctrl+r"}, "ctrl+r is for “review”, so “send” has its usual keys"),
        ({"review": "ctrl+j"}, "ctrl+j is for “newline”, so “review” has its usual keys"),
        ({"leave_field": "q"}, "“leave_field”: q is typed as it is here"),
        ({"leave_field": "enter"}, "enter is for typing in a line"),
        ({"close_list": "r"}, "r is for “rename_it”, so “close_list” has its usual keys"),
        ({"attach": "f9"}, "“attach” always has its usual keys"),
        ({"edit": "f9"}, "“edit” may be “window.edit” or “change.edit”; in quotes, say which."),
        ({"choose": "f9"}, "“choose” always has its usual keys"),
        ({"accept": "r"}, "r is for “reject”, so “accept” has its usual keys"),
        ({"accept": "ctrl+r"}, "ctrl+r is for “review”, so “accept” has its usual keys"),
        ({"review": "["}, "[ is for “previous_repair”, so “review” has its usual keys"),
    ],
)
def test_what_cannot_be_had_is_said_and_leaves_the_usual_keys(wanted: dict[str, str], problem: str) -> None:
    keys = keymap(wanted)
    assert keys.ids == {} and keys.commands == Keymap().commands
    assert len(keys.problems) == 1 and problem in keys.problems[0]
    assert keys.problems[0].startswith("[keys] in config.toml: ")


def test_of_several_that_want_one_key_the_first_has_it() -> None:
    keys = keymap({"accept": "x", "reject": "x", "change.edit": "r"})
    assert keys.ids == {"change.accept": "x"}
    assert len(keys.problems) == 2 and "r is for “reject”, so “edit”" in keys.problems[1]


def test_no_key_means_two_things_whatever_is_wished() -> None:
    wanted = {command.id: "x,r" for command in Keymap().commands}
    scopes: dict[str, list[str]] = {}
    for command in keymap(wanted).commands:
        if command.keys and not command.counts:
            scopes.setdefault(command.scope, []).extend(command.keys.split(","))
    assert all(len(keys) == len(set(keys)) for keys in scopes.values())


async def test_the_users_keys_are_in_force_and_named(open_window: "Open", proposed: Proposed, tmp_path: Path) -> None:
    lines = ["[keys]", 'review = "f9"', 'accept = "y"', 'reject = "a"', 'status = "alt+s"', 'help = "?"', 'nope = "x"']
    (tmp_path / "config.toml").write_text("\n".join(lines))
    async with open_window([proposed], size=(110, 60), config_folder=tmp_path) as stage:
        await stage.shows("there is no command “nope”")
        assert stage.app.window.keys.key("review") == "f9"
        await stage.send("mend it?")
        await stage.review()
        keys = stage.app.window.query_one(Keys)
        await stage.until(lambda: "y accept" in stage.text and "a reject" in stage.text)
        await stage.pilot.press("y")
        await stage.until(lambda: stage.app.window.change.undecided == 2)
        await stage.pilot.press("f9")
        await stage.until(lambda: stage.app.window.prompt.has_focus)
        await stage.pilot.press(*"why", "question_mark")
        assert stage.app.window.prompt.text == "why?"
        await stage.pilot.press("alt+s")
        await stage.shows("The last answer")
        await stage.pilot.press("escape", "f9")
        await stage.until(lambda: stage.app.window.change.has_focus and keys.shown)
        await stage.pilot.press("question_mark")
        await stage.shows("/status         alt+s")
        assert "/review         f9" in stage.text and "/cancel         esc" in stage.text


async def test_hints_name_the_users_keys(open_window: "Open", proposed: Proposed, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\nreview = "f9"\ncancel = "alt+x"\n')
    async with open_window([asyncio.Event()], [proposed], config_folder=tmp_path) as stage:
        await stage.send("wait")
        await stage.shows("alt+x stops")
        await stage.pilot.press("alt+x")
        await stage.until(lambda: not stage.app.player.playing)
        await stage.send("mend it")
        await stage.shows("A change waits for your review: f9")


async def test_the_prompts_own_keys_are_the_users(open_window: "Open", tmp_path: Path) -> None:
    lines = ["[keys]", 'send = "alt+enter"', 'newline = "enter"', 'complete = "f4"', 'earlier = "f5"', 'later = "f8"']
    (tmp_path / "config.toml").write_text("\n".join([*lines, 'withdraw = "f9"']))
    async with open_window([], [], config_folder=tmp_path, size=(110, 90)) as stage:
        prompt = stage.app.window.prompt
        await stage.shows("alt+enter  ask for a change")
        await stage.pilot.press(*"one", "enter", *"two")
        assert prompt.text == "one\ntwo" and not stage.agent.asked
        await stage.pilot.press("alt+enter")
        await stage.until(lambda: stage.agent.asked == ["one\ntwo"])
        await stage.pilot.press("up")
        assert not prompt.text, "the arrow only moves the cursor now"
        await stage.pilot.press("f5")
        assert prompt.text == "one\ntwo"
        await stage.pilot.press("f8", *"/stat", "f4")
        assert prompt.text == "/status "
        prompt.text = ""
        await stage.until(lambda: not stage.app.player.playing)
        stage.app.action_edit()
        await stage.shows("alt+enter asks it anew · f9 leaves")
        await stage.pilot.press("escape")
        assert prompt.rewriting
        await stage.pilot.press("f9")
        assert not prompt.rewriting and not prompt.text


async def test_pages_close_by_the_users_keys(open_window: "Open", tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\nclose_page = "x"\nhelp = "f9"\nsend = "f10"\n')
    async with open_window(config_folder=tmp_path, size=(110, 150)) as stage:
        for closing in ("x", "f9"):
            await stage.pilot.press("f9")
            await stage.shows("X closes this page")
            assert "close           x" in stage.text and "send            f10" in stage.text
            await stage.pilot.press("escape", closing)
            await stage.until(lambda: stage.app.screen is stage.app.window)


async def test_lists_close_by_the_users_keys_and_their_footer_names_them(open_window: "Open", tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[keys]\nclose_list = "c"\nnext_row = "w"\nprevious_row = "v"\n')
    code = "```python\none = 1\n```\n\n```python\ntwo = 2\n```\n"
    async with open_window([Answering(code)], config_folder=tmp_path) as stage:
        await stage.send("two blocks")
        await stage.until(lambda: stage.agent.asked and not stage.app.player.playing)
        await stage.pilot.press("f2")
        await stage.shows("c close")
        blocks = stage.app.screen.query_one(OptionList)
        await stage.pilot.press("v")
        assert blocks.highlighted == 0
        await stage.pilot.press("w")
        assert blocks.highlighted == 1
        await stage.pilot.press("c")
        await stage.until(lambda: stage.app.screen is stage.app.window)


async def test_what_asks_has_the_users_keys(open_window: "Open", proposed: Proposed, tmp_path: Path) -> None:
    lines = ["[keys]", 'permit_once = "p"', 'permit_always = "y"', 'refuse = "f9"', 'leave_field = "f8"']
    (tmp_path / "config.toml").write_text("\n".join(lines))
    async with open_window([proposed], config_folder=tmp_path) as stage:
        for key, answer in (("p", "once"), ("f9", "no"), ("y", "always")):
            asked = asyncio.ensure_future(stage.agent.reviewer.permit("ls", "Nothing confines it.", "ls"))
            await stage.shows("p run it once")
            await stage.until(lambda: stage.app.screen.check_action("refuse", ()))
            await stage.pilot.press("n", "a", "escape")
            assert not asked.done()
            await stage.pilot.press(key)
            assert await asked == answer
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r")
        await stage.shows("f8")
        await stage.pilot.press(*"why", "f8")
        await stage.until(lambda: stage.app.window.change.undecided == 2 and not stage.app.window.change.typing)
        assert stage.app.window.change.hunks[0].reason == ""
