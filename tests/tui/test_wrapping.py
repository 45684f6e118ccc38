"""Names that are longer than their column are parted where they have a seam."""

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ossa.assistant.events import Notice, TurnFinished, TurnStarted
from ossa.tui.wrapping import breaks, seams

if TYPE_CHECKING:
    from tests.tui.conftest import Open

TEST = "tests/test_book.py::TestBook::test_purposes_are_summed"


def parted(text: str, room: int) -> list[str]:
    ends = [*seams(text, room), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def test_a_long_name_is_parted_at_its_seams() -> None:
    assert parted(f"{TEST} fails", 40) == ["tests/test_book.py::TestBook::", "test_purposes_are_summed fails"]
    assert parted("short words stay as they are", 5) == ["short words stay as they are"]
    assert parted("x" * 12, 5) == ["xxxxx", "xxxxx", "xx"]


def test_a_line_of_code_goes_on_behind_a_blank_that_is_near() -> None:
    assert breaks("total = first + second", 18) == [0, 16]
    assert breaks("total = 漢字 + second", 18) == [0, 13]
    assert breaks("a = second_and_third()", 18) == [0, 18]


@given(st.text(alphabet="ab/:_.漢e\u0301 ", max_size=60), st.integers(2, 12))
def test_every_part_of_a_word_fits(text: str, room: int) -> None:
    rows = parted(text, room)
    assert "".join(rows) == text
    assert all(cell_len(word) <= room for row in rows for word in row.split())


async def test_notices_part_names_at_their_seams_at_any_width(open_window: "Open") -> None:
    told = [TurnStarted("go"), Notice(f"{TEST} fails: TypeError"), TurnFinished("answered")]
    async with open_window(history=told, size=(120, 40)) as stage:
        await stage.shows("TestBook:: ")
        await stage.shows("test_purposes_are_summed fails")
        await stage.pilot.resize_terminal(220, 60)
        await stage.shows(f"{TEST} fails")
        stage.app.notify(f"{TEST} is not known any more.", markup=False)
        await stage.shows("known any more.")
        assert TEST in stage.text
        await stage.pilot.resize_terminal(80, 40)
        stage.app.notify(f"{TEST} is not here.", markup=False)
        await stage.shows("test_purposes_are_summed is")


async def test_what_was_found_is_told_whole_in_a_narrow_column(open_window: "Open") -> None:
    async with open_window(size=(120, 40)) as stage:
        stage.app.window.welcome.tests = "pytest with /opt/environments/of/mine/bin/python3"
        await stage.shows("        /opt/environments/of/mine/bin/")
        await stage.shows("        python3 ")
