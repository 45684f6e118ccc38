"""Submodules, clones and linked worktrees within a repository: what a command does there is told, and no part of the
change."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox, probe
from ossa.assistant.events import Notice, StepFinished
from ossa.assistant.repository import Repository
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import ToolCall
from ossa.model.scripted import ScriptedModel


@pytest.fixture
def nested(repo: Path, git: Callable[..., str], tmp_path: Path) -> Path:
    """A repository with a submodule `sub`, a clone `lib/clone` and a linked worktree `side`."""
    subprocess.run(["git", "clone", "-q", str(repo), str(tmp_path / "other")], check=True)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "other"), "sub")
    git("commit", "-q", "-m", "a submodule")
    git("clone", "-q", str(tmp_path / "other"), "lib/clone")
    git("worktree", "add", "-q", "-b", "side", "side")
    return repo


@pytest.fixture(params=["overlay", "copy"])
def draft(request: pytest.FixtureRequest, nested: Path, tmp_path: Path) -> Draft:
    best = probe(tmp_path / "probe") if request.param == "overlay" else NoSandbox("none is needed")
    draft = open_draft(Repository.open(nested), tmp_path / "state" / "draft", best)
    request.addfinalizer(draft.close)
    return draft


async def notes(draft: Draft, line: str) -> tuple[str, ...]:
    done = await draft.run(Command(["sh", "-c", line], timeout=50))
    assert done.exit_code == 0, done.output
    return done.notes


def changed(draft: Draft) -> list[str]:
    return [file.path for file in draft.change().files]


@pytest.mark.parametrize("folder", ["sub", "lib/clone", "side"])
async def test_what_is_written_in_one_is_told_once_and_stays_out(draft: Draft, nested: Path, folder: str) -> None:
    told = f"What was done in {folder} is no part of the change: it is a repository of its own within this one."
    assert await notes(draft, f"mkdir -p {folder}; echo 1 > {folder}/new.py; echo 1 > mine.py") == (told,)
    assert changed(draft) == ["mine.py"]
    assert await notes(draft, "echo 2 > mine.py") == ()
    assert await notes(draft, f"echo 22 > {folder}/new.py") == (told,)
    assert await notes(draft, f"rm {folder}/new.py") == ()
    assert changed(draft) == ["mine.py"]
    assert not (nested / folder / "new.py").exists()


@pytest.mark.parametrize(("removed", "inner"), [("sub", "sub"), ("lib/clone", "lib/clone"), ("lib", "lib/clone")])
async def test_one_that_is_removed_whole_is_told(nested: Path, tmp_path: Path, removed: str, inner: str) -> None:
    draft = open_draft(Repository.open(nested), tmp_path / "state" / "draft")
    (told,) = await notes(draft, f"rm -rf {removed}; echo 1 > mine.py")
    assert told.startswith(f"What was done in {inner} is no part")
    assert changed(draft) == ["mine.py"] and (nested / inner / "calc.py").exists()
    assert await notes(draft, "echo 2 > mine.py") == ()
    draft.discard()
    draft.close()


@pytest.mark.parametrize("stray", ["echo x > docs/.git", ": > docs/.git", "mkdir -p docs/.git/x"])
def test_what_is_only_named_so_belongs_to_the_repository_around_it(nested: Path, stray: str) -> None:
    subprocess.run(["sh", "-c", f"mkdir docs; {stray}"], cwd=nested, check=True)
    repository = Repository.open(nested)
    assert repository.inner("docs/a.md") == ""
    assert repository.repositories() == ["lib/clone", "side", "sub"]


@pytest.mark.parametrize("stray", ["echo x > docs/.git", ": > docs/.git", "mkdir -p docs/.git/x"])
async def test_what_is_only_named_so_makes_no_repository(draft: Draft, stray: str) -> None:
    assert await notes(draft, f"mkdir docs; echo 1 > docs/a.md; {stray}") == ()
    assert changed(draft) == ["docs/a.md"]
    draft.write("docs/b.md", b"2\n")
    assert changed(draft) == ["docs/a.md", "docs/b.md"]


async def test_the_files_of_a_new_one_are_part_of_the_change_and_its_history_is_not(draft: Draft) -> None:
    told = "made was made a repository of its own: its files are part of the change, its history is not."
    assert await notes(draft, "git init -q made && echo 1 > made/a.py") == (told,)
    assert await notes(draft, "echo 1 > made/b.py") == ()
    assert changed(draft) == ["made/a.py", "made/b.py"]


async def test_a_new_linked_worktree_stays_out(draft: Draft) -> None:
    (told,) = await notes(draft, "git worktree add -q --detach tree && echo 1 > tree/new.py")
    assert told.startswith("What was done in tree is no part of the change")
    assert changed(draft) == []


async def test_a_draft_that_is_taken_up_again_tells_only_what_is_new(nested: Path, tmp_path: Path) -> None:
    draft = open_draft(Repository.open(nested), tmp_path / "state" / "draft")
    assert len(await notes(draft, "echo 1 > sub/new.py; echo 1 > mine.py")) == 1
    draft.close()
    again = open_draft(Repository.open(nested), tmp_path / "state" / "draft")
    assert await notes(again, "echo 2 > mine.py") == ()
    assert len(await notes(again, "echo 22 > sub/new.py")) == 1
    again.discard()
    again.close()


async def test_the_model_and_the_person_are_told(nested: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    call = ToolCall("container.exec", '{"cmd": "echo 1 > sub/new.py"}')
    model = ScriptedModel([[call], "Done."])
    work = open_workbench(Options(nested, test="true"), lambda _: model, Unattended())
    events = [event async for event in work.agent.run("write it")]
    work.close()
    (told,) = [event.text for event in events if isinstance(event, Notice) and "sub" in event.text]
    assert told.startswith("What was done in sub is no part of the change")
    (result,) = [event.result.text for event in events if isinstance(event, StepFinished) and event.result]
    assert told in result
