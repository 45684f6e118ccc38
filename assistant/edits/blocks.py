"""Two forms of patches without signs: search/replace blocks and whole files in fences, each under a line with its path.

path/to/file                         path/to/file
<<<<<<< SEARCH                       ```python
the lines to replace                 all of its lines
=======                              ```
the lines to put there
>>>>>>> REPLACE
"""

import re
from collections.abc import Sequence

from ossa.assistant.diff import changed_runs
from ossa.assistant.edits.patch import EditError, Line, Section, Step, Update, Write

_SEARCH = re.compile(r"\s*(<{5,9}) ?SEARCH\b.*")
_DIVIDER = re.compile(r"\s*={5,9}\s*")
_REPLACE = re.compile(r"\s*>{5,9} ?REPLACE\b.*")
_FENCE = re.compile(r"(`{3,})([\w+.-]*)\s*")
_PATH = re.compile(r"[\w.@/+\- ]*[\w+\-]\.\w+|[\w.@/+\-]*/[\w.@+\-]+|[A-Z]\w*file")

_NAME = re.compile(r"[\w.@+\-]+")


def parse_blocks(lines: Sequence[str]) -> list[Step]:
    """Read search/replace blocks, or whole files where there are none; an empty list where there is neither.

    Raises:
        EditError: a block without a path or without an end.
    """
    if any(_SEARCH.fullmatch(line) for line in lines):
        return _search_blocks(lines)
    return _whole_files(lines)


def replacement(path: str, search: Sequence[str], put: Sequence[str]) -> Update | Write:
    """One search/replace pair; nothing to search means a new file."""
    return Update(path, (_section(search, put),), ordered=False) if any(search) else Write(path, tuple(put), new=True)


def _search_blocks(lines: Sequence[str]) -> list[Step]:
    steps: list[Step] = []
    path, at = "", 0
    while at < len(lines):
        begin = _SEARCH.fullmatch(lines[at])
        if not begin:
            at += 1
            continue
        path = _path_above(lines, at) or path or _name_above(lines, at)
        if not path:
            raise EditError(f"The SEARCH block at line {at + 1} has no line with its path above it.")
        end = next((n for n in range(at + 1, len(lines)) if _REPLACE.fullmatch(lines[n])), None)
        if end is None:
            name = ">>>>>>> REPLACE" if any(_DIVIDER.fullmatch(line) for line in lines[at:]) else "======="
            raise EditError(f"The SEARCH block at line {at + 1} lacks its `{name}` line.")
        divider = _divider(lines, at, end, len(begin[1]))
        step = replacement(path, lines[at + 1 : divider], lines[divider + 1 : end])
        last = steps[-1] if steps else None
        if isinstance(step, Update) and isinstance(last, Update) and last.path == path:
            steps[-1] = Update(path, last.sections + step.sections, ordered=False)
        else:
            steps.append(step)
        at = end + 1
    return steps


def _divider(lines: Sequence[str], begin: int, end: int, width: int) -> int:
    """The line between the two halves: of the markers' width, for headings are underlined like it."""
    found = [n for n in range(begin + 1, end) if _DIVIDER.fullmatch(lines[n])]
    alike = [n for n in found if len(lines[n].strip()) == width] or found
    if not alike:
        raise EditError(f"The SEARCH block at line {begin + 1} lacks its `=======` line.")
    if len(alike) > 1:
        raise EditError(
            f"The SEARCH block at line {begin + 1} has several lines that could be its `=======`. "
            "Send this change as a patch with `*** Update File:` and lines that begin with -, + or a space."
        )
    return alike[0]


def _section(search: Sequence[str], put: Sequence[str]) -> Section:
    """The pair with signs: lines that are the same in both become context."""
    lines: list[Line] = []
    at = 0
    for run in changed_runs(search, put):
        lines += [Line(" ", text) for text in search[at : run.a]]
        lines += [Line("-", text) for text in search[run.a : run.b]]
        lines += [Line("+", text) for text in put[run.c : run.d]]
        at = run.b
    return Section((*lines, *(Line(" ", text) for text in search[at:])), compared=True)


def _path_above(lines: Sequence[str], at: int) -> str:
    for line in reversed(lines[max(0, at - 3) : at]):
        if _REPLACE.fullmatch(line):
            return ""
        if line.strip() and not _FENCE.fullmatch(line):
            return _as_path(line)
    return ""


def _name_above(lines: Sequence[str], at: int) -> str:
    """A single word right above, which may be a file's name without anything that tells so."""
    above = next((line.strip() for line in reversed(lines[max(0, at - 2) : at]) if not _FENCE.fullmatch(line)), "")
    return above if _NAME.fullmatch(above) else ""


def _as_path(line: str) -> str:
    """The path that a line consists of, less its decoration; empty when it is no path."""
    bare = line.strip().lstrip("#").strip().strip("*`:\"'").removeprefix("./").strip("`")
    return bare if _PATH.fullmatch(bare) or bare.startswith(("/", "..")) else ""


def _whole_files(lines: Sequence[str]) -> list[Step]:
    steps: list[Step] = []
    at = 1
    while at < len(lines):
        fence, path = _FENCE.fullmatch(lines[at]), _as_path(lines[at - 1])
        if fence and path and fence[2] not in ("diff", "patch"):
            closing = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == fence[1]), None)
            if closing is None:
                raise EditError(f"The fence of {path} is not closed, so the file may be incomplete. Send it again.")
            steps.append(Write(path, tuple(lines[at + 1 : closing])))
            at = closing
        at += 1
    return steps
