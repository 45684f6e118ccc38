import os
import subprocess
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.tree import Content, Swap
from ossa.assistant.lock import lock

BEFORE = {"a.txt": b"one\n", "gone/b.txt": b"two\n"}
AFTER = {"a.txt": b"ONE\n", "new/deep/c.txt": b"three\n"}
SWAPS = [
    Swap("a.txt", Content(b"one\n", 0o644), Content(b"ONE\n", 0o755)),
    Swap("gone/b.txt", Content(b"two\n", 0o644), None),
    Swap("new/deep/c.txt", None, Content(b"three\n")),
]


def snapshot(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def fill(root: Path) -> None:
    for name, data in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)
        (root / name).chmod(0o644)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    fill(folder)
    return folder


@pytest.fixture
def checkpoints(tmp_path: Path, root: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "kept", root)


def edit(name: str, old: bytes, new: bytes) -> Swap:
    return Swap(name, Content(old), Content(new))


def test_an_accept_is_undone_and_made_again(root: Path, checkpoints: Checkpoints) -> None:
    done = checkpoints.apply(SWAPS)
    assert snapshot(root) == AFTER
    assert not (root / "gone").exists()
    assert done.files == ("a.txt", "gone/b.txt", "new/deep/c.txt")
    undone = checkpoints.undo()
    assert (undone.id, undone.state) == (done.id, "undone")
    assert snapshot(root) == BEFORE
    assert not (root / "new").exists()
    checkpoints.redo()
    assert snapshot(root) == AFTER


def test_undo_and_redo_go_through_all_of_them_in_turn(root: Path, checkpoints: Checkpoints) -> None:
    for old, new in ((b"one\n", b"2"), (b"2", b"3"), (b"3", b"4")):
        checkpoints.apply([edit("a.txt", old, new)])
    states: list[bytes] = []
    for step in (checkpoints.undo, checkpoints.undo, checkpoints.redo, checkpoints.undo, checkpoints.undo):
        step()
        states.append((root / "a.txt").read_bytes())
    assert states == [b"3", b"2", b"3", b"2", b"one\n"]
    with pytest.raises(CheckpointError, match="nothing to undo"):
        checkpoints.undo()


def test_a_new_accept_ends_what_could_be_made_again(checkpoints: Checkpoints) -> None:
    checkpoints.apply([edit("a.txt", b"one\n", b"2")])
    checkpoints.undo()
    kept = checkpoints.apply([edit("a.txt", b"one\n", b"3")])
    assert [c.id for c in checkpoints.list()] == [kept.id]
    with pytest.raises(CheckpointError, match="nothing to redo"):
        checkpoints.redo()


def test_undo_does_not_overwrite_what_the_user_changed_since(root: Path, checkpoints: Checkpoints) -> None:
    done = checkpoints.apply(SWAPS)
    (root / "a.txt").write_bytes(b"mine\n")
    (root / "gone").mkdir()
    (root / "gone/b.txt").write_bytes(b"also mine\n")
    before = snapshot(root)
    with pytest.raises(CheckpointError, match=r"^a.txt, gone/b.txt changed since"):
        checkpoints.undo()
    assert snapshot(root) == before
    assert [(c.id, c.state) for c in checkpoints.list()] == [(done.id, "done")]


def test_a_file_changed_since_it_was_read_stops_all(root: Path, checkpoints: Checkpoints) -> None:
    (root / "a.txt").write_bytes(b"mine\n")
    before = snapshot(root)
    with pytest.raises(CheckpointError, match=r"a\.txt was changed this very moment"):
        checkpoints.apply(SWAPS)
    assert snapshot(root) == before
    assert not (root / "new").exists()
    assert not checkpoints.list()


def test_a_newer_start_knows_what_was_kept(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    done = checkpoints.apply(SWAPS)
    again = Checkpoints(tmp_path / "kept", root)
    assert list(again.recover()) == []
    assert list(again.list()) == [done]
    assert again.swaps(done)[0] == SWAPS[0]
    again.undo()
    assert snapshot(root) == BEFORE


def test_only_one_process_at_a_time_writes(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    checkpoints.apply([edit("a.txt", b"one\n", b"2")])
    with (tmp_path / "kept/lock").open("rb+") as other:
        assert lock(other.fileno())
        with pytest.raises(CheckpointError, match="Another ossa"):
            checkpoints.undo()
    checkpoints.undo()
    assert snapshot(root) == BEFORE


def test_old_and_big_ones_are_dropped_but_never_the_newest(tmp_path: Path, root: Path) -> None:
    noise = Random(1)
    kept = Checkpoints(tmp_path / "kept", root, max_bytes=100_000)
    contents = [b"one\n", *(noise.randbytes(40_000) for _ in range(5))]
    ids = [kept.apply([edit("a.txt", old, new)]).id for old, new in pairwise(contents)]
    assert [c.id for c in kept.list()] == ids[-1:]
    assert stored(tmp_path / "kept") < 100_000
    kept.apply([edit("a.txt", contents[-1], b"small")])
    kept.apply([edit("a.txt", b"small", b"smaller")])
    assert len(kept.list()) == 3
    old = Checkpoints(tmp_path / "kept", root, max_age=0)
    old.recover()
    assert [c.files for c in old.list()] == [("a.txt",)]
    assert abs(old.list()[0].time - time.time()) < 60
    assert stored(tmp_path / "kept") < 10_000
    old.undo()
    assert (root / "a.txt").read_bytes() == b"small"


def test_many_small_accepts_stay_quick_to_read(tmp_path: Path, root: Path) -> None:
    kept = Checkpoints(tmp_path / "kept", root)
    for number in range(70):
        kept.apply([edit("a.txt", (root / "a.txt").read_bytes(), b"%d" % number)])
    assert len(list((tmp_path / "kept/store.git/objects/pack").glob("*.pack"))) < 65
    kept.rewind(kept.list()[0].id)
    assert snapshot(root) == BEFORE


# Rewinding


def three(checkpoints: Checkpoints) -> Sequence[str]:
    """The ids of three accepts on top of each other."""
    steps = [
        SWAPS,
        [Swap("a.txt", Content(b"ONE\n", 0o755), Content(b"2", 0o755))],
        [Swap("a.txt", Content(b"2", 0o755), None), Swap("z", None, Content(b"z"))],
    ]
    return [checkpoints.apply(swaps).id for swaps in steps]


def test_a_rewind_takes_back_several_accepts_which_are_made_again_one_by_one(
    root: Path, checkpoints: Checkpoints
) -> None:
    ids = three(checkpoints)
    last = snapshot(root)
    assert [c.id for c in checkpoints.rewind(ids[1])] == [ids[2], ids[1]]
    assert snapshot(root) == AFTER
    assert [c.state for c in checkpoints.list()] == ["done", "undone", "undone"]
    assert [c.id for c in checkpoints.rewind(ids[0])] == [ids[0]]
    assert snapshot(root) == BEFORE
    assert [checkpoints.redo().id for _ in ids] == ids
    assert snapshot(root) == last
    assert [c.id for c in checkpoints.rewind(ids[0])] == ids[::-1]
    assert snapshot(root) == BEFORE


def test_a_rewind_keeps_what_the_user_changed_in_between(root: Path, checkpoints: Checkpoints) -> None:
    first = checkpoints.apply(SWAPS).id
    (root / "a.txt").write_bytes(b"ONE\nmine\n")
    checkpoints.apply([edit("a.txt", b"ONE\nmine\n", b"ours\n")])
    before = snapshot(root)
    with pytest.raises(CheckpointError, match=r"^a\.txt changed since, so rewinding") as refused:
        checkpoints.rewind(first)
    assert " ONE\n+mine\n" in refused.value.diff
    assert snapshot(root) == before
    assert [c.state for c in checkpoints.list()] == ["done", "done"]


@pytest.mark.parametrize("undone", [False, True])
def test_a_rewind_to_what_does_not_stand_is_refused(root: Path, checkpoints: Checkpoints, undone: bool) -> None:
    name = checkpoints.apply(SWAPS).id
    if undone:
        checkpoints.undo()
    before = snapshot(root)
    with pytest.raises(CheckpointError, match="nothing to rewind"):
        checkpoints.rewind(name if undone else "1")
    assert snapshot(root) == before


# What is said of the user's own changes


def test_a_refusal_shows_what_changed_since(root: Path, checkpoints: Checkpoints) -> None:
    checkpoints.apply(SWAPS)
    (root / "a.txt").write_bytes(b"ONE\nmine\n")
    (root / "a.txt").chmod(0o600)
    (root / "new/deep/c.txt").unlink()
    (root / "new/deep/c.txt").symlink_to("elsewhere")
    with pytest.raises(CheckpointError) as refused:
        checkpoints.undo()
    assert "--- a/a.txt\n+++ b/a.txt\n@@ -1,1 +1,2 @@\n ONE\n+mine\n" in refused.value.diff
    assert "# a.txt: mode 755 → 600\n" in refused.value.diff
    assert "# new/deep/c.txt: a file → symbolic link to 'elsewhere'\n" in refused.value.diff
    assert "-one" not in refused.value.diff


def test_a_refusal_does_not_show_without_end(root: Path, checkpoints: Checkpoints) -> None:
    checkpoints.apply([edit("a.txt", b"one\n", b"2\n")])
    (root / "a.txt").write_text("mine\n" * 100_000)
    with pytest.raises(CheckpointError) as refused:
        checkpoints.undo()
    assert len(refused.value.diff) < 70_000
    assert refused.value.diff.endswith(" more lines\n")


def test_any_other_refusal_has_nothing_to_show(checkpoints: Checkpoints) -> None:
    with pytest.raises(CheckpointError) as refused:
        checkpoints.undo()
    assert refused.value.diff == ""


# The shadow repository


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, encoding="latin-1"
    ).stdout


def stored(kept: Path) -> int:
    return sum(path.stat().st_size for path in (kept / "store.git/objects").rglob("*") if path.is_file())


def test_git_shows_what_an_accept_did(tmp_path: Path, checkpoints: Checkpoints) -> None:
    name = checkpoints.apply(SWAPS).id
    store = tmp_path / "kept/store.git"
    assert git(store, "show", "--format=%an %s", "--name-status", f"refs/checkpoints/{name}").split("\n")[:5] == [
        f"ossa after accept {name}, 3 files",
        "",
        "M\ta.txt",
        "D\tgone/b.txt",
        "A\tnew/deep/c.txt",
    ]
    assert git(store, "log", "--format=%s", f"refs/checkpoints/{name}").count("\n") == 2
    assert git(store, "fsck", "--strict") == ""


def test_contents_are_kept_once_and_small(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    text = Random(1).randbytes(100_000).hex().encode()
    checkpoints.apply([Swap("big", None, Content(text))])
    once = stored(tmp_path / "kept")
    for old, new in ((b"", b"1"), (b"1", b"2"), (b"2", b"1")):
        checkpoints.apply([Swap("big", Content(text + old), Content(text + new))])
    assert once < 0.7 * len(text)
    assert stored(tmp_path / "kept") < 3.2 * once
    checkpoints.rewind(checkpoints.list()[0].id)
    assert snapshot(root) == BEFORE


def test_nothing_of_the_users_git_is_read_or_written(
    tmp_path: Path, root: Path, checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(root, "init", "-q")
    git(root, "add", "a.txt")
    git(root, "commit", "-qm", "x")
    (root / ".gitattributes").write_text("* text=auto eol=crlf filter=broken\n")
    (root / ".git/hooks/reference-transaction").write_text("#!/bin/sh\nexit 1\n")
    (root / ".git/hooks/reference-transaction").chmod(0o755)
    (tmp_path / "config").write_text(
        '[core]\nautocrlf = true\nhooksPath = /nowhere\n[filter "broken"]\nclean = false\n'
    )
    for name, value in (
        ("GIT_CONFIG_GLOBAL", tmp_path / "config"),
        ("GIT_DIR", root / ".git"),
        ("GIT_WORK_TREE", root),
    ):
        monkeypatch.setenv(name, str(value))
    monkeypatch.setenv("GIT_OBJECT_DIRECTORY", str(tmp_path / "objects"))
    before = {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")}
    checkpoints.apply([*SWAPS, Swap("crlf", None, Content(b"a\r\nb\n"))])
    checkpoints.undo()
    checkpoints.redo()
    assert {path: path.stat().st_mtime_ns for path in (root / ".git").rglob("*")} == before
    assert not (tmp_path / "objects").exists()
    assert (root / "crlf").read_bytes() == b"a\r\nb\n"


def test_names_of_any_bytes(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    names = [
        os.fsdecode(name) for name in (b"\xff\xfe", b'q"uo\\te', b"new\nline", b" sp ace ", b"-x", b"\xc3\xa9/\xe9")
    ]
    checkpoints.apply([Swap(name, None, Content(os.fsencode(name))) for name in names])
    assert {name: data for name, data in snapshot(root).items() if name not in BEFORE} == {
        name: os.fsencode(name) for name in names
    }
    kept = git(tmp_path / "kept/store.git", "ls-tree", "-rz", f"refs/checkpoints/{checkpoints.list()[0].id}")
    assert kept.count("\0") == len(names)
    again = Checkpoints(tmp_path / "kept", root)
    assert again.undo().files == tuple(names)
    assert snapshot(root) == BEFORE


def test_a_thousand_files_go_in_and_back_within_a_tests_time(root: Path, checkpoints: Checkpoints) -> None:
    swaps = [Swap(f"many/{n % 10}/{n}.txt", None, Content(b"%d\n" % n)) for n in range(1_000)]
    checkpoints.apply(swaps)
    assert len(snapshot(root)) == 1_002
    checkpoints.undo()
    assert snapshot(root) == BEFORE


def test_what_an_earlier_version_kept_is_no_obstacle(tmp_path: Path, root: Path) -> None:
    for name in (f"{time.time_ns()}", "1000"):
        (tmp_path / "kept" / name).mkdir(parents=True)
        (tmp_path / "kept" / name / "manifest.json").write_text('{"files": ["a.txt"], "folders": [], "state": "doing"}')
    checkpoints = Checkpoints(tmp_path / "kept", root)
    assert list(checkpoints.recover()) == []
    assert list(checkpoints.list()) == []
    checkpoints.apply(SWAPS)
    checkpoints.undo()
    assert snapshot(root) == BEFORE
    assert not (tmp_path / "kept/1000").exists()
