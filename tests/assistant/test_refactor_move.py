"""Moves that would break something silently: each is done in full, refused by a sentence, or told."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.index.index import Index
from ossa.assistant.refactor.plan import Refactoring
from ossa.assistant.refactor.wish import Wish

Make: TypeAlias = Callable[[dict[str, str]], tuple[Draft, Refactoring]]

PACKAGE = {"p/__init__.py": "", "p/a.py": "def f():\n    return 1\n", ".gitignore": "local*.py\n"}


@pytest.fixture
def make(project: Callable[[dict[str, str]], Draft], tmp_path: Path) -> Make:
    """Opens a draft of these files, with what refactors in it."""

    def opened(files: dict[str, str]) -> tuple[Draft, Refactoring]:
        draft = project(files)
        index = Index(draft.root, draft.files, tmp_path / "index")
        index.refresh()
        return draft, Refactoring(draft, index.named)

    return opened


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("p/local.py", "p/local.py is there already"),
        ("p/large.py", "p/large.py is there already"),
        ("p/local_new.py", "git ignores it"),
    ],
)
async def test_no_file_that_is_not_looked_at_is_written_over(make: Make, to: str, why: str) -> None:
    local, large = "KEPT = 1\n", "KEPT = 2\n" + "# more\n" * 200_000
    draft, refactoring = make({**PACKAGE, "p/local.py": local, "p/large.py": large})
    done = await refactoring.carry_out(Wish("move", "p/a.py:f", to))
    assert why in done.problem and draft.change().files == ()
    assert draft.read("p/local.py") == local.encode() and draft.read("p/large.py") == large.encode()
    assert draft.read("p/local_new.py") is None


async def test_letters_that_are_none_are_refused(make: Make) -> None:
    _, refactoring = make(PACKAGE)
    for symbol, to in (("f", "\udcff"), ("\udcff", "g"), ("f", "g\0")):
        assert "none in UTF-8" in (await refactoring.carry_out(Wish("rename", symbol, to))).problem
