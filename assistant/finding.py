"""Finds by itself what in the repository matters to a prompt: the map, files worth a look, definitions by name.

    prompt ─► Finder ─► the index, kept fresh beside ─► ranking ─► repo_map() · hints() · definitions()

The index begins with the first question, or with `start`. Where it is not ready in time, there is no map and no hint.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from ossa.assistant.context.parts import About
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.repository import NotARepository, Repository

if TYPE_CHECKING:
    from ossa.assistant.index.freshness import Freshness
    from ossa.assistant.index.ranking import Ranked, Ranker

_FEWEST = 12
"""Files of a repository of which a list says as much as a map."""
_WAIT = 5.0
"""Seconds that a prompt waits for the index, once; a cold one of a large repository goes on beside."""
_RANKED = 200
"""Files that a map is made of, at most."""
_HINTS, _NAMES, _WORDS = 5, 3, 2
"""Files that are hinted at, names that are told of each, and words that a prompt has that says anything."""
_REMEMBERED = 8
"""Rankings that are kept: the same prompt is shown in the ledger first and sent then."""


class Finder:
    """Looks in one repository; any thread may ask."""

    def __init__(self, repository: Repository) -> None:
        """Nothing is read yet."""
        self._repository = repository
        self._lock = threading.Lock()
        self._fresh: Freshness | None = None
        self._ranker: Ranker | None = None
        self._ranked: OrderedDict[tuple[int, About], list[Ranked]] = OrderedDict()
        self._patience = _WAIT
        self._closed = False

    @property
    def problem(self) -> str:
        """A sentence when the index is not kept; empty when all is well."""
        return self._fresh.problem if self._fresh else ""

    def start(self) -> "Freshness":
        """Begin to read the repository, in a thread; again and again has no effect."""
        with self._lock:
            if self._fresh is None:
                from ossa.assistant.index.freshness import Freshness
                from ossa.assistant.index.index import Index

                self._fresh = Freshness(Index.of(self._repository), self._repository)
                if not self._closed:
                    self._fresh.start()
            return self._fresh

    def changed(self, paths: Iterable[str]) -> None:
        """These files have changed on disk, as the watcher tells."""
        if self._fresh:
            self._fresh.changed(paths)

    def repo_map(self, about: About, tokens: int, count: Callable[[str], int]) -> str:
        """The map of at most so many tokens, by what the prompt is about; empty for a handful of files."""
        from ossa.assistant.index.repomap import repo_map

        ranked = self._rank(about)
        return repo_map(self.start().index, ranked, tokens, count) if ranked else ""

    def hints(self, about: About) -> str:
        """Files that may matter to the prompt, with the names in them that fit it; empty where it says too little."""
        from ossa.assistant.index.clues import read

        clues = read(about.prompt)
        if len(clues.terms) < _WORDS and not (clues.files or clues.names):
            return ""
        lines: list[str] = []
        for ranked in self._rank(about)[: _HINTS + len(about.mentioned)]:
            if ranked.path not in about.mentioned:
                names = ", ".join(f"{symbol.name}:{symbol.line}" for symbol in ranked.symbols[:_NAMES])
                lines.append(f"- {ranked.path}" + (f" ({names})" if names else ""))
        return "\n".join(["Files that may matter, found by words and references:", *lines[:_HINTS]]) if lines else ""

    def definitions(self, name: str) -> Sequence[Symbol]:
        """Every definition of exactly this name, where the index is ready in time."""
        fresh = self.start()
        return fresh.index.named(name) if self._is_ready() else ()

    def close(self) -> None:
        """Stop reading."""
        with self._lock:
            self._closed = True
            fresh = self._fresh
        if fresh:
            fresh.stop()

    def _is_ready(self) -> bool:
        """Whether all that is known to have changed is in the index; only the first prompt waits for it long."""
        ready = self.start().settle(self._patience)
        self._patience = _WAIT if ready else 0.0
        return ready

    def _rank(self, about: About) -> "list[Ranked]":
        """The files by what the prompt is about; none where there are few, or the index is not ready in time."""
        try:
            changed = tuple(self._repository.status())
            if (self._fresh is None and len(self._repository.files()) < _FEWEST) or not self._is_ready():
                return []
        except NotARepository:
            return []
        from ossa.assistant.index.features import Around
        from ossa.assistant.index.ranking import Ranker
        from ossa.assistant.index.recency import Log

        index = self.start().index
        with self._lock:
            if len(index.paths()) < _FEWEST:
                return []
            key = (index.generation(), about)
            if key not in self._ranked:
                self._ranker = self._ranker or Ranker(index, Log(self._repository))
                viewing = (about.viewing,) if about.viewing else ()
                around = Around(mentioned=about.mentioned, open=viewing, changed=changed)
                self._ranked[key] = self._ranker.rank(about.prompt, around, _RANKED)
                if len(self._ranked) > _REMEMBERED:
                    self._ranked.popitem(last=False)
            return self._ranked[key]
