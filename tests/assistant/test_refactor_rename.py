"""Renames that would change what a program does: each is refused with a sentence, or its place is left to a person."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.index.symbols import Symbol
from ossa.assistant.refactor import other, target
from ossa.assistant.refactor.python import worked_out
from ossa.assistant.refactor.wish import Outcome, Refused, Target, Wish
from ossa.assistant.refactor.worker import work

Do: TypeAlias = Callable[[dict[str, str], str, str], Outcome]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Renames in these files; a definition is named as "path:name"."""

    def run(files: dict[str, str], symbol: str, to: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        path, _, name = symbol.partition(":")
        return work(tmp_path, {"files": list(files), "path": path, "name": name, "what": "rename", "to": to})

    return run


def text(outcome: Outcome, path: str) -> str:
    return outcome.files[path].decode()


def left(outcome: Outcome) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in outcome.left]


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    request = {"files": ["gone.py"], "path": "gone.py", "name": "f", "what": "rename", "to": "g", "seconds": 30}
    ran = subprocess.run(
        [sys.executable, "-m", "ossa.assistant.refactor.worker", str(tmp_path)],
        input=json.dumps(request).encode() + b"\n",
        capture_output=True,
        check=False,
    )
    assert "FileNotFoundError" in Outcome.unpacked(ran.stdout).problem


async def test_only_work_that_took_too_long_is_said_to_have_taken_too_long() -> None:
    files = {"a.py": b"def f(): ...\n" + b"f()\n" * 50_000}
    late = await worked_out(Wish("rename", "f", "g"), Target("a.py", "f", 1), files, (), 0.01)
    assert "within 0 seconds" in late.problem


def test_a_line_number_beyond_reason_and_a_file_that_is_not_changed_are_refused(do: Do) -> None:
    def nowhere(_name: str) -> Sequence[Symbol]:
        return ()

    with pytest.raises(Refused, match="No file has as many lines"):
        target.find("a.py:" + "9" * 5000, nowhere, lambda _: b"x = 1\n", ())
    assert "git ignores it" in do({"a.py": "x = 1\n"}, "local.py:f", "g").problem
    ignored = other.reworked(Wish("rename", "f", "g"), Target("local.js", "f", 1), {"a.js": b"f()\n"}, 1)
    assert "git ignores it" in ignored.problem
