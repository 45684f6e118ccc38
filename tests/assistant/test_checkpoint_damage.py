"""Accepts whose store is damaged, in company, or of files that have more to them than bytes."""

import json
import os
import struct
import sys
from pathlib import Path

import pytest

from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.tree import LINK, Content, Swap

BEFORE = {"a.txt": b"one\n", "gone/b.txt": b"two\n", "f": b"a file\n", "d/x": b"in a folder\n"}
AFTER = {"a.txt": b"ONE\n", "new/deep/c.txt": b"three\n", "f/y": b"in a folder\n", "d": b"a file\n"}
SWAPS = [
    Swap("a.txt", Content(b"one\n", 0o644), Content(b"ONE\n", 0o755)),
    Swap("gone/b.txt", Content(b"two\n", 0o644), None),
    Swap("new/deep/c.txt", None, Content(b"three\n")),
    Swap("f", Content(b"a file\n", 0o644), None),
    Swap("f/y", None, Content(b"in a folder\n")),
    Swap("d/x", Content(b"in a folder\n", 0o644), None),
    Swap("d", None, Content(b"a file\n")),
]
MORE = [Swap("a.txt", Content(b"ONE\n", 0o755), Content(b"TWO\n", 0o755)), Swap("z", None, Content(b"z\n"))]


class Bench:
    """A working tree and its checkpoints."""

    def __init__(self, folder: Path) -> None:
        self.root, self.kept = folder / "tree", folder / "kept"
        for name, data in BEFORE.items():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            (self.root / name).write_bytes(data)
            (self.root / name).chmod(0o644)
        self.checkpoints = Checkpoints(self.kept, self.root)

    @property
    def files(self) -> dict[str, bytes]:
        return {p.relative_to(self.root).as_posix(): p.read_bytes() for p in self.root.rglob("*") if p.is_file()}


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def accepted(bench: Bench) -> Bench:
    """With one accept."""
    bench.checkpoints.apply(SWAPS)
    return bench


# Damage


def packs(bench: Bench) -> set[Path]:
    return set((bench.kept / "store.git/objects/pack").glob("*.pack"))


def test_a_damaged_accept_is_said_and_does_not_block_the_others(accepted: Bench) -> None:
    first = packs(accepted)
    accepted.checkpoints.apply([Swap("z", None, Content(b"z\n")), Swap("f/y", Content(b"in a folder\n"), None)])
    accepted.checkpoints.apply([Swap("v", None, Content(b"v\n"))])
    (damaged,) = accepted.checkpoints.rewind(accepted.checkpoints.list()[-1].id)
    (pack,) = (
        p for p in packs(accepted) - first if p.stat().st_mtime_ns == max(q.stat().st_mtime_ns for q in packs(accepted))
    )
    pack.chmod(0o600)
    pack.write_bytes(pack.read_bytes()[:30])
    with pytest.raises(CheckpointError, match="damaged") as refused:
        accepted.checkpoints.redo()
    record = accepted.kept / f"{damaged.id}.json"
    assert str(record) in str(refused.value)
    record.unlink()
    accepted.checkpoints.rewind(accepted.checkpoints.list()[0].id)
    assert accepted.files == BEFORE
    accepted.checkpoints.redo()
    assert accepted.files == AFTER


@pytest.mark.parametrize("text", ["", '{"files": 3}', '{"files": [{"path": 1}], "folders": []}', "[]"])
def test_a_damaged_record_is_said_and_can_be_removed(accepted: Bench, text: str) -> None:
    newest = accepted.checkpoints.apply(MORE).id
    (accepted.kept / f"{newest}.json").write_text(text)
    assert [c.files for c in accepted.checkpoints.list()] == [tuple(swap.path for swap in SWAPS)]
    with pytest.raises(CheckpointError, match=rf"{newest}\.json is damaged .*; remove it"):
        accepted.checkpoints.undo()
    (accepted.kept / f"{newest}.json").unlink()
    (accepted.root / "a.txt").write_bytes(b"ONE\n")
    (accepted.root / "z").unlink()
    accepted.checkpoints.undo()
    assert accepted.files == BEFORE


@pytest.mark.parametrize("name", ["state.json", "step.json"])
def test_a_damaged_journal_is_said_and_can_be_removed(accepted: Bench, name: str) -> None:
    (accepted.kept / name).write_text('{"made": ')
    with pytest.raises(CheckpointError, match=rf"{name} is damaged .*; remove it"):
        accepted.checkpoints.undo()
    assert name in accepted.checkpoints.recover()[0]
    assert accepted.files == AFTER
    (accepted.kept / name).unlink()
    accepted.checkpoints.undo()
    assert accepted.files == BEFORE


def test_a_damaged_store_is_said_and_a_new_one_begins_where_it_is_removed(accepted: Bench) -> None:
    (accepted.kept / "store.git/HEAD").write_text("nonsense")
    for work in (accepted.checkpoints.undo, lambda: accepted.checkpoints.apply(MORE)):
        with pytest.raises(CheckpointError, match=r"store\.git"):
            work()
    assert accepted.files == AFTER
    (accepted.kept / "store.git").rename(accepted.kept / "away")
    assert list(Checkpoints(accepted.kept, accepted.root).recover()) == []
    assert list(accepted.checkpoints.list()) == []
    accepted.checkpoints.apply(MORE)
    accepted.checkpoints.undo()
    assert accepted.files == AFTER


def test_contents_that_would_not_come_back_are_not_relied_on(accepted: Bench) -> None:
    for pack in packs(accepted):
        pack.chmod(0o600)
        pack.write_bytes(pack.read_bytes()[:-40])
    with pytest.raises(
        CheckpointError, match=r"^Nothing was written, because there would be no way back: .*store\.git"
    ):
        accepted.checkpoints.apply([Swap("a.txt", Content(b"ONE\n"), Content(b"one\n"))])
    assert accepted.files == AFTER


def test_without_git_it_is_said(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CheckpointError, match=r"no way back: git, which keeps it, cannot be run .*; install it"):
        bench.checkpoints.apply(SWAPS)
    assert bench.files == BEFORE
    assert not bench.checkpoints.list()


def test_a_broken_git_is_said(tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text("#!/bin/sh\necho 'error: unknown option' >&2\nexit 129\n")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with pytest.raises(CheckpointError, match=r"no way back: git init failed \(error: unknown option\)"):
        bench.checkpoints.apply(SWAPS)
    assert bench.files == BEFORE


# Company


def test_two_processes_take_turns(bench: Bench) -> None:

    def many(name: str) -> None:
        for number in range(10):
            old = Content(b"%d" % (number - 1)) if number else None
            Checkpoints(bench.kept, bench.root).apply([Swap(name, old, Content(b"%d" % number))])

    children: list[int] = []
    for name in ("p", "q"):
        child = os.fork()
        if child == 0:
            try:
                many(name)
            except BaseException:
                os._exit(1)
            os._exit(0)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert len(bench.checkpoints.list()) == 20
    bench.checkpoints.rewind(bench.checkpoints.list()[0].id)
    assert bench.files == BEFORE


# What a file has besides bytes


def test_other_names_of_a_file_keep_what_was_there_and_that_is_said(bench: Bench) -> None:
    (bench.root / "other").hardlink_to(bench.root / "a.txt")
    done = bench.checkpoints.apply(SWAPS)
    assert [note for note in done.notes if "a.txt has other names (hard links)" in note] == list(done.notes) != []
    assert bench.files == {**AFTER, "other": b"one\n"}


def test_a_step_that_fails_keeps_the_very_files(bench: Bench) -> None:
    (bench.root / "other").hardlink_to(bench.root / "a.txt")
    before = {name: (bench.root / name).stat().st_ino for name in bench.files}
    (bench.root / "d/mine").write_bytes(b"mine\n")
    with pytest.raises(CheckpointError, match="d is a folder in the working tree, and there are other files in it"):
        bench.checkpoints.apply(SWAPS)
    assert {name: (bench.root / name).stat().st_ino for name in before} == before
    assert bench.files == {**BEFORE, "other": b"one\n", "d/mine": b"mine\n"}


@pytest.mark.skipif(sys.platform != "linux", reason="Python has extended attributes on Linux alone")
def test_attributes_and_access_lists_stay(bench: Bench) -> None:
    file = bench.root / "a.txt"
    entries = [(1, 6, -1), (2, 4, 65534), (4, 4, -1), (16, 4, -1), (32, 0, -1)]
    rights = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *entry) for entry in entries)
    try:
        os.setxattr(file, "user.note", b"kept")
        os.setxattr(file, "system.posix_acl_access", rights)
    except OSError:
        pytest.skip("this file system has none")
    bench.checkpoints.apply([Swap("a.txt", Content(b"one\n"), Content(b"ONE\n"))])
    assert os.getxattr(file, "user.note") == b"kept"
    assert os.getxattr(file, "system.posix_acl_access") == rights
    bench.checkpoints.undo()
    assert (file.read_bytes(), os.getxattr(file, "system.posix_acl_access")) == (b"one\n", rights)
    bench.checkpoints.apply([Swap("a.txt", Content(b"one\n"), None)])
    assert not file.exists()
    Checkpoints(bench.kept, bench.root).undo()
    every = {"user.note": b"kept", "system.posix_acl_access": rights}
    assert {name: os.getxattr(file, name) for name in os.listxattr(file)} == every
    first = bench.checkpoints.apply([Swap("a.txt", Content(b"one\n"), Content(b"d", LINK))])
    bench.checkpoints.apply([Swap("a.txt", Content(b"d", LINK), Content(b"two\n"))])
    assert not os.listxattr(file)
    bench.checkpoints.rewind(first.id)
    assert {name: os.getxattr(file, name) for name in os.listxattr(file)} == every


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_the_owner_stays(bench: Bench) -> None:
    os.chown(bench.root / "a.txt", 65534, 65534)
    bench.checkpoints.apply(SWAPS)
    assert ((bench.root / "a.txt").stat().st_uid, (bench.root / "a.txt").stat().st_gid) == (65534, 65534)
    bench.checkpoints.apply([Swap("a.txt", Content(b"ONE\n"), None)])
    bench.checkpoints.undo()
    assert ((bench.root / "a.txt").stat().st_uid, (bench.root / "a.txt").stat().st_gid) == (65534, 65534)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_write_protected_file_stays_as_it_is(bench: Bench) -> None:
    (bench.root / "a.txt").chmod(0o444)
    with pytest.raises(CheckpointError, match=r"write-protected: a\.txt\. `chmod u\+w`"):
        bench.checkpoints.apply(SWAPS)
    assert bench.files == BEFORE


def test_the_record_says_what_was_done(accepted: Bench) -> None:
    record = json.loads((accepted.kept / f"{accepted.checkpoints.list()[0].id}.json").read_text())
    assert [file["path"] for file in record["files"]] == [swap.path for swap in SWAPS]
    assert record["folders"] == ["f", "new", "new/deep"]
