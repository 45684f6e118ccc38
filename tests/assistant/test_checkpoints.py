import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

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
CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "shutil.rmtree"}


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


def killed(number: int, work: Callable[[], object]) -> bool:
    """Run in a process that is killed before the given change to the disk; whether it came so far."""
    child = os.fork()
    if child == 0:
        left = number

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            writes = (
                event == "open" and isinstance(arguments[2], int) and bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
            )
            if writes or event in CHANGES:
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


@pytest.mark.parametrize("way", ["apply", "undo", "redo"])
def test_a_kill_at_any_point_leaves_all_before_or_all_after(tmp_path: Path, way: str) -> None:
    def work(checkpoints: Checkpoints) -> Callable[[], object]:
        return {"apply": lambda: checkpoints.apply(SWAPS), "undo": checkpoints.undo, "redo": checkpoints.redo}[way]

    sides: list[bool] = []
    for number in range(1, 200):
        root, kept = tmp_path / f"tree{number}", tmp_path / f"kept{number}"
        fill(root)
        checkpoints = Checkpoints(kept, root)
        if way != "apply":
            checkpoints.apply(SWAPS)
        if way == "redo":
            checkpoints.undo()
        start, goal = (AFTER, BEFORE) if way == "undo" else (BEFORE, AFTER)
        if not killed(number, work(checkpoints)):
            break
        told = Checkpoints(kept, root).recover()
        assert snapshot(root) in (start, goal), (number, told)
        sides.append(snapshot(root) == goal)
        assert all(any(folder.iterdir()) for folder in root.rglob("*") if folder.is_dir()), number
        assert list(Checkpoints(kept, root).recover()) == []
        states = [c.state for c in checkpoints.list()]
        assert states in {"apply": ([], ["done"]), "undo": (["done"], ["undone"]), "redo": (["undone"], ["done"])}[way]
        assert (states == ["undone" if way == "undo" else "done"]) == sides[-1]
    else:
        pytest.fail("it never came to its end")
    assert sides == sorted(sides)
    assert len(sides) > 10
    assert {False, True} == set(sides)


def test_recovery_keeps_what_the_user_changed_after_the_kill(tmp_path: Path, root: Path) -> None:
    checkpoints = Checkpoints(tmp_path / "kept", root)
    for number in range(1, 200):
        assert killed(number, lambda: checkpoints.apply(SWAPS))
        if (root / "a.txt").read_bytes() == b"ONE\n":
            break
        checkpoints.recover()
    (root / "a.txt").write_bytes(b"mine\n")
    told = checkpoints.recover()
    assert snapshot(root) == {**BEFORE, "a.txt": b"mine\n"}
    assert told[0].startswith("An interrupted accept of a.txt, gone/b.txt")
    assert told[1:] == ["a.txt was left as it is, because it changed since."]


def test_only_one_process_at_a_time_writes(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    checkpoints.apply([edit("a.txt", b"one\n", b"2")])
    with (tmp_path / "kept/lock").open("rb+") as other:
        assert lock(other.fileno())
        with pytest.raises(CheckpointError, match="Another ossa"):
            checkpoints.undo()
    checkpoints.undo()
    assert snapshot(root) == BEFORE


def test_old_and_big_ones_are_dropped_but_never_the_newest(tmp_path: Path, root: Path) -> None:
    kept = Checkpoints(tmp_path / "kept", root, max_bytes=4_000)
    contents = [b"one\n", *(bytes([65 + n]) * 1_000 for n in range(4))]
    ids = [kept.apply([edit("a.txt", old, new)]).id for old, new in pairwise(contents)]
    assert [c.id for c in kept.list()] == ids[-1:]
    kept.apply([edit("a.txt", contents[-1], b"small")])
    assert len(kept.list()) == 2
    old = Checkpoints(tmp_path / "kept", root, max_age=0)
    old.recover()
    assert len(old.list()) == 1
    assert abs(old.list()[0].time - time.time()) < 60


def test_damage_is_said_and_nothing_is_written(tmp_path: Path, root: Path, checkpoints: Checkpoints) -> None:
    done = checkpoints.apply(SWAPS)
    (tmp_path / "kept" / done.id / "0.before").unlink()
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoints.undo()
    assert snapshot(root) == AFTER
    (tmp_path / "kept" / done.id / "manifest.json").write_text('{"state": "done"')
    assert list(checkpoints.list()) == []


def test_a_full_disk_leaves_all_as_it_was(root: Path, checkpoints: Checkpoints) -> None:
    import resource

    def fill_up() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
        with pytest.raises(CheckpointError, match="Nothing was written"):
            checkpoints.apply([*SWAPS, Swap("big", None, Content(b"x" * 5_000))])
        (root / "seen").write_bytes(b"x")

    assert not killed(0, fill_up)
    assert snapshot(root) == {**BEFORE, "seen": b"x"}
    assert not checkpoints.list()


def test_the_users_git_is_not_touched(root: Path, checkpoints: Checkpoints) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *identity, *arguments], cwd=root, check=True, capture_output=True, text=True
        ).stdout

    git("init", "-q")
    git("add", "a.txt")
    git("commit", "-qm", "x")
    before = {name: data for name, data in snapshot(root).items() if name.startswith(".git/")}
    checkpoints.apply(SWAPS)
    checkpoints.undo()
    checkpoints.redo()
    assert {name: data for name, data in snapshot(root).items() if name.startswith(".git/")} == before
