"""A repository is read as git sees it, and never written nor obeyed."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ossa.assistant.repository import NotARepository, Repository
from ossa.tests.waiting import steps


def test_it_is_found_from_any_folder_in_it(repo: Path, tmp_path: Path) -> None:
    assert Repository.open(repo / "pkg" / "deep").root == repo
    (tmp_path / "way").symlink_to(repo)
    assert Repository.open(tmp_path / "way").root == repo


def test_a_folder_without_git_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match=r"`git init`.*`--copy`"):
        Repository.open(tmp_path)
    with pytest.raises(NotARepository, match="no folder"):
        Repository.open(tmp_path / "nowhere")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_not_trusted(repo: Path) -> None:
    for path in (repo, repo / ".git"):
        os.chown(path, 12345, 12345)
    with pytest.raises(NotARepository, match=r"safe\.directory"):
        Repository.open(repo)


def test_the_head(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    repository = Repository.open(repo)
    assert repository.head() == "main"
    git("checkout", "-q", "--detach")
    assert repository.head() == f"detached at {git('rev-parse', '--short', 'HEAD').strip()}"
    empty = tmp_path / "empty"
    subprocess.run(["git", "init", "-q", "-b", "trunk", str(empty)], check=True)
    assert Repository.open(empty).head() == "trunk, no commits yet"
    assert Repository.open(empty).files() == []
    assert Repository.open(empty).status() == {}


def test_files_are_tracked_and_untracked_but_not_ignored(repo: Path) -> None:
    (repo / "build").mkdir()
    for name in ("build/out", "x.log", "new file.py"):
        (repo / name).touch()
    (repo / os.fsdecode(b"caf\xe9")).touch()
    (repo / "calc.py").unlink()
    (repo / "dangling").symlink_to("nowhere")
    kept = [".gitignore", "link.py", "pkg/__init__.py", "pkg/deep/one.py", "pkg/deep/two.py", "run.sh"]
    new = ["new file.py", "dangling", os.fsdecode(b"caf\xe9")]
    assert Repository.open(repo).files() == sorted([*kept, "tests/test_calc.py", *new])


def test_states(repo: Path, git: Callable[..., str]) -> None:
    (repo / "calc.py").write_text("changed\n")
    (repo / "pkg/deep/one.py").unlink()
    (repo / "staged.py").write_text("staged\n")
    (repo / os.fsdecode(b"n\xe9w ->.py")).touch()
    git("add", "staged.py")
    git("mv", "tests/test_calc.py", "tests/test_moved.py")
    assert Repository.open(repo).status() == {
        "calc.py": "modified",
        "pkg/deep/one.py": "deleted",
        "staged.py": "added",
        "tests/test_moved.py": "renamed",
        "tests/test_calc.py": "deleted",
        os.fsdecode(b"n\xe9w ->.py"): "untracked",
    }


def test_a_conflict(repo: Path, git: Callable[..., str]) -> None:
    git("checkout", "-q", "-b", "other")
    (repo / "calc.py").write_text("theirs\n")
    git("commit", "-qam", "theirs")
    git("checkout", "-q", "main")
    (repo / "calc.py").write_text("ours\n")
    git("commit", "-qam", "ours")
    subprocess.run(["git", "merge", "other"], cwd=repo, capture_output=True, check=False)
    repository = Repository.open(repo)
    assert repository.status() == {"calc.py": "conflicted"}
    assert repository.files().count("calc.py") == 1


def test_ignored(repo: Path, git: Callable[..., str]) -> None:
    (repo / "kept.log").touch()
    git("add", "-f", "kept.log")
    (repo / "way").symlink_to("pkg")
    paths = ["a.log", "kept.log", "build/x/y", "calc.py", "way/a.log", os.fsdecode(b"\xe9.log")]
    assert Repository.open(repo).ignored(paths) == {"a.log", "build/x/y", os.fsdecode(b"\xe9.log")}
    assert Repository.open(repo).ignored([]) == set()


def test_submodules_and_nested_repositories_are_left_alone(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    git("clone", "-q", "--bare", str(repo), str(tmp_path / "bare"))
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tmp_path / "bare"), "sub")
    git("clone", "-q", str(tmp_path / "bare"), "nested")
    repository = Repository.open(repo)
    assert not any(path.startswith(("sub", "nested")) for path in repository.files())
    assert repository.status()["sub"] == "added"
    assert repository.ignored(["sub/a.log", "a.log"]) >= {"a.log"}
    assert Repository.open(repo / "sub").root == repo / "sub"


def test_a_linked_worktree(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    repository = Repository.open(tmp_path / "side")
    assert (repository.root, repository.head()) == (tmp_path / "side", "side")
    assert "calc.py" in repository.files()


def test_a_plain_folder(tmp_path: Path) -> None:
    for name in ("src/a.py", "node_modules/x/y.js", ".venv/bin/python", "src/__pycache__/a.pyc", "b.txt"):
        (tmp_path / "plain" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "plain" / name).touch()
    (tmp_path / "plain" / "folder").symlink_to("src")
    repository = Repository.plain(tmp_path / "plain")
    assert repository.files() == ["b.txt", "folder", "src/a.py"]
    assert (repository.is_git, repository.head(), repository.status()) == (False, "no git", {})
    assert repository.ignored(["src/a.py", "node_modules/x"]) == {"node_modules/x"}


def test_the_repositorys_own_configuration_runs_nothing(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\necho $0 >> {proof}\ncat\n")
    program.chmod(0o755)
    included = tmp_path / "included"
    included.write_text(f'[filter "a=b.c"]\n\tclean = {program}\n\tprocess = {program}\n\trequired = true\n')
    for setting in (
        "core.fsmonitor",
        "core.pager",
        "diff.external",
        "diff.x.textconv",
        "filter.x.clean",
        "filter.x.smudge",
    ):
        git("config", setting, str(program))
    git("config", "include.path", str(included))
    git("config", "core.hooksPath", str(tmp_path))
    (tmp_path / "post-index-change").symlink_to(program)
    (repo / ".gitattributes").write_text("*.py filter=x diff=x\n*.sh filter=a=b.c\n")
    for name in ("calc.py", "run.sh"):
        (repo / name).write_text((repo / name).read_text().replace("a", "b"))
    index = (repo / ".git/index").read_bytes()
    repository = Repository.open(repo)
    assert repository.status()["calc.py"] == "modified"
    assert "calc.py" in repository.files()
    repository.head()
    repository.ignored(["a.log", "b.py"])
    assert not proof.exists()
    assert (repo / ".git/index").read_bytes() == index


def test_a_work_tree_elsewhere_is_refused(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    git("config", "core.worktree", str(tmp_path / "elsewhere"))
    with pytest.raises(NotARepository):
        Repository.open(repo)


def test_what_two_sides_made_of_a_text(repo: Path) -> None:
    base = b"one\ntwo\nthree\nfour\nfive\n"
    merge = Repository.open(repo).merge
    assert (
        merge(base.replace(b"one", b"mine"), base, base.replace(b"five", b"theirs"))
        == b"mine\ntwo\nthree\nfour\ntheirs\n"
    )
    assert merge(base.replace(b"two", b"mine"), base, base.replace(b"two", b"theirs")) == base.replace(
        b"two", b"theirs"
    )
    assert merge(b"\0mine", b"\0base", b"\0theirs") is None


def test_a_file_more_costs_some_calls_more_and_no_process(repo: Path, git: Callable[..., str]) -> None:
    def work(size: int) -> int:
        for number in range(size):
            path = repo / f"d{number % 50}" / f"f{number}.py"
            path.parent.mkdir(exist_ok=True)
            path.touch()
        git("add", "-A")
        repository = Repository.open(repo)
        assert len(repository.files()) == size + 8
        return steps(repository.files)

    few, many = work(500), work(2_000)
    assert many - few < 1_500 * 20


@pytest.mark.parametrize("is_git", [True, False])
def test_configured_patterns_hide_files_on_top_of_git(repo: Path, is_git: bool) -> None:
    found = Repository.open(repo) if is_git else Repository.plain(repo)
    shown = found.ignoring(["pkg/deep/", "*.sh"])
    assert "pkg/deep/one.py" in found.files() and "run.sh" in found.files()
    assert not {"pkg/deep/one.py", "run.sh"} & set(shown.files())
    assert {"calc.py", "pkg/__init__.py"} <= set(shown.files())
    assert shown.ignored(["calc.py", "new.sh", "pkg/deep/one.py"]) == {"new.sh", "pkg/deep/one.py"}


def test_what_git_cannot_tell_is_no_empty_answer(repo: Path) -> None:
    found = Repository.open(repo)
    (repo / ".git" / "index").write_bytes(b"this is no index")
    for ask in (found.files, found.status):
        with pytest.raises(NotARepository, match=r"Git cannot read the repository \(.*`git status` in"):
            ask()
