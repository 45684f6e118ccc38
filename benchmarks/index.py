"""Index and ranking on a repository of yours, beside aider's repository map and plain BM25 over whole files.

The questions are messages of its latest commits, the answers the source files that those changed (tests left out);
all engines get the tree as it was before the oldest of them, in a clone. Or they are issues: JSON lines as SWE-bench
has them (`repo`, `base_commit`, `problem_statement`, `patch`), each asked of the tree at its `base_commit`; REPO is
then a folder of clones, known by their commits. Between two issues the tree is checked out and read anew as far as it
differs, by engines that can; all that is timed is of the first tree.

Each engine runs in a process of its own, one after the other, in turn, `--rounds` times; memory is what its processes
have together at most. recall@k is the share of the right files among the first k, on average over the questions.
Prints a table of medians and writes benchmarks/out/index.json.

    make bench-index REPO=FOLDER [ARGS="--issues FILE --pairs N --rounds N --only A,B"]
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _index_pairs import Pair, checked_out, issues, pairs
from _peers import PEERS
from _venvs import python_with

HERE = Path(__file__).parent
ENGINES = {
    "ossa": ("_index_ossa.py", ""),
    "aider": ("_index_aider.py", PEERS["aider"]),
    "BM25": ("_index_bm25.py", "bm25s==0.2.14"),
}
"""By name, the script and the package of the environment that it runs in; of ours where there is none."""
_LIMIT = 3600.0
"""Seconds of one engine's round."""
_FIRST = (1, 5, 10)
"""Of so many files that an engine names first, the share of the right ones is told."""


@dataclass(frozen=True, slots=True)
class Round:
    """What one engine did once with one repository: seconds, bytes, and what it found."""

    cold: float
    update: float
    first: float
    """The first query, for which an engine may still have to get ready."""
    query: float
    memory: float
    found: tuple[tuple[float, ...], ...]
    """Of each question, the share of the right files among the first of `_FIRST`."""


def main() -> None:
    """Measure, print, write."""
    chosen = _options().parse_args()
    repository = chosen.repository.absolute()
    tasks = issues(chosen.issues, repository) if chosen.issues else {repository: pairs(repository, chosen.pairs)}
    if not any(tasks.values()):
        raise SystemExit(
            f"{chosen.repository} has no commits that tell of a fix in a few files, or none of the issues."
        )
    rounds: dict[str, list[Round]] = {}
    missing: dict[str, str] = {}
    work = [(engine, task) for _ in range(chosen.rounds) for task in tasks for engine in chosen.only.split(",")]
    for number, (engine, task) in enumerate(work, 1):
        try:
            rounds.setdefault(engine, []).append(done := _round(engine, task, tasks[task]))
            print(f"{number}/{len(work)} {task}\n{table({engine: [done]}, {})}", file=sys.stderr, flush=True)
        except (OSError, subprocess.SubprocessError) as error:
            missing[engine] = f"{task}: {_told(error)}"
            print(missing[engine], file=sys.stderr, flush=True)
    print(f"{sum(map(len, tasks.values()))} questions to {len(tasks)} repositories in {repository}\n")
    print(table(rounds, missing))
    out = HERE / "out" / "index.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures(rounds), indent=1) + "\n")


def table(rounds: dict[str, list[Round]], missing: dict[str, str]) -> str:
    """One line an engine, as Markdown."""
    recall = " | ".join(f"recall@{first}" for first in _FIRST)
    lines = [f"| | {recall} | cold index | file changed | first query | query | memory |", "|---" * 9 + "|"]
    for name in rounds:
        told = _averages(rounds[name])
        recall = " | ".join(f"{told[f'recall@{first}']:.3f}" for first in _FIRST)
        lines.append(
            f"| {name} | {recall} | {told['cold']:.1f} s | {1000 * told['update']:.0f} ms "
            f"| {1000 * told['first']:.0f} ms | {1000 * told['query']:.0f} ms | {told['memory'] / 1e6:.0f} MB |"
        )
    lines += [f"| {name} | not to be had: {why} |{' |' * 7}" for name, why in missing.items()]
    return "\n".join(lines)


def figures(rounds: dict[str, list[Round]]) -> dict[str, float]:
    """Of all engines, each by a name of its own."""
    return {f"{name}, {key}": round(value, 4) for name in rounds for key, value in _averages(rounds[name]).items()}


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="Measures index and ranking on a git repository.")
    options.add_argument("repository", type=Path, help="a git repository with its history, or a folder of some")
    options.add_argument("--issues", type=Path, metavar="FILE", help="issues and patches instead of commits")
    options.add_argument("--pairs", type=int, default=60, metavar="N", help="commits to ask for (default: 60)")
    options.add_argument("--rounds", type=int, default=3, metavar="N", help="of which medians are taken (default: 3)")
    options.add_argument("--only", default=",".join(ENGINES), metavar="A,B", help="engines (default: %(default)s)")
    return options


def _averages(rounds: Sequence[Round]) -> dict[str, float]:
    """Medians of what is timed, means of what is found."""
    timed = ("cold", "update", "first", "query", "memory")
    questions = [shares for one in rounds for shares in one.found]
    return {field: statistics.median(getattr(one, field) for one in rounds) for field in timed} | {
        f"recall@{first}": statistics.mean(shares[place] for shares in questions) for place, first in enumerate(_FIRST)
    }


def _round(engine: str, repository: Path, asked: Sequence[Pair]) -> Round:
    """Let an engine do its work once, in a clone.

    Raises:
        OSError, subprocess.SubprocessError: it cannot be had, or broke.
    """
    script, package = ENGINES[engine]
    python = python_with(engine.lower(), package) if package else Path(sys.executable)
    with tempfile.TemporaryDirectory(prefix="ossa-bench-") as name:
        root = checked_out(repository, asked[0].before, Path(name, "repo"))
        questions = Path(name, "questions.json")
        questions.write_text(json.dumps([(pair.before, pair.text) for pair in asked]))
        told, memory = _run([str(python), str(HERE / script), str(root), str(questions), min(asked[0].files)])
    found = json.loads(told)
    shares = tuple(
        tuple(len(pair.files & set(answer[:first])) / len(pair.files) for first in _FIRST)
        for pair, answer in zip(asked, found["answers"], strict=True)
    )
    queries = found["queries"]
    return Round(
        found["cold"],
        statistics.median(found["updates"]),
        queries[0],
        statistics.median(queries[1:] or queries),
        memory,
        shares,
    )


def _run(command: Sequence[str]) -> tuple[str, int]:
    """The last line that a program prints, and the bytes that its processes have together at most.

    Raises:
        OSError, subprocess.SubprocessError: it cannot be started, failed or takes too long.
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, stdin=subprocess.DEVNULL)
        end, most = time.monotonic() + _LIMIT, 0
        while process.poll() is None:
            most = max(most, _memory(process.pid))
            if time.monotonic() > end:
                process.kill()
                process.wait()
                raise subprocess.TimeoutExpired(command, _LIMIT)
            time.sleep(0.05)
        for file in (out, err):
            file.seek(0)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command, stderr=err.read())
        return out.read().splitlines()[-1], most


def _memory(root: int) -> int:
    """Bytes of a process and all below it, shared ones divided among those that share them."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        below.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += below.get(pid, [])
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


def _told(error: Exception) -> str:
    said = error.stderr if isinstance(error, subprocess.CalledProcessError) else str(error)
    return f"{type(error).__name__}: {' '.join(str(said).split())[-200:]}"


if __name__ == "__main__":
    main()
