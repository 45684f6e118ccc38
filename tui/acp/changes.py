"""A change as an editor shows it: one tool call with the verdict in words and a diff for each file.

Proposed ─► card: verdict · others that passed · diffs (old text, new text) ─► Reviewed ─► what became of it
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from acp.helpers import text_block, tool_content, tool_diff_content
from acp.schema import ContentToolCallContent, FileEditToolCallContent, ToolCallLocation

from ossa.assistant.change import Change, FileChange
from ossa.assistant.draft import DraftError
from ossa.assistant.events import Proposed, Reviewed
from ossa.assistant.review import Alternatives
from ossa.assistant.text import decode, split
from ossa.assistant.verdict import Verdict
from ossa.tui.safe import plain_text
from ossa.tui.spoken import change_words, repair_words, verdict_words

Shown: TypeAlias = list[ContentToolCallContent | FileEditToolCallContent]
ReadDraft: TypeAlias = Callable[[str], bytes | None]
_WHOLE = 400_000
"""Characters of a file that is sent as a whole, on either side; of a longer one only what is around its hunks."""


def title(change: Change, verdict: Verdict) -> str:
    """One line on the change and what the tests said of it."""
    return plain_text(f"Change: {change.summary} – {verdict.summary}")


def content(event: Proposed, root: Path, read: ReadDraft) -> Shown:
    """Verdict and diffs, as far as what the draft has is what the change says of it."""
    return [_words(event.verdict, event.alternatives, event.change), *diffs(event.change.files, root, read)]


def diffs(files: Sequence[FileChange], root: Path, read: ReadDraft) -> Shown:
    """The files' texts before and after, or around each hunk where these can't be had; a sentence for what has none."""
    return [part for file in files for part in _diffs(file, root, read)]


def locations(files: Sequence[FileChange], root: Path) -> list[ToolCallLocation]:
    """Where each file changes first."""
    return [ToolCallLocation(path=str(root / file.path), line=file.hunks[0].start + 1) for file in files]


def outcome(event: Reviewed) -> str:
    """What became of a change, in a few words."""
    if event.files:
        rejected = sum(not decision.accepted for decision in event.decisions)
        rest = f"; {rejected} of {len(event.decisions)} hunks rejected" if rejected else ""
        return plain_text(f"Written: {', '.join(event.files)}{rest}")
    return "Not written" if event.refused else "Rejected: nothing was written"


def _words(verdict: Verdict, alternatives: Alternatives, change: Change) -> ContentToolCallContent:
    lines = [*verdict_words(verdict), *repair_words(alternatives), *change_words(change)]
    return tool_content(text_block(plain_text("\n\n".join(lines))))


def _diffs(file: FileChange, root: Path, read: ReadDraft) -> Iterator[ContentToolCallContent | FileEditToolCallContent]:
    notes = [hunk.note for hunk in file.hunks if hunk.note]
    if notes:
        yield tool_content(text_block(plain_text(f"{file.path}: {', '.join(notes)}")))
    hunks = [hunk for hunk in file.hunks if hunk.before or hunk.after]
    if not hunks:
        return
    path = str(root / file.path)
    if file.kind == "added":
        yield tool_diff_content(path, "".join(hunks[0].after))
    elif file.kind == "deleted":
        yield tool_diff_content(path, "", "".join(hunks[0].before))
    elif both := _both(file, read):
        old, new = both
        yield tool_diff_content(path, new, old)
    else:
        for hunk in hunks:
            around = ("".join((*hunk.lead, *middle, *hunk.trail)) for middle in (hunk.after, hunk.before))
            yield tool_diff_content(path, *around)


def _both(file: FileChange, read: ReadDraft) -> tuple[str, str] | None:
    """The whole file before and after; None where the draft has another one by now, or it is long."""
    try:
        data = read(file.path)
    except DraftError:
        return None
    if data is None or len(data) > _WHOLE:
        return None
    new, old, shift, done = split(decode(data)), list[str](), 0, 0
    for hunk in file.hunks:
        start = hunk.start + shift
        if tuple(new[start : start + len(hunk.after)]) != hunk.after:
            return None
        old += [*new[done:start], *hunk.before]
        done = start + len(hunk.after)
        shift += len(hunk.after) - len(hunk.before)
    return "".join([*old, *new[done:]]), "".join(new)
