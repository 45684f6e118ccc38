"""Of a long output, what matters is kept, and what is left out is said."""

import re

from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.trim import essence

TRACE = """Traceback (most recent call last):
  File "a.py", line 3, in f
    g()
  File "b.py", line 9, in g
    raise ValueError("x")
ValueError: x"""
SUMMARY = """=== short test summary info ===
FAILED tests/test_a.py::test_1 - ValueError: x
=== 1 failed, 3000 passed in 3.2s ==="""
NOISE = [f"compiling item {n} …………………… ok" for n in range(4_000)]


def test_tracebacks_summaries_and_the_end_are_kept_in_their_order() -> None:
    warnings = [f"DeprecationWarning: old thing {n}" for n in range(2_000)]
    whole = "\n".join([*NOISE, TRACE, *NOISE, *warnings, SUMMARY, *NOISE[:500], "make: *** [all] Error 1"])
    kept = essence(whole, 12_000)
    assert len(kept) < 12_500
    assert kept.index(TRACE) < kept.index(SUMMARY) < kept.index("make: ***")
    assert kept.startswith(NOISE[0]) and kept.endswith(NOISE[499] + "\nmake: *** [all] Error 1")
    assert kept.count("old thing") < 20, "what is said again and again is said enough"
    (left,) = re.findall(r"([\d,]+) characters left out in all", kept)
    assert int(left.replace(",", "")) > len(whole) - 12_500


def test_what_is_left_out_is_told_where_it_was() -> None:
    kept = essence("\n".join([*NOISE, "a.c:3: error: no", *NOISE]), 2_000).splitlines()
    gaps = [int(gap.replace(",", "")) for line in kept for gap in re.findall(r"\[… ([\d,]+) lines", line)]
    assert len(kept) - len(gaps) + sum(gaps) == 2 * len(NOISE) + 1


def test_one_long_line_does_not_take_all_the_room() -> None:
    kept = essence("\n".join([*NOISE, "error: " + "x" * 50_000, "FAILED a", *NOISE]), 3_000)
    assert "error: xxx" in kept and "FAILED a" in kept and len(kept) < 3_200


@given(st.lists(st.sampled_from(["error", "", "ok " * 30, "FAILED x", "E  1 == 2", "y" * 900, "\x1b[31m", "a\rb"])))
def test_any_text_comes_out_about_as_short_as_wanted(lines: list[str]) -> None:
    whole = "\n".join(lines)
    assert len(essence(whole, 500)) < 800
    assert essence(whole, 100_000) == whole
