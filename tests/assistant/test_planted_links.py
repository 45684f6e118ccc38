"""Links that a command leaves in a confined copy: they lead nothing astray that ossa does with the copy outside."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Draft
from ossa.assistant.drafts.copied import CopyDraft
from ossa.assistant.drafts.sandbox import probe
from ossa.assistant.repository import Repository


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder with the same names in it as the repository has."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "one.py").write_text("swordfish\n")
    (folder / "two.py").write_text("swordfish\n")
    return folder


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    draft = CopyDraft(Repository.open(repo), tmp_path / "draft", probe(tmp_path / "probe"), "it was asked for")
    yield draft
    draft.close()


async def sh(draft: Draft, line: str) -> str:
    return (await draft.run(Command(["sh", "-c", line], timeout=300))).output


def contents(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in folder.iterdir()}


async def test_a_folder_that_became_a_link(draft: Draft, repo: Path, outside: Path) -> None:
    before = contents(outside)
    await sh(draft, f"rm -r pkg/deep; ln -s {outside} pkg/deep")
    (repo / "pkg/deep/three.py").write_text("new\n")
    (repo / "pkg/deep/one.py").write_text("changed\n")
    await sh(draft, "true")
    assert contents(outside) == before
    assert "swordfish" not in str(draft.change())
    draft.discard()
    await sh(draft, "true")
    assert contents(outside) == before


async def test_a_file_that_became_a_link(draft: Draft, repo: Path, outside: Path) -> None:
    before = contents(outside)
    await sh(draft, f"ln -sf {outside}/one.py calc.py")
    draft.discard()
    (repo / "calc.py").write_text("changed\n")
    assert await sh(draft, "cat calc.py") == "changed\n"
    assert contents(outside) == before


async def test_a_git_folder_that_became_a_link_to_the_repositorys(
    draft: Draft, repo: Path, git: Callable[..., str]
) -> None:
    """A new commit of the person makes ossa set up the copy's git anew, which must not be theirs."""
    assert "planted" in await sh(draft, f"mv .git gone; ln -s {repo}/.git .git; test -L .git && echo planted")
    git("commit", "-q", "--allow-empty", "-m", "second")
    (repo / "calc.py").write_text("staged\n")
    git("add", "calc.py")
    assert await sh(draft, "git log --format=%s; git status --porcelain") == "second\nfirst\n M calc.py\n?? gone/\n"
    assert git("status", "--porcelain") == "M  calc.py\n"
    assert not (repo / ".git/borrowed").exists()
    assert not (repo / ".git/objects/info/alternates").exists()


@pytest.mark.parametrize("planted", ["gitdir: {repo}/.git", ""])
async def test_a_git_folder_that_became_a_file(draft: Draft, repo: Path, git: Callable[..., str], planted: str) -> None:
    text = planted.format(repo=repo)
    assert "planted" in await sh(draft, f"mv .git gone; printf '{text}' > .git; test -f .git && echo planted")
    assert await sh(draft, "git log --format=%s") == "first\n"
    assert git("status", "--porcelain") == ""


async def test_hooks_and_settings_of_the_copys_git_are_never_run_outside(
    draft: Draft, repo: Path, git: Callable[..., str], tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    await sh(draft, f"git config core.fsmonitor 'touch {trap}'; mkdir -p .git/hooks")
    await sh(draft, f"printf '#!/bin/sh\\ntouch {trap}\\n' > .git/hooks/reference-transaction; chmod +x .git/hooks/*")
    git("commit", "-q", "--allow-empty", "-m", "second")
    assert await sh(draft, "git log --format=%s -1") == "second\n"
    assert not trap.exists()


async def test_what_runs_as_its_owner_is_not_passed_on(draft: Draft, tmp_path: Path) -> None:
    await sh(draft, "echo x > tool; chmod 6755 tool")
    (file,) = draft.change().files
    assert file.mode == 0o755
    assert (tmp_path / "draft").stat().st_mode & 0o777 == 0o700
