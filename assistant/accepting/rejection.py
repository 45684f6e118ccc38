"""Taking rejected hunks out of the draft, so that the next turn goes on without them."""

from collections.abc import Collection
from pathlib import Path

from ossa.assistant.accepting.tree import Content, Tree, TreeError
from ossa.assistant.change import Change, FileChange
from ossa.assistant.draft import Draft, DraftError
from ossa.assistant.text import join, lines_of


def take_out(draft: Draft, root: Path, change: Change, rejected: Collection[str]) -> None:
    """Undo the hunks with these ids in the draft; the change is what the draft holds.

    Raises:
        DraftError: a file cannot be brought back.
    """
    links = [file.path for file in change.files if file.link is not None and file.hunks[0].id not in rejected]
    # What came goes first: it may be in the way of what was there, a folder's files in that of a link.
    for file in sorted(change.files, key=lambda file: file.kind != "added"):
        ids = {hunk.id for hunk in file.hunks} & set(rejected)
        if not ids:
            continue
        if link := next((link for link in links if file.path.startswith(f"{link}/")), None):
            raise DraftError(f"{file.path} cannot come back: {link} is a symbolic link in the draft; reject that, too.")
        if file.kind == "added":
            draft.write(file.path, None)
            continue
        if file.involves_link:
            draft.restore(file.path)
            continue
        data = draft.read(file.path)
        if file.binary:
            now = _standing(root, file)
            draft.write(file.path, now.data if now else None, now.mode if now else None)
        elif file.kind == "deleted":
            now = _standing(root, file)
            draft.write(file.path, join(file.hunks[0].before), now.mode if now else None)
        else:
            draft.write(file.path, _without(file, data or b"", ids), _found_mode(file, ids))


def _without(file: FileChange, data: bytes, ids: Collection[str]) -> bytes:
    """The file with the old lines of these hunks in the place of the new ones."""
    lines = lines_of(data)
    hunks = sorted((h for h in file.hunks if h.before or h.after), key=lambda hunk: hunk.start)
    shift = sum(len(h.after) - len(h.before) for h in hunks)
    for hunk in reversed(hunks):
        shift -= len(hunk.after) - len(hunk.before)
        place = hunk.start + shift
        if hunk.id in ids:
            if tuple(lines[place : place + len(hunk.after)]) != hunk.after:
                raise DraftError(f"{file.path} changed in the draft during the review; /discard starts afresh.")
            lines[place : place + len(hunk.after)] = hunk.before
    return join(lines)


def _found_mode(file: FileChange, ids: Collection[str]) -> int | None:
    """The permissions that the draft found, where the new ones are rejected."""
    notes = [hunk.note for hunk in file.hunks if hunk.id in ids and not (hunk.before or hunk.after)]
    return int(notes[0].split()[1], 8) if file.mode is not None and notes else None


def _standing(root: Path, file: FileChange) -> Content | None:
    """The file in the working tree, for what the change does not tell of it."""
    try:
        now = Tree(root).read(file.path)
    except TreeError as error:
        raise DraftError(str(error)) from error
    if now and now.is_link:
        raise DraftError(f"{file.path} is a symbolic link in the working tree by now; /discard starts afresh.")
    return now
