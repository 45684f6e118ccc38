"""Questions with known answers: what a commit says and the files that it changed, or an issue and those of its fix.

git log ─► commits that say enough and change few source files ─► Pair(text, files, before)
JSON lines as SWE-bench has them, and clones ─► issues() ─► the same, for each of the clones

A pair is asked of the tree as it was before the change, or before the oldest of the commits: in a clone that knows
nothing later, so that no answer is in what is searched.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
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
_OLD_NAME = re.compile(r"(?m)^--- a/([^\t\n]+)")
_DEEPEST = 2
"""Folders below the one that is named in which clones are looked for."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A question and its answer."""

    text: str
    files: frozenset[str]
    """Source files, tests left out, that were changed."""
    before: str
    """The commit whose tree is asked."""


@dataclass(frozen=True, slots=True)
class _Commit:
    parent: str
    text: str
    changed: dict[str, str]
    """State by path."""


def pairs(repository: Path, count: int) -> list[Pair]:
    """Of the newest `count` commits that tell of a fix, those whose files were there before the oldest of them."""
    found: list[Pair] = []
    before = "HEAD"
    for commit in _commits(repository):
        files = frozenset(path for path in commit.changed if _is_source(path))
        only_modified = all(commit.changed[path] == "M" for path in files)
        tells = len(commit.text.split()) >= _FEWEST_WORDS and not _NO_FIX.match(commit.text)
        if only_modified and 1 <= len(files) <= _MOST_FILES and tells:
            found.append(Pair(commit.text, files, ""))
            before = commit.parent
        if len(found) == count:
            break
    there = set(_git(repository, "ls-tree", "-r", "-z", "--name-only", before).split("\0"))
    return [replace(pair, before=before) for pair in found if pair.files <= there]


def issues(file: Path, folder: Path) -> dict[Path, list[Pair]]:
    """The issues of a file by the clone that has their `base_commit`, oldest first; those that none has are left out.

    `folder` is a repository, or has some below it. What a patch adds cannot be found, so only what it changes counts.
    """
    clones = list(repositories(folder))
    found: dict[Path, list[tuple[int, Pair]]] = {}
    for line in file.read_text("utf-8").splitlines():
        issue = json.loads(line)
        files = frozenset(path for path in _OLD_NAME.findall(issue["patch"]) if _is_source(path))
        pair = Pair(issue["problem_statement"], files, issue["base_commit"])
        for clone in clones if files else ():
            if (age := _age(clone, pair.before)) is not None:
                found.setdefault(clone, []).append((age, pair))
                break
    return {clone: [pair for _, pair in sorted(dated, key=lambda one: one[0])] for clone, dated in found.items()}


def checked_out(repository: Path, commit: str, folder: Path) -> Path:
    """A clone that stands at the commit and knows nothing later; the repository itself is only read."""
    _git(repository, "clone", "-q", "--shared", "--no-checkout", ".", str(folder))
    check_out(folder, commit)
    return folder


def check_out(folder: Path, commit: str) -> None:
    """Let a clone stand at another commit."""
    _git(folder, "-c", "advice.detachedHead=false", "checkout", "-q", "--force", "--detach", commit)


def repositories(folder: Path, depth: int = _DEEPEST) -> Iterator[Path]:
    """The folder or those below it that are clones, with a work tree or bare."""
    if (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir()):
        yield folder
    elif depth:
        for below in sorted(path for path in folder.iterdir() if path.is_dir()):
            yield from repositories(below, depth - 1)


def _age(repository: Path, commit: str) -> int | None:
    """The second in which a commit was made; None where the repository does not have it."""
    try:
        return int(_git(repository, "log", "-1", "--format=%ct", f"{commit}^{{commit}}", "--"))
    except subprocess.CalledProcessError:
        return None


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
