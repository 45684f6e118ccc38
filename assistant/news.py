"""What the model is told of the person's doing between its turns: reviews, edits, undo, commands, commits.

event ─► News.of() ─► a few lines for the next prompt, or nothing
"""

from collections.abc import Sequence

from ossa.assistant.change import Change
from ossa.assistant.events import Committed, Event, Notice, Proposed, Ran, Redone, Reviewed, Revised, Rewound, Undone
from ossa.assistant.trim import essence

_LINES = 800
"""Characters of what the person wrote in place of a hunk."""
_OUTPUT = 2_000
"""Characters of what a command of theirs printed."""


class News:
    """Puts events into words for the model; keeps the latest change, since decisions name its hunks by id."""

    def __init__(self) -> None:
        self._change = Change()

    def of(self, event: Event) -> str:
        """What the model is told of this event; empty for most."""
        match event:
            case Proposed(change=change):
                self._change = change
                return ""
            case Reviewed():
                return self._review(event)
            case Revised(path=path, line=line, by="person", after=after):
                return f"The person rewrote {path}, line {line}, of your change. {_now(after)}"
            case Undone(files=files):
                return f"The person took back what they had accepted in: {', '.join(files)}."
            case Redone(files=files):
                return f"The person made the accept again that they had taken back, in: {', '.join(files)}."
            case Rewound():
                return _rewound(event)
            case Ran(command=command, exit_code=code, output=output):
                return f"The person ran `{command}` in their working tree (exit {code}):\n{_block(output, _OUTPUT)}"
            case Committed(message=message, files=files):
                return f"The person committed {', '.join(files)}: {message.partition(chr(10))[0]}"
            case Notice(text=text, told=True):
                return text
            case _:
                return ""

    def _review(self, reviewed: Reviewed) -> str:
        decisions = {decision.hunk: decision for decision in reviewed.decisions}
        lines: list[str] = []
        for file, hunk in self._change.hunks:
            decision = decisions.get(hunk.id)
            if decision is None:
                continue
            word = "accepted" if decision.accepted else "rejected"
            if hunk.id in reviewed.refused_hunks:
                word = "accepted, but not applied,"
            reason = f": {decision.reason}" if decision.reason else ""
            lines.append(f"- {word} {file.path}, line {hunk.start + 1}{reason}")
        return "\n".join(["The person reviewed your change:", *lines, *reviewed.refused]) if lines else ""


def _rewound(event: Rewound) -> str:
    if event.conversation:
        # The model no longer knows of those turns, only of what they may have left behind.
        kept = "The person went back to this point; what was accepted since, if anything, stays in their files."
        return "" if event.files else kept
    count = f"{event.turns} prompt{'s' * (event.turns != 1)}"
    return f"The person took back what they had accepted in the last {count}: {', '.join(event.files) or 'nothing'}."


def _now(after: Sequence[str]) -> str:
    return f"It now reads:\n{_block(''.join(after), _LINES)}" if after else "They left nothing of it."


def _block(text: str, limit: int) -> str:
    return f"```\n{essence(text.rstrip(), limit)}\n```" if text.strip() else "(nothing)"
