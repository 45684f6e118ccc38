"""Without a window: the same events as text, or as one JSON object a line."""

import json
import shutil
import sys
import time
from collections.abc import AsyncIterator
from typing import TextIO

from rich.cells import set_cell_size

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
    Searching,
    StepFinished,
    StepStarted,
    TurnFinished,
    Undone,
)
from ossa.assistant.review import Alternative, Alternatives
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
    """Prints events as a person reads them, one line each, the answer as it comes.

    On a terminal, candidates that do not pass share one line, which is written anew for each.
    """

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._in_answer = False
        self._budget: Searching | None = None
        self._since = 0.0
        self._passed = 0
        self._progress = False
        """Whether the line that is written anew stands on the terminal."""

    def tell(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, Answering):
            print(plain_text(event.text), end="", file=self._out, flush=True)
            self._in_answer = True
            return
        if isinstance(event, Searching):
            self._budget, self._since, self._passed = event, time.monotonic(), 0
        if isinstance(event, Attempt):
            self._passed += event.ok
            if self._budget and not event.ok and self._out.isatty():
                self._rewrite(event, self._budget)
                return
        text = line_of(event)
        if text:
            self._end_answer()
            self._clear()
            print(plain_text(text), file=self._out, flush=True)

    def _rewrite(self, attempt: Attempt, budget: Searching) -> None:
        """Say how far the search is, in place of what was said last."""
        seconds = time.monotonic() - self._since
        counts = f"{seconds:.0f}/{budget.seconds:.0f} s · {attempt.number:,}/{attempt.limit:,} · {self._passed} passed"
        keeps = " · Ctrl+C keeps the best so far" if self._passed else ""
        text = plain_text(f"  {counts}{keeps} · {attempt.place}").replace("\n", " ")
        fitting = set_cell_size(text, max(10, shutil.get_terminal_size().columns - 1)).rstrip()
        print(f"\r{fitting}\x1b[K", end="", file=self._out, flush=True)
        self._progress = True

    def _clear(self) -> None:
        if self._progress:
            print("\r\x1b[K", end="", file=self._out)
            self._progress = False

    def _end_answer(self) -> None:
        if self._in_answer:
            print(file=self._out)
            self._in_answer = False


def line_of(event: Event) -> str:
    """The event as a person reads it, in a line or a few; empty for one that is not told."""
    match event:
        case StepStarted(title=title, detail=detail):
            return f"▸ {title}" + (f": {detail.splitlines()[0][:100]}" if detail else "")
        case StepFinished(ok=ok, summary=summary):
            return f"  {'✓' if ok else '✗'} {summary}"
        case Attempt(number=number, place=place, text=text, outcome=outcome, ok=ok):
            return f"{'✓' if ok else '·'} {number:>3}  {place}  {_first(text)}  — {outcome}"
        case Searching(seconds=seconds, candidates=candidates):
            return f"Searching for a repair: at most {seconds:.0f} s, and {candidates:,} candidates for a test."
        case Proposed(change=change, verdict=verdict, alternatives=alternatives):
            told = [f"\n{unified(change)}\n{change.summary} — {verdict.summary}", *_others(alternatives)]
            return "\n".join(told)
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


def _others(alternatives: Alternatives) -> list[str]:
    """The repairs that passed besides the one that is the change, a line each."""
    others = [repair for number, repair in enumerate(alternatives.repairs, 1) if number != alternatives.shown]
    return [f"also passed: {_told(repair)}" for repair in others]


def _told(repair: Alternative) -> str:
    less = f"  (does less: {repair.lost})" if repair.lost else ""
    return f"{repair.place}  {_first(repair.text)}{less}"


def _first(text: str) -> str:
    """The beginning of a candidate, which may only take lines out."""
    return (text.strip().splitlines() or ["(lines taken out)"])[0][:70]


def _rewound(event: Rewound) -> str:
    parts = ["back by 1 prompt" if event.turns == 1 else f"back by {event.turns} prompts"]
    if event.files:
        parts.append(f"brought back: {', '.join(event.files)}")
    if event.conversation:
        parts.append("forgotten by the model")
    return ", ".join(parts)
