"""Files are found by letters: in the tree, in the palette, by a key; signs tell what is in change and context."""

from pathlib import Path
from typing import TYPE_CHECKING

from textual import events
from textual.command import CommandPalette

from ossa.assistant.context.parts import Attached, FrontPart, Replaced
from ossa.assistant.events import Adjusted, Compacted, Composed, FrontChanged, Proposed, Spoken, StepFinished
from ossa.assistant.transcript import Transcript
from ossa.model.base import Message, ToolCall, Usage
from ossa.tui.jump import Paths, highlighted
from ossa.tui.sights import in_context

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage


def spread(repository: Path) -> None:
    for name in ("src/one/alpha.py", "src/two/beta.py", "docs/alpha.md"):
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        (repository / name).write_text(name)


def nodes(stage: "Stage") -> list[str]:
    files = stage.app.window.files
    return [line.node.data.path for line in files._tree_lines if line.node.data]


async def test_the_tree_shows_only_what_fits_while_one_types(open_window: "Open", repository: Path) -> None:
    spread(repository)
    async with open_window() as stage:
        files = stage.app.window.files
        await stage.shows("lib •")
        files.focus()
        before = nodes(stage)
        await stage.pilot.press("slash", *"alph")
        await stage.until(lambda: nodes(stage) == ["docs", "docs/alpha.md", "src", "src/one", "src/one/alpha.py"])
        await stage.pilot.press("escape")
        await stage.until(lambda: nodes(stage) == before and files.has_focus)
        await stage.pilot.press("slash", *"beta")
        await stage.until(lambda: nodes(stage) == ["src", "src/two", "src/two/beta.py"])
        await stage.until(lambda: files.cursor_node and str(files.cursor_node.label) == "beta.py")
        await stage.pilot.press("enter")
        await stage.shows("1  src/two/beta.py")
        await stage.until(lambda: set(before) < set(nodes(stage)) and "src/two/beta.py" in nodes(stage))


async def test_a_file_is_gone_to_by_some_of_its_letters_from_anywhere(open_window: "Open", repository: Path) -> None:
    spread(repository)
    async with open_window(size=(80, 24)) as stage:
        await stage.shows("ready")
        await stage.pilot.press("ctrl+f")
        await stage.until(lambda: isinstance(stage.app.screen, CommandPalette))
        await stage.pilot.press(*"twobe")
        await stage.shows("src/two/beta.py")
        await stage.pilot.press("enter")
        await stage.shows("1  src/two/beta.py")
        await stage.send("/open alph.md")
        await stage.shows("1  docs/alpha.md")
        await stage.pilot.press("ctrl+p", *"oneal")
        await stage.shows("src/one/alpha.py")


async def test_files_of_change_and_context_bear_signs(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        window = stage.app.window
        await stage.send("mend it")
        await stage.shows("calc.py ±")
        window.files.context = frozenset({"calc.py", "lib/deep.py"})
        await stage.shows("calc.py ± @")
        await stage.shows("lib • @")
        await stage.review()
        await stage.pilot.press("A")
        await stage.until(lambda: "±" not in stage.text)


async def test_a_long_name_does_not_hide_its_signs(open_window: "Open", repository: Path) -> None:
    (repository / ("long" * 20)).write_text("")
    async with open_window() as stage:
        await stage.shows("… ?")


async def test_a_huge_folder_opens_page_by_page(open_window: "Open", repository: Path) -> None:
    (repository / "many").mkdir()
    for number in range(1_500):
        (repository / f"many/{number:04}").touch()
    async with open_window() as stage:
        files = stage.app.window.files
        await stage.shows("many •")
        files.focus()
        await stage.pilot.press("down", "enter")
        await stage.until(lambda: len(nodes(stage)) > 1_000)
        assert len(nodes(stage)) < 1_020
        (note,) = (line.node for line in files._tree_lines if line.node.data and line.node.data.note)
        assert note.data and note.data.note == "500 more: enter"
        files.move_cursor(note)
        await stage.pilot.press("enter")
        await stage.until(lambda: len(nodes(stage)) > 1_500)


async def test_files_are_listed_anew_only_when_something_changed() -> None:
    asked: list[int] = []

    def files() -> list[str]:
        asked.append(1)
        return ["a/b.py", "c.py"][: len(asked)]

    paths = Paths(files)
    assert [match.path for match in await paths.find("py", 5)] == ["a/b.py"]
    assert not await paths.find("c.py", 5) and len(asked) == 1
    paths.touch()
    (match,) = await paths.find("cpy", 5)
    assert match.path == "c.py" and len(asked) == 2
    assert [(span.start, span.end) for span in highlighted(match).spans] == [(0, 1), (2, 3), (3, 4)]


def test_what_the_model_is_shown_is_in_its_context() -> None:
    front = FrontPart("file:pinned.py", "file", "pinned.py", Message("user", "…"))
    call = ToolCall("repo_browser.open_file", '{"path": "./opened.py"}')
    transcript = Transcript(
        [
            FrontChanged((front,)),
            Composed(Message("user", "see text"), (), 0, 0, (Attached("calc.py", "text", "calc.py"),)),
            Spoken(Message("assistant", calls=(call,)), Usage()),
            StepFinished("1", True, "", result=Message("tool", "1  x", tool="repo_browser.open_file")),
        ]
    )
    assert in_context(transcript) == {"pinned.py", "calc.py", "opened.py"}
    transcript.see(Adjusted("file:pinned.py", "drop"))
    transcript.see(Compacted((Replaced("m0.0", "left out"), Replaced("m2", "summed up", "…"))))
    assert in_context(transcript) == frozenset()


async def test_enter_close_behind_the_letters_takes_what_they_find(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.pilot.press("ctrl+f")
        await stage.shows("lib/deep.py")
        for key in (*"deep", "enter"):
            stage.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await stage.until(lambda: stage.app.window.preview.path == "lib/deep.py", "the file that was meant")
        await stage.pilot.press("ctrl+p")
        for key in (*"/stat", "enter"):
            stage.app.post_message(events.Key("slash" if key == "/" else key, key if len(key) == 1 else None))
        await stage.shows("Status")
