"""The accept: from decisions on hunks to files in the working tree, as they are at this moment.

    change + decisions ─► each file planned in memory (merge) ─► checkpoint ─► all files swapped at once

A hunk that the user's own work has made impossible is refused with a sentence; the others go in.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ossa.assistant.accepting.checkpoints import Checkpoints
from ossa.assistant.accepting.links import link_planned, unsafe
from ossa.assistant.accepting.merge import merge
from ossa.assistant.accepting.tree import Content, Swap, Tree, TreeError
from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.diff import diff_file
from ossa.assistant.draft import DraftError
from ossa.assistant.review import Decision

ReadDraft = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of an accept."""

    files: tuple[str, ...] = ()
    """Those that now have what was accepted."""
    checkpoint: str = ""
    """The id of the checkpoint; empty when nothing had to be written."""
    refused: tuple[str, ...] = ()
    """A sentence for each accepted hunk that could not go in."""
    refused_hunks: tuple[str, ...] = ()
    """Their ids."""
    notes: tuple[str, ...] = ()
    """What the user should know of how files were written, a sentence each."""


class Refusal(NamedTuple):
    """Why hunks cannot go in."""

    text: str
    """A sentence for the user."""
    hunks: tuple[str, ...]
    """Their ids."""


def accept(
    change: Change,
    decisions: Sequence[Decision],
    root: Path,
    read_draft: ReadDraft,
    checkpoints: Checkpoints,
) -> Accepted:
    """Put the accepted hunks into the working tree, all of them in one step that can be undone.

    Args:
        change: what was reviewed.
        decisions: by hunk; those without one, and those not accepted, are left out.
        root: the working tree.
        read_draft: a file as the draft has it; None where it has none.
        checkpoints: where the way back is kept.

    Raises:
        CheckpointError: the files cannot be written; nothing was.
    """
    taken = {d.hunk for d in decisions if d.accepted}
    chosen = [(file, hunks) for file in change.files if (hunks := [hunk for hunk in file.hunks if hunk.id in taken])]
    tree = Tree(root)
    gone = {file.path for file in change.files if file.kind == "deleted"}
    going = gone.intersection(file.path for file, _ in chosen)
    files: dict[str, Sequence[Hunk]] = {}
    swaps: dict[str, Swap] = {}
    refused: list[Refusal] = []
    for file, hunks in chosen:
        try:
            now = tree.read(file.path, going)
            new, left_out = _planned(file, hunks, now, read_draft)
        except (TreeError, DraftError) as error:
            refused.append(_refusal(_together(file.path, gone - going) or str(error), hunks))
            continue
        refused += left_out
        if sum(len(refusal.hunks) for refusal in left_out) < len(hunks):
            files[file.path] = hunks
        if new != now:
            swaps[file.path] = Swap(file.path, now, new)
    while told := _impossible(swaps, tree, gone):  # what is left out may have been what made room for another
        for path, why in told.items():
            del swaps[path]
            refused.append(_refusal(why, files.pop(path)))
    texts, lost = tuple(r.text for r in refused), tuple(hunk for r in refused for hunk in r.hunks)
    if not swaps:
        return Accepted(tuple(files), "", texts, lost)
    done = checkpoints.apply([*swaps.values()])
    return Accepted(tuple(files), done.id, texts, lost, done.notes)


def _impossible(swaps: Mapping[str, Swap], tree: Tree, gone: Set[str]) -> dict[str, str]:
    """Files for which there is no place in the tree, by path, with a sentence; `gone` is what the change deletes."""
    told = unsafe(swaps, tree)
    going = {path for path, swap in swaps.items() if swap.new is None}
    for path, swap in swaps.items():
        if path not in told and swap.new and tree.is_occupied(path, going):
            told[path] = f"{path} is a folder in the working tree by now, with files in it; it stays one."
    return {path: _together(path, gone - going) or why for path, why in told.items()}


def _together(path: str, staying: Set[str]) -> str:
    """That a file needs the place of others that the change deletes and that stay so far; empty where it does not."""
    needed = sorted(p for p in staying if p.startswith(f"{path}/") or path.startswith(f"{p}/"))
    more = f" and {len(needed) - 1} more" if len(needed) > 1 else ""
    return f"{path} takes the place of {needed[0]}{more}: accept them together." if needed else ""


def _planned(
    file: FileChange, hunks: Sequence[Hunk], now: Content | None, read_draft: ReadDraft
) -> tuple[Content | None, list[Refusal]]:
    """What the file becomes, and which hunks cannot go in, with the reason.

    Raises:
        TreeError: none can.
        DraftError: the draft cannot be read.
    """
    if file.involves_link:
        return link_planned(file, now, read_draft), []
    if now and now.is_link:
        raise TreeError(f"{file.path} is no plain file in the working tree but a symbolic link; ossa leaves it alone.")
    if file.binary:
        return _binary(file, hunks[0], now, read_draft(file.path))
    if file.kind == "added":
        new = Content("".join(hunks[0].after).encode("utf-8", "surrogateescape"), file.mode)
        if now is None or now.data == new.data:
            return (new if now is None else now), []
        why = f"{file.path} exists in the working tree by now, with other content; it was left as it is."
        return now, [_refusal(why, hunks)]
    if file.kind == "deleted":
        gone = "".join(hunks[0].before).encode("utf-8", "surrogateescape")
        if now is None or now.data == gone:
            return None, []
        return now, [_refusal(f"{file.path} changed since the draft was made, so it was not deleted.", hunks)]
    if now is None:
        why = f"{file.path} is gone from the working tree; its {_count(hunks)} cannot go in."
        return None, [_refusal(why, hunks)]
    return _modified(file, hunks, now, read_draft(file.path))


def _modified(
    file: FileChange, hunks: Sequence[Hunk], now: Content, draft: bytes | None
) -> tuple[Content, list[Refusal]]:
    lines = [hunk for hunk in hunks if hunk.before or hunk.after]
    merged = merge(file, lines, now.data, draft)
    told = [
        _refusal(f"{file.path}, line {hunk.start + 1}: {why}, so this part was left out. Ask for it again.", [hunk])
        for hunk, why in merged.refused
    ]
    mode = now.mode
    for hunk in (h for h in hunks if h not in lines):
        mode = _mode(file, hunk, now)
        if mode is None:
            why = f"{file.path}: its permissions changed since the draft was made, so they were left as they are."
            told.append(_refusal(why, [hunk]))
    return Content(merged.data, now.mode if mode is None else mode), told


def _mode(file: FileChange, hunk: Hunk, now: Content) -> int | None:
    """The permissions with the hunk in them; None where the user made others of those that the draft found."""
    if file.mode is None or now.mode is None:
        return now.mode
    found = int(hunk.note.split()[1], 8)
    return (now.mode & ~0o777) | file.mode if now.mode & 0o777 in (found, file.mode) else None


def _binary(
    file: FileChange, hunk: Hunk, now: Content | None, draft: bytes | None
) -> tuple[Content | None, list[Refusal]]:
    """A binary file goes in whole, if it is still the one that the draft found: the hunk's id tells."""
    if draft == (now.data if now else None):
        return now, []
    mode = None if file.mode is None or now is None else now.mode
    same = diff_file(file.path, now.data if now else None, draft, mode_before=mode, mode_after=file.mode)
    if same is None or same.hunks[0].id != hunk.id:
        why = f"{file.path} changed since the draft was made, so the draft's version was left out."
        return now, [_refusal(why, [hunk])]
    return (None if draft is None else Content(draft, file.mode or (now.mode if now else None))), []


def _refusal(text: str, hunks: Sequence[Hunk]) -> Refusal:
    return Refusal(text, tuple(hunk.id for hunk in hunks))


def _count(hunks: Sequence[Hunk]) -> str:
    return "1 hunk" if len(hunks) == 1 else f"{len(hunks)} hunks"
