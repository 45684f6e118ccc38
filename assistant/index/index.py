"""The repository's symbols, references and words, in an SQLite file in the cache folder.

files() ─► those whose size or time differs ─► those whose content differs ─► outline, words ─► tables
                                                              symbols(path), named(name), matching(terms) ◄─┘
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ossa.assistant.index.symbols import Symbol


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did."""

    files: int
    """How many files the index has now."""
    changed: int
    removed: int
    seconds: float


class Index:
    """Symbols, references and words of one repository. Any thread may ask while another refreshes."""

    def __init__(self, root: Path, files: Callable[[], Sequence[str]], folder: Path) -> None:
        """`files` lists what counts, from the root with "/"; the database lies in `folder`."""
        self.problem = ""
        """A sentence when the index cannot be kept; empty when all is well."""

    def refresh(self, paths: Iterable[str] | None = None) -> Refreshed:
        """Bring these files, or all, up to date; blocks. What did not change is not read again."""
        raise NotImplementedError

    def paths(self) -> list[str]:
        """The files that count in a ranking, sorted: text that a person wrote."""
        raise NotImplementedError

    def left_out(self) -> Mapping[str, str]:
        """Why a file has no part in a ranking: "binary", "generated", "vendored", "larger than 1 MB"."""
        raise NotImplementedError

    def symbols(self, path: str) -> list[Symbol]:
        """What the file defines, by line."""
        raise NotImplementedError

    def named(self, name: str) -> list[Symbol]:
        """Every definition of exactly this name."""
        raise NotImplementedError

    def definers(self) -> Mapping[str, tuple[str, ...]]:
        """By name, the files that define it."""
        raise NotImplementedError

    def references(self) -> Iterator[tuple[str, str, int]]:
        """Path, name and how often it is used there, of all names that the repository defines."""
        raise NotImplementedError

    def matching(
        self, terms: Iterable[str], *, path: float = 1.0, names: float = 1.0, text: float = 1.0
    ) -> Mapping[str, float]:
        """BM25 of the files that have any of these words, higher is better; the weights are of the three places."""
        raise NotImplementedError

    def close(self) -> None:
        """Stop a running refresh and let go of the database."""
