"""`ossa rename`, `move` and `signature` through the real command line, and as turns of a session."""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.assistant.events import Event, Failure, Notice, Proposed, StepFinished, TurnFinished
from ossa.assistant.refactor.asked import read, refactor
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Text, ToolCall
from ossa.model.scripted import Answer, ScriptedModel
from ossa.tui.options import parse

FILES = {
    "calc.py": "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n",
    "use.py": "import calc\nfrom calc import add\n\nprint(add(1, 2), calc.add(3, 4))\n",
    "check.sh": "python use.py\n",
}
TEST = f"{sys.executable} use.py"


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "project"
    root.mkdir()
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "ossa"))
    for name, text in FILES.items():
        (root / name).write_text(text)
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


def ossa(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ossa.tui", *arguments]
    return subprocess.run(command, cwd=repo, capture_output=True, text=True, env=dict(os.environ))


def test_a_rename_is_shown_proved_accepted_and_taken_back(repo: Path) -> None:
    shown = ossa(repo, "rename", "add", "plus", "--check", "--test", TEST, "--allow-unconfined")
    assert shown.returncode == 0 and "-def add(a, b):\n+def plus(a, b):" in shown.stdout
    assert "Changed 4 places in 2 files: calc.py, use.py." in shown.stdout and "1/1 passed" in shown.stdout
    assert (repo / "calc.py").read_text() == FILES["calc.py"]
    done = ossa(repo, "rename", "add", "plus", "--accept", "--json", "--test", TEST, "--allow-unconfined")
    told = json.loads(done.stdout)
    assert done.returncode == 0 and told["applied"] and told["proved"] and told["files"] == ["calc.py", "use.py"]
    assert (repo / "use.py").read_text() == FILES["use.py"].replace("add", "plus")
    assert ossa(repo, "undo").returncode == 0 and (repo / "use.py").read_text() == FILES["use.py"]


def test_what_cannot_be_is_refused_with_the_reason(repo: Path) -> None:
    done = ossa(repo, "rename", "add", "sub", "--json")
    told = json.loads(done.stdout)
    assert done.returncode == 1 and told["reason"] == "calc.py has a sub already; choose another name."
    assert not told["applied"] and (repo / "calc.py").read_text() == FILES["calc.py"]


def test_the_command_line_takes_a_function_and_its_parameters() -> None:
    told: argparse.Namespace = parse(["signature", "calc.py:add", "(b, a)", "--check"])
    assert (told.command, told.symbol, told.to, told.check) == ("signature", "calc.py:add", "(b, a)", True)


def opened(repo: Path, script: list[Answer], *, accept: bool = False) -> Workbench:
    model = ScriptedModel(script)
    return open_workbench(Options(repo, test=TEST), lambda _: model, Unattended(accept=accept, allow_unconfined=True))


async def test_a_command_is_a_turn_with_review_and_undo(repo: Path) -> None:
    bench = opened(repo, [], accept=True)
    try:
        events: list[Event] = [event async for event in refactor(bench.agent, read("move", "add sums.py"))]
        assert isinstance(events[-1], TurnFinished) and events[-1].end == "applied"
        (proposed,) = [event for event in events if isinstance(event, Proposed)]
        assert proposed.verdict.summary.startswith("1/1 passed · 0 fixed · 0 broken")
        assert (repo / "sums.py").read_text().startswith("def add(a, b):")
        assert (
            "from sums import add" in (repo / "use.py").read_text()
            and "sums.add(3, 4)" in (repo / "use.py").read_text()
        )
        assert [event async for event in bench.agent.undo()] and not (repo / "sums.py").exists()
        refused = [event async for event in refactor(bench.agent, read("rename", "missing other"))]
        assert next(e.text for e in refused if isinstance(e, Failure)).startswith("Nothing named missing")
    finally:
        bench.close()


async def test_the_model_has_it_as_a_tool(repo: Path) -> None:
    arguments = json.dumps({"kind": "signature", "symbol": "calc.py:add", "to": "(b, a)"})
    wrong = json.dumps({"kind": "extract", "symbol": "add", "to": "x"})
    calls = [ToolCall("repo_browser.refactor", wrong)], [ToolCall("repo_browser.refactor", arguments)], [Text("Done.")]
    bench = opened(repo, list(calls))
    try:
        events = [event async for event in bench.agent.run("swap the parameters of add")]
        first, second = [e for e in events if isinstance(e, StepFinished) and e.result is not None]
        assert "one of rename, move, signature" in first.output
        assert second.ok and second.output.startswith("Changed 3 places in 2 files: calc.py, use.py.")
        assert b"add(2, 1), calc.add(4, 3)" in (bench.draft.read("use.py") or b"")
        assert not [e for e in events if isinstance(e, Notice) and "same call" in e.text]
    finally:
        bench.close()


async def test_the_model_may_keep_what_moves_in_its_old_module(repo: Path) -> None:
    move = {"kind": "move", "symbol": "calc.py:add", "to": "sums.py", "keep": True}
    wrong = {**move, "kind": "rename", "to": "plus"}
    calls = [[ToolCall("repo_browser.refactor", json.dumps(one))] for one in (wrong, move)]
    bench = opened(repo, [*calls, [Text("Done.")]])
    try:
        events = [event async for event in bench.agent.run("move add to sums")]
        first, second = [e for e in events if isinstance(e, StepFinished) and e.result is not None]
        assert 'for kind "move" alone' in first.output and second.ok
        assert b"from sums import add as add" in (bench.draft.read("calc.py") or b"")
    finally:
        bench.close()


@pytest.mark.parametrize("text", ["", "add", "add plus minus"])
def test_what_is_missing_is_asked_for(text: str) -> None:
    with pytest.raises(ValueError, match="/rename takes OLD NEW"):
        read("rename", text)
    assert read("signature", "add(a, b)").to == "(a, b)" and read("signature", "C.add '(a, b)'").symbol == "C.add"


SHAPES = {
    "circle.js": "export class Circle {\n  area() {\n    return 3;\n  }\n}\n",
    "square.js": "export class Square {\n  area() {\n    return 4;\n  }\n}\n",
    "use.js": "import { Circle } from './circle.js';\n\nconsole.log(new Circle().area());\n",
}
PATCH = """*** Begin Patch
*** Update File: circle.js
@@
-  area() {
+  surface() {
*** Update File: use.js
@@
-console.log(new Circle().area());
+console.log(new Circle().surface());
*** End Patch
"""


async def test_elsewhere_than_in_python_the_model_gets_the_list_of_places(repo: Path) -> None:
    for name, text in SHAPES.items():
        (repo / name).write_text(text)
    patch = ToolCall("repo_browser.apply_patch", json.dumps({"patch": PATCH}))
    bench = opened(repo, [[patch], [Text("Renamed.")]], accept=True)
    try:
        events = [event async for event in refactor(bench.agent, read("rename", "circle.js:area surface"))]
        assert isinstance(bench.model, ScriptedModel)
        (shown, *_) = bench.model.seen
        asked = shown[-1].text
        assert "Please rename circle.js:area surface in the whole repository." in asked
        assert "area is defined 2 times, and only for Python it is known which of them is meant" in asked
        for place in ("circle.js:2: area() {", "square.js:2: area() {", "use.js:3: console.log(new Circle().area());"):
            assert place in asked
        assert isinstance(events[-1], TurnFinished) and events[-1].end == "applied"
        assert "surface()" in (repo / "use.js").read_text() and "surface()" in (repo / "circle.js").read_text()
        assert (repo / "square.js").read_text() == SHAPES["square.js"]
        assert [event async for event in bench.agent.undo()] and (repo / "use.js").read_text() == SHAPES["use.js"]
    finally:
        bench.close()


async def test_a_model_without_tools_is_not_asked_and_the_person_gets_the_list(repo: Path) -> None:
    for name, text in SHAPES.items():
        (repo / name).write_text(text)
    model = ScriptedModel([[Text("Sure.")]], calls_tools=False)
    bench = open_workbench(Options(repo, test=TEST), lambda _: model, Unattended(allow_unconfined=True))
    try:
        events = [event async for event in refactor(bench.agent, read("rename", "circle.js:area surface"))]
        (failure,) = [event for event in events if isinstance(event, Failure)]
        assert "use.js:3: console.log(new Circle().area());" in failure.text
        assert isinstance(events[-1], TurnFinished) and events[-1].end == "failed" and not model.seen
    finally:
        bench.close()
