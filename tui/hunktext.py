r"""A hunk's new lines as text to edit, and back. What the person leaves alone comes back to the byte.

    lines with endings ─► as_text ("\n" alone) ─► TextArea or $EDITOR ─► edited ─► lines with the file's endings

Whether the file ends in a newline stays as the hunk has it: editors disagree about the last one.
"""

from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

from ossa.assistant.change import LINK_NOTE, FileChange, Hunk
from ossa.assistant.text import body, ending
from ossa.tui.safe import visible

BOM = "\ufeff"
TYPED = 60_000
"""Characters above which a hunk is left to an editor of its own."""


def refusal(file: FileChange, hunk: Hunk) -> str:
    """Why a hunk cannot be edited at all, as a sentence; empty where it can."""
    if hunk.note.startswith(LINK_NOTE):
        return "A symbolic link has no lines to edit."
    if file.kind == "deleted":
        return "This hunk deletes the file, so there is nothing in it to edit."
    if file.binary:
        return "A binary file has no lines to edit."
    if not hunk.before and not hunk.after:
        return f"There are no lines to edit here ({hunk.note or 'an empty hunk'})."
    return ""


def untypable(hunk: Hunk) -> str:
    """Why a hunk cannot be edited in place, though in an editor; empty where it can."""
    text = as_text(hunk).removeprefix(BOM)
    if len(text) > TYPED:
        return f"This hunk has {len(text):,} characters: E opens it in your editor."
    if visible(text) != text:
        return "This hunk has characters that cannot be seen: E opens it in your editor."
    return ""


def as_text(hunk: Hunk) -> str:
    r"""The new lines with "\n" for every ending; the last has none where the file is to end without."""
    return "".join(body(line) + "\n" * bool(ending(line)) for line in hunk.after)


def edited(hunk: Hunk, text: str) -> tuple[str, ...]:
    """The new lines as the person left them: old lines keep their endings, others end as the file does."""
    before = [body(line) for line in hunk.after]
    if before and before[0].startswith(BOM):
        text = BOM + text.removeprefix(BOM)
    if not any(line.endswith("\r") for line in before):
        text = text.replace("\r\n", "\n")
    after = (text if text.endswith("\n") or not text else text + "\n").split("\n")[:-1]
    if after == before:
        return hunk.after
    endings = _endings(hunk, before, after)
    return tuple(line + end for line, end in zip(after, endings, strict=True))


def _endings(hunk: Hunk, before: Sequence[str], after: Sequence[str]) -> list[str]:
    """How each of the lines ends."""
    usual = _usual(hunk)
    endings = [usual] * len(after)
    for block in SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks():
        for offset in range(block.size):
            endings[block.b + offset] = ending(hunk.after[block.a + offset]) or usual
    last = (hunk.after or hunk.before)[-1:]
    if endings and last and not ending(last[0]):
        endings[-1] = ""
    return endings


def _usual(hunk: Hunk) -> str:
    """How most of the hunk's new lines end, else those around them."""
    for lines in (hunk.after, (*hunk.before, *hunk.lead, *hunk.trail)):
        counts = Counter(end for line in lines if (end := ending(line)))
        if counts:
            return counts.most_common(1)[0][0]
    return "\n"
