"""What the user changed in files since ossa wrote them: which files, and as a unified diff of bounded size."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ossa.assistant.accepting.exchange import links_of
from ossa.assistant.accepting.journal import Record
from ossa.assistant.accepting.tree import Content, Stamp, Tree, TreeError, same
from ossa.assistant.diff import diff_file, unified

LIMIT = 64_000
"""Characters of a diff; what is beyond is counted, not shown."""


@dataclass(frozen=True, slots=True)
class Since:
    """A file as ossa left it, and as it is now or was before ossa wrote it again; None where there is none."""

    path: str
    left: Stamp | None
    now: Content | Stamp | None
    note: str = ""
    """Why it cannot be read now."""


def changed_since(tree: Tree, records: Sequence[Record], *, back: bool) -> list[Since]:
    """Files that are not as these accepts, oldest first, left them; or found them, where the way is not back."""
    links = links_of([trace for record in records for trace in record.traces])
    standing: dict[str, Stamp | None] = {}
    changed: list[Since] = []
    for trace in (trace for record in reversed(records) for trace in record.traces):
        left, before = (trace.new, trace.old) if back else (trace.old, trace.new)
        note, now = "", None
        try:
            now = standing[trace.path] if trace.path in standing else tree.read(trace.path, links)
        except TreeError as error:
            note = str(error)
        if note or not same(now.stamp if isinstance(now, Content) else now, left):
            changed.append(Since(trace.path, left, now, note))
        standing[trace.path] = before
    return changed


def diff_since(files: Sequence[Since], read: Callable[[Sequence[str]], Mapping[str, bytes]]) -> str:
    """From what ossa left to what is there; changes of permissions and what cannot be read as lines with "#".

    Args:
        files: those that changed.
        read: contents by their names.
    """
    stamps = [stamp for file in files for stamp in (file.left, file.now) if isinstance(stamp, Stamp)]
    data = read([stamp.blob for stamp in stamps])
    text = "".join(_diff(file, data) for file in files)
    if len(text) <= LIMIT:
        return text
    shown = text[: text.rfind("\n", 0, LIMIT) + 1] or f"{text[:LIMIT]}\n"
    return f"{shown}# … {text.count(chr(10), len(shown)):,} more lines\n"


def _diff(file: Since, data: Mapping[str, bytes]) -> str:
    if file.note:
        return f"# {file.note}\n"
    left, now = (
        Content(data[side.blob], side.mode) if isinstance(side, Stamp) else side for side in (file.left, file.now)
    )
    if any(side and side.is_link for side in (left, now)):
        return f"# {file.path}: {_told(left)} → {_told(now)}\n"
    old, new = left.mode if left else None, now.mode if now else None
    change = diff_file(
        file.path,
        left.data if left else None,
        now.data if now else None,
        mode_before=old,
        mode_after=new if left is None or old is not None else None,
    )
    modes = f"# {file.path}: mode {old:o} → {new:o}\n" if old is not None and new not in (None, old) else ""
    return modes + (unified(change) if change else "")


def _told(side: Content | None) -> str:
    if side is None:
        return "nothing"
    return f"symbolic link to {os.fsdecode(side.data)!r}" if side.is_link else "a file"
