"""The repository's symbols, references and words, in an SQLite file in the cache folder.

files() ─► those whose size or time differs ─► those whose content differs ─► outline, words ─► tables
                                                              symbols(path), named(name), matching(terms) ◄─┘
"""

import json
import os
import stat
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant.index.languages import versions
from ossa.assistant.index.readers import Asked, read_all
from ossa.assistant.index.reading import Entry
from ossa.assistant.index.store import Known, Lost, Store, key, name
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.paths import cache_dir, repository_key

if TYPE_CHECKING:
    from ossa.assistant.repository import Repository

_SLICE_FILES, _SLICE_SECONDS = 200, 0.5
"""What is read is written this often, so that others see it and a cancelling loses little."""
_SYMBOLS = (
    "SELECT path, name, kind, line, end, signature, parent FROM symbols JOIN files ON files.id = symbols.file WHERE "
)
_DEFINED = "SELECT files.id, name FROM symbols JOIN files ON files.id = symbols.file WHERE reason = ''"
_USES = "SELECT id, path, uses FROM files WHERE reason = ''"
_DEFINERS = "SELECT path FROM files WHERE id IN (SELECT DISTINCT file FROM symbols WHERE name = ? LIMIT ?)"
_MATCHING = (
    "SELECT files.path, -bm25(words, ?, ?, ?) FROM words JOIN files ON files.id = words.rowid WHERE words MATCH ?"
)
_MAKERS = ("languages", "lexed", "outlines", "parsed", "reading", "terms", "walk")
"""The modules on which the tables' content depends."""
_HITS = 60_000
"""Occurrences that one question looks at, the rarest words' first: a quarter of a second at most."""

Progress = Callable[[int, int], None]
"""Called with how many files were read, of how many."""


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did."""

    files: int
    """How many files the index knows now, those without a part in a ranking too."""
    changed: int
    """How many had another content, new ones too."""
    removed: int
    seconds: float
    complete: bool = True
    """False where it was stopped before its end; the next goes on from there."""


class Index:
    """Symbols, references and words of one repository. Any thread may ask while another refreshes."""

    def __init__(self, root: Path, files: Callable[[], Sequence[str]], folder: Path) -> None:
        """`files` lists what counts, from the root with "/"; the database lies in `folder`."""
        self._root, self._files = root, files
        self._store = Store(folder, (*versions(), *_sources()))
        self._refreshing = threading.Lock()
        self._stopped = threading.Event()

    @classmethod
    def of(cls, repository: "Repository") -> "Index":
        """The repository's index in the cache folder; it still has to be refreshed."""
        return cls(repository.root, repository.files, cache_dir() / repository_key(repository.root))

    @property
    def problem(self) -> str:
        """A sentence when the index cannot be kept; empty when all is well."""
        return self._store.problem

    def generation(self) -> int:
        """A number that rises with every change of the content, by any process: what to key caches with."""
        return sum(count for (count,) in self._store.rows("SELECT generation FROM state"))

    def refresh(self, paths: Iterable[str] | None = None, progress: Progress = lambda done, of: None) -> Refreshed:
        """Bring these files, or all, up to date; blocks. What did not change is not read again.

        A path that is a folder, or is gone, stands for all below it; one that is ignored should not be among them.

        Raises:
            NotARepository: the files cannot be listed.
        """
        begun = time.monotonic()
        asked = None if paths is None else list(paths)
        with self._refreshing:
            try:
                changed, removed = self._refresh(asked, progress)
            except Lost:
                # What was known is gone with the file, or does not lie in memory yet.
                changed, removed = self._again(progress)
            files = sum(count for (count,) in self._store.rows("SELECT count(*) FROM files"))
            return Refreshed(files, changed, removed, time.monotonic() - begun, not self._stopped.is_set())

    def paths(self) -> list[str]:
        """The files that count in a ranking, sorted: text that a person wrote."""
        return sorted(name(path) for (path,) in self._store.rows("SELECT path FROM files WHERE reason = ''"))

    def left_out(self) -> Mapping[str, str]:
        """By path, why it has no part in a ranking: "binary", "generated", "vendored", "too large" and so on."""
        rows = self._store.rows("SELECT path, reason FROM files WHERE reason != '' ORDER BY path")
        return {name(path): reason for path, reason in rows}

    def symbols(self, path: str) -> list[Symbol]:
        """What the file defines, by line."""
        return self._symbols("path = ? ORDER BY symbols.rowid", key(path))

    def named(self, wanted: str) -> list[Symbol]:
        """Every definition of exactly this name, by path."""
        return self._symbols("name = ? ORDER BY path, line", wanted)

    def names(self) -> list[str]:
        """Every name that is defined, sorted."""
        return [defined for (defined,) in self._store.rows("SELECT DISTINCT name FROM symbols ORDER BY name")]

    def definers(self, wanted: str, most: int) -> list[str]:
        """Files that define exactly this name, sorted; at most so many."""
        return sorted(name(path) for (path,) in self._store.rows(_DEFINERS, wanted, most))

    def digests(self) -> Mapping[str, str]:
        """By path, the digest of the content of the files that count in a ranking."""
        rows = self._store.rows("SELECT path, digest FROM files WHERE reason = ''")
        return {name(path): digest for path, digest in rows}

    def facts(self, paths: Iterable[str] | None = None) -> Iterator[tuple[str, Sequence[str], Mapping[str, int]]]:
        """Of these files that count, or of all: the path, the names that it defines, and how often it uses others."""
        conditions = [("", ())] if paths is None else [(" AND path = ?", (key(path),)) for path in paths]
        for condition, values in conditions:
            defined: dict[int, dict[str, None]] = {}
            for file, one in self._store.rows(_DEFINED + condition, *values):
                defined.setdefault(file, {})[one] = None
            for file, path, uses in self._store.rows(_USES + condition, *values):
                yield name(path), tuple(defined.get(file, ())), json.loads(uses) if uses else {}

    def matching(
        self, terms: Iterable[str], *, path: float = 1.0, names: float = 1.0, text: float = 1.0
    ) -> Mapping[str, float]:
        """BM25 of the files that have any of these words, higher is better; the weights are of the three places.

        The words are as `terms.words` gives them; one that is said twice counts twice.
        """
        if not self._store.searches:
            return {}
        asked = self._telling(Counter(term for term in terms if term and "\0" not in term))
        if not asked:
            return {}
        # In quotes nothing has a meaning of its own but the quotes themselves.
        phrases = " OR ".join('"' + term.replace('"', '""') + '"' for term in asked.elements())
        rows = self._store.rows(_MATCHING, path, names, text, phrases)
        return {name(place): score for place, score in rows}

    def stop(self) -> None:
        """End a running refresh soon, and any later one at once."""
        self._stopped.set()

    def close(self) -> None:
        """Stop a running refresh and let go of the database."""
        self.stop()
        with self._refreshing:
            self._store.close()

    def _again(self, progress: Progress) -> tuple[int, int]:
        try:
            return self._refresh(None, progress)
        except Lost:
            return 0, 0

    def _refresh(self, asked: list[str] | None, progress: Progress) -> tuple[int, int]:
        """How many files were changed and removed."""
        listed = self._files() if asked is None else self._below(asked)
        known = self._store.known(None if asked is None else listed)
        removed = sorted(known.keys() - set(listed)) if asked is None else []
        self._store.write([Entry(path, gone=True) for path in removed])
        differing = list(self._differing(listed, known))
        changed = 0
        batch: list[Entry] = []
        due = time.monotonic() + _SLICE_SECONDS
        with closing(read_all(self._root, differing, self._stopped.is_set)) as entries:
            for done, entry in enumerate(entries, 1):
                if entry.gone and entry.path in known:
                    removed.append(entry.path)
                changed += not entry.same and not entry.gone
                batch.append(entry)
                if len(batch) >= _SLICE_FILES or time.monotonic() > due:
                    self._store.write(batch)
                    batch, due = [], time.monotonic() + _SLICE_SECONDS
                    progress(done, len(differing))
        self._store.write(batch)
        if not self._stopped.is_set():
            progress(len(differing), len(differing))
        return changed, len(removed)

    def _below(self, asked: Iterable[str]) -> list[str]:
        """The paths, and where there is no such file, those that were known below them."""
        gone = [path for path in asked if not os.path.isfile(f"{self._root}/{path}")]  # noqa: PTH113
        return sorted({*asked, *(below for path in gone for below in self._store.below(path))})

    def _differing(self, listed: Iterable[str], known: Mapping[str, Known]) -> Iterator[Asked]:
        """Those whose size or time is another than was known, with the digest that was."""
        for path in listed:
            if self._stopped.is_set():
                return
            old = known.get(path)
            try:
                told = os.lstat(f"{self._root}/{path}")
            except OSError:
                told = None
            now = (told.st_size, told.st_mtime_ns) if told and stat.S_ISREG(told.st_mode) else None
            if now != (old and (old.size, old.mtime)):
                yield path, old.digest if old else ""

    def _symbols(self, condition: str, value: object) -> list[Symbol]:
        return [Symbol(name(path), *rest) for path, *rest in self._store.rows(_SYMBOLS + condition, value)]

    def _telling(self, terms: Counter[str]) -> Counter[str]:
        """Those of the words that tell files apart: the rarest, until they are in enough files."""
        total = sum(count for (count,) in self._store.rows("SELECT count(*) FROM files WHERE reason = ''"))
        query = "SELECT doc FROM vocabulary WHERE term = ?"
        found = {term: count for term in terms for (count,) in self._store.rows(query, term)}
        kept: Counter[str] = Counter()
        hits = 0
        for term, count in sorted(found.items(), key=lambda one: one[1]):
            hits += count
            # BM25 gives nothing for what is in half of the files.
            if kept and (hits > _HITS or 2 * count > total):
                break
            kept[term] = terms[term]
        return kept


def _sources() -> Iterator[str]:
    """The text of the modules that make the tables' content: others make other content."""
    here = Path(__file__).parent
    for module in _MAKERS:
        yield (here / f"{module}.py").read_text("utf-8")
