"""`ossa fix --accept` on functions with one bug, beside the same model asked for the fixed function.

TASKS is a file of JSON lines as HumanEvalFix has them (declaration, buggy_solution, entry_point, example_test, test).
Each becomes a git repository of its own with a module and a test file. With `--examples` the repository holds only the
task's example tests, where these fail, and its other tests stay hidden and judge the result: what passes the first but
not the second is plausible but wrong. Prints a table and writes benchmarks/out/repair.json.

    make bench-repair TASKS=FILE [ARGS="--every N --budget SECONDS --examples --no-peers"]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ossa.assistant.paths import cache_dir
from ossa.model import catalog, discover, fetch
from ossa.model.base import LanguageModel, Message, Sampling, Text
from ossa.model.process import LocalModel

OUT = Path(__file__).parent / "out"
_SECONDS = 10
"""For the tests of one function."""
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one task."""

    passes: bool
    """The tests that were to be seen."""
    right: bool
    """All tests."""
    seconds: float
    candidates: int = 1


def module_of(task: dict[str, str]) -> str:
    """The function with its bug."""
    return task["declaration"] + task["buggy_solution"]


def test_of(task: dict[str, str], source: str) -> str:
    """A test file for one of the task's scripts, which call `check` at their end."""
    lines = [line for line in source.rstrip().splitlines() if not line.startswith("check(")]
    name = task["entry_point"]
    called = f"def test_{name}():\n    check({name})\n"
    return "\n".join(["from subject import *", f"from subject import {name}", "", *lines, "", "", called])


def passes(source: str, test: str) -> bool:
    """Whether a module passes a test file, in a folder and a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "subject.py").write_text(source)
        Path(folder, "test_subject.py").write_text(test)
        run = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
        try:
            return subprocess.run(run, cwd=folder, capture_output=True, timeout=_SECONDS).returncode == 0
        except subprocess.TimeoutExpired:
            return False


def ossa(task: dict[str, str], seen: str, hidden: str, budget: float) -> Result:
    """The program itself, as it is called by a person."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "project")
        root.mkdir()
        (root / "subject.py").write_text(module_of(task))
        (root / "test_subject.py").write_text(seen)
        for words in (
            ["init", "-q"],
            ["add", "."],
            ["-c", "user.name=b", "-c", "user.email=b@b", "commit", "-qm", "b"],
        ):
            subprocess.run(["git", *words], cwd=root, check=True)
        command = [
            sys.executable,
            "-m",
            "ossa.tui",
            "fix",
            "--accept",
            "--json",
            "--budget",
            str(budget),
            "-C",
            str(root),
        ]
        begin = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, timeout=budget * 3 + 60)
        seconds = time.perf_counter() - begin
        tried = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        fixed = (root / "subject.py").read_text()
        count = sum(event.get("event") == "Attempt" for event in tried)
        return Result(passes(fixed, seen), passes(fixed, hidden), seconds, count)


def asked(model: LanguageModel, tries: int, task: dict[str, str], seen: str, hidden: str) -> Result:
    """The model is asked for the fixed function; of several answers the first that passes what is seen counts."""
    begin = time.perf_counter()
    source, head = module_of(task), "```python\n"
    prompt = f"This function has a bug:\n{head}{source}\n```\nWrite the whole corrected function."
    for number in range(tries):
        sampling = Sampling(0.8 if number else 0.0, 0.95, number, 400, ("\n```",), begin=head + task["declaration"])
        written = "".join(
            piece.text
            for piece in model.generate([Message("user", prompt)], sampling=sampling)
            if isinstance(piece, Text)
        )
        fixed = task["declaration"] + written + "\n"
        if passes(fixed, seen) or number == tries - 1:
            return Result(passes(fixed, seen), passes(fixed, hidden), time.perf_counter() - begin, number + 1)
    raise AssertionError("there is one try at least")


def row(name: str, results: list[Result]) -> tuple[str, dict[str, float]]:
    """One engine's line of the table, and its figures."""
    count = len(results)
    right, wrong = sum(r.right for r in results), sum(r.passes and not r.right for r in results)
    seconds, tried = statistics.median(r.seconds for r in results), statistics.median(r.candidates for r in results)
    line = f"| {name} | {right} ({100 * right / count:.0f} %) | {wrong} | {tried:.0f} | {seconds:.1f} |"
    figures = {"right": right, "wrong": wrong, "candidates": tried, "seconds": round(seconds, 2), "tasks": count}
    return line, {f"{name}, {key}": value for key, value in figures.items()}


def main() -> None:
    """Measure, print, write."""
    options = argparse.ArgumentParser(description="Repairs functions with one bug.")
    options.add_argument("tasks", type=Path)
    options.add_argument("--every", type=int, default=1, help="only every n-th task")
    options.add_argument("--budget", type=float, default=120, help="seconds for a task (default: 120)")
    options.add_argument("--examples", action="store_true", help="show only the example tests, hide the others")
    options.add_argument("--no-peers", action="store_true")
    chosen = options.parse_args()
    tasks: list[Any] = [json.loads(line) for line in chosen.tasks.read_text().splitlines()][:: chosen.every]
    engines: dict[str, Callable[[dict[str, str], str, str], Result]] = {
        "ossa": lambda task, seen, hidden: ossa(task, seen, hidden, chosen.budget)
    }
    if not chosen.no_peers:
        weights = fetch.pull(catalog.find("smollm2-135m"), cache_dir() / "models", lambda _done, _total: None)
        model = LocalModel(discover.from_path(weights))
        engines["asked once"] = lambda task, seen, hidden: asked(model, 1, task, seen, hidden)
        engines[f"best of {_TRIES}"] = lambda task, seen, hidden: asked(model, _TRIES, task, seen, hidden)
    found: dict[str, list[Result]] = {name: [] for name in engines}
    for task in tasks:
        hidden = test_of(task, task["test"])
        examples = test_of(task, task["example_test"])
        seen = examples if chosen.examples and not passes(module_of(task), examples) else hidden
        for name, engine in engines.items():
            found[name].append(result := engine(task, seen, hidden))
            print(task["task_id"], name, result, file=sys.stderr, flush=True)
    print("| | right | plausible but wrong | candidates, median | seconds, median |\n|---|---|---|---|---|")
    figures: dict[str, float] = {}
    for name, results in found.items():
        line, told = row(name, results)
        print(line)
        figures |= told
    OUT.mkdir(exist_ok=True)
    (OUT / "repair.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
