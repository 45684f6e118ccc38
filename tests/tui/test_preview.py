"""A file in the preview is searched, gone through and followed, whatever is in it."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import Answering, StepFinished, StepStarted
from ossa.tui.pages import FOUND, Page, Place, decoded, read_page

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage


def test_a_text_is_found_without_regard_to_case_unless_it_has_capitals() -> None:
    page = Page(["one Two", "", "[two] two"])
    assert page.find("two") == [Place(0, 4, 7), Place(2, 1, 4), Place(2, 6, 9)]
    assert page.find("Two") == [Place(0, 4, 7)] and page.find("") == [] == page.find("three")
    assert len(Page(["a" * 100] * 1_000).find("a")) == FOUND


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        ("caf\u00e9".encode(), "caf\u00e9", ""),
        ("caf\u00e9 \u6f22".encode()[:-1], "caf\u00e9 \udce6\udcbc", ""),
        ("m\u00fcde".encode("cp1252"), "m\u00fcde", "Windows-1252"),
        ("\ufeffh\u00e9".encode(), "h\u00e9", ""),
        ("h\u00e9".encode("utf-16"), "h\u00e9", "UTF-16"),
        ("hello world".encode("utf-16-be"), "hello world", "UTF-16"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None, ""),
    ],
)
def test_other_encodings_are_shown_as_well_as_they_can_be(data: bytes, text: str | None, note: str) -> None:
    shown, said = decoded(data)
    assert shown == text and note in said and bool(note) == bool(said)


def test_of_a_huge_file_no_more_than_its_start_is_read(tmp_path: Path) -> None:
    with (tmp_path / "huge").open("wb") as file:
        file.write(b"line\n")
        file.truncate(200_000_000)
        file.seek(10)
        file.write(b"x")
    assert read_page(tmp_path, "huge").note == "A binary file of 200,000,000 bytes."


def write(repository: Path) -> None:
    lines = [f"line {n}" for n in range(1, 501)]
    lines[99] = "needle " + "w" * 300 + " needle \u6f22\u5b57 [bold]"
    lines[399] = "a Needle"
    (repository / "hay.txt").write_text("\n".join([*lines, "x" * 100_000]))


async def opened(stage: "Stage") -> None:
    await stage.app.window.show_file("hay.txt", chosen=True)
    await stage.until(lambda: stage.app.window.preview.lines.has_focus)


async def test_search_is_incremental_and_goes_on_and_back(open_window: "Open", repository: Path) -> None:
    write(repository)
    async with open_window(size=(120, 30)) as stage:
        await opened(stage)
        await stage.pilot.press("slash", *"needle")
        await stage.shows("1 of 3")
        assert "needle www" in stage.text
        await stage.pilot.press("enter", "n")
        await stage.shows("“needle” 2 of 3")
        await stage.shows("needle 漢字 [bold]")
        await stage.pilot.press("n", "n", "N")
        await stage.shows("“needle” 3 of 3")
        await stage.shows("400  a Needle")
        await stage.pilot.press("slash", *"nowhere")
        await stage.shows("not found")
        await stage.pilot.press("escape")
        await stage.until(lambda: "nowhere" not in stage.text)
        assert stage.app.window.preview.lines.has_focus and "a Needle" in stage.text


async def test_a_line_is_gone_to_as_its_number_is_typed(open_window: "Open", repository: Path) -> None:
    write(repository)
    async with open_window(size=(80, 24)) as stage:
        await opened(stage)
        await stage.pilot.press("colon", *"250")
        await stage.shows("250▸ line 250")
        await stage.pilot.press("enter", "colon", *"9999")
        await stage.shows("1 to 501")
        await stage.shows("501▸ xxx")
        await stage.pilot.press("escape")
        await stage.shows("line 250")


async def test_what_the_assistant_reads_is_followed_until_the_person_moves(
    open_window: "Open", repository: Path
) -> None:
    write(repository)
    read = StepStarted("1", "open hay.txt:300", '{"path": "hay.txt", "line_start": 300}'), StepFinished("1", True, "")
    other = StepStarted("2", "open calc.py", '{"path": "calc.py"}'), StepFinished("2", True, "")
    scripts = [*read, Answering("First.")], [*other, Answering("Then.")], [*other, Answering("Last.")]
    async with open_window(*scripts, size=(120, 30)) as stage:
        await stage.send("look")
        await stage.shows("300▸ line 300")
        await stage.shows("◉ follows")
        preview = stage.app.window.preview
        preview.focus()
        await stage.pilot.press("down")
        await stage.until(lambda: "◉ follows" not in stage.text)
        await stage.send("and then")
        await stage.shows("Then.")
        assert preview.path == "hay.txt"
        preview.focus()
        await stage.pilot.press("f")
        await stage.send("at last")
        await stage.until(lambda: preview.path == "calc.py")


def test_what_is_no_path_or_leads_in_a_circle_is_said(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for path in ("loop", "a\0b", "a\ud800b"):
        assert read_page(tmp_path, path).note
