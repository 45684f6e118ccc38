"""What a prompt names is found as it was meant, and what is completed is found again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.mentions import Mention, mentions, spelled, unfinished, with_folders


@pytest.mark.parametrize(
    ("prompt", "found"),
    [
        ("see @calc.py, please", [("calc.py", 0, 0)]),
        ("@calc.py:3", [("calc.py", 3, 3)]),
        ("(no) @a/b.py:10-40.", [("a/b.py", 10, 40)]),
        ("@a.py:40-10", [("a.py", 40, 40)]),
        ("@\"my file.py\":2-3 and @'it is.md'", [("my file.py", 2, 3), ("it is.md", 0, 0)]),
        ("is it @Parser.feed?", [("Parser.feed", 0, 0)]),
        ("all of @docs/", [("docs/", 0, 0)]),
        ("@!output, @!failures.", [("!output", 0, 0), ("!failures", 0, 0)]),
        ("mail ada@example.org or @ nobody", []),
        ("@.", []),
    ],
)
def test_mentions_are_found(prompt: str, found: list[tuple[str, int, int]]) -> None:
    assert [(m.target, m.first, m.last) for m in mentions(prompt)] == found


def test_a_mention_knows_its_place() -> None:
    prompt = 'see @a.py, and @"b c":4!'
    assert [prompt[m.start : m.end] for m in mentions(prompt)] == ["@a.py", '@"b c":4']


@given(st.text("ab /.:'é-_\udcff", min_size=1, max_size=10).filter(lambda t: t.strip() and "\n" not in t))
def test_what_is_spelled_is_found_again(path: str) -> None:
    (found,) = mentions(f"see {spelled(path)}: well")
    assert found == Mention(4, 4 + len(spelled(path)), path)


def test_what_is_being_typed_is_found_at_the_cursor() -> None:
    for text, letters in (("see @ca", "ca"), ("@", ""), ('x @"my f', "my f")):
        found = unfinished(text, len(text))
        assert found and found.letters == letters and text[found.start] == "@"
    assert unfinished("see @calc.py now", 9) and not unfinished("see @calc.py now", 16)
    assert not unfinished("a@b", 3) and not unfinished('@"a" ', 5)


def test_folders_can_be_completed_too() -> None:
    assert with_folders(["a/b/c.py", "a/d.py", "e.py"]) == ["a/b/c.py", "a/d.py", "e.py", "a/", "a/b/"]
