"""Index and ranking on a repository of yours, beside aider's repository map and plain BM25 over whole files.

The questions are messages of its latest commits, the answers the source files that those changed (tests left out);
all engines get the tree as it was before the oldest of them, in a clone. Each runs in a process of its own, one after
the other, in turn, `--rounds` times; memory is what its processes have together at most. Prints a table of medians and
writes benchmarks/out/index.json.

    make bench-index REPO=FOLDER [ARGS="--pairs N --rounds N --only A,B"]
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from _index_pairs import Pair, checked_out, pairs
from _index_work import MOST
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


@dataclass(frozen=True, slots=True)
class Round:
    """What one engine did once: seconds, bytes, and the share of the right files among its first five."""

    cold: float
    update: float
    first: float
    """The first query, for which an engine may still have to get ready."""
    query: float
    memory: float
    recall: float


def main() -> None:
    """Measure, print, write."""
    chosen = _options().parse_args()
    before, asked = pairs(chosen.repository.absolute(), chosen.pairs)
    if not asked:
        raise SystemExit(f"The history of {chosen.repository} has no commits that tell of a fix in a few files.")
    rounds: dict[str, list[Round]] = {}
    missing: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="ossa-bench-") as name:
        for number in range(chosen.rounds):
            for engine in chosen.only.split(","):
                folder = Path(name, f"{engine}-{number}")
                folder.mkdir()
                try:
                    done = _round(engine, checked_out(chosen.repository.absolute(), before, folder / "repo"), asked)
                    rounds.setdefault(engine, []).append(done)
                    print(f"{number + 1}/{chosen.rounds} {engine}: {done}", file=sys.stderr, flush=True)
                except (OSError, subprocess.SubprocessError) as error:
                    missing[engine] = _told(error)
                shutil.rmtree(folder)
    print(f"{len(asked)} commits of {chosen.repository.absolute().name}, tree of {before[:10]}\n")
    print(table(rounds, missing))
    out = HERE / "out" / "index.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures(rounds), indent=1) + "\n")


def table(rounds: dict[str, list[Round]], missing: dict[str, str]) -> str:
    """One line an engine, as Markdown."""
    lines = [
        "| | recall@5 | cold index | file changed | first query | query | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in rounds:
        told = _medians(rounds[name])
        lines.append(
            f"| {name} | {told['recall']:.3f} | {told['cold']:.1f} s | {1000 * told['update']:.0f} ms "
            f"| {1000 * told['first']:.0f} ms | {1000 * told['query']:.0f} ms | {told['memory'] / 1e6:.0f} MB |"
        )
    lines += [f"| {name} | not to be had: {why} | | | | | |" for name, why in missing.items() if name not in rounds]
    return "\n".join(lines)


def figures(rounds: dict[str, list[Round]]) -> dict[str, float]:
    """Of all engines, each by a name of its own."""
    return {f"{name}, {key}": round(value, 4) for name in rounds for key, value in _medians(rounds[name]).items()}


def _options() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description="Measures index and ranking on a git repository.")
    options.add_argument("repository", type=Path, help="a git repository with its history")
    options.add_argument("--pairs", type=int, default=60, metavar="N", help="commits to ask for (default: 60)")
    options.add_argument("--rounds", type=int, default=3, metavar="N", help="of which medians are taken (default: 3)")
    options.add_argument("--only", default=",".join(ENGINES), metavar="A,B", help="engines (default: %(default)s)")
    return options


def _medians(rounds: Sequence[Round]) -> dict[str, float]:
    return {field: statistics.median(getattr(one, field) for one in rounds) for field in Round.__slots__}


def _round(engine: str, root: Path, asked: Sequence[Pair]) -> Round:
    """Let an engine do its work once.

    Raises:
        OSError, subprocess.SubprocessError: it cannot be had, or broke.
    """
    script, package = ENGINES[engine]
    python = python_with(engine.lower(), package) if package else Path(sys.executable)
    questions = root.parent / "questions.json"
    questions.write_text(json.dumps([pair.text for pair in asked]))
    changed = min(asked[0].files)
    told, memory = _run([str(python), str(HERE / script), str(root), str(questions), changed])
    found = json.loads(told)
    shares = [
        len(pair.files & set(answer[:MOST])) / len(pair.files)
        for pair, answer in zip(asked, found["answers"], strict=True)
    ]
    queries = found["queries"]
    return Round(
        found["cold"],
        statistics.median(found["updates"]),
        queries[0],
        statistics.median(queries[1:] or queries),
        memory,
        statistics.mean(shares),
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
