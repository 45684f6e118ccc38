"""The file tree and the preview show the working tree as it is, live."""

import threading
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant.repository import Repository
from ossa.tests.waiting import LIMIT
from ossa.tui.listing import SHOWN, Entry, list_folder
from ossa.tui.pages import read_page
from ossa.tui.screens.workspace import DiskChanged, Noticed

if TYPE_CHECKING:
    from tests.tui.conftest import Open


async def test_marks_are_shown_and_ignored_files_are_not(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.shows("new.txt ?")
        assert "lib •" in stage.text
        assert "build" not in stage.text
        stage.app.window.files.focus()
        await stage.pilot.press("i")
        await stage.shows("build")
        await stage.pilot.press("i")
        await stage.until(lambda: "build" not in stage.text)


async def test_a_folder_opens_and_a_file_is_read(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.shows("lib •")
        stage.app.window.files.focus()
        await stage.pilot.press("enter")
        await stage.shows("deep.py M")
        await stage.pilot.press("down")
        await stage.shows("1  x = 2")
        await stage.pilot.press("enter")
        await stage.until(lambda: stage.app.window.preview.lines.has_focus)
        await stage.send("what is this?")
        await stage.until(lambda: stage.agent.asked)
        assert stage.agent.viewing == "lib/deep.py"


async def test_names_are_seen_however_deep_they_lie(open_window: "Open", repository: Path) -> None:
    deepest = repository.joinpath(*(f"level{number}" for number in range(40)))
    deepest.mkdir(parents=True)
    (deepest / "end.py").write_text("")
    async with open_window() as stage:
        await stage.shows("level0")
        stage.app.window.files.focus()
        await stage.pilot.press("slash", *"end.py")
        await stage.shows("    end.py")
        await stage.shows("level39")
        await stage.pilot.press("escape", "home")
        await stage.shows(" ▸ level0")


async def test_what_changes_on_disk_changes_on_the_screen(open_window: "Open", repository: Path) -> None:
    async with open_window() as stage:
        await stage.shows("calc.py")
        stage.app.window.files.focus()
        await stage.pilot.press("down", "down", "enter")
        await stage.shows("return a - b")
        (repository / "calc.py").write_text("changed = True\n")
        await stage.shows("1  changed = True")
        await stage.shows("calc.py M")
        (repository / "born.py").write_text("")
        await stage.shows("born.py ?")
        (repository / "born.py").unlink()
        (repository / "calc.py").unlink()
        await stage.until(lambda: "born.py" not in stage.text)
        await stage.shows("calc.py D")


async def test_that_changes_are_noticed_late_is_said(open_window: "Open") -> None:
    async with open_window() as stage:
        stage.app.window.post_message(Noticed("Changes to files are noticed only every 5 s."))
        await stage.shows("Changes to files are noticed only")


def test_a_huge_folder_is_cut_with_a_note(tmp_path: Path) -> None:
    for number in range(SHOWN + 5):
        (tmp_path / f"{number:05}").touch()
    asked: list[int] = []

    def ignored(paths: Collection[str]) -> Iterable[str]:
        asked.append(len(paths))
        return [path for path in paths if path < "00010"]

    entries = list_folder(tmp_path, "", ignored)
    assert [entry.path for entry in entries] == [f"{number:05}" for number in range(10, SHOWN + 5)]
    assert asked == [SHOWN, 5]
    entries = list_folder(tmp_path, "", lambda paths: [])
    assert len(entries) == SHOWN + 1
    assert entries[-1] == Entry("", note="5 more: enter")


def test_a_folder_is_hidden_that_ignores_all_it_holds(repository: Path) -> None:
    for name, ignores, other in (
        ("cache", "*\n", "v"),
        ("some", "*.o\n", "v"),
        ("kept", "*\n!v\n", "v"),
        ("sub", "*\n", ".git"),
    ):
        (repository / name).mkdir()
        (repository / name / ".gitignore").write_text(ignores)
        (repository / name / other).touch()
    shown = {entry.path for entry in list_folder(repository, "", Repository.open(repository).ignored)}
    assert {"cache", "build"}.isdisjoint(shown) and {"some", "kept", "sub", "lib"} <= shown


def test_what_cannot_be_previewed_says_why(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "binary").write_bytes(b"\0\1\2")
    (root / "empty").touch()
    notes = {name: read_page(root, name).note for name in ("link", "binary", "empty", "gone")}
    assert notes == {
        "link": "A link that leads out of the repository; it is not followed.",
        "binary": "A binary file of 3 bytes.",
        "empty": "An empty file.",
        "gone": "There is no such file any more.",
    }


def test_a_preview_shows_what_a_terminal_would_obey(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_bytes(
        b"a\x1b[31mred\n\xff\xfe caf\xe9\n" + "漢字 e\u0301 \u202eevil\n".encode() + b"y" * 100_000
    )
    lines = [str(line) for line in read_page(tmp_path, "odd.txt").lines]
    assert lines[:3] == ["a␛[31mred", "�� caf�", "漢字 e\u0301 �evil"]
    assert lines[3].endswith("… 98,000 more characters")


async def test_a_huge_file_opens_at_its_start_and_says_so(open_window: "Open", repository: Path) -> None:
    (repository / "huge.txt").write_text("line\n" * 1_000_000)
    async with open_window() as stage:
        await stage.app.window.show_file("huge.txt", chosen=True)
        await stage.shows("1  line")
        assert stage.app.window.preview.page.note == "The first 4,194,304 of 5,000,000 bytes."


class Busy:
    """A real repository that takes until `go` for its status, and counts how many ask at once."""

    def __init__(self, root: Path) -> None:
        self._repository = Repository.open(root)
        self.go = threading.Event()
        self.asked = self.now = self.most = 0

    def status(self) -> Mapping[str, str]:
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        self.go.wait(LIMIT)
        self.now -= 1
        return self._repository.status()

    def ignored(self, paths: Collection[str], /) -> Iterable[str]:
        return self._repository.ignored(paths)


async def test_a_storm_of_changes_is_followed_one_look_at_a_time(open_window: "Open", repository: Path) -> None:
    busy = Busy(repository)
    async with open_window() as stage:
        files = stage.app.window.files
        await stage.shows("new.txt ?")
        files._repository = busy
        try:
            for number in range(20):
                stage.app.window.post_message(DiskChanged(frozenset({f"{number}.txt"})))
                await stage.pilot.pause(0.01)
            await stage.until(lambda: busy.asked)
            (repository / "last.txt").write_text("")
            stage.app.window.post_message(DiskChanged(frozenset({"last.txt"})))
            await stage.pilot.pause(0.01)
        finally:
            busy.go.set()
        await stage.shows("last.txt ?")
        assert busy.most == 1 and busy.asked <= 3
