"""The main job with the real small model, from the command line: a failing test, a repair, an accept, an undo."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ossa.assistant.events import Composed, Spoken, TurnFinished
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.process import LocalModel
from ossa.tui.demo import make_example

Ossa = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ossa(tmp_path: Path, small_model_file: Path) -> Ossa:
    """Runs `ossa` without a terminal, with a home of its own and the small model."""
    environment = {**os.environ, "OSSA_HOME": str(tmp_path / "home")}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "ossa.tui", *arguments]
        if arguments[0] in ("demo", "fix", "run"):
            command += ["--model", str(small_model_file)]
        if arguments[0] == "fix":
            command += ["--budget", "3000"]  # however slow the machine is
        return subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False
        )

    return run


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The example of the demo, with its failing tests."""
    return make_example(tmp_path)


def is_green(root: Path) -> bool:
    """Whether the project's own tests pass in the working tree."""
    command = [sys.executable, "-B", "-m", "unittest", "discover", "-q"]
    return subprocess.run(command, cwd=root, capture_output=True, check=False).returncode == 0


def contents(root: Path) -> dict[str, bytes]:
    """Every file below the root, git's own included but for its index, which `git status` may refresh."""
    return {str(p): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file() and p.name != "index"}


def test_the_demo_repairs_the_example(ossa: Ossa) -> None:
    done = ossa("demo", "--keep")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 fixed · 0 broken" in done.stdout
    root = Path(done.stdout.split("The example is in ")[1].split(":")[0])
    assert is_green(root)


def test_a_fix_is_proposed_without_touching_a_file_and_then_applied_and_undone(ossa: Ossa, slip: Path) -> None:
    assert not is_green(slip)
    before = contents(slip)
    soon = ("--candidates", "8")
    done = ossa("fix", "-C", str(slip), "--json", *soon)
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert events[0]["event"] == "TurnStarted" and events[-1] == {**events[-1], "event": "TurnFinished"}
    (proposed,) = [event for event in events if event["event"] == "Proposed"]
    assert len(proposed["verdict"]["fixed"]) == 2 and proposed["verdict"]["broken"] == []
    assert contents(slip) == before

    done = ossa("fix", "-C", str(slip), "--accept", *soon)
    assert done.returncode == 0, done.stdout + done.stderr
    assert is_green(slip)
    assert ossa("fix", "-C", str(slip)).returncode == 1
    assert ossa("undo", "-C", str(slip)).returncode == 0
    assert contents(slip) == before
    listed = ossa("sessions", "-C", str(slip))
    assert len(listed.stdout.splitlines()) == 3


def test_a_question_gets_an_answer_and_no_change(ossa: Ossa, example: Path) -> None:
    before = contents(example)
    done = ossa("run", "What is this? @pocket/money.py", "-C", str(example), "--seed", "1")
    assert done.returncode == 1 and "answered" in done.stdout, done.stdout + done.stderr
    assert contents(example) == before


async def test_gpt_oss_leads_a_turn_whatever_it_says(
    tiny_gpt_oss: LocalModel, example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Random weights say random things: the turn takes them as they are, and the next one knows its front already."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    bench = open_workbench(Options(example, seed=1), lambda _: tiny_gpt_oss, Unattended())
    try:
        bench.agent.sampling = replace(bench.agent.sampling, max_tokens=24)
        known = 0
        for _ in range(2):
            events = [event async for event in bench.agent.run("Look at @pocket/money.py, please.")]
            assert isinstance(events[-1], TurnFinished) and events[-1].end == "answered"
            (composed,) = [event for event in events if isinstance(event, Composed)]
            spoken = next(event for event in events if isinstance(event, Spoken))
            assert sum(part.tokens for part in composed.parts) == composed.total == spoken.usage.prompt_tokens
            assert spoken.message.tokens
            assert spoken.usage.reused_tokens >= known
            known = composed.total
    finally:
        bench.draft.close()
        bench.session.close()
