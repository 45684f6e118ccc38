"""An index that is kept fresh: by the watcher's word, over bursts, branches and ossa's own writes."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.tree import Content, Swap
from ossa.assistant.index.freshness import Freshness
from ossa.assistant.index.index import Index
from ossa.assistant.repository import Repository
from ossa.assistant.watch import Watcher
from ossa.tests.waiting import LIMIT, until

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Reader

Git = Callable[..., str]


@pytest.fixture
def fresh(repo: Path) -> Iterator[Freshness]:
    repository = Repository.open(repo)
    made = Freshness(Index.of(repository), repository).start()
    assert made.settle(LIMIT)
    yield made
    made.stop()


@contextmanager
def watched(repo: Path, fresh: Freshness) -> Generator[Watcher]:
    watcher = Watcher(repo, fresh.changed, burst=0.02).start()
    try:
        yield watcher
    finally:
        watcher.stop()


def names(fresh: Freshness, path: str) -> list[str]:
    return [one.name for one in fresh.index.symbols(path)]


def test_it_begins_with_everything(fresh: Freshness) -> None:
    assert fresh.problem == ""
    assert fresh.progress == (7, 7)
    assert names(fresh, "calc.py") == ["add", "sub"]


def test_what_is_written_moved_and_deleted_is_followed(repo: Path, fresh: Freshness) -> None:
    with watched(repo, fresh):
        (repo / "calc.py").write_text("def mul(a, b): ...\n")
        (repo / "new.py").write_text("def fresh(): ...\n")
        (repo / "pkg" / "deep" / "one.py").unlink()
        (repo / "build").mkdir()
        (repo / "build" / "out.py").write_text("def ignored(): ...\n")
        until(lambda: names(fresh, "calc.py") == ["mul"] and names(fresh, "new.py") == ["fresh"])
        (repo / "pkg").rename(repo / "packet")
        until(lambda: fresh.index.named("TWO") and fresh.index.named("TWO")[0].path == "packet/deep/two.py")
    assert fresh.settle(LIMIT)
    assert not fresh.index.named("ONE")
    assert not fresh.index.named("ignored")
    assert not [path for path in fresh.index.paths() if path.startswith("pkg/")]


def test_what_becomes_ignored_goes(repo: Path, fresh: Freshness) -> None:
    (repo / "more.py").write_text("def more(): ...\n")
    fresh.changed(["more.py"])
    assert fresh.settle(LIMIT)
    assert fresh.index.named("more")

    (repo / ".gitignore").write_text("more.py\n")
    fresh.changed([".gitignore"])

    assert fresh.settle(LIMIT)
    assert not fresh.index.named("more")


def test_another_branch_is_followed_by_its_head_alone(repo: Path, fresh: Freshness, git: Git) -> None:
    git("switch", "-q", "-c", "other")
    (repo / "calc.py").write_text("def mul(a, b): ...\n")
    (repo / "only.py").write_text("def only(): ...\n")
    git("rm", "-q", "pkg/deep/one.py")
    git("add", "-A")
    git("commit", "-q", "-m", "other")
    git("switch", "-q", "main")
    fresh.changed([".git/HEAD"])
    assert fresh.settle(LIMIT)

    git("switch", "-q", "other")
    fresh.changed([".git/HEAD"])

    assert fresh.settle(LIMIT)
    assert names(fresh, "calc.py") == ["mul"]
    assert fresh.index.named("only")
    assert not fresh.index.named("ONE")


def test_a_burst_of_many_files(repo: Path, fresh: Freshness) -> None:
    for n in range(1200):
        (repo / f"more{n}.py").write_text(f"def more{n}(): ...\n")

    fresh.changed(f"more{n}.py" for n in range(1200))

    assert fresh.settle(LIMIT)
    assert fresh.index.named("more1199")


def test_own_writes_are_told_once_when_they_are_done(repo: Path, tmp_path: Path, fresh: Freshness) -> None:
    told: list[frozenset[str]] = []
    with watched(repo, fresh) as watcher:
        watcher.listen(told.append)
        checkpoints = Checkpoints(tmp_path / "checkpoints", repo, writing=watcher.writing)
        old = (repo / "calc.py").read_bytes()

        checkpoints.apply(
            [
                Swap("calc.py", Content(old, 0o644), Content(b"def mul(a, b): ...\n", 0o644)),
                Swap("made.py", None, Content(b"def made(): ...\n", 0o644)),
            ]
        )
        until(lambda: names(fresh, "calc.py") == ["mul"] and names(fresh, "made.py") == ["made"])
        checkpoints.undo()
        until(lambda: names(fresh, "calc.py") == ["add", "sub"] and not names(fresh, "made.py"))
        (repo / "end.py").write_text("")
        until(lambda: any("end.py" in burst for burst in told))

    assert [burst for burst in told if "calc.py" in burst] == [frozenset({"calc.py", "made.py"})] * 2


def test_a_folder_without_git(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.py").write_text("def one(): ...\n")
    repository = Repository.plain(tmp_path / "folder")
    fresh = Freshness(Index.of(repository), repository).start()
    assert fresh.settle(LIMIT)

    (tmp_path / "folder" / "a.py").write_text("def two(): ...\n")
    fresh.changed(["a.py"])

    assert fresh.settle(LIMIT)
    assert names(fresh, "a.py") == ["two"]
    fresh.stop()


def test_a_stop_does_not_wait_for_the_rest(repo: Path) -> None:
    for n in range(2000):
        (repo / f"more{n}.py").write_text(f"def more{n}(): ...\n" * 30)
    repository = Repository.open(repo)
    fresh = Freshness(Index.of(repository), repository).start()
    until(lambda: fresh.progress[0])

    fresh.stop()

    assert fresh.progress[0] < fresh.progress[1]
    assert not fresh.settle(0) or fresh.index.paths() == []


async def test_an_accept_and_an_undo_reach_the_finder_also_where_nothing_is_watched(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    patch = desk.patch("*** Update File: calc.py\n-def add(a, b):\n+def plus(a, b):")
    work = desk.open([patch, "Done."], reader(desk.take))
    work.finder.start()
    assert [one.line for one in work.finder.definitions("add")] == [1]

    assert desk.end(await desk.play(work.agent.run("rename it"))) == "applied"
    assert [one.line for one in work.finder.definitions("plus")] == [1]
    assert work.finder.definitions("add") == []

    await desk.play(work.agent.undo())
    assert [one.line for one in work.finder.definitions("add")] == [1]
