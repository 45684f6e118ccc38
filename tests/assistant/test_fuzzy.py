"""Completion of paths finds what is meant, says where it matches, and keeps up with typing."""

import random
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.fuzzy import PathFinder
from ossa.tests.waiting import steps

WORDS = (
    "core",
    "util",
    "parser",
    "model",
    "view",
    "index",
    "test",
    "data",
    "handler",
    "token",
    "cache",
    "query",
    "page",
)


def best(paths: list[str], letters: str) -> str:
    return PathFinder(paths).find(letters)[0].path


def test_names_come_before_folders_and_beginnings_before_middles() -> None:
    assert best(["models/a.py", "a/models.py"], "models") == "a/models.py"
    assert best(["a/remodel.py", "z/model.py"], "model") == "z/model.py"
    assert best(["assistant/agent.py", "assistant/arguments.py"], "agent") == "assistant/agent.py"
    assert best(["tests/assistant/test_index.py", "assistant/index/index.py"], "asindin") == "assistant/index/index.py"
    assert best(["src/UserCache.java", "src/unused_acacia.java"], "uc") == "src/UserCache.java"


def test_the_places_that_match_are_told() -> None:
    (match,) = PathFinder(["render/parser_render.py"]).find("Parser")
    assert match.positions == (7, 8, 9, 10, 11, 12)
    (match,) = PathFinder(["a/token_cache.py"]).find("tc")
    assert match.positions == (2, 8)


def test_without_letters_and_without_paths() -> None:
    finder = PathFinder(["a.py", "b.py", "c.py"])
    assert [m.path for m in finder.find("", 2, favoured=["c.py", "gone.py"])] == ["c.py", "a.py"]
    assert finder.find("x") == [] and PathFinder([]).find("a") == [] and PathFinder([]).find("") == []


def test_what_is_open_comes_first_among_what_fits_as_well() -> None:
    finder = PathFinder(["a/views.py", "b/views.py", "c/views.py"])
    assert finder.find("views", favoured=["c/views.py"])[0].path == "c/views.py"


def test_names_of_any_kind_are_found() -> None:
    odd = ["straße/İstanbul.txt", "bad\udcff.py", "with blank.py", "日本/語.md"]
    finder = PathFinder(odd)
    assert [finder.find(letters)[0].path for letters in ("istan", "BAD", "with blank", "語")] == odd


@given(st.lists(st.text("abc/_.", min_size=1, max_size=12), unique=True, max_size=30), st.text("abcA_", max_size=5))
def test_exactly_the_paths_that_have_the_letters_in_order_are_found(paths: list[str], letters: str) -> None:
    def has(path: str) -> bool:
        rest = iter(path.lower())
        return all(letter in rest for letter in letters.lower())

    found = PathFinder(paths).find(letters, limit=60)
    assert {match.path for match in found} == {path for path in paths if has(path)}
    for match in found:
        assert "".join(match.path[p].lower() for p in match.positions) in ("", letters.lower())
        assert list(match.positions) == sorted(set(match.positions))


def test_no_key_has_python_look_at_every_path() -> None:
    chance = random.Random(1)
    folders = ["/".join(chance.choices(WORDS, k=chance.randint(1, 6))) for _ in range(5_000)]

    def work(size: int) -> int:
        finder = PathFinder([f"{chance.choice(folders)}/{chance.choice(WORDS)}_{number}.py" for number in range(size)])
        words = [word[:end] for word in ("parser_1", "tokcac", "core/test") for end in range(1, len(word) + 1)]
        assert all(finder.find(word) for word in words)
        return max(steps(partial(finder.find, word)) for word in words)

    # The arrays are numpy's; what is looked at closely is as many as ever.
    assert work(50_000) < 2 * work(5_000)
