"""What each engine of `index.py` does in a process and an environment of its own, and how long it takes.

Run as `_index_ossa.py`, `_index_aider.py`, `_index_bm25.py` with ROOT QUESTIONS CHANGED: prints one JSON object.
Only the standard library is imported here, since those environments have nothing else in common.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

MOST = 5
"""Files that are asked for."""
_CHANGES = 5


class Engine(Protocol):
    """Something that finds files for a text."""

    def index(self) -> None:
        """Read all files, none of which is known."""
        ...

    def update(self, path: str) -> None:
        """Read one file again, which has changed."""
        ...

    def rank(self, text: str) -> list[str]:
        """The files that fit best, `MOST` at least where there are so many."""
        ...


def work(make: Callable[[Path], Engine]) -> None:
    """Index, change, ask; print the seconds of each and the answers."""
    root, questions, changed = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
    engine = make(root)
    cold = _seconds(engine.index)
    updates: list[float] = []
    for _ in range(_CHANGES):
        with (root / changed).open("a") as file:
            file.write("\n")
        updates.append(_seconds(lambda: engine.update(changed)))
    answers: list[list[str]] = []
    texts: list[str] = json.loads(questions.read_text())
    queries = [_seconds(lambda text=text: answers.append(engine.rank(text)[:MOST])) for text in texts]
    print(json.dumps({"cold": cold, "updates": updates, "queries": queries, "answers": answers}))


def tracked(root: Path) -> list[str]:
    """The files that git knows, as text; those that are links or gone are left out."""
    import subprocess

    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True).stdout
    paths = listed.decode("utf-8", "surrogateescape").split("\0")
    return [path for path in paths if path and (root / path).is_file() and not (root / path).is_symlink()]


def _seconds(do: Callable[[], object]) -> float:
    begun = time.perf_counter()
    do()
    return time.perf_counter() - begun
