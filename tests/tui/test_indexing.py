"""How far a long reading of the repository is, is seen; what goes wrong with the index is told once."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from ossa.assistant.index.freshness import Freshness
from ossa.assistant.index.index import Index
from ossa.assistant.repository import NotARepository, Repository
from ossa.tests.waiting import LIMIT
from ossa.tui.indexing import Indexing

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Unread


async def test_the_window_shows_how_far_it_is_and_what_is_wrong(open_window: "Open") -> None:
    async with open_window() as stage:
        await stage.until(lambda: stage.app.player.bench)
        assert stage.app.player.bench
        finder = cast("Unread", stage.app.player.bench.finder)
        finder.progress = 300, 1_000
        await stage.shows("reading 1,000 files, 30%")
        assert "ready" in stage.text
        finder.progress = 1_000, 1_000
        await stage.until(lambda: "reading" not in stage.text)
        finder.problem = "The index is kept in memory only [disk full]."
        await stage.shows("The index is kept in memory only")
        await stage.shows("[disk full]")


def test_a_problem_is_told_once_and_again_when_it_comes_again(repository: Path) -> None:
    listed, told, shown = [""], list[str](), set[str]()

    def files() -> list[str]:
        if listed[0]:
            raise NotARepository(listed[0])
        return []

    fresh = Freshness(Index(repository, files, repository / "cache"), Repository.open(repository)).start()
    try:
        watch = Indexing(fresh, shown.add, told.append)
        for trouble in ("", "No git.", "No git.", "", "No git."):
            listed[0] = trouble
            fresh.changed([".git/index"])
            assert fresh.settle(LIMIT)
            watch.look()
            watch.look()
        assert told == ["No git."] * 2 and shown == {""}
    finally:
        fresh.stop()
