"""From two states of a file to its hunks, and from a change to the text that `git apply` takes.

    before, after ─► matching (runs of equal lines) ─► hunks (what lies between, with three lines around)

Lines that occur once on either side are matched first, so the cost stays near linear and moved code does not tangle;
difflib does the rest within bounds. A hunk is a run of changed lines. Up to two unchanged lines without a letter or
digit between two runs (blank lines, brackets) match by accident as a rule, so they join the runs to one hunk; anything
else separates.
"""

import hashlib
import os
import stat
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from ossa.assistant.change import LINK_NOTE, Change, FileChange, FileKind, Hunk
from ossa.assistant.text import LARGE, is_binary, lines_of

CONTEXT = 3
"""Unchanged lines kept on either side of a hunk."""
_EXACT, _ROUGH = 40_000, 4_000_000
"""Products of line counts up to which difflib works thoroughly, and roughly; beyond, all is one hunk."""

_Lines = Sequence[str]


class Run(NamedTuple):
    """Lines `a:b` of the old file, which become lines `c:d` of the new one."""

    a: int
    b: int
    c: int
    d: int


def diff_file(
    path: str,
    before: bytes | None,
    after: bytes | None,
    *,
    mode_before: int | None = None,
    mode_after: int | None = None,
) -> FileChange | None:
    """What happens to one file; None when nothing does.

    Args:
        path: from the root of the repository, with "/".
        before: its content as the draft found it, None where there was no such file.
        after: its content now, None where it is gone.
        mode_before: its permission bits then, None when they do not matter.
        mode_after: its permission bits now, None when they do not matter.
    """
    if before is None and after is None:
        return None
    kind: FileKind = "added" if before is None else "deleted" if after is None else "modified"
    old, new = (None if m is None else m & 0o777 for m in (mode_before, mode_after))
    mode = new if kind == "added" or (kind == "modified" and old is not None and old != new) else None
    mode_note = f"mode {old:o} → {mode:o}" if kind == "modified" and old is not None and mode is not None else ""
    if before == after and not mode_note:
        return None
    if before != after and any(is_binary(side) for side in (before, after) if side is not None):
        note = ", ".join(filter(None, (_size(before if after is None else after), mode_note)))
        digests = [hashlib.sha256(side or b"").hexdigest() for side in (before, after)]
        hunk = Hunk(_id(path, digests, (mode_note,)), 0, (), (), note=note)
        return FileChange(path, kind, (hunk,), binary=True, mode=mode)
    hunks = list(_hunks(path, kind, lines_of(before), lines_of(after)))
    if mode_note:
        hunks.append(Hunk(_id(path, (mode_note,), ()), 0, (), (), note=mode_note))
    return FileChange(path, kind, tuple(hunks), mode=mode)


def diff_link(path: str, before: bytes | None, after: bytes | None, mode_before: int, mode_after: int) -> FileChange:
    """What happens where a symbolic link comes, goes, leads elsewhere, or takes turns with a file: one hunk.

    Args:
        path: from the root of the repository, with "/".
        before: the file's content, or where the link led; None where there was nothing.
        after: the same by now.
        mode_before: type and permission bits then.
        mode_after: type and permission bits now.
    """
    kind: FileKind = "added" if before is None else "deleted" if after is None else "modified"
    sides = ((before, mode_before), (after, mode_after))
    was, now = (os.fsdecode(data) if data is not None and stat.S_ISLNK(mode) else None for data, mode in sides)
    if now is None:
        note = f"{LINK_NOTE}{was}, {'removed' if after is None else 'replaced by a file'}"
    else:
        instead = "" if before is None else f", before to {was}" if was is not None else ", in the place of the file"
        note = f"{LINK_NOTE}{now}{instead}"
    lines = [
        () if data is None or stat.S_ISLNK(mode) or is_binary(data) else tuple(lines_of(data)) for data, mode in sides
    ]
    digests = [hashlib.sha256(data or b"").hexdigest() for data, _ in sides]
    hunk = Hunk(_id(path, [str(was), str(now)], digests), 0, *lines, note=note)
    mode = stat.S_IFLNK | 0o777 if now is not None else mode_after & 0o777 if after is not None else None
    return FileChange(path, kind, (hunk,), binary=not any(lines), mode=mode, link=now, link_before=was)


def unified(change: Change | FileChange) -> str:
    """A change as `git apply` takes it; for a binary file a line that says so."""
    if isinstance(change, Change):
        return "".join(unified(file) for file in change.files)
    if change.involves_link:
        return _unified_link(change)
    old, new = f"a/{change.path}", f"b/{change.path}"
    head = [f"diff --git {_quoted(old)} {_quoted(new)}\n", *_mode_lines(change)]
    if change.binary:
        return "".join([*head, f"Binary files {_quoted(old)} and {_quoted(new)} differ\n"])
    hunks = [h for h in change.hunks if h.before or h.after]
    if hunks:
        head.append(f"--- {'/dev/null' if change.kind == 'added' else _quoted(old)}\n")
        head.append(f"+++ {'/dev/null' if change.kind == 'deleted' else _quoted(new)}\n")
    return "".join([*head, *_blocks(hunks)])


def _unified_link(change: FileChange) -> str:
    """A link as git shows it: a file of one line, and another kind of file as one that goes and one that comes."""
    before, after = change.link_before, change.link
    if before is not None and after is not None:
        old, new = f"a/{change.path}", f"b/{change.path}"
        head = f"diff --git {_quoted(old)} {_quoted(new)}\nindex 0000000..0000000 120000\n"
        hunk = Hunk("", 0, _aim(before), _aim(after))
        return "".join([head, f"--- {_quoted(old)}\n+++ {_quoted(new)}\n", *_blocks([hunk])])
    (hunk,) = change.hunks
    sides: list[FileChange] = []
    if change.kind != "added":
        gone = Hunk("", 0, hunk.before if before is None else _aim(before), ())
        sides.append(FileChange(change.path, "deleted", (gone,), mode=None if before is None else stat.S_IFLNK))
    if change.kind != "deleted":
        come = Hunk("", 0, (), hunk.after if after is None else _aim(after))
        sides.append(FileChange(change.path, "added", (come,), mode=change.mode))
    return "".join(unified(side) for side in sides)


def _aim(link: str) -> tuple[str, ...]:
    """Where a link leads as lines: a newline in it is not to begin a line of the patch."""
    return tuple(lines_of(link.encode("utf-8", "surrogateescape")))


def _hunks(path: str, kind: FileKind, old: _Lines, new: _Lines) -> Iterator[Hunk]:
    if kind != "modified":
        yield Hunk(_id(path, old, new), 0, tuple(old), tuple(new), note="" if old or new else "empty file")
        return
    runs = _merged(changed_runs(old, new), old)
    places: dict[str, list[int]] = defaultdict(list)
    for index, line in enumerate(old):
        places[line].append(index)
    for number, run in enumerate(runs):
        floor = runs[number - 1].b if number else 0
        ceiling = runs[number + 1].a if number + 1 < len(runs) else len(old)
        before, after = tuple(old[run.a : run.b]), tuple(new[run.c : run.d])
        # What tells equal hunks apart is the old file alone: another hunk, written otherwise, changes no id.
        anchor = old[run.a] if before else old[run.a - 1] if run.a else ""
        above = bisect_left(places[anchor], run.a)
        yield Hunk(
            _id(path, before, after, above, anchor),
            run.a,
            before,
            after,
            lead=tuple(old[max(floor, run.a - CONTEXT) : run.a]),
            trail=tuple(old[run.b : min(ceiling, run.b + CONTEXT)]),
        )


def changed_runs(old: _Lines, new: _Lines) -> list[Run]:
    """The changed runs, in order: what lies between the pairs of equal lines."""
    between = _gaps([(-1, -1), *sorted(_pairs(old, new)), (len(old), len(new))])
    return [run for run in between if run.a < run.b or run.c < run.d]


def _gaps(pairs: Sequence[tuple[int, int]]) -> list[Run]:
    return [Run(a + 1, b, c + 1, d) for (a, c), (b, d) in pairwise(pairs)]


def _pairs(old: _Lines, new: _Lines) -> Iterator[tuple[int, int]]:
    """Indexes of the lines that are the same in both."""
    todo = [Run(0, len(old), 0, len(new))]
    while todo:
        a, b, c, d = todo.pop()
        while a < b and c < d and old[a] == new[c]:
            yield a, c
            a, c = a + 1, c + 1
        while a < b and c < d and old[b - 1] == new[d - 1]:
            b, d = b - 1, d - 1
            yield b, d
        if a == b or c == d:
            continue
        if anchors := _anchors(old, new, Run(a, b, c, d)):
            yield from anchors
            todo += _gaps([(a - 1, c - 1), *anchors, (b, d)])
        elif (b - a) * (d - c) <= _ROUGH:
            junk = (b - a) * (d - c) > _EXACT
            for block in SequenceMatcher(None, old[a:b], new[c:d], autojunk=junk).get_matching_blocks():
                yield from ((a + block.a + n, c + block.b + n) for n in range(block.size))


def _anchors(old: _Lines, new: _Lines, run: Run) -> list[tuple[int, int]]:
    """Lines that occur once on either side, in the longest order that both sides share (patience diff)."""
    left, right = Counter(old[run.a : run.b]), Counter(new[run.c : run.d])
    place = {new[n]: n for n in range(run.c, run.d) if right[new[n]] == 1}
    both = [(n, place[old[n]]) for n in range(run.a, run.b) if left[old[n]] == 1 and old[n] in place]
    tails: list[int] = []
    ends: list[int] = []
    previous: list[int] = []
    for index, (_, there) in enumerate(both):
        length = bisect_left(tails, there)
        previous.append(ends[length - 1] if length else -1)
        tails[length : length + 1] = [there]
        ends[length : length + 1] = [index]
    chain: list[tuple[int, int]] = []
    at = ends[-1] if ends else -1
    while at >= 0:
        chain.append(both[at])
        at = previous[at]
    return chain[::-1]


def _merged(runs: list[Run], old: _Lines) -> list[Run]:
    merged: list[Run] = []
    for run in runs:
        last = merged[-1] if merged else None
        between = old[last.b : run.a] if last else ()
        if last and len(between) <= 2 and not any(c.isalnum() for line in between for c in line):
            merged[-1] = Run(last.a, run.b, last.c, run.d)
        else:
            merged.append(run)
    return merged


def _blocks(hunks: list[Hunk]) -> Iterator[str]:
    """The `@@` blocks; hunks so near that their contexts touch share one."""
    groups: list[list[Hunk]] = []
    for hunk in hunks:
        near = groups and hunk.start - (groups[-1][-1].start + len(groups[-1][-1].before)) <= 2 * CONTEXT
        groups[-1].append(hunk) if near else groups.append([hunk])
    shift = 0
    for group in groups:
        lines = [" " + line for line in group[0].lead]
        for number, hunk in enumerate(group):
            lines += ["-" + line for line in hunk.before] + ["+" + line for line in hunk.after]
            following = group[number + 1] if number + 1 < len(group) else None
            gap = following.start - hunk.start - len(hunk.before) if following else len(hunk.trail)
            between = list(hunk.trail[:gap])
            if following and gap > len(between):
                between += following.lead[len(between) - gap :]
            lines += [" " + line for line in between]
        first = group[0].start - len(group[0].lead)
        old, new = (sum(line[0] in signs for line in lines) for signs in (" -", " +"))
        yield f"@@ -{_span(first, old)} +{_span(first + shift, new)} @@\n"
        yield from (line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
        shift += new - old


def _span(first: int, count: int) -> str:
    return f"{first + 1 if count else first},{count}"


def _mode_lines(change: FileChange) -> list[str]:
    """Git knows two modes of a file: executable or not."""
    git = "100755" if change.mode is not None and change.mode & 0o100 else "100644"
    if change.mode is not None and stat.S_ISLNK(change.mode):
        git = "120000"
    if change.kind != "modified":
        return [f"{'new' if change.kind == 'added' else 'deleted'} file mode {git}\n"]
    note = next((h.note for h in change.hunks if "mode " in h.note), "")
    was = note.rpartition("mode ")[2].partition(" ")[0]
    if change.mode is None or not was or bool(int(was, 8) & 0o100) == bool(change.mode & 0o100):
        return []
    return [f"old mode {'100755' if int(was, 8) & 0o100 else '100644'}\n", f"new mode {git}\n"]


def _quoted(path: str) -> str:
    """A path as git writes it: in quotes with octal escapes where it has characters that would be misread."""
    plain = path.isprintable() and not any(c in '"\\' for c in path) and path.isascii()
    if plain:
        return path
    escapes = {ord('"'): '\\"', ord("\\"): "\\\\", 10: "\\n", 9: "\\t", 13: "\\r"}
    data = path.encode("utf-8", "surrogateescape")
    return '"' + "".join(escapes.get(b, chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in data) + '"'


def _size(data: bytes | None) -> str:
    size = len(data or b"")
    word = "large" if size > LARGE else "binary"
    unit, scale = ("B", 1) if size < 1e3 else ("kB", 1e3) if size < 1e6 else ("MB", 1e6)
    return f"{word}, {size / scale:.0f} {unit}"


def _id(path: str, before: _Lines, after: _Lines, above: int = 0, anchor: str = "") -> str:
    """Made of what the hunk replaces by what, and of how many lines like its first (or the one above) lie above it."""
    key = repr((path, list(before), list(after), above, anchor))
    return hashlib.sha256(key.encode()).hexdigest()[:10]
