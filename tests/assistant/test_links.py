"""Symbolic links in a change: shown, accepted with the rest, taken back, and never written through."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.accepting.accept import Accepted, accept
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.diff import diff_file, diff_link, unified
from ossa.assistant.draft import Command, Draft, DraftError
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository
from ossa.assistant.review import Decision
from ossa.assistant.safepath import leads_to

Git: TypeAlias = Callable[..., str]
LINK = 0o120777
CHANGES = [
    "ln -s .//calc.py new.py; ln -sfn pkg link.py; mkdir -p a/b; ln -s ../../pkg a/b/c",
    "rm link.py; echo mine > link.py; rm run.sh; ln -s calc.py run.sh; rm inner",
    "rm -r pkg; ln -s other pkg",
    "rm inner; cp -r pkg inner; echo more > inner/more.py",
    "ln -s ../calc.py pkg/up; rm run.sh; mkdir run.sh; echo 1 > run.sh/x; chmod +x calc.py",
]


@pytest.fixture
def tree(repo: Path, git: Git) -> Path:
    """A repository with a folder that a link leads to, and another that it may lead to."""
    (repo / "other").mkdir()
    (repo / "other/one.py").write_text("other\n")
    (repo / "inner").symlink_to("pkg")
    git("add", "-A")
    git("commit", "-qm", "links")
    return repo


@pytest.fixture
def draft(tree: Path, tmp_path: Path) -> Iterator[Draft]:
    opened = open_draft(Repository.open(tree), tmp_path / "draft")
    yield opened
    opened.close()


@pytest.fixture
def checkpoints(tree: Path, tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "kept", tree)


def snapshot(root: Path) -> dict[str, object]:
    """Links with where they lead, files with bytes and mode; git's own left out, and folders as far as empty."""
    found: dict[str, object] = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = leads_to(path)
        elif path.is_file():
            found[name] = path.read_bytes(), path.stat().st_mode
        elif not any(path.iterdir()):
            found[name] = None
    return {name: value for name, value in found.items() if not name.startswith(".git/")}


async def run(draft: Draft, line: str) -> str:
    return (await draft.run(Command(["sh", "-c", line], timeout=300))).output


def taken(change: Change, root: Path, draft: Draft, checkpoints: Checkpoints) -> Accepted:
    done = accept(change, [Decision(hunk.id, True) for _, hunk in change.hunks], root, draft.read, checkpoints)
    draft.settle([file.path for file in change.files])
    return done


@pytest.mark.parametrize("line", CHANGES)
async def test_a_change_with_links_goes_in_and_out_and_is_what_git_would_make_of_it(
    tree: Path, tmp_path: Path, draft: Draft, checkpoints: Checkpoints, git: Git, line: str
) -> None:
    before = snapshot(tree)
    await run(draft, line)
    change = draft.change()
    (tmp_path / "patch").write_text(unified(change))
    assert taken(change, tree, draft, checkpoints).refused == ()
    after = snapshot(tree)
    assert not draft.change()
    checkpoints.undo()
    assert snapshot(tree) == before
    checkpoints.redo()
    assert snapshot(tree) == after
    draft.settle(checkpoints.undo().files)
    assert (snapshot(tree), draft.change()) == (before, Change())
    git("apply", str(tmp_path / "patch"))
    assert snapshot(tree) == after


@pytest.mark.parametrize("line", CHANGES[1:4])
async def test_links_are_rejected_like_anything_else(tree: Path, draft: Draft, line: str) -> None:
    listing = "find . -name .git -prune -o -print | sort; git status --short; cat pkg/*.py pkg/deep/*.py inner/*.py"
    before = await run(draft, listing)
    await run(draft, line)
    change = draft.change()
    take_out(draft, tree, change, [hunk.id for _, hunk in change.hunks])
    assert (draft.change(), await run(draft, listing)) == (Change(), before)


async def test_half_of_a_change_never_goes_through_a_link(tree: Path, draft: Draft, checkpoints: Checkpoints) -> None:
    await run(draft, "rm inner; mkdir inner; echo new > inner/one.py; rm -r other; ln -s pkg other")
    change, before = draft.change(), snapshot(tree)
    some = {"inner/one.py", "other"}
    decisions = [Decision(hunk.id, file.path in some) for file, hunk in change.hunks]
    done = accept(change, decisions, tree, draft.read, checkpoints)
    assert done.refused == (
        "inner/one.py takes the place of inner: accept them together.",
        "other takes the place of other/one.py: accept them together.",
    )
    assert (done.files, snapshot(tree)) == ((), before)
    with pytest.raises(DraftError, match="other is a symbolic link"):
        take_out(draft, tree, change, [hunk.id for file, hunk in change.hunks if file.path == "other/one.py"])


def test_a_link_that_the_person_changed_meanwhile_is_left(tree: Path, draft: Draft, checkpoints: Checkpoints) -> None:
    file = diff_link("link.py", b"calc.py", b"pkg", LINK, LINK)
    (tree / "link.py").unlink()
    (tree / "link.py").symlink_to("run.sh")
    (told,) = taken(Change((file,)), tree, draft, checkpoints).refused
    assert told.startswith("link.py is another in the working tree by now")
    (tree / "link.py").unlink()
    (tree / "link.py").symlink_to("calc.py")
    assert taken(Change((file,)), tree, draft, checkpoints).files == ("link.py",)
    (tree / "link.py").unlink()
    (tree / "link.py").symlink_to("run.sh")
    with pytest.raises(CheckpointError, match=r"link\.py changed since") as refused:
        checkpoints.undo()
    assert refused.value.diff == "# link.py: symbolic link to 'pkg' → symbolic link to 'run.sh'\n"


def test_two_links_that_lead_out_only_together_are_not_made(tree: Path, draft: Draft, checkpoints: Checkpoints) -> None:
    (tree / "far").symlink_to("/etc")
    files = [diff_link(path, None, aim, 0, LINK) for path, aim in (("a", b"far/passwd"), ("b", b"c/x"), ("c", b"far"))]
    done = taken(Change(tuple(files)), tree, draft, checkpoints)
    assert (done.files, len(done.refused)) == ((), 3)


async def test_a_folder_that_became_a_link_meanwhile_is_not_written_through(
    tree: Path, draft: Draft, checkpoints: Checkpoints
) -> None:
    file = diff_file("pkg/deep/one.py", b"ONE = 1\n", b"ONE = 2\n")
    assert file
    (tree / "pkg").rename(tree / "moved")
    (tree / "pkg").symlink_to("moved")
    (told,) = taken(Change((file,)), tree, draft, checkpoints).refused
    assert told == "pkg/deep/one.py goes through pkg, a symbolic link; ossa writes nothing through one."


async def test_what_the_person_adds_to_a_folder_that_the_draft_made_is_not_deleted(
    tree: Path, draft: Draft, checkpoints: Checkpoints
) -> None:
    await run(draft, "mkdir -p new/deep; echo 1 > new/deep/a.py; rm -r pkg; mkdir pkg; echo 1 > pkg/a.py")
    (tree / "new/deep").mkdir(parents=True)
    (tree / "new/deep/mine.py").write_text("mine\n")
    await run(draft, "true")
    assert [file.path for file in draft.change().files if file.path.startswith("new")] == ["new/deep/a.py"]
    assert taken(draft.change(), tree, draft, checkpoints).refused == ()
    for path in ("new/more.py", "pkg/mine.py"):
        (tree / path).write_text("mine\n")
    assert (await run(draft, "ls new/deep new pkg")).split() == [
        *("new:", "deep", "more.py", "new/deep:", "a.py", "mine.py", "pkg:", "a.py", "mine.py")
    ]
    assert not draft.change()


def test_nothing_of_a_links_aim_is_looked_at(tree: Path, tmp_path: Path, checkpoints: Checkpoints) -> None:
    """Not even that the aim is write-protected, or a pipe that would never end."""
    os.mkfifo(tree / "pipe")
    (tree / "link.py").unlink()
    (tree / "link.py").symlink_to("pipe")
    file = diff_link("link.py", b"pipe", None, LINK, 0)
    done = accept(Change((file,)), [Decision(file.hunks[0].id, True)], tree, lambda _: None, checkpoints)
    assert done.files == ("link.py",)


def test_a_newline_in_a_links_aim_begins_no_line_of_the_patch(tree: Path, tmp_path: Path, git: Git) -> None:
    aim = b"a\n--- a/calc.py\n+++ b/calc.py\n@@ -1,1 +1,0 @@\n-def add(a, b):"
    (tmp_path / "patch").write_text(unified(diff_link("new.py", None, aim, 0, LINK)))
    git("apply", str(tmp_path / "patch"))
    assert (leads_to(tree / "new.py"), git("status", "--short")) == (aim.decode(), "?? new.py\n")


async def test_a_link_to_what_is_too_long_for_a_path_is_told_of(
    tree: Path, draft: Draft, checkpoints: Checkpoints
) -> None:
    await run(draft, f"ln -s {'a' * 256} name; ln -s {'b/' * 2000}c path; rm calc.py")
    for path in ("name", "path", "name/x"):
        with pytest.raises(DraftError, match="symbolic link that leads out"):
            draft.read(path)
    done = taken(draft.change(), tree, draft, checkpoints)
    assert done.files == ("calc.py",)
    assert all("or too far for a path; ossa leaves those to you" in sentence for sentence in done.refused)
    assert len(done.refused) == 2
