"""What each engine of `index.py` does in a process and an environment of its own, and how long it takes.

Run as `_index_ossa.py`, `_index_aider.py`, `_index_bm25.py` with ROOT QUESTIONS CHANGED: prints one JSON object.
QUESTIONS is JSON, too: of each the commit that is asked and the text; ROOT stands at the commit of the first.
Only the standard library is imported here, since those environments have nothing else in common.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

MOST = 10
"""Files that are asked for."""
_CHANGES = 5
_AGAIN = 5
"""How often a lone question is asked once more: what the first one makes ready is not the query's."""


class Engine(Protocol):
    """Something that finds files for a text."""

    def index(self) -> None:
        """Read all files; what is known from before, and is the same, need not be read again."""
        ...

    def update(self, path: str) -> None:
        """Read one file again, which has changed."""
        ...

    def rank(self, text: str) -> list[str]:
        """The files that fit best, `MOST` at least where there are so many."""
        ...


def work(make: Callable[[Path], Engine]) -> None:
    """Index, change, ask; print the seconds of each and the answers. All but the answers is of the first tree."""
    root, asked, changed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    questions: list[tuple[str, str]] = json.loads(asked.read_text())
    at = questions[0][0]
    engine = make(root)
    cold = _seconds(engine.index)
    updates: list[float] = []
    for _ in range(_CHANGES):
        with (root / changed).open("a") as file:
            file.write("\n")
        updates.append(_seconds(lambda: engine.update(changed)))
    answers: list[list[str]] = []
    queries: list[float] = []
    alone = sum(before == at for before, _ in questions) == 1
    for before, text in questions:
        if before != at:
            _check_out(root, before)
            engine.index()
            at = before
        took = _seconds(lambda text=text: answers.append(engine.rank(text)[:MOST]))
        if before == questions[0][0]:
            queries += [took, *(_seconds(lambda text=text: engine.rank(text)) for _ in range(_AGAIN * alone))]
    print(json.dumps({"cold": cold, "updates": updates, "queries": queries, "answers": answers}))


def tracked(root: Path) -> list[str]:
    """The files that git knows, as text; those that are links or gone are left out."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    paths = listed.decode("utf-8", "surrogateescape").split("\0")
    return [path for path in paths if path and (root / path).is_file() and not (root / path).is_symlink()]


def _check_out(root: Path, commit: str) -> None:
    command = ("git", "-c", "advice.detachedHead=false", "checkout", "-q", "--force", "--detach", commit)
    subprocess.run(command, cwd=root, check=True)


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
