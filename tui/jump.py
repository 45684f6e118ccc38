"""Files found by some of their letters: for the filter of the tree, for the command palette and "go to file".

repository ─► Paths (listed and laid out in a thread, when they are asked for) ─► matches, the best first
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from ossa.assistant.fuzzy import Match, PathFinder
from ossa.assistant.repository import NotARepository
from ossa.tui.safe import visible

OFFERED = 30
"""Files that the palette offers."""
_BEST = 60.0
"""A score that hardly any path reaches: the palette ranks from 0 to 1."""


class Paths:
    """The files of a repository, as they were when they were last asked for after something changed."""

    def __init__(self, files: Callable[[], Iterable[str]] = tuple[str, ...]) -> None:
        """`files` lists the paths from the root; it blocks, and may raise `NotARepository`."""
        self._files = files
        self._finder: PathFinder | None = None
        self._stale = True
        self._turn = asyncio.Lock()

    def touch(self) -> None:
        """There may be other files now."""
        self._stale = True

    async def find(self, letters: str, limit: int, favoured: Sequence[str] = ()) -> list[Match]:
        """The best of those that have the letters; `favoured` come first among equals."""
        async with self._turn:
            if self._stale:
                self._stale = False
                try:
                    self._finder = await asyncio.to_thread(self._listed)
                except asyncio.CancelledError:  # by the next key
                    self._stale = True
                    raise
            finder = self._finder
            return await asyncio.to_thread(finder.find, letters, limit, favoured) if finder else []

    def _listed(self) -> PathFinder | None:
        try:
            return PathFinder(tuple(self._files()))
        except NotARepository:
            return self._finder


class Ground(Protocol):
    """The screen in which a file is gone to."""

    paths: Paths

    @property
    def favoured(self) -> Sequence[str]: ...
    async def show_file(self, path: str, chosen: bool) -> None: ...


class GoToFile(Provider):
    """Files for the palette."""

    async def discover(self) -> Hits:
        ground = cast("Ground", self.screen)
        for match in await ground.paths.find("", OFFERED, ground.favoured):
            yield DiscoveryHit(highlighted(match), self._go(match.path), text=match.path)

    async def search(self, query: str) -> Hits:
        ground = cast("Ground", self.screen)
        for match in await ground.paths.find(query, OFFERED, ground.favoured):
            score = max(0.01, min(1.0, match.score / _BEST))
            yield Hit(score, highlighted(match), self._go(match.path), text=match.path)

    def _go(self, path: str) -> "Callable[[], object]":
        ground = cast("Ground", self.screen)
        return lambda: self.app.run_worker(ground.show_file(path, chosen=True))


def highlighted(match: Match) -> Content:
    """A path with the letters marked that were typed; underlined, so that it is seen without colours too."""
    name = Content(visible(match.path).replace("\n", "␊"))
    for position in match.positions:
        name = name.stylize("bold underline", position, position + 1)
    return name
