"""What an "@" in a prompt can name, for completing it: files, folders, parts of a file, news; and a "/" at its start.

    files, names in the index ─► Targets.renew()   "@cal" ─► Targets.find() ─► Target…, the best first
    DiskChanged ─► Targets.touch() ─► stale?       "@calc.py:ad" ─► the definitions in that file, as its lines

Blocking, all but `touch`, `stale` and `has`: call `find` in one thread, and `renew` in the same or another.
"""

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import merge
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from ossa.assistant.fuzzy import Match, PathFinder
from ossa.assistant.index.outlines import outline
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.mentions import FAILURES, OUTPUT, PUNCTUATION, spelled, unfinished, with_folders
from ossa.assistant.repository import NotARepository
from ossa.tui.commands import slash_commands

Kind: TypeAlias = Literal["file", "folder", "definition", "lines", "news", "command"]

MOST = 20
"""Targets that are offered for some letters."""
_READ = 400_000
"""Bytes of a file above which no definitions are offered: reading them takes too long beside somebody who types."""
_TOUCHED = 100
"""Changed files above which the list is read anew without looking at each."""
_HANDICAP = 3.0
"""By how much better than a file a definition has to fit to come before it."""
_COUNTED = 100
"""Files that define a name are told by their number below this."""
_FILES = 12
"""Files that are looked into for what is defined within a name."""
_LINES = re.compile(r"""(?<!\S)@(?:"(?P<double>[^"\n]+)"|'(?P<single>[^'\n]+)'|(?P<plain>[^\s:"']+)):(?P<part>\w*)$""")
_COMMAND = re.compile(r"/(?P<letters>[a-z-]*)")
_NEWS = {OUTPUT: "what your last !command printed", FAILURES: "what failed when the tests last ran"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is being typed behind an "@"."""

    start: int
    """Where the "@" stands."""
    letters: str
    """Some of those of a path or a command; or of a definition, where a file is named already."""
    path: str = ""
    """That file."""
    is_command: bool = False
    """Whether it is behind a "/"."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing that the "@" may name."""

    name: str
    """As it is shown: a path, a folder with "/" at its end, a definition."""
    kind: Kind
    spelled: str
    """As it stands in the prompt, with the "@"; a command with a blank behind it."""
    positions: tuple[int, ...] = ()
    """Where in the name the letters are, from 0."""
    note: str = ""
    """A few words on it."""


def wanted(text: str, cursor: int) -> Wanted | None:
    """What is being typed where the cursor stands; None where that is nothing to complete."""
    if match := _COMMAND.fullmatch(text):
        return Wanted(0, match["letters"], is_command=True) if cursor == len(text) else None
    if typed := unfinished(text, cursor):
        return Wanted(typed.start, typed.letters)
    if match := _LINES.search(text[:cursor]):
        return Wanted(match.start(), match["part"], match["double"] or match["single"] or match["plain"])
    return None


def commands(letters: str) -> list[Target]:
    """Those whose names begin with the letters, then those that have them elsewhere."""
    found = [(command.name.find(letters), command) for command in slash_commands() if letters in command.name]
    found.sort(key=lambda one: one[0] > 0)
    return [
        Target(
            command.usage,
            "command",
            f"/{command.name} ",
            tuple(range(at + 1, at + 1 + len(letters))),
            command.help,
        )
        for at, command in found
    ]


class Definitions(Protocol):
    """What is asked of the index."""

    def generation(self) -> int: ...
    def names(self) -> Sequence[str]: ...
    def definers(self, wanted: str, most: int) -> Sequence[str]: ...
    def symbols(self, path: str) -> Sequence[Symbol]: ...


class Targets:
    """Those of one repository, as its files are now."""

    def __init__(self, root: Path, files: Callable[[], Sequence[str]]) -> None:
        """`files` lists the paths from the root; it may raise `NotARepository`."""
        self._root, self._files = root, files
        self.definitions: Definitions | None = None
        """The index, once there is one."""
        self._paths, self._names = PathFinder(()), PathFinder(())
        self._defined: Mapping[str, Sequence[str]] = {}
        """The names of the index by what they are in small letters."""
        self._known: frozenset[str] = frozenset()
        self._folders: frozenset[str] = frozenset()
        self.pause = 5.0
        """Seconds for which names stay as they were read, while the index is at work."""
        self._generation, self._named = 0, 0.0
        """Which state of the index the names are of, and when they were read."""
        self._other_files = self._other_names = True
        self._outlined: tuple[str, float, tuple[Symbol, ...]] = "", 0.0, ()

    @property
    def stale(self) -> bool:
        """Whether there are other files or names now than were when they were read."""
        return self._other_files or (self._other_names and self.definitions is not None)

    def touch(self, paths: Iterable[str]) -> None:
        """These paths have changed on disk; one that was known and still is there makes no difference."""
        if not self._other_files:
            touched = list(paths)
            self._other_files = len(touched) > _TOUCHED or any(self._is_other(path) for path in touched)

    def renew(self) -> None:
        """Read what is stale; where git cannot tell the files, they stay as they are."""
        if self._other_names and self.definitions is not None:
            self._other_names = False
            self._generation, self._named = self.definitions.generation(), time.monotonic()
            names = [name for name in self.definitions.names() if name.isprintable()]
            defined: dict[str, list[str]] = {}
            for name in names:
                defined.setdefault(name.lower(), []).append(name)
            self._defined, self._names = defined, PathFinder(names)
        if not self._other_files:
            return
        self._other_files = False
        try:
            # A name that cannot be written on one line cannot be typed in a prompt either.
            paths = [path for path in self._files() if path.isprintable()]
        except NotARepository:
            return
        if self._known != (known := frozenset(paths)):
            every = with_folders(paths)
            self._known, self._folders, self._paths = known, frozenset(every[len(paths) :]), PathFinder(every)

    def has(self, wanted: Wanted) -> bool:
        """Whether what was typed names something as it stands, whatever else it is the beginning of."""
        if wanted.path:
            return not wanted.letters
        name = wanted.letters.rstrip(PUNCTUATION)
        known = self._known, self._folders, self._defined.get(name.lower(), ()), _NEWS
        return any(text in names for text in (wanted.letters, name, f"{name}/") if text for names in known)

    def find(self, wanted: Wanted, favoured: Sequence[str] = ()) -> list[Target]:
        """The best for what was typed; `favoured` paths come before others that fit as well."""
        if wanted.path:
            return self._parts(wanted)
        if wanted.letters.startswith("!"):
            return [
                Target(name, "news", f"@{name}", (), note) for name, note in _NEWS.items() if wanted.letters in name
            ]
        paths = self._paths.find(wanted.letters, MOST, favoured)
        names = self._names.find(wanted.letters, MOST) if wanted.letters else []
        self._look_at_index()
        targets = [(_HANDICAP - match.score, partial(self._definition, match)) for match in names]
        inner = [(_HANDICAP - score, partial(_same, target)) for score, target in self._inner(wanted.letters)]
        files = [(-match.score, partial(_path, match)) for match in paths]
        merged = merge(files, targets, inner, key=itemgetter(0))
        return [target() for _, target in islice(merged, MOST)]

    def _inner(self, letters: str) -> list[tuple[float, Target]]:
        """What is defined within something that is named: "Parser.fe" may be "Parser.feed"."""
        outer, dot, rest = letters.rpartition(".")
        last = outer.rpartition(".")[2].lower()
        if not dot or not last or self.definitions is None:
            return []
        index = self.definitions
        defining = (path for name in self._defined.get(last, ()) for path in index.definers(name, _FILES))
        members: dict[str, Symbol] = {}
        for path in islice(dict.fromkeys(defining), _FILES):
            for symbol in self.definitions.symbols(path):
                if _is_within(symbol, outer.lower()):
                    members.setdefault(symbol.name, symbol)
        start = len(outer) + 1
        found = PathFinder(tuple(members)).find(rest, MOST)
        return [(match.score + start, _member(members[match.path], match, start)) for match in found]

    def _look_at_index(self) -> None:
        """See whether it has other names by now; not all the time while it reads the whole repository."""
        if self.definitions is not None and time.monotonic() - self._named > self.pause:
            self._other_names = self._generation != self.definitions.generation()

    def _definition(self, match: Match) -> Target:
        paths = self.definitions.definers(match.path, _COUNTED) if self.definitions else []
        many = f"in {len(paths)} files" if len(paths) < _COUNTED else "in many files"
        note = f"in {paths[0]}" if len(paths) == 1 else many
        return Target(match.path, "definition", spelled(match.path), match.positions, note)

    def _is_other(self, path: str) -> bool:
        """Whether it is new, or gone."""
        return path not in self._known or not (self._root / path).exists()

    def _parts(self, wanted: Wanted) -> list[Target]:
        """Definitions of the named file, in their order; none where a line is typed."""
        if wanted.letters[:1].isdigit() or wanted.path not in self._known:
            return []
        symbols = {_full(symbol): symbol for symbol in reversed(self._symbols(wanted.path))}
        found = PathFinder(tuple(reversed(symbols))).find(wanted.letters, MOST)
        return [_lines(wanted.path, symbols[match.path], match.positions) for match in found]

    def _symbols(self, path: str) -> tuple[Symbol, ...]:
        """What the file defines now; nothing where it is too large or cannot be read."""
        try:
            status = (self._root / path).stat()
            if status.st_size > _READ:
                return ()
            if self._outlined[:2] != (path, status.st_mtime):
                text = (self._root / path).read_text("utf-8", "replace")
                self._outlined = path, status.st_mtime, outline(path, text).symbols
        except OSError:
            return ()
        return self._outlined[2]


def _same(target: Target) -> Target:
    return target


def _path(match: Match) -> Target:
    kind: Kind = "folder" if match.path.endswith("/") else "file"
    return Target(match.path, kind, spelled(match.path), match.positions)


def _is_within(symbol: Symbol, outer: str) -> bool:
    """Whether it is defined in what has this name, or a dotted name that ends so; in small letters."""
    parent = symbol.parent.lower()
    return parent == outer or parent.endswith(f".{outer}")


def _member(symbol: Symbol, match: Match, start: int) -> Target:
    """What is defined within a name of so many letters, dot included."""
    name = f"{symbol.parent[1 - start :]}.{symbol.name}"
    positions = (*range(start), *(position + start for position in match.positions))
    return Target(name, "definition", spelled(name), positions, f"in {symbol.path}")


def _full(symbol: Symbol) -> str:
    return f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name


def _lines(path: str, symbol: Symbol, positions: tuple[int, ...]) -> Target:
    """The lines of a definition."""
    lines = f"{symbol.line}-{symbol.end}" if symbol.end > symbol.line else str(symbol.line)
    return Target(_full(symbol), "lines", f"{spelled(path)}:{lines}", positions, f"{symbol.kind}, {lines}")
