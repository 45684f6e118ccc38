"""Steps as an editor shows them: a tool call with its kind, where it looks, what it printed and how it ended.

Spoken (with the calls) ─► StepStarted ─► StepOutput… ─► StepFinished          Searching ─► Attempt…          Reading…
                             tool_call     tool_call_update, now and then
"""

import json
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from acp.helpers import start_tool_call, text_block, tool_content, update_tool_call
from acp.schema import ContentToolCallContent, ToolCallLocation, ToolKind

from ossa.assistant.draft import DraftError
from ossa.assistant.edits.engine import EditError, paths
from ossa.assistant.events import Attempt, Reading, Searching, StepFinished, StepOutput, StepStarted
from ossa.assistant.safepath import inside
from ossa.model.base import ToolCall
from ossa.tui.acp.editor import Update
from ossa.tui.export import fenced
from ossa.tui.plain import line_of
from ossa.tui.safe import plain_text, shown

_KINDS: dict[str, ToolKind] = {
    "print_tree": "read",
    "open_file": "read",
    "search": "search",
    "apply_patch": "edit",
    "exec": "execute",
}
_NOW_AND_THEN, _SELDOM = 0.5, 2.0
"""Seconds between two updates of the same step, and of a search."""
_LINES, _KEPT = 200, 20_000
"""Lines of an output that are shown, and characters of one that goes on that are kept."""
_LONG_READING = 1_000
"""Tokens of a prompt from which it is worth a line that they are read."""
_PASSED = 10
"""Candidates that passed and are shown."""


@dataclass
class _Open:
    """A tool call that goes on."""

    id: str
    title: str
    output: str = ""
    told: float = 0.0
    """When something was told of it last, by the clock."""

    def is_due(self, every: float = _NOW_AND_THEN) -> bool:
        """Whether there may be another update."""
        now = time.monotonic()
        if now - self.told < every:
            return False
        self.told = now
        return True


@dataclass
class Steps:
    """Makes updates of what goes on; every id is used once in a session."""

    root: Path
    _count: int = 0
    _open: dict[str, _Open] = field(default_factory=dict[str, _Open])
    """By what ossa calls it."""
    _calls: deque[ToolCall] = field(default_factory=deque[ToolCall])
    """What the model has called that has not begun."""
    _tried: int = 0
    _passed: list[Attempt] = field(default_factory=list[Attempt])

    def called(self, calls: tuple[ToolCall, ...]) -> None:
        """The model has called these tools, which will follow one by one."""
        self._calls = deque(calls)

    def begin(self, step: StepStarted) -> Iterator[Update]:
        """A step begins."""
        call = self._calls.popleft() if self._calls and step.id.startswith("call-") else None
        name = call.name.rpartition(".")[2] if call else ""
        kind = _KINDS.get(name, "other") if call else "execute"
        arguments = _arguments(call)
        raw = arguments or ({"detail": step.detail} if step.detail else None)
        yield self._start(step.id, step.title, kind, self._locations(name, call, arguments), raw)

    def output(self, event: StepOutput) -> Iterator[Update]:
        """A command has printed something."""
        step = self._open.get(event.id)
        if step:
            step.output = (step.output + event.text)[-_KEPT:]
            if step.is_due():
                yield update_tool_call(step.id, content=_printed(step.output))

    def end(self, event: StepFinished) -> Iterator[Update]:
        """A step is over."""
        step = self._open.pop(event.id, None)
        if step:
            output = event.output or step.output
            yield update_tool_call(
                step.id,
                title=_title(f"{step.title}: {event.summary}"),
                status="completed" if event.ok else "failed",
                content=_printed(output) if output else None,
                raw_output={"summary": plain_text(event.summary)},  # some editors show both
            )

    def search(self, event: Searching) -> Iterator[Update]:
        """A search for a repair begins."""
        yield from self.close("search")
        self._tried, self._passed = 0, []
        yield self._start("search", line_of(event), "think")

    def attempt(self, event: Attempt) -> Iterator[Update]:
        """A candidate was tried."""
        step = self._open.get("search")
        self._tried += 1
        self._passed += [event] if event.ok else []
        if step is None or not (event.ok or step.is_due(_SELDOM)):
            return
        step.title = f"Search for a repair: {self._tried:,} tried, {len(self._passed)} passed"
        told = [line_of(attempt) for attempt in self._passed[:_PASSED]]
        yield update_tool_call(step.id, title=step.title, content=_printed("\n".join([*told, line_of(event)])))

    def reading(self, event: Reading) -> Iterator[Update]:
        """The model reads its prompt, which may take minutes."""
        left = event.total - event.done
        if event.total - event.reused < _LONG_READING and "reading" not in self._open:
            return
        if "reading" not in self._open and left > 0:
            yield self._start("reading", f"Read {event.total - event.reused:,} tokens", "think")
        if left <= 0:
            yield from self.close("reading")
        elif (step := self._open["reading"]).is_due():
            read = event.done - event.reused
            yield update_tool_call(step.id, title=f"Read {event.total - event.reused:,} tokens: {read:,} so far")

    def waiting(self, name: str, title: str) -> Iterator[Update]:
        """Something else that takes its time begins, or has come so far."""
        if name not in self._open:
            yield self._start(name, title, "other")
        elif self._open[name].title != title:
            self._open[name].title = title
            yield update_tool_call(self._open[name].id, title=_title(title))

    def close(self, name: str = "", *, ok: bool = True) -> Iterator[Update]:
        """This one is over, or all that go on."""
        for key in [name] if name else list(self._open):
            if step := self._open.pop(key, None):
                yield update_tool_call(step.id, status="completed" if ok else "failed")

    def fresh(self, name: str) -> str:
        """An id that no tool call has had."""
        self._count += 1
        return f"{name}-{self._count}"

    def _start(
        self,
        name: str,
        title: str,
        kind: ToolKind,
        locations: list[ToolCallLocation] | None = None,
        raw: dict[str, Any] | None = None,
    ) -> Update:
        step = self._open[name] = _Open(self.fresh(name), title)
        return start_tool_call(
            step.id, _title(title), kind=kind, status="in_progress", locations=locations, raw_input=raw
        )

    def _locations(self, name: str, call: ToolCall | None, arguments: dict[str, Any]) -> list[ToolCallLocation] | None:
        """Where in the repository a call looks, as far as that can be told."""
        try:
            if call and name == "apply_patch":  # often a bare text
                named = paths(str(arguments.get("patch", call.arguments)))
            else:
                named = [str(arguments["path"])]
            line = arguments.get("line_start")
            lines = line if isinstance(line, int) and line > 0 else None
            return [ToolCallLocation(path=str(self.root / inside(path)), line=lines) for path in named] or None
        except (KeyError, EditError, DraftError):
            return None


def _arguments(call: ToolCall | None) -> dict[str, Any]:
    """What a tool was called with; nothing where that makes no sense."""
    try:
        read: object = json.loads(call.arguments, parse_float=str, parse_constant=str) if call else None
    except (ValueError, RecursionError):
        return {}
    return {str(key): value for key, value in read.items()} if isinstance(read, dict) else {}


def _title(text: str) -> str:
    return " ".join(plain_text(text).split())[:300]


def _printed(text: str) -> list[ContentToolCallContent]:
    return [tool_content(text_block(fenced("\n".join(shown(text, _LINES)))))]
