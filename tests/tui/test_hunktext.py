"""A hunk's lines as text and back: what is left alone stays to the byte, what is written ends as the file does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.change import FileChange, FileKind, Hunk
from ossa.assistant.text import split
from ossa.tui.hunktext import as_text, edited, refusal, untypable


def hunk(after: str, before: str = "old\n") -> Hunk:
    return Hunk("h", 3, tuple(split(before)), tuple(split(after)), trail=("\n",))


@given(st.text(alphabet="ab\t \r\n\ufeff\x0c"), st.booleans())
def test_what_is_not_edited_comes_back_to_the_byte(text: str, adds_newline: bool) -> None:
    given = hunk(text)
    shown = as_text(given)
    left = shown + "\n" * (adds_newline and bool(shown) and not shown.endswith("\n"))
    assert edited(given, left) == given.after


@pytest.mark.parametrize(
    ("after", "text", "expected"),
    [
        ("a\r\nb\r\n", "a\nB\nc\n", ("a\r\n", "B\r\n", "c\r\n")),
        ("a\r\nb\nc\nd\n", "a\nb\nx\nd\n", ("a\r\n", "b\n", "x\n", "d\n")),
        ("a\nb", "a\nc\n", ("a\n", "c")),
        ("a\nb", "a\nb\nc", ("a\n", "b\n", "c")),
        ("a\n", "b", ("b\n",)),
        ("\ta\n", "\ta\n\tb\n", ("\ta\n", "\tb\n")),
        ("a\n", "", ()),
        ("", "a", ("a\n",)),
        ("a\n", "\n", ("\n",)),
        ("\ufeffa\n", "b\n", ("\ufeffb\n",)),
        ("a\n", "a\r\nb\r\n", ("a\n", "b\n")),
        ("caf\udce9\n", "caf\udce9!\n", ("caf\udce9!\n",)),
    ],
)
def test_an_edited_line_ends_as_the_file_does(after: str, text: str, expected: tuple[str, ...]) -> None:
    assert edited(hunk(after), text) == expected


def test_a_file_without_a_final_newline_keeps_none_where_its_last_lines_were_to_go() -> None:
    assert edited(Hunk("h", 0, ("a\n", "b"), ()), "c\n") == ("c",)


@pytest.mark.parametrize(
    ("kind", "binary", "given", "reason"),
    [
        ("deleted", False, Hunk("h", 0, ("a\n",), ()), "deletes the file"),
        ("modified", True, Hunk("h", 0, (), (), note="binary, 12 kB"), "binary"),
        ("modified", False, Hunk("h", 0, (), (), note="mode 644 → 755"), "mode 644"),
        ("added", False, Hunk("h", 0, (), ("a",), note="symbolic link to a"), "symbolic link"),
        ("modified", False, Hunk("h", 0, ("a\n",), ()), ""),
    ],
)
def test_what_has_no_lines_says_why_it_cannot_be_edited(kind: FileKind, binary: bool, given: Hunk, reason: str) -> None:
    why = refusal(FileChange("a.bin", kind, (given,), binary=binary), given)
    assert reason in why and bool(why) == bool(reason)


def test_what_cannot_be_seen_is_not_edited_in_place() -> None:
    assert "characters that cannot be seen" in untypable(hunk("a\x1b[31m\n"))
    assert "characters that cannot be seen" in untypable(hunk("a\rb\n"))
    assert "70,001 characters" in untypable(hunk("a" * 70_000 + "\n"))
    assert not untypable(hunk("\ufeff\ta\r\n"))
