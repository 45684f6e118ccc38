"""What an "@" may name is offered while it is typed, taken by keys or the mouse, and never in the way."""

import asyncio
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from textual import events
from textual.app import App

from ossa.assistant.finding import Finder
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.repository import NotARepository, Repository
from ossa.tui.targets import Target, Targets, Wanted, wanted
from ossa.tui.widgets.offers import Offers

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage


async def offered(stage: "Stage", text: str) -> list[str]:
    """Type the text; what is then offered, from the top."""
    await stage.pilot.press(*("space" if c == " " else c for c in text))
    offers = stage.app.window.offers
    await stage.until(lambda: offers.opened, f"offers for {text}")
    return [str(option.prompt) for option in offers.options]


async def test_a_file_is_found_by_some_letters_and_taken_by_tab(open_window: "Open") -> None:
    async with open_window() as stage:
        rows = await offered(stage, "see @dp")
        assert rows == ["deep.py  lib/"]
        await stage.shows("tab takes it")
        await stage.pilot.press("tab")
        prompt = stage.app.window.prompt
        assert prompt.text == "see @lib/deep.py" and prompt.has_focus
        await stage.until(lambda: not stage.app.window.offers.opened)
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked == ["see @lib/deep.py"])


async def test_a_key_in_haste_waits_for_what_its_letters_find(open_window: "Open") -> None:
    async with open_window() as stage:
        await offered(stage, "@")
        await stage.pilot.press("d", "e", "e", "p", "enter", "enter")
        await stage.until(lambda: stage.agent.asked == ["@lib/deep.py"])


async def test_arrows_choose_and_do_not_recall_while_it_is_open(open_window: "Open") -> None:
    async with open_window([], []) as stage:
        await stage.send("earlier")
        await stage.until(lambda: stage.agent.asked)
        offers, prompt = stage.app.window.offers, stage.app.window.prompt
        rows = await offered(stage, "@")
        assert len(rows) > 2 and offers.highlighted == 0
        await stage.pilot.press("down", "down", "up")
        assert offers.highlighted == 1 and prompt.text == "@"
        await stage.pilot.press("up", "up")
        assert offers.highlighted == len(rows) - 1
        await stage.pilot.press("escape")
        await stage.until(lambda: not offers.opened)
        await stage.pilot.press("up")
        assert prompt.text == "earlier"


async def test_escape_closes_it_for_this_mention_alone_and_stops_no_turn(open_window: "Open") -> None:
    async with open_window([asyncio.Event()]) as stage:
        offers = stage.app.window.offers
        await stage.send("wait")
        await offered(stage, "@ca")
        await stage.pilot.press("escape", "l")
        assert not offers.opened and stage.app.window.status.state == "working"
        assert await offered(stage, " @new") == ["new.txt"]


async def test_a_recalled_prompt_is_not_completed(open_window: "Open") -> None:
    async with open_window([], [], []) as stage:
        await stage.send("one")
        await stage.send("look at @calc.py")
        await stage.until(lambda: len(stage.agent.asked) == 2)
        prompt = stage.app.window.prompt
        await stage.pilot.press("up", "up")
        assert prompt.text == "one"
        await stage.pilot.press("down", "enter")
        await stage.until(lambda: stage.agent.asked[-1] == "look at @calc.py" and len(stage.agent.asked) == 3)


async def test_a_folder_taken_by_tab_stays_open_and_by_enter_is_meant_itself(open_window: "Open") -> None:
    async with open_window() as stage:
        assert (await offered(stage, "@lib"))[0] == "lib/"
        await stage.pilot.press("tab")
        prompt, offers = stage.app.window.prompt, stage.app.window.offers
        assert prompt.text == "@lib/"
        await stage.until(lambda: offers.opened and offers.current is not None and offers.current.name == "lib/")
        await stage.pilot.press("down", "tab")
        assert prompt.text == "@lib/deep.py"


async def test_the_lines_of_a_definition_are_offered_behind_a_file(open_window: "Open") -> None:
    async with open_window() as stage:
        assert await offered(stage, "@calc.py:") == ["add  function, 1-2", "half  function, 5-6"]
        await stage.pilot.press("h", "tab")
        assert stage.app.window.prompt.text == "@calc.py:5-6"


async def test_a_row_can_be_clicked(open_window: "Open") -> None:
    async with open_window() as stage:
        await offered(stage, "@")
        offers, prompt = stage.app.window.offers, stage.app.window.prompt
        second = offers.targets and str(offers.options[1].prompt)
        await stage.pilot.click(offers, offset=(3, 1))
        await stage.until(lambda: len(prompt.text) > 1)
        assert second and second.startswith(prompt.text[1:].rpartition("/")[2]) and prompt.has_focus


async def test_nothing_is_offered_where_nothing_fits_or_is_meant(open_window: "Open") -> None:
    async with open_window([], [], []) as stage:
        offers = stage.app.window.offers
        await offered(stage, "@")
        await stage.pilot.press(*"zzqx")
        await stage.until(lambda: not offers.opened)
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked == ["@zzqx"])
        await stage.send("!git show @calc")
        await stage.until(lambda: len(stage.agent.asked) == 2)
        await stage.send("mail me@calc.py")
        await stage.until(lambda: len(stage.agent.asked) == 3)
        assert not offers.opened


async def test_new_files_are_offered_soon_and_gone_ones_no_more(open_window: "Open", repository: Path) -> None:
    async with open_window() as stage:
        offers = stage.app.window.offers
        assert await offered(stage, "@new") == ["new.txt"]
        (repository / "newer.txt").write_text("")
        (repository / "new.txt").unlink()
        await stage.until(lambda: offers.targets and offers.targets.stale)
        await stage.pilot.press("backspace", "w")
        await stage.until(lambda: [str(option.prompt) for option in offers.options] == ["newer.txt"])


@pytest.mark.parametrize("size", [(80, 24), (40, 12)])
async def test_it_fits_above_the_prompt_of_a_small_terminal(
    open_window: "Open", repository: Path, size: tuple[int, int]
) -> None:
    for number in range(30):
        (repository / f"{'long' * 20}_{number}.py").touch()
    async with open_window(size=size) as stage:
        await offered(stage, "@longlong")
        window = stage.app.window
        await stage.until(lambda: window.offers.region.height > 1)
        region = window.offers.region
        assert region.bottom == window.activity.region.y and region.y > 0 and region.right <= size[0]
        assert window.prompt.region.height >= 1


async def test_enter_sends_what_is_named_already_and_takes_what_was_chosen(
    open_window: "Open", repository: Path
) -> None:
    (repository / "calc.pyi").touch()
    async with open_window([], [], [], []) as stage:
        prompt, offers = stage.app.window.prompt, stage.app.window.offers
        for typed in ("@calc.py", "@lib", "@calc.py:"):
            await offered(stage, f"see {typed}")
            await stage.pilot.press("enter")
            await stage.until(lambda typed=typed: stage.agent.asked[-1:] == [f"see {typed}"])
            assert not prompt.text and not offers.opened
        rows = await offered(stage, "@calc.py")
        assert sorted(rows) == ["calc.py", "calc.pyi"]
        await stage.pilot.press(*["down"] * (rows.index("calc.pyi") or 2), "enter")
        assert prompt.text == "@calc.pyi" and len(stage.agent.asked) == 3
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked[3:] == ["@calc.pyi"])


def test_what_is_being_typed() -> None:
    assert wanted("a @ca", 5) == Wanted(2, "ca")
    assert wanted("a @ca b", 3) == Wanted(2, "")
    assert wanted("@calc.py:ad", 11) == Wanted(0, "ad", "calc.py")
    assert wanted('@"my file.py":', 14) == Wanted(0, "", "my file.py")
    assert wanted("a@ca", 4) is None is wanted("@ca b", 5)


def test_names_that_cannot_be_typed_are_not_offered_and_odd_ones_are_quoted(tmp_path: Path) -> None:
    targets = Targets(tmp_path, lambda: ["my file.py", "ti\nes.py", "di\udcffes.py", "it's.py"])
    targets.renew()
    assert [t.spelled for t in targets.find(Wanted(0, "es"))] == []
    assert targets.find(Wanted(0, "my"))[0] == Target("my file.py", "file", '@"my file.py"', (0, 1))
    assert targets.find(Wanted(0, "its"))[0].spelled == '@"it\'s.py"'


def test_outputs_and_failures_are_named_by_a_mark() -> None:
    targets = Targets(Path(), lambda: [])
    assert [t.name for t in targets.find(Wanted(0, "!"))] == ["!output", "!failures"]
    assert [t.spelled for t in targets.find(Wanted(0, "!f"))] == ["@!failures"]


def test_a_repository_that_git_cannot_read_keeps_what_was_known(repository: Path) -> None:
    broken = False

    def files() -> list[str]:
        if broken:
            raise NotARepository("git is gone")
        return ["calc.py"]

    targets = Targets(repository, files)
    targets.renew()
    assert not targets.stale
    targets.touch(["calc.py"])
    assert not targets.stale, "a known file that is still there makes no difference"
    targets.touch([".git/HEAD"])
    broken = True
    assert targets.stale
    targets.renew()
    assert [t.name for t in targets.find(Wanted(0, "calc"))] == ["calc.py"] and not targets.stale


class Named:
    """Definitions as an index has them, which can become others."""

    def __init__(self, **names: tuple[str, ...]) -> None:
        self.known, self.count = names, 1

    def generation(self) -> int:
        return self.count

    def names(self) -> list[str]:
        return [*self.known]

    def definers(self, wanted: str, most: int) -> list[str]:
        return [*self.known.get(wanted, ())][:most]

    def symbols(self, path: str) -> list[Symbol]:
        return [
            Symbol(path, name, "method", 1, 2, f"def {name}(self)", parent)
            for parent, name in (("Parser", "feed"), ("Parser", "finish"), ("Parser.Inner", "feed"), ("Other", "feel"))
        ]


def test_definitions_are_offered_behind_files_that_fit_as_well() -> None:
    targets = Targets(Path(), lambda: ["parse.py", "other.py"])
    targets.definitions = Named(parse=("a.py", "b.py"), Parser=("lib/p.py",), unlike=("c.py",))
    assert targets.stale
    targets.renew()
    assert not targets.stale
    found = targets.find(Wanted(0, "parse"))
    assert [(t.spelled, t.note) for t in found] == [
        ("@parse.py", ""),
        ("@parse", "in 2 files"),
        ("@Parser", "in lib/p.py"),
    ]
    assert {t.kind for t in targets.find(Wanted(0, ""))} == {"file"}


def test_what_is_defined_within_a_name_is_offered_behind_a_dot() -> None:
    targets = Targets(Path(), lambda: ["parser.feed.py"])
    targets.definitions = Named(Parser=("lib/p.py",), Inner=("lib/p.py",))
    targets.renew()
    found = targets.find(Wanted(0, "Parser.f"))
    assert [t.spelled for t in found if t.kind == "definition"] == ["@Parser.feed", "@Parser.finish"]
    (feed,) = [t for t in targets.find(Wanted(0, "parser.inner.fe")) if t.kind == "definition"]
    assert (feed.spelled, feed.note) == ("@Parser.Inner.feed", "in lib/p.py")
    assert "".join(feed.name[position] for position in feed.positions) == "Parser.Inner.fe"
    assert len([t for t in targets.find(Wanted(0, "Parser.")) if t.kind == "definition"]) == 2


async def test_a_definition_of_the_index_is_offered_and_follows_the_files(
    open_window: "Open", repository: Path
) -> None:
    finder = Finder(Repository.open(repository))
    async with open_window() as stage:
        offers, index = stage.app.window.offers, finder.start().index
        await stage.until(lambda: offers.targets and offers.targets.definitions)
        assert offers.targets is not None
        await stage.until(lambda: "half" in index.names())
        offers.define(index)
        offers.targets.pause = 0.0
        assert "half  in calc.py" in await offered(stage, "@half")
        (repository / "calc.py").write_text("def quarter(a):\n    return a / 4\n")
        finder.changed(["calc.py"])
        await stage.until(lambda: "quarter" in index.names())
        await stage.pilot.press(*["backspace"] * 4, *"quar")
        await stage.until(lambda: [str(o.prompt) for o in offers.options] == ["quarter  in calc.py"])
        await stage.pilot.press("tab")
        assert stage.app.window.prompt.text == "@quarter"
    finder.close()


def test_definitions_follow_the_file(repository: Path) -> None:
    targets = Targets(repository, lambda: ["calc.py"])
    targets.renew()
    asked = Wanted(0, "", "calc.py")
    assert [t.name for t in targets.find(asked)] == ["add", "half"]
    (repository / "calc.py").write_text("class A:\n    def b(self):\n        pass\n" + "#" * 100)
    assert [(t.name, t.spelled) for t in targets.find(asked)] == [("A", "@calc.py:1-3"), ("A.b", "@calc.py:2-3")]
    assert targets.find(Wanted(0, "1", "calc.py")) == [] == targets.find(Wanted(0, "", "../secret"))
    subprocess.run(["truncate", "-s", "1M", str(repository / "calc.py")], check=True)
    assert targets.find(asked) == []


async def test_commands_are_listed_with_what_they_do_as_they_are_typed(open_window: "Open") -> None:
    async with open_window() as stage:
        rows = await offered(stage, "/")
        assert len(rows) > 20 and "Repair the failing tests" in "\n".join(rows)
        await stage.pilot.press("r", "e")
        offers = stage.app.window.offers
        await stage.until(lambda: str(offers.options[0].prompt).startswith("/re"))
        assert all("re" in str(option.prompt).split()[0] for option in offers.options)
        assert not [row for row in map(str, (o.prompt for o in offers.options)) if row.startswith("/fix")]
        await stage.pilot.press("space")
        await stage.until(lambda: not offers.opened)


async def test_enter_runs_the_command_that_was_chosen_where_nothing_can_follow_it(open_window: "Open") -> None:
    async with open_window([], []) as stage:
        rows = await offered(stage, "/te")
        assert [row.split()[0] for row in rows] == ["/test", "/context"]
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked == ["/test"])
        rows = await offered(stage, "/")
        down = next(number for number, row in enumerate(rows) if row.startswith("/redo "))
        await stage.pilot.press(*["down"] * down, "enter")
        await stage.until(lambda: stage.agent.asked == ["/test", "/redo"])


async def test_the_next_command_is_listed_also_where_it_is_typed_in_the_same_beat(open_window: "Open") -> None:
    async with open_window([]) as stage:
        for key in ("slash", *"undo", "down", "enter", "slash"):
            stage.app.post_message(events.Key(key, "/" if key == "slash" else key if len(key) == 1 else None))
        await stage.until(lambda: stage.agent.asked == ["/undo"])
        await stage.until(lambda: stage.app.window.prompt.text == "/" and stage.app.window.offers.opened)


async def test_enter_only_completes_what_could_be_several_commands(open_window: "Open") -> None:
    async with open_window() as stage:
        rows = await offered(stage, "/re")
        assert rows[0].startswith("/redo") and rows[1].startswith("/re")
        await stage.pilot.press("enter")
        assert stage.app.window.prompt.text == "/redo " and not stage.agent.asked


async def test_enter_leaves_room_for_what_may_follow_a_command_that_was_chosen(open_window: "Open") -> None:
    async with open_window([]) as stage:
        rows = await offered(stage, "/")
        down = next(number for number, row in enumerate(rows) if row.startswith("/fix "))
        await stage.pilot.press(*["down"] * down, "enter")
        prompt = stage.app.window.prompt
        assert prompt.text == "/fix " and not stage.agent.asked
        await stage.until(lambda: not stage.app.window.offers.opened)
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.agent.asked == ["/fix"])


async def test_escape_closes_the_list_of_commands_and_a_text_with_a_slash_has_none(open_window: "Open") -> None:
    async with open_window() as stage:
        await offered(stage, "/")
        offers, prompt = stage.app.window.offers, stage.app.window.prompt
        await stage.pilot.press("escape")
        await stage.until(lambda: not offers.opened)
        await stage.pilot.press("f")
        assert not offers.opened and prompt.text == "/f"
        prompt.clear()
        await stage.pilot.press("s", "e", "e", "space", "/", "t")
        assert not offers.opened


async def test_a_list_of_commands_that_was_closed_stays_so_as_files_become_known(tmp_path: Path) -> None:
    async with App[None]().run_test() as pilot:
        offers = Offers()
        await pilot.app.mount(offers)
        offers.follow("/f", 2)
        assert offers.opened
        offers.leave()
        offers.attach(Targets(tmp_path, list), list)
        await pilot.app.workers.wait_for_complete()
        assert not offers.opened
