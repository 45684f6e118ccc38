"""The map of a repository: ranked heads, as many as fit, in an order that changes least."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.index.outlines import outline
from ossa.assistant.index.ranking import Ranked
from ossa.assistant.index.repomap import approximate_tokens, repo_map
from ossa.assistant.index.symbols import Symbol

BANK = """
LIMIT = 3
class Account:
    def __init__(self): ...
    def pay(self, amount: int) -> None:
        def inner(): ...
    def _check(self): ...
    class Note:
        def text(self) -> str: ...
def opened(name): ...
def _key(): ...
"""
FILES = {"bank.py": BANK, "app/main.py": "def main(argv): ...\n", "notes.txt": "pay\n"}


class Outlined:
    """What an index would say of these texts."""

    def __init__(self, files: dict[str, str]) -> None:
        self._files = files

    def symbols(self, path: str) -> Sequence[Symbol]:
        return outline(path, self._files[path]).symbols


def ranking(*paths: str, fitting: str = "") -> list[Ranked]:
    index = Outlined(FILES)
    return [
        Ranked(path, 1.0, (), tuple(symbol for symbol in index.symbols(path) if symbol.name == fitting))
        for path in paths
    ]


def lines(text: str) -> int:
    """A token a line: easy to count by."""
    return text.count("\n")


def test_everything_is_shown_where_there_is_room() -> None:
    text = repo_map(Outlined(FILES), ranking("bank.py", "notes.txt", "app/main.py"), 100, lines)
    assert text == (
        "app/main.py\n"
        "  def main(argv)\n"
        "bank.py\n"
        "  class Account\n"
        "    def pay(self, amount: int) -> None\n"
        "    def _check(self)\n"
        "    class Note\n"
        "      def text(self) -> str\n"
        "  def opened(name)\n"
        "  def _key()\n"
        "notes.txt\n"
    )


def test_what_ranks_first_gets_most_of_the_room() -> None:
    small = repo_map(Outlined(FILES), ranking("bank.py", "app/main.py"), 4, lines)
    assert small == "bank.py\n  class Account\n    class Note\n  def opened(name)\n"
    other = repo_map(Outlined(FILES), ranking("app/main.py", "bank.py"), 4, lines)
    assert other == "app/main.py\n  def main(argv)\nbank.py\n  class Account\n"


def test_what_fits_the_prompt_comes_before_its_neighbours_and_with_its_class() -> None:
    text = repo_map(Outlined(FILES), ranking("bank.py", fitting="text"), 4, lines)
    assert text == "bank.py\n  class Account\n    class Note\n      def text(self) -> str\n"
    assert "LIMIT = 3" in repo_map(Outlined(FILES), ranking("bank.py", fitting="LIMIT"), 2, lines)


@pytest.mark.parametrize("budget", [0, -5])
def test_nothing_fits_into_nothing(budget: int) -> None:
    assert repo_map(Outlined(FILES), ranking("bank.py"), budget, lines) == ""


@given(budget=st.integers(0, 120), order=st.permutations(list(FILES)))
def test_a_map_never_has_more_tokens_than_asked_for(budget: int, order: list[str]) -> None:
    text = repo_map(Outlined(FILES), ranking(*order), budget, approximate_tokens)
    assert approximate_tokens(text) <= budget
    assert text == repo_map(Outlined(FILES), ranking(*order), budget, approximate_tokens)
    whole = repo_map(Outlined(FILES), ranking(*order), 10_000, approximate_tokens).splitlines()
    assert [line for line in whole if line in text.splitlines()] == text.splitlines(), "what stays keeps its place"


def test_long_heads_are_cut() -> None:
    files = {"a.py": f"def f({', '.join(f'argument_{n}' for n in range(30))}): ...\n"}
    text = repo_map(Outlined(files), [Ranked("a.py", 1.0, ())], 1000, lines)
    assert max(map(len, text.splitlines())) <= 122 and text.endswith("…\n")


def test_without_a_model_tokens_are_counted_by_bytes() -> None:
    assert [approximate_tokens(text) for text in ("", "abc", "abcd", "ä\udc80")] == [0, 1, 2, 1]


def test_a_map_is_of_plain_files_too(tmp_path: Path) -> None:
    assert repo_map(Outlined({"x": ""}), [Ranked("x", 1.0, ())], 5, lines) == "x\n"
