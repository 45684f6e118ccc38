"""Hunks taken back out of a draft: what was rejected is gone from it, and nothing else."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.accepting.rejection import take_out
from ossa.assistant.change import Change
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    opened = open_draft(Repository.open(repo), tmp_path / "draft")
    yield opened
    opened.close()


def rejected(draft: Draft, root: Path, *notes: str) -> Change:
    """The change that is left once the hunks with these paths or notes are rejected."""
    change = draft.change()
    ids = [hunk.id for file, hunk in change.hunks if file.path in notes or hunk.note in notes]
    assert ids
    take_out(draft, root, change, ids)
    return draft.change()


def test_whole_files_come_and_go_with_their_permissions(draft: Draft, repo: Path) -> None:
    draft.write("run.sh", None)
    draft.write("new/file.txt", b"new\n")
    draft.write("calc.py", b"\0binary")
    assert [file.path for file in draft.change().files] == ["calc.py", "new/file.txt", "run.sh"]
    assert not rejected(draft, repo, "calc.py", "new/file.txt", "run.sh")
    assert draft.read("new/file.txt") is None
    mode = draft.permissions("run.sh")
    assert mode is not None
    assert stat.S_IMODE(mode) == 0o755


def test_permissions_and_lines_are_rejected_each_by_themselves(draft: Draft, repo: Path) -> None:
    before = (repo / "run.sh").read_bytes()
    draft.write("run.sh", before + b"more\n", 0o644)
    assert [hunk.note for _, hunk in draft.change().hunks] == ["", "mode 755 → 644"]
    assert [hunk.after for _, hunk in rejected(draft, repo, "mode 755 → 644").hunks] == [("more\n",)]
    draft.write("run.sh", before + b"more\n", 0o644)
    assert [hunk.note for _, hunk in rejected(draft, repo, "").hunks] == ["mode 755 → 644"]
    assert not rejected(draft, repo, "run.sh")


def test_a_draft_that_moved_on_is_left_as_it_is(draft: Draft, repo: Path) -> None:
    draft.write("calc.py", b"first\n" + (repo / "calc.py").read_bytes())
    change = draft.change()
    draft.write("calc.py", b"other\n" + (repo / "calc.py").read_bytes())
    with pytest.raises(DraftError, match="changed in the draft during the review"):
        take_out(draft, repo, change, [hunk.id for _, hunk in change.hunks])
    assert (draft.read("calc.py") or b"").startswith(b"other\n")
