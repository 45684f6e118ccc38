"""A folder becomes a symbolic link in the very moment in which an accept works in it: nothing lands behind the link.

The moments are those at which Python is about to make, rename or remove something for the accept, one after the other.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.assistant.accepting import hands

PROGRAM = """
import json, os, shutil, sys
from pathlib import Path
from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.change import Change
from ossa.assistant.diff import diff_file
from ossa.assistant.review import Decision

KINDS = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "open", "os.chmod"}
FILES = {"x.txt": b"one\\n", "gone.txt": b"two\\n"}
GOAL = {"x.txt": b"ONE\\n", "new.txt": b"3\\n", "deep/n.txt": b"4\\n"}
TOUCHED = {"x.txt", "gone.txt", "new.txt", "deep", "n.txt"}
base, way = Path(sys.argv[1]), sys.argv[2]
state = {"left": -1, "swap": lambda: None}

def watch(event, arguments):
    if state["left"] < 0 or event not in KINDS:
        return
    names = [os.fsdecode(a).rpartition("/")[2] for a in arguments if isinstance(a, (str, bytes, os.PathLike))]
    if not any(name.startswith(".ossa-") or name in TOUCHED for name in names):
        return
    state["left"] -= 1
    if state["left"] < 0:
        state["swap"]()

def content(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

sys.addaudithook(watch)
draft = {"sub/" + name: data for name, data in GOAL.items()}
change = Change((
    diff_file("sub/deep/n.txt", None, GOAL["deep/n.txt"], mode_after=0o644),
    diff_file("sub/gone.txt", FILES["gone.txt"], None),
    diff_file("sub/new.txt", None, GOAL["new.txt"], mode_after=0o644),
    diff_file("sub/x.txt", FILES["x.txt"], GOAL["x.txt"]),
))
root, outside, kept = base / "tree", base / "outside", base / "kept"
sub, number, told = root / "sub", 0, 0

def accepted():
    accept(change, [Decision(h.id, True) for _, h in change.hunks], root, draft.get, Checkpoints(kept, root))

def swap():
    sub.rename(root / "away")
    sub.symlink_to(outside)

while True:
    for folder in (root, outside, kept):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (sub, outside):
        folder.mkdir(parents=True)
        for name, data in FILES.items():
            (folder / name).write_bytes(data)
    if way == "undo":
        accepted()
    state.update(left=number, swap=swap)
    try:
        Checkpoints(kept, root).undo() if way == "undo" else accepted()
    except CheckpointError:
        told += 1
    swapped, state["left"] = state["left"] < 0, -1
    assert content(outside) == FILES, (number, content(outside))
    if not swapped:
        break
    sub.unlink()
    (root / "away").rename(sub)
    list(Checkpoints(kept, root).recover())
    assert content(sub) in (FILES, GOAL), (number, content(sub))
    number += 1
print(json.dumps([number, told]))
"""


@pytest.mark.parametrize("way", ["accept", "undo"])
def test_nothing_lands_behind_a_link_that_takes_a_folders_place(tmp_path: Path, way: str) -> None:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path), way]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    moments, told = json.loads(done.stdout)
    assert moments > 10 and told > 5


@pytest.mark.parametrize("flags", [hands._FOLDER, os.O_RDONLY])
def test_a_link_on_the_way_is_no_folder_whatever_the_system_says_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int
) -> None:
    monkeypatch.setattr(hands, "_FOLDER", flags)  # without O_PATH and O_DIRECTORY a link is "too many levels"
    (tmp_path / "real").mkdir()
    (tmp_path / "real/a").touch()
    (tmp_path / "link").symlink_to("real")
    made = hands.Hands(tmp_path)
    assert made.lies(tmp_path / "real/a") and not made.lies(tmp_path / "link/a")
    with pytest.raises(NotADirectoryError):
        made.unlink(tmp_path / "link/a", missing_ok=True)
