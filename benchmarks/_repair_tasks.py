"""Programs with a bug, and the tests that judge what becomes of them.

FILE.jsonl or FOLDER ─► tasks(Choice) ─► Task: shown to a repair │ hidden from it
                                    └► tried(files) ─► Trial: do the shown tests pass, and if not, what do they say
                                    └► passes_hidden(files)
"""

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TypeAlias, TypeVar

from _processes import limited, run

_T = TypeVar("_T")
Files: TypeAlias = Mapping[str, bytes]
"""A folder's, by their paths in it."""
SECONDS = 10
"""For the tests of one program."""
_HIDDEN = re.compile(r"(hidden_.*|right)\.py|bug\.txt")
_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py|hidden_.*\.py")
_FAILURE = re.compile(r"^_{3,} .* _{3,}\n(.*?)(?=^[_=]{3,} |\Z)", re.M | re.S)
_MESSAGE = 1500
"""Characters of a test's message."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the tests say."""

    passes: bool
    message: str = ""
    """Of the first that fails, as pytest has it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One program."""

    name: str
    shown: Files
    """The program as it is, with the tests that a repair may see."""
    hidden: Files
    """The tests that it may not see."""
    module: str
    """The path of what is to be repaired."""
    function: str = ""
    """The one in it with the bug, where that is told."""

    @property
    def source(self) -> str:
        """What is to be repaired."""
        return self.shown[self.module].decode()

    def is_unchanged(self, files: Files) -> bool:
        """Whether these files in place of its own make no difference."""
        return {**self.shown, **_without_tests(files)} == self.shown

    @property
    def tests(self) -> list[str]:
        """The shown test files."""
        return sorted(path for path in self.shown if is_test(path))

    def tried(self, files: Files) -> Trial:
        """The shown tests, on the program with these files in place of its own."""
        return _tested({**self.shown, **_without_tests(files)}, self.tests)

    def passes_hidden(self, files: Files) -> bool:
        """Whether the hidden tests pass with these files; without any they do."""
        every = {**self.shown, **_without_tests(files), **self.hidden}
        return not self.hidden or _tested(every, list(self.hidden)).passes


@dataclass(frozen=True, slots=True)
class Choice:
    """Which programs of a file or folder."""

    names: Sequence[str] = ()
    """Only these; empty for all."""
    every: int = 1
    """Only every n-th of them."""
    first: int | None = None
    """And of those only the first so many."""

    def of(self, named: Mapping[str, _T]) -> list[_T]:
        """Those that are chosen."""
        return [one for name, one in named.items() if not self.names or name in self.names][:: self.every][: self.first]


def tasks(source: Path, choice: Choice, *, examples: bool = False) -> list[Callable[[], Task]]:
    """What makes those of a file or a folder, one by one: that may take a run of the tests.

    Args:
        source: lines of JSON as HumanEvalFix has them, or a folder with one for each program.
        choice: which of them.
        examples: whether only the example tests of such a line are shown, where these fail.
    """
    if source.is_dir():
        folders = {path.name: path for path in sorted(source.iterdir()) if (path / f"{path.name}.py").is_file()}
        return [partial(_from_folder, folder) for folder in choice.of(folders)]
    rows = [json.loads(line) for line in source.read_text("utf-8").splitlines() if line.strip()]
    return [partial(_from_row, row, examples) for row in choice.of({row["task_id"]: row for row in rows})]


def is_test(path: str) -> bool:
    """Whether a file belongs to the tests."""
    return bool(_TEST.fullmatch(PurePosixPath(path).name))


def written(files: Files, folder: Path) -> None:
    """Write them into a folder."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def read(folder: Path) -> dict[str, bytes]:
    """All files below a folder but those that tools leave behind."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in paths
        if not any(part.startswith((".", "__pycache__")) for part in path.relative_to(folder).parts)
    }


def pytest_command(paths: Sequence[str]) -> list[str]:
    """How test files are run, up to the first that fails."""
    options = ["-v", "-x", "--tb=short", "--color=no", "-p", "no:cacheprovider"]
    return limited([sys.executable, "-m", "pytest", *options, *paths])


def plain_environment() -> dict[str, str]:
    """Our variables without what would make tests run otherwise, or an older version of a module."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTHONPATH")}
    return {**kept, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0"}


def _from_folder(folder: Path) -> Task:
    every = read(folder)
    kept_back = {path for path in every if _HIDDEN.fullmatch(PurePosixPath(path).name)}
    shown = {path: data for path, data in every.items() if path not in kept_back}
    hidden = {path: every[path] for path in kept_back if is_test(path)}
    return Task(folder.name, shown, hidden, f"{folder.name}.py")


def _from_row(row: dict[str, str], examples: bool) -> Task:
    module, name = row["declaration"] + row["buggy_solution"], row["entry_point"]
    whole = _test_of(row["test"], name)

    def task(test: bytes) -> Task:
        shown = {"subject.py": module.encode(), "test_subject.py": test}
        return Task(row["task_id"], shown, {"hidden_subject.py": whole}, "subject.py", name)

    if examples and row.get("example_test"):
        easier = task(_test_of(row["example_test"], name))
        if not easier.tried({}).passes:
            return easier
    return task(whole)


def _test_of(source: str, name: str) -> bytes:
    """A test file for one of the task's scripts, which call `check` at their end."""
    lines = [line for line in source.rstrip().splitlines() if not line.startswith("check(")]
    called = f"def test_{name}():\n    check({name})\n"
    return "\n".join(["from subject import *", f"from subject import {name}", "", *lines, "", "", called]).encode()


def _without_tests(files: Files) -> dict[str, bytes]:
    return {path: data for path, data in files.items() if not is_test(path)}


def _tested(files: Files, tests: Sequence[str]) -> Trial:
    with tempfile.TemporaryDirectory(prefix="ossa-bench-") as name:
        folder = Path(name)
        written(files, folder)
        done = run(pytest_command(sorted(tests)), folder, SECONDS, plain_environment())
    return Trial(True) if done.code == 0 else Trial(False, _message(done.output, ended=done.code is not None))


def _message(output: str, *, ended: bool) -> str:
    """What pytest says of the first test that fails; of one that never ends it has only begun to speak."""
    if not ended:
        running = [line.split()[0] for line in output.splitlines() if "::" in line]
        return f"{running[-1] if running else 'The import of the tests'} does not end."
    match = _FAILURE.search(output)
    return (match[1] if match else output[-_MESSAGE:]).strip()[:_MESSAGE]
