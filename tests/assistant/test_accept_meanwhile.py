"""What the user did to a file while its change was under review: it stays, or the hunk is refused and says why."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ossa.assistant.accepting.accept import Accepted, accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.merge import merge
from ossa.assistant.accepting.placing import CHANGED, ENDINGS, TWINS
from ossa.assistant.change import Change
from ossa.assistant.diff import diff_file
from ossa.assistant.review import Decision
from ossa.assistant.text import join

HEAD = ["import os\n", "\n", "\n"]
TAIL = ["def main():\n", "    run()\n"]
BLOCK = [
    "@case\n",
    "def test():\n",
    "    setup()\n",
    "    check(1)\n",
    "    teardown()\n",
    "    done()\n",
    "    log()\n",
    "\n",
]
FIXED = [line.replace("1", "2") for line in BLOCK]


def blocks(count: int, fixed: int = -1) -> list[str]:
    """A file of equal blocks, one of them fixed."""
    return [*HEAD, *(line for n in range(count) for line in (FIXED if n == fixed else BLOCK)), *TAIL]


def merged(found: list[str], draft: list[str], now: list[str]) -> tuple[list[str], list[str]]:
    """The file with all hunks in it as far as they have a place, and why the others have none."""
    file = diff_file("f", join(found), join(draft))
    assert file
    done = merge(file, file.hunks, join(now), join(draft))
    return done.data.decode().splitlines(keepends=True), [why for _, why in done.refused]


# Blocks that are the same


@pytest.mark.parametrize("number", [0, 1, 2])
def test_what_is_new_above_shifts_the_one_of_equal_blocks_that_is_meant(number: int) -> None:
    found, draft = blocks(3), blocks(3, number)
    new = ["# mine\n", "x = 1\n", "y = 2\n"]
    assert merged(found, draft, [*new, *found, "# end\n"]) == ([*new, *draft, "# end\n"], [])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_more_of_equal_blocks_leaves_nobody_knowing_which_is_meant(number: int) -> None:
    assert merged(blocks(3), blocks(3, number), blocks(4)) == (blocks(4), [TWINS])


@pytest.mark.parametrize("number", [0, 1, 2])
def test_one_less_of_equal_blocks_does_so_too(number: int) -> None:
    lines, why = merged(blocks(3), blocks(3, number), blocks(2))
    assert (lines, len(why)) == (blocks(2), 1)


def test_equal_blocks_under_names_of_their_own_are_told_apart() -> None:
    def named(*names: str, fixed: str = "") -> list[str]:
        lines: list[str] = []
        for name in names:
            lines += [f"def {name}():\n", "    check(2)\n" if name == fixed else "    check(1)\n", "\n"]
        return lines

    found, draft = named("a", "b", "c"), named("a", "b", "c", fixed="b")
    now = named("new", "a", "other", "b", "c", "last")
    assert merged(found, draft, now) == (named("new", "a", "other", "b", "c", "last", fixed="b"), [])


def test_a_copy_of_the_block_beside_it_is_not_taken_for_it() -> None:
    assert merged(blocks(1), blocks(1, 0), blocks(2)) == (blocks(2), [TWINS])


def test_lines_that_tell_nothing_go_nowhere_once_what_is_around_them_changed() -> None:
    found = ["if a:\n", "{\n", "    b\n", "}\n", "else:\n", "{\n", "    c\n", "}\n"]
    draft = [*found[:3], "} // a\n", *found[4:]]
    now = ["while x:\n", "{\n", "    y\n", "}\n", "    z\n", "}\n"]
    lines, why = merged(found, draft, now)
    assert (lines, len(why)) == (now, 1)


def test_without_the_draft_as_it_was_only_lines_that_stand_once_are_changed() -> None:
    file = diff_file("f", join(blocks(1)), join(blocks(1, 0)))
    assert file
    assert merge(file, file.hunks, join(blocks(1)), b"another\n").data == join(blocks(1, 0))
    twice = merge(file, file.hunks, join(blocks(2)), b"another\n")
    assert (twice.data, [why for _, why in twice.refused]) == (join(blocks(2)), [TWINS])
    none = merge(file, file.hunks, join(TAIL), None)
    assert (none.data, [why for _, why in none.refused]) == (join(TAIL), [CHANGED])


# The user's edits near a hunk

TEN = [f"line {n}\n" for n in range(10)]
FIVE = [*TEN[:5], "LINE 5\n", *TEN[6:]]
MORE = [*TEN[:5], "inserted\n", *TEN[5:]]


@dataclass(frozen=True)
class Case:
    draft: list[str]
    now: list[str]
    expected: list[str]
    why: str = ""


CASES = {
    "above": Case(FIVE, ["a\n", "b\n", *TEN], ["a\n", "b\n", *FIVE]),
    "below": Case(FIVE, [*TEN, "z\n"], [*FIVE, "z\n"]),
    "right above": Case(FIVE, [*TEN[:4], "four\n", *TEN[5:]], [*TEN[:4], "four\n", *FIVE[5:]]),
    "right below": Case(FIVE, [*TEN[:6], "six\n", *TEN[7:]], [*FIVE[:6], "six\n", *TEN[7:]]),
    "on both sides": Case(FIVE, [*TEN[:4], "4\n", "line 5\n", "6\n"], [*TEN[:4], "4\n", "LINE 5\n", "6\n"]),
    "inside": Case(FIVE, [*TEN[:5], "mine\n", *TEN[6:]], [*TEN[:5], "mine\n", *TEN[6:]], CHANGED),
    "gone": Case(FIVE, [*TEN[:5], *TEN[6:]], [*TEN[:5], *TEN[6:]], CHANGED),
    "the same": Case(FIVE, ["top\n", *FIVE], ["top\n", *FIVE]),
    "the same and more": Case(FIVE, [*FIVE[:6], "extra\n", *FIVE[6:]], [*FIVE[:6], "extra\n", *FIVE[6:]], CHANGED),
    "new lines at the same place": Case(MORE, [*TEN[:5], "x\n", *TEN[5:]], [*TEN[:5], "x\n", *TEN[5:]], CHANGED),
    "the same new lines": Case(MORE, ["top\n", *MORE], ["top\n", *MORE]),
    "the line above new lines": Case(MORE, [*TEN[:4], "x\n", *TEN[5:]], [*TEN[:4], "x\n", *TEN[5:]], CHANGED),
    "emptied": Case(FIVE, [], [], CHANGED),
    "carriage returns": Case(
        FIVE, [s.replace("\n", "\r\n") for s in TEN], [s.replace("\n", "\r\n") for s in TEN], ENDINGS
    ),
    "final newline": Case(FIVE, [*TEN[:9], "line 9"], [*FIVE[:9], "line 9"]),
    "moved": Case(FIVE, [*TEN[7:], "x\n", *TEN[1:7]], [*TEN[7:], "x\n", *FIVE[1:7]]),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_what_the_user_edited_stays_and_the_hunk_fits_or_is_refused(case: Case) -> None:
    assert merged(TEN, case.draft, case.now) == (case.expected, [case.why] if case.why else [])


# The file itself


class Bench:
    """A tree with the file `f`, and a change of it that waits for review."""

    def __init__(self, folder: Path, data: bytes | None = join(TEN), after: bytes | None = join(FIVE)) -> None:
        self.root = folder / "tree"
        self.root.mkdir()
        self.file = self.root / "f"
        if data is not None:
            self.file.write_bytes(data)
            self.file.chmod(0o644)
        self.after = after
        self.checkpoints = Checkpoints(folder / "kept", self.root)
        file = diff_file("f", data, after)
        assert file
        self.change = Change((file,))

    def accept(self) -> Accepted:
        decisions = [Decision(hunk.id, True) for _, hunk in self.change.hunks]
        return accept(self.change, decisions, self.root, lambda _: self.after, self.checkpoints)


def to_folder(file: Path) -> None:
    file.unlink(missing_ok=True)
    file.mkdir()
    (file / "inside").write_bytes(b"mine\n")


def to_link(file: Path) -> None:
    file.unlink(missing_ok=True)
    (file.parent / "aim").write_bytes(join(TEN))
    file.symlink_to("aim")


def to_pipe(file: Path) -> None:
    file.unlink(missing_ok=True)
    os.mkfifo(file)


def to_elsewhere(file: Path) -> None:
    file.rename(file.parent / "moved")


STATES: dict[str, tuple[bytes | None, bytes | None]] = {
    "modified": (join(TEN), join(FIVE)),
    "added": (None, b"new\n"),
    "binary": (b"\0one", b"\0two"),
}


@pytest.mark.parametrize("become", [to_folder, to_link, to_pipe])
@pytest.mark.parametrize("state", STATES)
def test_what_is_no_plain_file_by_now_is_left_alone(tmp_path: Path, state: str, become: Callable[[Path], None]) -> None:
    bench = Bench(tmp_path, *STATES[state])
    become(bench.file)
    before = [(path, path.lstat()) for path in sorted(bench.root.rglob("*"))]
    done = bench.accept()
    assert (done.files, done.checkpoint, len(done.refused)) == ((), "", 1)
    assert become is to_folder or "f is no plain file in the working tree" in done.refused[0]
    assert [(path, path.lstat()) for path in sorted(bench.root.rglob("*"))] == before


@pytest.mark.parametrize("state", ["added", "modified"])
def test_a_folder_in_the_way_of_one_file_does_not_stop_the_others(tmp_path: Path, state: str) -> None:
    bench = Bench(tmp_path, *STATES[state])
    to_folder(bench.file)
    other = diff_file("other", None, b"x\n")
    assert other
    bench.change = Change((*bench.change.files, other))
    done = bench.accept()
    assert (done.files, len(done.refused)) == (("other",), 1)
    assert (bench.file / "inside").read_bytes() == b"mine\n"


def test_a_file_takes_the_place_of_a_folder_that_goes_with_the_same_accept(tmp_path: Path) -> None:
    bench = Bench(tmp_path, None, b"new\n")
    to_folder(bench.file)
    inside = diff_file("f/inside", b"mine\n", None)
    assert inside
    bench.change = Change((*bench.change.files, inside))
    assert bench.accept().refused == ()
    assert bench.file.read_bytes() == b"new\n"
    bench.checkpoints.undo()
    assert (bench.file / "inside").read_bytes() == b"mine\n"


def test_a_file_that_moved_is_said_to_be_gone_and_what_it_became_stays(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    to_elsewhere(bench.file)
    assert bench.accept().refused == ("f is gone from the working tree; its 1 hunk cannot go in.",)
    assert [(path.name, path.read_bytes()) for path in bench.root.iterdir()] == [("moved", join(TEN))]


def test_a_folder_that_became_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    (tmp_path / "tree/pkg").mkdir(parents=True)
    outside.mkdir()
    (outside / "f").write_bytes(join(TEN))
    (tmp_path / "tree/pkg").rmdir()
    (tmp_path / "tree/pkg").symlink_to(outside)
    file = diff_file("pkg/f", join(TEN), join(FIVE))
    assert file
    checkpoints = Checkpoints(tmp_path / "kept", tmp_path / "tree")
    done = accept(
        Change((file,)), [Decision(file.hunks[0].id, True)], tmp_path / "tree", lambda _: join(FIVE), checkpoints
    )
    assert (done.files, len(done.refused)) == ((), 1)
    assert (outside / "f").read_bytes() == join(TEN)


def test_permissions_that_the_user_gave_stay(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.file.chmod(0o600)
    assert bench.accept().refused == ()
    assert (bench.file.read_bytes(), stat.S_IMODE(bench.file.stat().st_mode)) == (join(FIVE), 0o600)


@pytest.mark.parametrize(("given", "left", "refused"), [(0o644, 0o755, 0), (0o755, 0o755, 0), (0o600, 0o600, 1)])
def test_new_permissions_come_only_in_the_place_of_those_that_the_draft_found(
    tmp_path: Path, given: int, left: int, refused: int
) -> None:
    bench = Bench(tmp_path)
    file = diff_file("f", join(TEN), join(FIVE), mode_before=0o644, mode_after=0o755)
    assert file
    bench.change = Change((file,))
    bench.file.chmod(given)
    done = bench.accept()
    assert len(done.refused) == len(done.refused_hunks) == refused
    assert (bench.file.read_bytes(), stat.S_IMODE(bench.file.stat().st_mode)) == (join(FIVE), left)


def test_a_file_that_the_user_deleted_as_well_is_no_matter(tmp_path: Path) -> None:
    bench = Bench(tmp_path, join(TEN), None)
    bench.file.unlink()
    done = bench.accept()
    assert (done.files, done.checkpoint, done.refused) == (("f",), "", ())
