"""The lines of a hunk: each in its row, alike ones beside each other, what differs marked, coloured when looked at."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ossa.assistant.change import Hunk
from ossa.tui.hunklines import BLOCK, Block, HunkLines
from ossa.tui.pairing import differences, pairs
from ossa.tui.wrapping import breaks, rows

LINES = st.lists(st.text(alphabet="ab =1漢e\u0301", max_size=12), max_size=8)


@given(LINES, LINES)
def test_every_line_has_its_place_in_order(removed: list[str], added: list[str]) -> None:
    found = pairs(removed, added)
    assert [one for one, _ in found if one is not None] == list(range(len(removed)))
    assert [other for _, other in found if other is not None] == list(range(len(added)))


def test_alike_lines_stand_beside_each_other() -> None:
    removed = ["total = 0", "return total / count"]
    added = ["total = 0.0", "if not count:", "    return 0.0", "return total / float(count)"]
    assert pairs(removed, added) == [(0, 0), (None, 1), (None, 2), (1, 3)]


def test_lines_too_many_to_compare_go_by_their_place() -> None:
    assert pairs(["a"] * 100, ["b"] * 101)[98:] == [(98, 98), (99, 99), (None, 100)]


def test_what_differs_is_marked_unless_all_does() -> None:
    assert differences("    return a - b", "    return a + b") == ([(13, 14)], [(13, 14)])
    assert differences("same", "same") == ([], []) == differences("one thing", "quite another")
    assert differences("x" * 10_000 + " a", "x" * 10_000 + " b") == ([], [])


@given(st.text(alphabet="ab漢\u0301😀 ", max_size=60), st.integers(2, 20))
def test_rows_hold_the_whole_line_and_no_more_than_they_can(text: str, room: int) -> None:
    starts = [*breaks(text, room), len(text)]
    parts = [text[start:end] for start, end in pairwise(starts)]
    assert "".join(parts) == text and all(cell_len(part) <= room for part in parts)
    assert rows(text, room) == (len(parts) if cell_len(text) > room else 1)
    assert not any(part.startswith("\u0301") for part in parts[1:])


def test_a_long_line_takes_as_many_rows_on_both_sides() -> None:
    hunk = Hunk("h", 4, ("a = 1\n",), ("a = 1" + "0" * 30 + "\n", "b = 2\n"), ("lead\n",), ("trail\n",))
    lines = HunkLines(hunk, "a.py", lambda block: None)
    assert lines.below(10).height == 1 + 1 + 4 + 1 + 1
    beside = lines.beside(10)
    assert beside.height == 1 + 4 + 1 + 1
    (left, right), part = beside.at(4)
    assert left and right and (left.sign, right.sign, part) == ("-", "+", 3)
    assert lines.part(left, 3, 10) is None and str(lines.part(right, 3, 10)) == "00000"
    (left, right), _ = beside.at(6)
    assert left and right and (left.number, right.number) == (6, 7)


def test_only_blocks_that_are_looked_at_are_coloured() -> None:
    wanted: list[Block] = []
    hunk = Hunk("h", 0, (), tuple(f"x{n} = {n}\n" for n in range(10_000)))
    lines = HunkLines(hunk, "a.py", wanted.append)
    layout = lines.below(80)
    (cell, _), part = layout.at(5_000)
    assert cell and str(lines.part(cell, part, 80)) == "x5000 = 5000" and lines.coloured == 0
    assert wanted == [("new", 5_000 // BLOCK)]
    lines.colour(wanted[0])
    assert lines.coloured == BLOCK and (shown := lines.part(cell, part, 80)) and shown.spans
    assert len(wanted) == 1


def test_what_differs_is_underlined_so_that_it_is_seen_without_colours() -> None:
    lines = HunkLines(Hunk("h", 0, ("a = b - c\n",), ("a = b + c\n",)), "a.txt", lambda block: None)
    for side in ("old", "new"):
        lines.colour((side, 0))
    (cell, _), _ = lines.below(80).at(1)
    assert cell and (shown := lines.part(cell, 0, 80))
    assert [(span.start, span.end) for span in shown.spans if "underline" in str(span.style)] == [(6, 7)]
