"""What only the overlay does: layers read from outside, odd places, kills."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ossa.assistant.draft import Command
from ossa.assistant.drafts.layers import Layers
from ossa.assistant.drafts.opening import foreign, open_draft
from ossa.assistant.repository import Repository
from ossa.tests.waiting import until


def sh(line: str) -> Command:
    return Command(["sh", "-c", line], timeout=300)


async def test_odd_names_of_folders(tmp_path: Path) -> None:
    root = tmp_path / "a:b,c\\d e'f"
    root.mkdir()
    (root / "file").write_text("x\n")
    draft = open_draft(Repository.plain(root), tmp_path / "s:t,u\\v w" / "draft")
    assert draft.isolation.kind == "overlay"
    assert (await draft.run(sh("cat file; echo y > file"))).output == "x\n"
    assert (await draft.run(sh("cat file; rm file"), scratch=True)).output == "y\n"
    assert draft.read("file") == b"y\n"
    draft.close()


async def test_a_repository_that_is_the_home(repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repo / ".ssh").mkdir()
    (repo / ".ssh" / "id").write_text("swordfish")
    (repo / ".netrc").write_text("swordfish")
    monkeypatch.setenv("HOME", str(repo))
    draft = open_draft(Repository.open(repo), tmp_path / "draft")
    done = await draft.run(sh("ls -A .ssh; cat .netrc; cat calc.py | head -1"))
    assert done.output == "def add(a, b):\n"
    draft.close()


async def test_a_repository_in_a_folder_that_is_hidden(
    git: Callable[..., str], repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    root = tmp_path / "home" / ".config" / "ossa" / "project"
    root.parent.mkdir(parents=True)
    (root.parent / "secret").write_text("swordfish")
    git("clone", "-q", str(repo), str(root))
    draft = open_draft(Repository.open(root), tmp_path / "draft")
    done = await draft.run(sh("ls; ls ..; echo x > calc.py"))
    assert "calc.py" in done.output
    assert "secret" not in done.output
    assert [file.path for file in draft.change().files] == ["calc.py"]
    draft.close()


async def test_tools_stay_readable_where_they_would_be_hidden(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a virtual environment under /tmp is."""
    tool = tmp_path / "environment" / "bin" / "tool"
    tool.parent.mkdir(parents=True)
    tool.write_text("#!/bin/sh\necho works\n")
    tool.chmod(0o755)
    (tmp_path / "environment" / "lib").write_text("library")
    monkeypatch.setenv("PATH", f"{tool.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "environment"))
    draft = open_draft(Repository.open(repo), tmp_path / "draft")
    done = await draft.run(sh("tool; cat $VIRTUAL_ENV/lib; echo x > $VIRTUAL_ENV/lib"))
    assert done.output.startswith("works\nlibrary")
    assert (tmp_path / "environment" / "lib").read_text() == "library"
    draft.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
@pytest.mark.parametrize("owner", [(12345, -1), (-1, 12345)])
async def test_files_of_others_are_worked_on_in_a_copy(repo: Path, tmp_path: Path, owner: tuple[int, int]) -> None:
    """An overlay in a user namespace could not change them (EOVERFLOW)."""
    os.chown(repo / "pkg/deep/one.py", *owner)
    assert foreign(Repository.open(repo)) == "pkg/deep/one.py belongs to another user or group"
    draft = open_draft(Repository.open(repo), tmp_path / "draft")
    assert (draft.isolation.kind, draft.isolation.confined) == ("copy", True)
    assert (await draft.run(sh("echo more >> pkg/deep/one.py; cat pkg/deep/one.py"))).output == "ONE = 1\nmore\n"
    assert [file.path for file in draft.change().files] == ["pkg/deep/one.py"]
    draft.close()


async def test_the_persons_git_use_reaches_the_draft(repo: Path, git: Callable[..., str], tmp_path: Path) -> None:
    draft = open_draft(Repository.open(repo), tmp_path / "draft")
    await draft.run(sh("echo mine > mine.txt; git add -A"))
    git("rm", "-q", "pkg/deep/one.py")
    git("commit", "-q", "-m", "second")
    done = await draft.run(sh("git status --porcelain; git log --format=%s"))
    assert done.output == "?? mine.txt\nsecond\nfirst\n"
    draft.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from ossa.assistant.draft import Command
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository

root, folder, kind, nap = sys.argv[1:]
draft = open_draft(Repository.open(Path(root)), Path(folder))
draft.write("written.txt", b"kept")
command = Command(["sh", "-c", f"echo made > made; echo ready; setsid sleep {nap}"])
asyncio.run(draft.run(command, scratch=kind == "scratch", on_output=lambda text: print(text, end="", flush=True)))
"""


@pytest.mark.parametrize("kind", ["scratch", "lasting"])
async def test_a_kill_loses_nothing_and_leaves_nothing(repo: Path, tmp_path: Path, kind: str) -> None:
    nap = f"55.{os.getpid()}{kind == 'scratch':d}"
    _kill_when_ready([sys.executable, "-c", KILLED, str(repo), str(tmp_path / "draft"), kind, nap])
    until(lambda: not _runs(nap))
    draft = open_draft(Repository.open(repo), tmp_path / "draft")
    assert [file.path for file in draft.change().files] == [*(["made"] if kind == "lasting" else []), "written.txt"]
    assert not list((tmp_path / "draft").rglob("scratch-*"))
    assert (await draft.run(sh("cat written.txt"))).output == "kept"
    draft.discard()
    draft.close()
    assert not (tmp_path / "draft" / "overlay").exists()


def _kill_when_ready(arguments: list[str]) -> None:
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
        process.kill()


def _runs(argument: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"sleep\0{argument}" in os.fsdecode(path.read_bytes()):
                return True
        except OSError:
            continue
    return False


def test_layers_from_outside(tmp_path: Path) -> None:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    (lower / "a" / "b").mkdir(parents=True)
    (lower / "a" / "b" / "file").write_text("lower")
    upper.mkdir()
    layers = Layers(lower, upper)
    assert layers.place("a/b/file") == (lower / "a/b/file", False, False)
    layers.remove("a/b/file")
    assert layers.place("a/b/file") == (None, True, True)
    assert list(layers.walk(lambda _: False)) == [("a/b/file", "gone")]
    assert layers.uncover("a/b/file")
    assert layers.place("a/b/file").entry == lower / "a/b/file"
    staged = tmp_path / "staged"
    staged.write_text("upper")
    layers.put("new/deep/file", staged)
    layers.remove("new/deep/file")
    assert not (upper / "new").exists()
