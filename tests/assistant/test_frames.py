"""Tracebacks: where they lead in the repository, and the failure in short."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ossa.assistant.testing.frames import Frame, digest, frames
from ossa.assistant.verdict import TestResult

FILES = {
    "calc.py": "def div(a, b):\n    return helper(a, b)\n\n\ndef helper(a, b):\n    return a / b\n",
    "tests/test_calc.py": "import json\nimport calc\n\n\ndef test_div():\n    assert calc.div(1, 0) == 1\n\n\n"
    "def test_outside():\n    json.loads('{')\n\n\ndef test_values():\n    assert [calc.div(4, 2)] == [3]\n",
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def pytest_output(root: Path, style: str, test: str) -> str:
    command = [sys.executable, "-m", "pytest", "-q", f"--tb={style}", "--rootdir=.", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "-k", test], cwd=root, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("style", ["short", "long", "native"])
def test_frames_of_every_style_lead_inwards(root: Path, style: str) -> None:
    found = [frame for frame in frames(pytest_output(root, style, "test_div"), root) if frame.line > 1]
    assert [(frame.path, frame.line) for frame in found] == [("tests/test_calc.py", 6), ("calc.py", 2), ("calc.py", 6)]
    assert [frame.text for frame in found] == ["assert calc.div(1, 0) == 1", "return helper(a, b)", "return a / b"]
    if style != "long":
        assert [frame.function for frame in found] == ["test_div", "div", "helper"]


@pytest.mark.parametrize("style", ["short", "long", "native"])
def test_frames_outside_the_repository_are_left_out(root: Path, style: str) -> None:
    found = frames(pytest_output(root, style, "test_outside"), root)
    assert [(frame.path, frame.line) for frame in found] == [("tests/test_calc.py", 10)]


def test_a_plain_traceback_with_a_syntax_error(root: Path) -> None:
    (root / "bad.py").write_text("def f(:\n    pass\n")
    done = subprocess.run([sys.executable, root / "bad.py"], cwd=root, capture_output=True, text=True, check=False)
    assert frames(done.stderr, root) == (Frame("bad.py", 1, "", "def f(:"),)
    marked = "\n".join(f"E   {line}" for line in done.stderr.splitlines())
    assert [(frame.path, frame.line) for frame in frames(marked, root)] == [("bad.py", 1)]


def test_paths_that_lead_elsewhere_are_no_frames(tmp_path: Path) -> None:
    lines = [
        'File "/etc/passwd.py", line 1, in f',
        'File "../up.py", line 1, in f',
        'File "<string>", line 1, in f',
        'File "<frozen importlib._bootstrap>", line 1, in f',
        f'File "{tmp_path}/.venv/lib/x.py", line 1, in f',
        f'File "{tmp_path}-other/x.py", line 1, in f',
        "lib/site-packages/x.py:3: in f",
        f'File "{tmp_path}/a b/ü.py", line {"9" * 40}, in f',
    ]
    assert frames("\n".join(f"  {line}" if "File" in line else line for line in lines), tmp_path) == (
        Frame("a b/ü.py", 999999999, "f"),
    )


def test_a_digest_has_the_error_the_values_and_the_places(root: Path) -> None:
    trace = pytest_output(root, "short", "test_values").partition("FAILURES")[2]
    text = digest(TestResult("tests/test_calc.py::test_values", "failed", "assert [2.0] == [3]", trace), root)
    assert text.startswith("tests/test_calc.py::test_values failed:\nassert [2.0] == [3]\n")
    assert "At index 0 diff: 2.0 != 3" in text
    assert text.endswith("at\n  tests/test_calc.py:14 in test_values: assert [calc.div(4, 2)] == [3]")


def test_a_digest_of_a_failure_without_a_trace(tmp_path: Path) -> None:
    result = TestResult("make test", "error", "It did not end in time.")
    assert digest(result, tmp_path) == "make test could not be run:\nIt did not end in time."


@given(st.text(), st.text(), st.text(), st.integers(200, 4000))
def test_a_digest_is_bounded_and_never_fails(name: str, message: str, trace: str, limit: int) -> None:
    result = TestResult(name * 50, "failed", message * 50, f"{trace}\nE   {message}\na.py:3: in {name}\n    x\n" * 50)
    assert len(digest(result, Path("/repository"), limit)) < limit * 2 + 300
