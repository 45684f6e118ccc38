"""Questions with known answers, from a repository's own history: what a commit says, and the files that it changed.

git log ─► commits that say enough and change few source files ─► Pair(text, files)
       └─► the tree as it was before the oldest of them, in a clone: no answer is in what is searched
"""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SOURCE = frozenset(
    {".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".go", ".rs", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp"}
    | {".cs", ".rb", ".php", ".swift", ".scala", ".lua", ".ex", ".hs", ".ml"}
)
"""Endings of files that a fix is expected in."""
_TEST = re.compile(
    r"(^|/)(tests?|testing|specs?|__tests__|testdata|test-data|fixtures)/"
    r"|(^|/)(test_|conftest)|[._-](test|spec)s?\.\w+$"
)
_NOISE = re.compile(
    r"(?im)^(co-authored-by|signed-off-by|reviewed-by|change-id|cherry.picked|\(cherry).*$|\(?#\d+\)?|https?://\S+"
)
_NO_FIX = re.compile(r"(?i)^(revert|merge|bump|release|update version|prepare|sync|changelog|typo)")
_FEWEST_WORDS, _MOST_FILES, _COMMITS = 8, 4, 6000


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer."""

    text: str
    files: frozenset[str]
    """Source files, tests left out, that were changed."""


@dataclass(frozen=True, slots=True)
class _Commit:
    parent: str
    text: str
    changed: dict[str, str]
    """State by path."""


def pairs(repository: Path, count: int) -> tuple[str, list[Pair]]:
    """Of the newest `count` commits that tell of a fix, those whose files were there before; and the commit before."""
    found: list[Pair] = []
    before = "HEAD"
    for commit in _commits(repository):
        files = frozenset(path for path in commit.changed if _is_source(path))
        only_modified = all(commit.changed[path] == "M" for path in files)
        tells = len(commit.text.split()) >= _FEWEST_WORDS and not _NO_FIX.match(commit.text)
        if only_modified and 1 <= len(files) <= _MOST_FILES and tells:
            found.append(Pair(commit.text, files))
            before = commit.parent
        if len(found) == count:
            break
    there = set(_git(repository, "ls-tree", "-r", "-z", "--name-only", before).split("\0"))
    return before, [pair for pair in found if pair.files <= there]


def checked_out(repository: Path, commit: str, folder: Path) -> Path:
    """A clone that stands at the commit and knows nothing later; the repository itself is only read."""
    _git(repository, "clone", "-q", "--shared", "--no-checkout", ".", str(folder))
    _git(folder, "-c", "advice.detachedHead=false", "checkout", "-q", "--force", "--detach", commit)
    return folder


def _is_source(path: str) -> bool:
    return Path(path).suffix in _SOURCE and not _TEST.search(path)


def _commits(repository: Path) -> Iterator[_Commit]:
    """The history without merges, newest first."""
    options = ("--no-merges", "--no-renames", "--name-status", f"--max-count={_COMMITS}", "--format=%x00%P%x01%B%x01")
    log = _git(repository, "-c", "core.quotePath=off", "log", *options)
    for entry in log.split("\0")[1:]:
        parent, text, changed = entry.split("\x01", 2)
        rows = [line.split("\t", 1) for line in changed.splitlines() if "\t" in line]
        if parent:
            yield _Commit(parent, _NOISE.sub(" ", text).strip(), {path: state for state, path in rows})


def _git(folder: Path, *arguments: str) -> str:
    return os.fsdecode(subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True).stdout)
