"""The example that the demo works on: one line of it is wrong, and both runners say so."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "pocket"
WRONG, RIGHT = "totals.get(entry.purpose) +", "totals.get(entry.purpose, 0) +"
RUNNERS = [["unittest"], ["pytest", "-q", "-p", "no:cacheprovider"]]


@pytest.fixture
def example(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "pocket", ignore=shutil.ignore_patterns("__pycache__")))


def run(folder: Path, runner: list[str]) -> tuple[int, str]:
    command = [sys.executable, "-m", *runner]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("runner", RUNNERS, ids=lambda runner: runner[0])
def test_one_line_makes_tests_fail_and_the_traceback_leads_to_it(example: Path, runner: list[str]) -> None:
    code, output = run(example, runner)
    assert code == 1
    source = (example / "pocket" / "book.py").read_text()
    assert source.count(WRONG) == 1
    line = source[: source.index(WRONG)].count("\n") + 1
    assert f"book.py:{line}" in output or f'book.py", line {line}' in output
    (example / "pocket" / "book.py").write_text(source.replace(WRONG, RIGHT))
    assert run(example, runner)[0] == 0


def test_it_does_what_its_readme_shows_once_it_is_right(example: Path) -> None:
    book = example / "pocket" / "book.py"
    book.write_text(book.read_text().replace(WRONG, RIGHT))
    command, _, shown = (example / "README.md").read_text().partition("$ python -m ")[2].partition("\n")
    assert run(example, command.split())[1] == shown.partition("```")[0]
