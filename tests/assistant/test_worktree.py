"""What only a copy does: it follows the working tree, has a git of its own, and says what it does not keep off."""

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Draft
from ossa.assistant.drafts.copied import CopyDraft
from ossa.assistant.drafts.sandbox import probe
from ossa.assistant.repository import Repository
from ossa.tests.waiting import until


@pytest.fixture(params=["confined", "bare"])
def draft(request: pytest.FixtureRequest, repo: Path, tmp_path: Path) -> Iterator[Draft]:
    sandbox = probe(tmp_path / "probe") if request.param == "confined" else None
    draft = CopyDraft(Repository.open(repo), tmp_path / "draft", sandbox, "it was asked for")
    yield draft
    draft.close()


@pytest.fixture
def bare(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    draft = CopyDraft(Repository.open(repo), tmp_path / "draft", None, "user namespaces are off")
    yield draft
    draft.close()


async def sh(draft: Draft, line: str, timeout: float = 150.0, *, scratch: bool = False) -> str:
    return (await draft.run(Command(["sh", "-c", line], timeout=timeout), scratch=scratch)).output


def test_it_says_what_is_missing(bare: Draft, repo: Path) -> None:
    assert not bare.isolation.confined
    for words in ("NOT confined", "user namespaces are off", "write anywhere", "network", "secrets"):
        assert words in bare.isolation.summary
    assert bare.root != repo


async def test_it_follows_the_working_tree(draft: Draft, repo: Path) -> None:
    assert await sh(draft, "cat pkg/deep/one.py") == "ONE = 1\n"
    (repo / "pkg/deep/one.py").write_text("ONE = 111\n")
    (repo / "pkg/deep/two.py").unlink()
    (repo / "new.py").write_text("new\n")
    assert await sh(draft, "cat pkg/deep/one.py new.py; ls pkg/deep") == "ONE = 111\nnew\none.py\n"
    assert not draft.change()


async def test_its_git_has_the_history_and_its_own_state(draft: Draft, repo: Path, git: Callable[..., str]) -> None:
    (repo / "calc.py").write_text("dirty\n")
    assert (
        await sh(draft, "git log --format=%s; git branch --show-current; git status --porcelain")
        == "first\nmain\n M calc.py\n"
    )
    await sh(draft, "git config user.name x; git config user.email x@y; git commit -qam inside; git branch more")
    assert git("log", "--format=%s", "--all") == "first\n"
    git("commit", "-qam", "second")
    assert await sh(draft, "git log --format=%s; git status --porcelain") == "second\nfirst\n"


async def test_a_detached_head_and_a_linked_worktree(repo: Path, tmp_path: Path, git: Callable[..., str]) -> None:
    git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    draft = CopyDraft(Repository.open(tmp_path / "linked"), tmp_path / "draft", probe(tmp_path / "probe"), "")
    assert await sh(draft, "git log --format=%s; git status --porcelain --branch") == "first\n## HEAD (no branch)\n"
    draft.close()


async def test_the_environment_in_the_repository_can_be_used(draft: Draft, repo: Path) -> None:
    (repo / ".venv/bin").mkdir(parents=True)
    (repo / ".venv/bin/tool").write_text("#!/bin/sh\necho works\n")
    (repo / ".venv/bin/tool").chmod(0o755)
    (repo / ".gitignore").write_text(".venv/\n")
    for scratch in (False, True):
        assert await sh(draft, ".venv/bin/tool", scratch=scratch) == "works\n"
    assert not draft.change()
    draft.discard()
    assert (repo / ".venv/bin/tool").exists()


async def test_a_kill_while_it_copies_changes_nothing(repo: Path, tmp_path: Path) -> None:
    """Half of the files are there, one of them from before the person edited it, and nothing is noted."""
    folder = tmp_path / "draft"
    (folder / "copy/pkg").mkdir(parents=True)
    (folder / "copy/calc.py").write_text("earlier\n")
    (folder / "copying").touch()
    draft = CopyDraft(Repository.open(repo), folder, None, "")
    assert not draft.change()
    assert await sh(draft, "cat pkg/deep/one.py; head -1 calc.py") == "ONE = 1\ndef add(a, b):\n"
    draft.close()


async def test_the_whole_group_is_killed_at_the_limit(bare: Draft) -> None:
    nap = f"44.{os.getpid()}"
    done = await bare.run(Command(["sh", "-c", f"sleep {nap} & sleep {nap}"], timeout=0.3))
    assert done.timed_out
    until(lambda: not any(f"sleep\0{nap}" in text for text in _commands()))


async def test_cancelling_kills_the_group(bare: Draft) -> None:
    nap, ready = f"43.{os.getpid()}", asyncio.Event()
    command = Command(["sh", "-c", f"echo ready; sleep {nap}"])
    job = asyncio.create_task(bare.run(command, on_output=lambda _: ready.set()))
    await ready.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    until(lambda: not any(f"sleep\0{nap}" in text for text in _commands()))


async def test_limits_and_environment_hold_without_a_sandbox(bare: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "swordfish")
    assert "swordfish" not in await sh(bare, "env")
    hog = Command(["python3", "-c", "bytearray(1 << 30)"], memory=512 << 20)
    assert "MemoryError" in (await bare.run(hog)).output
    assert (await bare.run(Command(["no-such-program"]))).exit_code == 127


def _commands() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield os.fsdecode(path.read_bytes())
        except OSError:
            continue
