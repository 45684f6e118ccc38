"""Without a window: the same events as text, or as one JSON object a line."""

import json
import sys
from collections.abc import AsyncIterator
from typing import TextIO

from ossa.assistant.diff import unified
from ossa.assistant.eventlog import pack
from ossa.assistant.events import (
    Answering,
    Attempt,
    Committed,
    End,
    Event,
    Failure,
    Notice,
    Proposed,
    Ran,
    Redone,
    Reviewed,
    Revised,
    Rewound,
    StepFinished,
    StepStarted,
    TurnFinished,
    Undone,
)
from ossa.tui.safe import plain_text

EXIT: dict[End, int] = {
    "applied": 0,
    "proposed": 0,
    "answered": 1,
    "no change": 1,
    "rejected": 1,
    "cancelled": 2,
    "failed": 2,
}
"""Exit codes: 0 a change was proposed or applied, 1 there is none, 2 something went wrong."""


async def show(events: AsyncIterator[Event], *, as_json: bool, out: TextIO = sys.stdout) -> End:
    """Print events until the turn is over, and tell how it ended."""
    end: End = "failed"
    teller = _Teller(out)
    async for event in events:
        if as_json:
            print(json.dumps(pack(event)), file=out, flush=True)
        else:
            teller.tell(event)
        if isinstance(event, TurnFinished):
            end = event.end
    return end


class _Teller:
    """Prints events as a person reads them, one line each, the answer as it comes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._in_answer = False

    def tell(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Answering):
            print(plain_text(event.text), end="", file=self._out, flush=True)
            self._in_answer = True
            return
        text = _line(event)
        if text:
            self._end_answer()
            print(plain_text(text), file=self._out, flush=True)

    def _end_answer(self) -> None:
        if self._in_answer:
            print(file=self._out)
            self._in_answer = False


def _line(event: Event) -> str:
    match event:
        case StepStarted(title=title, detail=detail):
            return f"▸ {title}" + (f": {detail.splitlines()[0][:100]}" if detail else "")
        case StepFinished(ok=ok, summary=summary):
            return f"  {'✓' if ok else '✗'} {summary}"
        case Attempt(number=number, place=place, text=text, outcome=outcome, ok=ok):
            first = (text.splitlines() or ["(lines taken out)"])[0][:70]
            return f"{'✓' if ok else '·'} {number:>3}  {place}  {first}  — {outcome}"
        case Proposed(change=change, verdict=verdict):
            return f"\n{unified(change)}\n{change.summary} — {verdict.summary}"
        case Reviewed(files=files, refused=refused, checkpoint=checkpoint):
            taken = [f"accepted: {', '.join(files)} (`ossa undo` takes it back)"] if checkpoint else []
            return "\n".join([*taken, *refused])
        case Undone(files=files):
            return f"taken back: {', '.join(files)}"
        case Redone(files=files):
            return f"made again: {', '.join(files)}"
        case Rewound():
            return _rewound(event)
        case Revised(path=path, line=line, by=by, reason=reason):
            what = "edited by you" if by == "person" else "asked again for"
            return f"{what}: {path}, line {line}" + (f" ({reason})" if reason else "")
        case Ran(exit_code=code, output=output):
            return "\n".join([*output.splitlines(), f"exit code {code}"])
        case Committed(commit=commit, message=message):
            return f"committed {commit}: {message.splitlines()[0] if message else ''}"
        case Notice(text=text):
            return text
        case Failure(text=text, diff=diff):
            return f"error: {text}" + (f"\n{diff.rstrip()}" if diff else "")
        case TurnFinished(end=end, seconds=seconds):
            return f"{end}, {seconds:.1f} s"
        case _:
            return ""


def _rewound(event: Rewound) -> str:
    parts = ["back by 1 prompt" if event.turns == 1 else f"back by {event.turns} prompts"]
    if event.files:
        parts.append(f"brought back: {', '.join(event.files)}")
    if event.conversation:
        parts.append("forgotten by the model")
    return ", ".join(parts)
