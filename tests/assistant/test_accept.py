import os
import stat
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.accepting.accept import Accepted, accept
from ossa.assistant.accepting.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.accepting.merge import merge
from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.diff import diff_file
from ossa.assistant.review import Decision
from ossa.assistant.text import join, lines_of

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "}\n", "\udcff\n"]), max_size=14)


def file_of(lines: list[str], last: str) -> bytes:
    return join([*lines, last])


FILES = st.builds(file_of, LINES, st.sampled_from(["", "", "x"]))
TEN = [f"line {n}\n" for n in range(10)]
FOUND = "".join(TEN).encode()
DRAFT = FOUND.replace(b"line 2\n", b"LINE 2\nnew\n").replace(b"line 7\n", b"")


class Bench:
    """A working tree, and a draft that is a dictionary."""

    def __init__(self, folder: Path, files: dict[str, bytes]) -> None:
        self.root = folder / "tree"
        self.root.mkdir()
        self.checkpoints = Checkpoints(folder / "checkpoints", self.root)
        self.draft: dict[str, bytes | None] = {}
        for path, data in files.items():
            self.write(path, data)

    def write(self, path: str, data: bytes) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)

    def read(self, path: str) -> bytes | None:
        place = self.root / path
        return place.read_bytes() if place.exists() else None

    def change(self, **after: bytes | None) -> Change:
        """What the draft would do, given its files by name, "_" standing for "/"."""
        self.draft = {path.replace("_", "/"): data for path, data in after.items()}
        files = [diff_file(path, self.read(path), data) for path, data in self.draft.items()]
        return Change(tuple(file for file in files if file))

    def accept(self, change: Change, hunks: list[Hunk] | None = None) -> Accepted:
        wanted = [hunk for _, hunk in change.hunks] if hunks is None else hunks
        return accept(change, [Decision(h.id, True) for h in wanted], self.root, self.draft.get, self.checkpoints)


def by_hand(before: bytes, hunks: list[Hunk]) -> bytes:
    lines = lines_of(before)
    for hunk in sorted(hunks, key=lambda h: -h.start):
        lines[hunk.start : hunk.start + len(hunk.before)] = hunk.after
    return join(lines)


# Properties


@given(FILES, FILES, st.randoms(use_true_random=False))
def test_any_subset_in_any_order_is_the_same_as_at_once(before: bytes, after: bytes, random: Random) -> None:
    file = diff_file("f", before, after)
    if not file:
        return
    subset = random.sample(file.hunks, random.randint(1, len(file.hunks)))
    expected = by_hand(before, subset)
    assert merge(file, subset, before, after) == (expected, ())
    now = before
    for hunk in subset:
        now, refused = merge(file, [hunk], now, after)
        assert not refused
    assert now == expected
    assert merge(file, file.hunks, before, after).data == after


@given(FILES, FILES)
def test_a_change_and_then_its_inverse_is_nothing(before: bytes, after: bytes) -> None:
    there, back = diff_file("f", before, after), diff_file("f", after, before)
    if there and back:
        assert merge(back, back.hunks, merge(there, there.hunks, before, after).data, before).data == before


@given(FILES, FILES, FILES)
def test_whatever_the_user_did_a_hunk_goes_in_whole_or_is_refused(before: bytes, after: bytes, now: bytes) -> None:
    file = diff_file("f", before, after)
    if file:
        merged = merge(file, file.hunks, now, after)
        lost = {hunk for hunk, _ in merged.refused}
        taken = [h for h in file.hunks if h not in lost]
        assert all(join(h.after) in merged.data for h in taken)
        assert merged.data == now or taken


@given(st.lists(st.integers(0, 29), min_size=1, max_size=3, unique=True), st.lists(st.integers(0, 29), max_size=3))
def test_edits_in_other_places_are_kept(ours: list[int], theirs: list[int]) -> None:
    def edited(places: list[int], word: str) -> list[str]:
        return [f"{word} {n}\nmore\n" if n in places else f"line {n}\n" for n in range(30)]

    apart = [n for n in theirs if all(abs(n - o) > 1 for o in ours)]
    before, after, now = (join(edited(p, w)) for p, w in (([], ""), (ours, "our"), (apart, "their")))
    file = diff_file("f", before, after)
    assert file
    merged = merge(file, file.hunks, now, after)
    both = [f"our {n}\nmore\n" if n in ours else line for n, line in enumerate(edited(apart, "their"))]
    assert merged == (join(both), ())


# The user's edits meanwhile


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (b"top\n" * 3 + FOUND, b"top\n" * 3 + DRAFT),
        (FOUND + b"end\n", DRAFT + b"end\n"),
        (FOUND.replace(b"line 5\n", b"five\n5\n"), DRAFT.replace(b"line 5\n", b"five\n5\n")),
        (FOUND.replace(b"line 1\n", b"one\n"), DRAFT.replace(b"line 1\n", b"one\n")),
        (FOUND.replace(b"line 3\n", b""), DRAFT.replace(b"line 3\n", b"")),
        (DRAFT, DRAFT),
    ],
    ids=["above", "below", "between", "right above", "right below", "the same"],
)
def test_what_the_user_edited_around_a_hunk_is_kept(tmp_path: Path, now: bytes, expected: bytes) -> None:
    bench = Bench(tmp_path, {"f": FOUND})
    change = bench.change(f=DRAFT)
    bench.write("f", now)
    done = bench.accept(change)
    assert (done.files, done.refused, bool(done.checkpoint)) == (("f",), (), now != expected)
    assert bench.read("f") == expected


def test_a_hunk_whose_lines_the_user_edited_is_refused_and_the_others_go_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"f": FOUND})
    change = bench.change(f=DRAFT)
    bench.write("f", FOUND.replace(b"line 2\n", b"mine\n"))
    done = bench.accept(change)
    assert done.files == ("f",)
    assert len(done.refused) == 1
    assert done.refused[0].startswith("f, line 3: ")
    assert bench.read("f") == FOUND.replace(b"line 2\n", b"mine\n").replace(b"line 7\n", b"")


def test_a_hunk_follows_its_lines_to_where_the_user_moved_them(tmp_path: Path) -> None:
    blocks = [[f"def f{n}():\n", f"    a = {n}\n", f"    return {n}\n", "\n"] for n in range(5)]
    found, moved = (join(line for block in order for line in block) for order in (blocks, blocks[1:] + blocks[:1]))
    bench = Bench(tmp_path, {"f": found})
    change = bench.change(f=found.replace(b"a = 0\n", b"b = 0\n"))
    bench.write("f", moved)
    assert bench.accept(change).refused == ()
    assert bench.read("f") == moved.replace(b"a = 0\n", b"b = 0\n")


def test_a_hunk_whose_lines_are_gone_never_goes_to_their_twin(tmp_path: Path) -> None:
    twin = b"head\n    a\n    b\n    c\ntail\n"
    bench = Bench(tmp_path, {"f": twin + b"middle\n" + twin})
    change = bench.change(f=twin.replace(b"    b\n", b"    B\n") + b"middle\n" + twin)
    bench.write("f", b"middle\n" + twin)
    done = bench.accept(change)
    assert (done.files, done.checkpoint, len(done.refused)) == ((), "", 1)
    assert bench.read("f") == b"middle\n" + twin


# Whole files


def test_files_are_added_with_their_folders_deleted_and_made_executable(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"old/gone.txt": b"x\n", "run.sh": b"y\n"})
    (bench.root / "run.sh").chmod(0o640)
    bench.draft = {"new/deep/a.txt": b"a\n", "old/gone.txt": None, "run.sh": b"y\n"}
    files = [
        diff_file("new/deep/a.txt", None, b"a\n", mode_after=0o755),
        diff_file("old/gone.txt", b"x\n", None),
        diff_file("run.sh", b"y\n", b"y\n", mode_before=0o640, mode_after=0o750),
    ]
    done = bench.accept(Change(tuple(file for file in files if file)))
    assert done.files == ("new/deep/a.txt", "old/gone.txt", "run.sh")
    assert bench.read("new/deep/a.txt") == b"a\n"
    modes = [stat.S_IMODE((bench.root / path).stat().st_mode) for path in ("new/deep/a.txt", "run.sh")]
    assert modes == [0o755, 0o750]
    assert not (bench.root / "old").exists()
    bench.checkpoints.undo()
    assert bench.read("old/gone.txt") == b"x\n"
    assert stat.S_IMODE((bench.root / "run.sh").stat().st_mode) == 0o640
    assert not (bench.root / "new").exists()


def test_a_binary_file_goes_in_whole_unless_the_user_changed_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"a": b"\0one", "b": b"\0one"})
    change = bench.change(a=b"\0two", b=b"\0two", c=b"\0new")
    bench.write("b", b"\0mine")
    done = bench.accept(change)
    assert done.files == ("a", "c")
    assert [bench.read(path) for path in "abc"] == [b"\0two", b"\0mine", b"\0new"]
    assert done.refused == ("b changed since the draft was made, so the draft's version was left out.",)


@pytest.mark.parametrize(
    ("found", "draft", "now", "told"),
    [
        (None, b"new\n", b"mine\n", "exists in the working tree by now"),
        (b"old\n", None, b"mine\n", "was not deleted"),
        (b"old\n", b"new\n", None, "is gone from the working tree"),
    ],
    ids=["added", "deleted", "modified"],
)
def test_a_file_that_the_user_took_another_way_is_left_alone(
    tmp_path: Path, found: bytes | None, draft: bytes | None, now: bytes | None, told: str
) -> None:
    bench = Bench(tmp_path, {"f": found} if found else {})
    change = bench.change(f=draft)
    (bench.root / "f").unlink(missing_ok=True)
    if now:
        bench.write("f", now)
    done = bench.accept(change)
    assert (done.files, done.checkpoint) == ((), "")
    assert told in done.refused[0]
    assert bench.read("f") == now


# Safety


def test_nothing_goes_through_a_link_out_of_the_repository(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_bytes(b"a\n")
    bench = Bench(tmp_path, {})
    (bench.root / "link").symlink_to(outside)
    (bench.root / "file").symlink_to(outside / "f")
    names = ["link/f", "link/new", "file", "../x", ".git/config"]
    files = [diff_file(path, b"a\n" if path[-1] in "fe" else None, b"b\n") for path in names]
    bench.draft = dict.fromkeys(names, b"b\n")
    done = bench.accept(Change(tuple(file for file in files if file)))
    assert (done.files, len(done.refused)) == ((), 5)
    assert (outside / "f").read_bytes() == b"a\n"
    assert [path.name for path in outside.iterdir()] == ["f"]


def test_mode_and_neighbours_stay_and_nothing_is_left_beside(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"f": FOUND, "g": b"g\n"})
    (bench.root / "f").chmod(0o750)
    untouched = (bench.root / "g").stat()
    assert bench.accept(bench.change(f=DRAFT)).files == ("f",)
    assert stat.S_IMODE((bench.root / "f").stat().st_mode) == 0o750
    assert (bench.root / "g").stat() == untouched
    assert sorted(path.name for path in bench.root.iterdir()) == ["f", "g"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_leaves_all_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"a/f": b"a\n", "b/f": b"a\n"})
    change = bench.change(a_f=b"b\n", b_f=b"b\n")
    (bench.root / "b").chmod(0o500)
    with pytest.raises(CheckpointError, match="Nothing was written"):
        bench.accept(change)
    (bench.root / "b").chmod(0o700)
    assert (bench.read("a/f"), bench.read("b/f")) == (b"a\n", b"a\n")
    assert not bench.checkpoints.list()


def test_a_file_in_the_way_of_a_folder_leaves_all_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"a": b"a\n", "z": b"a\n"})
    files = (diff_file("z", b"a\n", b"b\n"), diff_file("a/new", None, b"n\n"))
    bench.draft = {"z": b"b\n", "a/new": b"n\n"}
    with pytest.raises(CheckpointError, match="Nothing was written"):
        bench.accept(Change(tuple(file for file in files if isinstance(file, FileChange))))
    assert (bench.read("a"), bench.read("z")) == (b"a\n", b"a\n")
    assert sorted(path.name for path in bench.root.iterdir()) == ["a", "z"]
    assert not bench.checkpoints.list()


def test_only_accepted_hunks_go_in(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"f": FOUND})
    change = bench.change(f=DRAFT)
    first, second = (hunk for _, hunk in change.hunks)
    decisions = [Decision(first.id, False, "no"), Decision(second.id, True), Decision("unknown", True)]
    accept(change, decisions, bench.root, bench.draft.get, bench.checkpoints)
    assert bench.read("f") == FOUND.replace(b"line 7\n", b"")
    assert accept(change, [], bench.root, bench.draft.get, bench.checkpoints) == Accepted()
    assert bench.accept(change, [first]).refused == ()
    assert bench.read("f") == DRAFT
