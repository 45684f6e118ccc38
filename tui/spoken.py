"""Events, changes and verdicts in words, for whoever listens to a screen reader or has no colours.

Nothing is said by a mark, a place or a colour alone; a line once written stays as it is.
"""

import asyncio
import time
from collections.abc import Iterator
from typing import TextIO

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import (
    Answering,
    Attempt,
    Event,
    Proposed,
    Reading,
    Reviewed,
    StepFinished,
    StepStarted,
    Thinking,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.review import Alternatives
from ossa.assistant.verdict import Verdict
from ossa.tui.plain import line_of
from ossa.tui.safe import plain_text, visible

_LONG_WAIT = 10.0
"""Seconds between two sentences on how far a search is."""
_LONG_READING = 1_000
"""Tokens of a prompt from which it is worth a sentence that they are read."""
_LINE = 400
"""Characters of an answer that are gathered at most, so that whole words and lines are written at once."""
_NAMED = 10
"""Tests of one sort that are named."""


class Speaker:
    """Writes events as lines, and the answer as it comes, in whole lines."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._answer = ""
        self._said = ""
        """What goes on, as it was said last."""
        self._since = 0.0
        self._change: Change | None = None
        """The one that was told of last."""
        self._news = asyncio.Event()

    async def has_told(self, change: Change) -> None:
        """Wait until this change was told of: the person may be asked before the last events come that led to it."""
        while self._change != change:
            self._news.clear()
            await self._news.wait()

    def tell(self, event: Event) -> None:
        """Write what one event tells, if anything."""
        if isinstance(event, Answering):
            self._answer += event.text
            self._flush(ended=False)
            return
        text = self._text(event)
        if text:
            self._flush(ended=True)
            self.say(text)
        if isinstance(event, Proposed):
            self._change = event.change
            self._news.set()

    def say(self, text: str) -> None:
        """Write lines that anybody may have written."""
        print(plain_text(text), file=self._out, flush=True)

    def ask(self, question: str) -> None:
        """Write a question whose answer is typed behind it."""
        self._flush(ended=True)
        print(plain_text(question), end=" ", file=self._out, flush=True)

    def _text(self, event: Event) -> str:
        match event:
            case TurnStarted():
                self._said = ""
                return ""
            case Thinking():
                return self._once("The model is thinking.")
            case Reading(total=total, reused=reused) if total - reused >= _LONG_READING:
                return self._once(f"The model is reading {total - reused:,} tokens.")
            case StepStarted(title=title):
                return f"Step: {title}."
            case StepFinished(ok=ok, summary=summary):
                return f"{'Done' if ok else 'Failed'}: {summary}."
            case Attempt(ok=False, number=number, limit=limit):
                return self._now_and_then(f"Tried {number:,} of {limit:,} candidates.")
            case Attempt(number=number, place=place, text=text, outcome=outcome):
                return f"Candidate {number} passed, in {place}: {text.strip() or 'lines taken out'}. {outcome}."
            case Proposed(change=change, verdict=verdict):
                return "\n".join(["There is a change:", *change_words(change), *verdict_words(verdict)])
            case Reviewed():
                return "\n".join(_reviewed(event))
            case TurnFinished(end=end, seconds=seconds):
                return f"The turn is over: {'done' if end == 'answered' else end}, after {seconds:.0f} seconds."
            case _:
                return line_of(event)

    def _once(self, text: str) -> str:
        """The sentence, unless it was the last one of its kind."""
        said, self._said = self._said, text
        return "" if text == said else text

    def _now_and_then(self, text: str) -> str:
        now = time.monotonic()
        if now - self._since < _LONG_WAIT:
            return ""
        self._since = now
        return text

    def _flush(self, *, ended: bool) -> None:
        """Write what is complete of the answer: whole lines, or a part of a long one up to a space."""
        whole, end, rest = self._answer.rpartition("\n")
        if ended:
            whole, end, rest = self._answer, "\n" * (not self._answer.endswith("\n")), ""
        elif not end and len(rest) > _LINE:
            whole, end, rest = rest.rpartition(" ")
            end = "\n" if whole else ""
        if whole or end:
            if self._answer:
                print(plain_text(whole + end), end="", file=self._out, flush=True)
            self._answer = rest


def change_words(change: Change) -> Iterator[str]:
    """What the change does to each file, a line each."""
    for file in change.files:
        lines = f"{_lines(file.added)} put in, {_lines(file.removed)} taken out"
        hunks = "1 hunk" if len(file.hunks) == 1 else f"{len(file.hunks)} hunks"
        yield f"{file.path}: {file.kind}, {hunks}, {lines}."


def verdict_words(verdict: Verdict) -> Iterator[str]:
    """What the tests said, a line each."""
    if verdict.problem:
        yield f"It was not tested: {verdict.problem}"
        return
    proved = "The tests prove it" if verdict.proved else "The tests do not prove it"
    yield f"{proved}: {verdict.passed} of {verdict.total} passed."
    for sort, tests in (
        ("fixed", verdict.fixed),
        ("broken", verdict.broken),
        ("still failing", verdict.still_failing),
        ("no longer run", verdict.missing),
        ("flaky", verdict.flaky),
    ):
        if tests:
            more = f" and {len(tests) - _NAMED} more" if len(tests) > _NAMED else ""
            yield f"{len(tests)} {sort}: {', '.join(tests[:_NAMED])}{more}."


def hunk_words(file: FileChange, hunk: Hunk, number: int, count: int) -> str:
    """One hunk: where it is, what it takes out, what it puts in."""
    where = "" if file.kind == "added" else f", from line {hunk.start + 1}"
    parts = [f"Hunk {number} of {count}: {file.path}, {file.kind}{where}."]
    parts += [f"({hunk.note})"] if hunk.note else []
    parts += _block("Around it stands above:", hunk.lead, " ")
    parts += _block("Taken out:", hunk.before, "-")
    parts += _block("Put in:", hunk.after, "+")
    return "\n".join(parts)


def repair_words(alternatives: Alternatives) -> Iterator[str]:
    """The repairs that passed, with their numbers."""
    if len(alternatives.repairs) > 1:
        yield f"{len(alternatives.repairs)} repairs passed; this one is number {alternatives.shown}."
        for number, repair in enumerate(alternatives.repairs, 1):
            less = f" It does away with: {repair.lost}." if repair.lost else ""
            yield f"{number}: {repair.place}: {repair.text.strip() or 'lines taken out'}.{less}"


def _reviewed(event: Reviewed) -> Iterator[str]:
    accepted = sum(decision.accepted for decision in event.decisions)
    yield f"Accepted: {accepted}. Rejected: {len(event.decisions) - accepted}."
    if event.files:
        yield f"Written: {', '.join(event.files)}." + (" /undo takes it back." if event.checkpoint else "")
    yield from (f"Not applied: {reason}" for reason in event.refused)


def _block(title: str, lines: tuple[str, ...], mark: str) -> list[str]:
    return [title, *(f"{mark} {visible(line.rstrip(chr(10)))}".rstrip() for line in lines)] if lines else []


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"
