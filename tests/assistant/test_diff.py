import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.change import FileChange
from ossa.assistant.diff import diff_file, unified
from ossa.assistant.text import join, lines_of
from ossa.tests.waiting import steps

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "}\n", "\f\x1c\n", "é\n", "\udcff\n"]), max_size=12)


def file_of(lines: list[str], last: str) -> bytes:
    return join([*lines, last])


FILES = st.builds(file_of, LINES, st.sampled_from(["", "", "x", "a"]))


def apply_hunks(before: bytes | None, change: FileChange) -> bytes:
    lines = lines_of(before)
    for hunk in reversed(change.hunks):
        assert tuple(lines[hunk.start : hunk.start + len(hunk.before)]) == hunk.before
        lines[hunk.start : hunk.start + len(hunk.before)] = hunk.after
    return join(lines)


def git_apply(folder: Path, patch: str) -> None:
    done = subprocess.run(
        ["git", "apply", "-"], cwd=folder, input=patch.encode("utf-8", "surrogateescape"), capture_output=True
    )
    assert done.returncode == 0, (done.stderr, patch)


@given(FILES, FILES)
def test_the_hunks_make_the_new_file(before: bytes, after: bytes) -> None:
    change = diff_file("f", before, after)
    if change is None:
        assert before == after
        return
    assert apply_hunks(before, change) == after
    back = diff_file("f", after, before)
    assert back
    assert apply_hunks(after, back) == before
    assert len({h.id for h in change.hunks}) == len(change.hunks)
    assert change == diff_file("f", before, after)


@given(FILES, FILES)
def test_lead_and_trail_are_the_unchanged_lines_around(before: bytes, after: bytes) -> None:
    lines = lines_of(before)
    change = diff_file("f", before, after)
    for hunk in change.hunks if change else ():
        end = hunk.start + len(hunk.before)
        assert len(hunk.lead) <= 3
        assert len(hunk.trail) <= 3
        assert tuple(lines[hunk.start - len(hunk.lead) : hunk.start]) == hunk.lead
        assert tuple(lines[end : end + len(hunk.trail)]) == hunk.trail


def test_git_applies_the_unified_text(tmp_path: Path) -> None:
    cases = [
        (b"a\nb\nc\nd\ne\nf\ng\nh\n", b"a\nB\nc\nd\ne\nf\nG\nh\n"),
        (b"one\ntwo", b"one\ntwo\n"),
        (b"one\ntwo\n", b"one\n2"),
        (b"\xff\xfe latin\r\nx\r\n", b"\xff\xfd latin\r\nx\r\n"),
        (b"".join(b"%d\n" % n for n in range(60)), b"".join(b"%d\n" % n for n in range(60) if n not in (3, 9, 17, 40))),
        (None, b"new\n"),
        (None, b""),
        (b"gone\n", None),
        (b"", b"x\n"),
        (b"x\n", b""),
    ]
    for number, (before, after) in enumerate(cases):
        path = tmp_path / f"{number} \u00e9.txt"
        if before is not None:
            path.write_bytes(before)
        change = diff_file(path.name, before, after)
        assert change
        git_apply(tmp_path, unified(change))
        assert (path.read_bytes() if path.exists() else None) == after


@given(before=FILES, after=FILES)
def test_git_applies_any_unified_text(tmp_path_factory: pytest.TempPathFactory, before: bytes, after: bytes) -> None:
    change = diff_file("f", before, after)
    if not change:
        return
    folder = tmp_path_factory.mktemp("git")
    (folder / "f").write_bytes(before)
    git_apply(folder, unified(change))
    assert (folder / "f").read_bytes() == after


def test_a_mode_is_a_hunk_of_its_own(tmp_path: Path) -> None:
    change = diff_file("f", b"x\n", b"y\n", mode_before=0o100644, mode_after=0o100755)
    assert change
    assert change.mode == 0o755
    assert [h.note for h in change.hunks] == ["", "mode 644 → 755"]
    (tmp_path / "f").write_bytes(b"x\n")
    git_apply(tmp_path, unified(change))
    assert (tmp_path / "f").stat().st_mode & 0o111 == 0o111
    assert diff_file("f", b"x\n", b"x\n", mode_before=0o644, mode_after=0o644) is None


def test_added_and_deleted_files_are_one_hunk_each() -> None:
    added = diff_file("f", None, b"a\n\nb\n", mode_after=0o755)
    deleted = diff_file("f", b"a\n", None, mode_before=0o644)
    assert added
    assert deleted
    assert (added.kind, added.added, added.mode, len(added.hunks)) == ("added", 3, 0o755, 1)
    assert (deleted.kind, deleted.removed, deleted.mode, len(deleted.hunks)) == ("deleted", 1, None, 1)


@pytest.mark.parametrize(
    ("before", "after", "note"),
    [
        (b"\0\1", b"\0\2", "binary, 2 B"),
        (None, b"\0" * 12_000, "binary, 12 kB"),
        (b"\0" * 12_000, None, "binary, 12 kB"),
        (b"a\n", b"b\n" * (6 << 20), "large, 13 MB"),
    ],
    ids=["modified", "added", "deleted", "large"],
)
def test_what_has_no_lines_has_a_note(before: bytes | None, after: bytes | None, note: str) -> None:
    change = diff_file("f", before, after)
    assert change
    assert change.binary
    assert [h.note for h in change.hunks] == [note]


def test_brackets_between_two_runs_join_them_and_words_do_not() -> None:
    joined = diff_file("f", b"a = [\n1,\n]\n\nb = 1\n", b"a = [\n2,\n]\n\nb = 2\n")
    apart = diff_file("f", b"a\nsame\nb\n", b"A\nsame\nB\n")
    assert joined
    assert apart
    assert len(joined.hunks) == 1
    assert [(h.start, h.lead, h.trail) for h in apart.hunks] == [(0, (), ("same\n",)), (2, ("same\n",), ())]


@pytest.mark.parametrize("spread", ["ends", "everywhere", "repetitive", "rewritten"])
def test_four_times_the_lines_take_four_times_the_work(spread: str) -> None:
    def work(size: int) -> int:
        old = [f"line {n % 97 if spread == 'repetitive' else n}\n" if n % 5 else "\n" for n in range(size)]
        changed = {"ends": {1, size - 2}, "rewritten": set(range(size))}.get(spread, set(range(1, size, 37)))
        new = [f"other {n}\n" if n in changed else line for n, line in enumerate(old)]
        change = diff_file("f", join(old), join(new))
        assert change and apply_hunks(join(old), change) == join(new)
        return steps(lambda: diff_file("f", join(old), join(new)))

    assert work(10_000) < 5 * work(2_500)


def test_a_hunk_keeps_its_id_whatever_becomes_of_the_others() -> None:
    def changed(first: str) -> list[str]:
        new = "".join(f"{line}keep {n}\n" for n, line in enumerate([first, "a\n", "b\n", "b\n", "x\na\n"]))
        change = diff_file("f", "".join(f"a\nkeep {n}\n" for n in range(5)).encode(), new.encode())
        return [hunk.id for hunk in change.hunks] if change else []

    others = changed("a\n")
    assert len(others) == 3
    for first in ("b\n", "b\nb\nb\n", "", "x\na\n", "x\ny\na\nz\n"):
        ids = changed(first)
        assert ids[-3:] == others and len(set(ids)) == len(ids) > 3
