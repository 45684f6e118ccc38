"""Names of tests in little room."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from ossa.tui.testname import fitted

NAME = "tests/test_words.py::TestOrdinal::test_ordinal[-113--113th]"


@pytest.mark.parametrize(
    ("room", "seen"),
    [
        (80, NAME),
        (50, "TestOrdinal::test_ordinal[-113--113th]"),
        (30, "test_ordinal[-113--113th]"),
        (16, "test_ord…-113th]"),
        (2, "t…"),
    ],
)
def test_what_tells_tests_apart_stays(room: int, seen: str) -> None:
    assert fitted(NAME, room) == seen


@given(st.text(alphabet="ab:[漢é\u0301 ", max_size=40), st.integers(1, 30))
def test_every_name_fits(name: str, room: int) -> None:
    assert cell_len(fitted(name, room)) <= room
