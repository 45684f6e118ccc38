"""`ossa fix --accept` on programs with a bug, beside others with the same model, and without each of its own parts.

TASKS is a file of JSON lines as HumanEvalFix has them (declaration, buggy_solution, entry_point, example_test, test),
or a folder of programs: each subfolder NAME holds NAME.py and its tests, some of which fail; hidden_*.py, right.py and
bug.txt in it are shown to nobody. What passes the tests that are shown but not the hidden ones is plausible but wrong.
With `--examples` a line's example tests are shown, where these fail, and its other tests are hidden.

Everyone gets the same program, the failing test's message and the same seconds; ossa's own start counts, the peers'
model is loaded before. Prints a table; writes benchmarks/out/repair.json, and repair-tasks.jsonl with a row for each
program and engine as it comes.

    make bench-repair TASKS=FILE|FOLDER [ARGS="--budget SECONDS --examples --first N --ablations …"]
"""

import argparse
import difflib
import json
import signal
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from _peers import PEERS
from _repair_engines import Answer, Engine, aider, asked, ossa, served
from _repair_one import PARTS
from _repair_tasks import Choice, Task, tasks
from _venvs import LLAMA_CPP, python_with

from ossa.assistant.paths import cache_dir
from ossa.model import catalog, discover, fetch
from ossa.model.process import LocalModel

OUT = Path(__file__).parent / "out"
ASKED = {"asked once": 1, "best of ten": 10}
AIDER = {"aider": 1, "aider ten times": 10}
"""It has as many calls, as long as its seconds last."""
USUAL = (*ASKED, "aider")


@dataclass(frozen=True, slots=True)
class Row:
    """What came of one program in the hands of one engine."""

    task: str
    engine: str
    passes: bool
    """The tests that were to be seen."""
    right: bool
    """All tests."""
    seconds: float
    candidates: int
    change: str
    """The lines that it took out and put in."""
    note: str


def main() -> None:
    """Measure, print, write."""
    chosen = _options().parse_args()
    weights = fetch.pull(catalog.find("smollm2-135m"), cache_dir() / "models", lambda _done, _total: None)
    choice = Choice([name for name in chosen.names.split(",") if name], chosen.every, chosen.first)
    wanted = tasks(chosen.tasks, choice, examples=chosen.examples)
    OUT.mkdir(exist_ok=True)
    with ExitStack() as stack, (OUT / "repair-tasks.jsonl").open("w", encoding="utf-8") as log:
        engines: dict[str, Engine | str] = {"ossa": ossa(weights, chosen.budget)}
        for part in PARTS if chosen.ablations else chosen.without:
            engines[f"ossa without {part}"] = ossa(weights, chosen.budget, part)
        peers = [] if chosen.no_peers else [name for name in chosen.peers.split(",") if name]
        engines |= _peers(peers, weights, chosen.budget, stack)
        rows: list[Row] = []
        void: list[str] = []
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        with suppress(KeyboardInterrupt):  # what there is so far is told
            for row in _measured(wanted, engines, log, void):
                rows.append(row)
    print(table(rows, engines))
    if void:
        print(f"\nVoid, since their tests pass before anything is done: {', '.join(void)}.")
    (OUT / "repair.json").write_text(json.dumps({**figures(rows), "void": len(void)}, indent=1) + "\n")


def table(rows: Sequence[Row], engines: dict[str, Engine | str]) -> str:
    """One line an engine, as Markdown."""
    lines = ["| | right | plausible but wrong | candidates, median | seconds, median |", "|---|---|---|---|---|"]
    for name, engine in engines.items():
        own = [row for row in rows if row.engine == name]
        if isinstance(engine, str):
            lines.append(f"| {name} | not to be had: {engine} | | | |")
        elif own:
            told = _figures(own)
            share = f"{told['right']:.0f} of {len(own)} ({100 * told['right'] / len(own):.0f} %)"
            numbers = f"{told['wrong']:.0f} | {told['candidates']:.0f} | {told['seconds']:.1f}"
            lines.append(f"| {name} | {share} | {numbers} |")
    return "\n".join(lines)


def figures(rows: Sequence[Row]) -> dict[str, float]:
    """Of all engines, each by a name of its own."""
    found: dict[str, float] = {}
    for name in dict.fromkeys(row.engine for row in rows):
        own = _figures([row for row in rows if row.engine == name])
        found |= {f"{name}, {key}": value for key, value in own.items()}
    return found


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="Repairs programs with one bug.")
    options.add_argument("tasks", type=Path, help="a file of JSON lines or a folder of programs")
    options.add_argument("--budget", type=float, default=120, help="seconds for a program (default: 120)")
    options.add_argument("--examples", action="store_true", help="of JSON lines show only the example tests")
    options.add_argument("--every", type=int, default=1, metavar="N", help="only every N-th program")
    options.add_argument("--first", type=int, default=None, metavar="N", help="of them only the first N")
    options.add_argument("--names", default="", metavar="X,Y", help="only these programs")
    options.add_argument(
        "--peers", default=",".join(USUAL), metavar="A,B", help='default: %(default)s; there is "aider ten times", too'
    )
    options.add_argument("--no-peers", action="store_true")
    options.add_argument(
        "--without", action="append", default=[], choices=PARTS, help="ossa once more without this part; repeatable"
    )
    options.add_argument("--ablations", action="store_true", help="ossa once more without each of its parts")
    return options


def _peers(names: Sequence[str], weights: Path, budget: float, stack: ExitStack) -> dict[str, Engine | str]:
    """Those that are wanted, or why one cannot be had; `stack` ends their processes."""
    found: dict[str, Engine | str] = {}
    model = LocalModel(discover.from_path(weights))
    stack.callback(model.close)
    for name in names:
        if name in ASKED:
            model.start()
            found[name] = asked(model, ASKED[name], budget)
        elif name in AIDER:
            try:
                program = python_with("aider", PEERS["aider"])
                address = stack.enter_context(served(python_with("llama.cpp", LLAMA_CPP), weights))
                found[name] = aider(program, address, AIDER[name], budget)
            except (OSError, subprocess.CalledProcessError) as error:
                said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
                found[name] = f"{type(error).__name__}: {' '.join(str(said).split())[-200:]}"
        else:
            raise SystemExit(f"There is no peer {name!r}, but {', '.join([*ASKED, *AIDER])}.")
    return found


def _measured(
    wanted: Sequence[Callable[[], Task]], engines: dict[str, Engine | str], log: TextIO, void: list[str]
) -> Iterator[Row]:
    """Every program in the hands of every engine, told on the way; the names of those that are no task go to `void`."""
    for number, make in enumerate(wanted, 1):
        task = make()
        head = f"{number}/{len(wanted)} {task.name}"
        before = task.tried({})
        if before.passes:
            print(f"{head}: void", file=sys.stderr, flush=True)
            void.append(task.name)
            continue
        for name, engine in engines.items():
            if isinstance(engine, str):
                continue
            row = _judged(task, name, engine(task, before.message))
            end = "right" if row.right else "plausible but wrong" if row.passes else "no repair"
            told = f"{head}, {name}: {end}, {row.candidates} candidates, {row.seconds:.1f} s {row.note}".rstrip()
            print(told, file=sys.stderr, flush=True)
            print(json.dumps(asdict(row)), file=log, flush=True)
            yield row


def _judged(task: Task, engine: str, answer: Answer) -> Row:
    passes = not task.is_unchanged(answer.files) and task.tried(answer.files).passes
    right = passes and task.passes_hidden(answer.files)
    fixed = answer.files.get(task.module, task.shown[task.module]).decode("utf-8", "replace")
    lines = [*difflib.unified_diff(task.source.splitlines(), fixed.splitlines(), n=0, lineterm="")][2:]
    change = "\n".join(line for line in lines if not line.startswith("@@"))
    seconds = round(answer.seconds, 2)
    return Row(task.name, engine, passes, right, seconds, answer.candidates, change, answer.note)


def _figures(rows: Sequence[Row]) -> dict[str, float]:
    seconds = [row.seconds for row in rows]
    return {
        "right": sum(row.right for row in rows),
        "wrong": sum(row.passes and not row.right for row in rows),
        "candidates": statistics.median(row.candidates for row in rows),
        "seconds": round(statistics.median(seconds), 2),
        "seconds at most": max(seconds),
        "tasks": len(rows),
    }


if __name__ == "__main__":
    main()
