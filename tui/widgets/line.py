"""The lines of a conversation that neither open nor grow: what the user said, notices, failures, outcomes."""

from typing import ClassVar

from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ossa.assistant.change import Change, FileChange
from ossa.assistant.events import Committed, Redone, Reviewed, Revised, Rewound, TurnFinished, Undone
from ossa.assistant.verdict import Verdict
from ossa.tui.commands import bindings
from ossa.tui.safe import cut, plain_text, shown
from ossa.tui.wrapping import seams


class Line(Static):
    """A line of text; its class says of what kind. A name longer than the column is parted where it has a seam."""

    def __init__(self, content: Content | str, kind: str) -> None:
        self._whole = content if isinstance(content, Content) else Content("\n".join(shown(content, 100)))
        super().__init__(self._whole, markup=False, classes=f"-{kind}")
        self._parted: list[int] = []

    def on_resize(self) -> None:
        places = seams(self._whole.plain, self.content_size.width)
        if places != self._parted:
            self._parted = places
            self.update(Content("\n").join(self._whole.divide(places)))


class PromptLine(Line, can_focus=True):
    """What the user asked the model; it can be asked otherwise."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("asked")]

    class EditWanted(Message):
        """The user wants to put it otherwise."""

        def __init__(self, line: "PromptLine") -> None:
            super().__init__()
            self.line = line

    def action_edit_prompt(self) -> None:
        self.post_message(self.EditWanted(self))


def prompt_line(prompt: str, *, is_prompt: bool = False) -> Line:
    """What the user asked, the model or ossa."""
    return PromptLine(prompt, "prompt") if is_prompt else Line(prompt, "prompt")


def notice_line(text: str) -> Line:
    """Something worth a line."""
    return Line(text, "notice")


def failure_line(text: str) -> Line:
    """Something went wrong."""
    return Line(Content.assemble(("✗ ", "bold"), "\n".join(shown(text, 40))), "failure")


def proposed_line(change: Change, verdict: Verdict) -> Line:
    """There is a change to look at."""
    mark = "✓" if verdict.proved else "!"
    files = ", ".join(cut(plain_text(file.path), 60) for file in change.files[:3])
    more = f" and {len(change.files) - 3} more" if len(change.files) > 3 else ""
    return Line(
        Content.assemble(
            (f"Change  {change.summary}", "bold"), f"  {files}{more}\n{mark} {cut(plain_text(verdict.summary), 300)}"
        ),
        "proved" if verdict.proved else "unproved",
    )


def reviewed_line(event: Reviewed) -> Line:
    """What became of the change."""
    rejected = sum(not d.accepted for d in event.decisions)
    accepted = len(event.decisions) - rejected - len(event.refused_hunks)
    text = f"{accepted} accepted · {rejected} rejected"
    if event.refused_hunks:
        text += f" · {len(event.refused_hunks)} not applied"
    if event.files:
        text += f" · written: {', '.join(plain_text(f) for f in event.files[:5])}"
    if event.checkpoint:
        text += " · /undo takes it back"
    lines = [text, *(f"! not applied: {plain_text(reason)}" for reason in event.refused)]
    return Line(Content("\n".join(lines)), "failure" if event.refused else "notice")


def undone_line(event: Undone) -> Line:
    """An accept was taken back."""
    return Line(f"Taken back: {', '.join(event.files)}", "notice")


def redone_line(event: Redone) -> Line:
    """An accept was made again."""
    return Line(f"Made again: {', '.join(event.files)}", "notice")


def rewound_line(event: Rewound) -> Line:
    """The session went back."""
    prompts = "1 prompt" if event.turns == 1 else f"{event.turns} prompts"
    files = f" · brought back: {', '.join(event.files)}" if event.files else ""
    told = " · forgotten by the model" if event.conversation else " · the model still knows of it"
    return Line(f"↶ Back by {prompts}{told}{files}", "notice")


def revised_line(event: Revised) -> Line:
    """A hunk was written otherwise, or is to be."""
    place = f"{event.path}, line {event.line}"
    if event.by == "person":
        return Line(f"✎ Edited by you: {place}", "notice")
    return Line(f"↻ Asked again for {place}" + (f": {event.reason}" if event.reason else ""), "notice")


def committed_line(event: Committed) -> Line:
    """Accepted files are in a commit."""
    first = (event.message.splitlines() or [""])[0]
    return Line(f"Committed {event.commit}: {first} · {', '.join(event.files)}", "notice")


def finished_line(event: TurnFinished, hint: str = "") -> Line:
    """How the turn ended, how long it took, and what can be done about it."""
    end = "done" if event.end == "answered" else event.end
    return Line((f"{end} · {duration(event.seconds)}" if event.seconds else end) + hint, "end")


def duration(seconds: float) -> str:
    """For example "4.2 s" or "3 min 12 s"."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


def file_title(file: FileChange) -> Content:
    """The name of a file above its hunks in a change."""
    counts = ((f"+{file.added} ", "$text-success"), (f"−{file.removed}", "$text-error"))
    return Content.assemble((cut(plain_text(file.path), 200), "bold"), f"  {file.kind}  ", *counts)
