"""A patch through a real draft into a real working tree, and back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.accepting.accept import accept
from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox
from ossa.assistant.edits.engine import EditError, apply_to
from ossa.assistant.repository import Repository
from ossa.assistant.review import Decision

FIX = "*** Begin Patch\n*** Update File: calc.py\n@@ def add\n-    return a - b\n+    return a + b\n*** End Patch"


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    opened = open_draft(Repository.open(repo), tmp_path / "draft", NoSandbox("it is not needed here"))
    yield opened
    opened.close()


def test_from_the_patch_to_the_file_and_back(draft: Draft, repo: Path, tmp_path: Path) -> None:
    before = (repo / "calc.py").read_bytes()
    assert apply_to(draft, FIX) == ["calc.py"]
    assert (repo / "calc.py").read_bytes() == before
    change = draft.change()
    (repo / "calc.py").write_bytes(b"# mine\n" + before)
    checkpoints = Checkpoints(tmp_path / "checkpoints", repo)
    done = accept(change, [Decision(h.id, True) for _, h in change.hunks], repo, draft.read, checkpoints)
    assert done.refused == ()
    assert (repo / "calc.py").read_bytes() == b"# mine\n" + before.replace(b"return a - b", b"return a + b", 1)
    draft.settle(done.files)
    assert not draft.change()
    checkpoints.undo()
    assert (repo / "calc.py").read_bytes() == b"# mine\n" + before


def test_a_patch_of_which_a_part_fails_leaves_the_draft_as_it_was(draft: Draft) -> None:
    for rest in (
        "*** Update File: pkg/deep/one.py\n@@\n-TWO\n+ONE",
        "*** Add File: calc.py/below\n+x",
        "*** Add File: ../x\n+x",
        "*** Delete File: .git/config",
    ):
        with pytest.raises(EditError):
            apply_to(draft, FIX.replace("*** End Patch", rest))
        assert not draft.change()


def test_a_moved_script_stays_executable(draft: Draft) -> None:
    text = "*** Update File: run.sh\n*** Move to: bin/go.sh\n@@\n-echo run\n+echo go\n"
    assert apply_to(draft, text) == ["bin/go.sh", "run.sh"]
    assert draft.read("bin/go.sh") == b"#!/bin/sh\necho go\n"
    moved = next(file for file in draft.change().files if file.path == "bin/go.sh")
    assert moved.mode == 0o755


def test_absolute_paths_into_the_draft_and_wrong_names_are_understood(draft: Draft) -> None:
    assert apply_to(draft, FIX.replace("calc.py", f"{draft.root}/calc.py")) == ["calc.py"]
    with pytest.raises(EditError, match=r"Did you mean pkg/deep/two\.py"):
        apply_to(draft, "*** Update File: two.py\n@@\n-TWO = 2\n+TWO = 3\n")
