"""Kills, full disks and missing rights at any moment of an accept, an undo, a redo or a rewind."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.tree import LINK, Content, Swap
from ossa.assistant.safepath import leads_to

KEPT = {"k/x": b"kept\n"}
"""Behind a link before, in `l`, and after, in `m`: nothing may ever be done to it."""
BEFORE = {
    **{"a.txt": b"one\n", "gone/b.txt": b"two\n", "f": b"a file\n", "d/x": b"in a folder\n"},
    **{"l": "k", "m/x": b"in a folder\n"},
    **KEPT,
}
AFTER = {
    **{"a.txt": b"ONE\n", "new/deep/c.txt": b"three\n", "f/y": b"in a folder\n", "d": b"a file\n"},
    **{"l/x": b"in a folder\n", "m": "k", "n": "./a.txt"},
    **KEPT,
}
SWAPS = [
    Swap("a.txt", Content(b"one\n", 0o644), Content(b"ONE\n", 0o755)),
    Swap("gone/b.txt", Content(b"two\n", 0o644), None),
    Swap("new/deep/c.txt", None, Content(b"three\n")),
    Swap("f", Content(b"a file\n", 0o644), None),
    Swap("f/y", None, Content(b"in a folder\n")),
    Swap("d/x", Content(b"in a folder\n", 0o644), None),
    Swap("d", None, Content(b"a file\n")),
    Swap("l", Content(b"k", LINK), None),
    Swap("l/x", None, Content(b"in a folder\n")),
    Swap("m/x", Content(b"in a folder\n", 0o644), None),
    Swap("m", None, Content(b"k", LINK)),
    Swap("n", None, Content(b"./a.txt", LINK)),
]
MORE = [
    Swap("a.txt", Content(b"ONE\n", 0o755), Content(b"TWO\n", 0o755)),
    Swap("n", Content(b"./a.txt", LINK), Content(b"z\n", 0o644)),
]
FURTHER = {**AFTER, "a.txt": b"TWO\n", "n": b"z\n"}
CHANGES = {
    *("os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.chown", "os.setxattr"),
    *("shutil.rmtree", "subprocess.Popen"),
}

Work = Callable[[], object]


class Bench:
    """A working tree with accepts made as far as the one that is tried."""

    def __init__(self, folder: Path, way: str) -> None:
        """`way` is what `work` will do."""
        self.root, self.kept, self._way = folder / "tree", folder / "kept", way
        self.start, self.goal, self.states = {
            "apply": (BEFORE, AFTER, ([], ["done"])),
            "undo": (AFTER, BEFORE, (["done"], ["undone"])),
            "redo": (BEFORE, AFTER, (["undone"], ["done"])),
            "rewind": (FURTHER, BEFORE, (["done", "done"], ["undone", "undone"])),
        }[way]
        self.checkpoints = Checkpoints(self.kept, self.root)

    @classmethod
    def make(cls, folder: Path, way: str) -> "Bench":
        """With files and accepts."""
        bench = cls(folder, way)
        for name, data in BEFORE.items():
            (bench.root / name).parent.mkdir(parents=True, exist_ok=True)
            if isinstance(data, str):
                (bench.root / name).symlink_to(data)
                continue
            (bench.root / name).write_bytes(data)
            (bench.root / name).chmod(0o644)
        if way != "apply":
            bench.checkpoints.apply(SWAPS)
        if way == "redo":
            bench.checkpoints.undo()
        if way == "rewind":
            bench.checkpoints.apply(MORE)
        return bench

    def copy(self, folder: Path) -> "Bench":
        """The same once more."""
        shutil.copytree(self.root.parent, folder, symlinks=True)
        return Bench(folder, self._way)

    def work(self) -> object:
        """What is tried."""
        match self._way:
            case "apply":
                return self.checkpoints.apply(SWAPS)
            case "undo":
                return self.checkpoints.undo()
            case "redo":
                return self.checkpoints.redo()
            case _:
                return self.checkpoints.rewind(self.checkpoints.list()[0].id)

    @property
    def files(self) -> dict[str, bytes | str]:
        """Files with their bytes, links with where they lead."""
        return {
            path.relative_to(self.root).as_posix(): leads_to(path) if path.is_symlink() else path.read_bytes()
            for path in self.root.rglob("*")
            if (path.is_symlink() or path.is_file()) and ".git" not in path.parts
        }

    def settled(self) -> bool:
        """Whether all is on the new side after the next start; nothing may be in between, or left."""
        again = Checkpoints(self.kept, self.root)
        was_busy = (self.kept / "step.json").exists()
        told = again.recover()
        assert bool(told) == was_busy
        assert self.files in (self.start, self.goal), told
        assert list(again.recover()) == []
        assert {path.name for path in self.kept.iterdir()} - {c.id + ".json" for c in again.list()} <= {
            *("lock", "store.git", "state.json", "state.next")
        }
        side = self.files == self.goal
        assert [c.state for c in again.list()] == self.states[side]
        return side


def at_change(number: int, do: Callable[[], object], work: Work, *, onwards: bool = False) -> int:
    """Do something before the given change to the disk, in a process of its own; how that ended, below 0 by a signal.

    Returns:
        77 when the work came to its end before.
    """
    child = os.fork()
    if child == 0:
        left = number
        busy = False

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left, busy
            if busy:
                return
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if (writes or event in CHANGES) and "/dev/null" not in str(arguments[0]):
                left -= 1
                if left == 0 or (onwards and left < 0):
                    busy = True
                    try:
                        do()
                    finally:
                        busy = False

        code = 1
        sys.addaudithook(hook)
        try:
            work()
            code = 0
        except CheckpointError as error:
            code = 3 if str(error).endswith((".", "again")) else 4
        finally:
            os._exit(77 if left > 0 else code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fails(number: int) -> Callable[[], None]:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory where there is one: a disk takes its time to be sure, hundreds of times."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        yield Path(name)


WAYS = pytest.mark.parametrize("way", ["apply", "undo", "redo", "rewind"])


@WAYS
def test_a_kill_at_any_point_leaves_all_before_or_all_after(folder: Path, way: str) -> None:
    first, sides = Bench.make(folder / "first", way), list[bool]()
    for number in range(1, 300):
        bench = first.copy(folder / f"{number}")
        if at_change(number, kill, bench.work) == 77:
            break
        sides.append(bench.settled())
        assert all(any(folder.iterdir()) for folder in bench.root.rglob("*") if folder.is_dir())
    else:
        pytest.fail("it never came to its end")
    assert sides == sorted(sides)
    assert len(sides) > 20
    assert {False, True} == set(sides)


@pytest.mark.parametrize(
    ("number", "onwards"), [(errno.ENOSPC, False), (errno.EACCES, True)], ids=["full once", "no right from then on"]
)
@pytest.mark.parametrize("way", ["apply", "rewind"])
def test_a_disk_that_refuses_at_any_point_leaves_all_before_or_all_after(
    folder: Path, way: str, number: int, onwards: bool
) -> None:
    first, ended = Bench.make(folder / "first", way), set[int]()
    for change in range(1, 300):
        bench = first.copy(folder / f"{change}")
        code = at_change(change, fails(number), bench.work, onwards=onwards)
        if code == 77:
            break
        ended.add(code)
        assert code in (0, 3), change
        settled = bench.settled()
        assert onwards or settled == (code == 0), change
    else:
        pytest.fail("it never came to its end")
    assert ended == {0, 3}


@pytest.mark.parametrize("moment", [34, 41, 48])
def test_a_recovery_that_is_killed_is_made_up_for_by_the_next(folder: Path, moment: int) -> None:
    first = Bench.make(folder / "first", "apply")
    for number in range(1, 300):
        bench = first.copy(folder / f"{number}")
        assert at_change(moment, kill, bench.work) < 0
        finished = at_change(number, kill, bench.checkpoints.recover) == 77
        bench.settled()
        if finished:
            break
    else:
        pytest.fail("it never came to its end")


def test_recovery_keeps_what_the_user_changed_after_the_kill(folder: Path) -> None:
    bench = Bench.make(folder / "bench", "apply")
    for number in range(1, 300):
        assert at_change(number, kill, bench.work) < 0
        if (bench.root / "a.txt").read_bytes() == b"ONE\n":
            break
        bench.checkpoints.recover()
    (bench.root / "a.txt").write_bytes(b"mine\n")
    told = bench.checkpoints.recover()
    assert bench.files == {**BEFORE, "a.txt": b"mine\n"}
    assert told[0].startswith("An interrupted accept of a.txt, gone/b.txt")
    assert told[1:] == ["a.txt was left as it is, because it changed since."]


def test_the_next_step_first_settles_what_a_kill_left(folder: Path) -> None:
    bench = Bench.make(folder / "bench", "undo")
    for number in range(1, 300):
        assert at_change(number, kill, bench.work) < 0
        if bench.files != AFTER:
            break
        bench.checkpoints.recover()
    with pytest.raises(CheckpointError, match=r"An interrupted undo of .* was taken back\. Try again\."):
        bench.checkpoints.apply(MORE)
    assert bench.files == AFTER
    bench.checkpoints.undo()
    assert bench.files == BEFORE


def test_recovery_needs_no_git(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench.make(folder / "bench", "apply")
    for number in range(1, 300):
        assert at_change(number, kill, bench.work) < 0
        if "f" not in bench.files:
            break
        bench.checkpoints.recover()
    monkeypatch.setenv("PATH", "")
    assert not bench.settled()


def test_git_shows_nothing_of_it_afterwards(folder: Path) -> None:
    bench = Bench.make(folder / "bench", "apply")
    subprocess.run(["git", "init", "-q"], cwd=bench.root, check=True)
    for number in range(1, 300):
        if at_change(number, kill, bench.work) == 77:
            break
        bench.checkpoints.recover()
        shown = subprocess.run(["git", "status", "--short", "-uall"], cwd=bench.root, check=True, capture_output=True)
        assert b".ossa" not in shown.stdout
        if bench.files != BEFORE:
            break
    else:
        pytest.fail("it never came to its end")


@pytest.mark.parametrize("event", ["os.link", "os.rename"])
def test_what_the_user_writes_at_that_very_moment_is_kept(tmp_path: Path, event: str) -> None:
    bench = Bench.make(tmp_path / "bench", "apply")
    mine = {**BEFORE, "a.txt": b"one\nmine\n"}

    def work() -> None:
        def hook(now: str, arguments: tuple[object, ...]) -> None:
            if now == event and str(arguments[1]).endswith(("a.txt", "-4.old", "-6.old")):
                with (bench.root / "a.txt").open("r+b") as file:
                    file.write(b"one\nmine\n")

        sys.addaudithook(hook)
        with pytest.raises(CheckpointError, match=r"a\.txt was changed this very moment"):
            bench.checkpoints.apply(SWAPS)

    assert at_change(-1, kill, work) == 0 or event == "os.link"
    assert bench.files in (mine, AFTER) if event == "os.link" else bench.files == mine


def test_a_full_disk_leaves_all_as_it_was(tmp_path: Path) -> None:
    import resource

    bench = Bench.make(tmp_path / "bench", "apply")

    def fill_up() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (6_000, 6_000))
        noise = Content(os.urandom(20_000))
        with pytest.raises(CheckpointError, match="Nothing was written"):
            bench.checkpoints.apply([*SWAPS, Swap("big", None, noise)])
        (bench.root / "seen").write_bytes(b"x")

    assert at_change(10_000, kill, fill_up) == 77
    assert bench.files == {**BEFORE, "seen": b"x"}
    assert not bench.checkpoints.list()
