"""What goes over the pipe between ossa and the model's process: the vocabulary of `base` as JSON, one object a line."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ossa.model.base import (
    Continuation,
    Finished,
    Message,
    Piece,
    Prefill,
    Sampling,
    Text,
    Thought,
    ToolCall,
    ToolSpec,
    Usage,
    Weighed,
)
from ossa.model.constraints import Bounds, Constraint
from ossa.model.discover import Found

Line = dict[str, Any]

_PIECES = {kind.__name__: kind for kind in (Prefill, Thought, Text, ToolCall)}


def to_line(content: Line) -> bytes:
    """The object as one line of ASCII, whatever its texts contain."""
    return json.dumps(content).encode("ascii") + b"\n"


def from_line(raw: bytes) -> Line | None:
    """The object of a line; None for one that was cut off, because its writer was killed."""
    return json.loads(raw) if raw.endswith(b"\n") else None


def request(messages: Sequence[Message], tools: Sequence[ToolSpec], sampling: Sampling) -> Line:
    """What `generate` and `count` are asked with."""
    return {
        "messages": [dataclasses.asdict(message) for message in messages],
        "tools": [dataclasses.asdict(tool) for tool in tools],
        "sampling": dataclasses.asdict(sampling),
    }


def from_request(line: Line) -> tuple[list[Message], list[ToolSpec], Sampling]:
    """The opposite of `request`."""
    sampling: Line = dict(line["sampling"], stop=tuple(line["sampling"]["stop"]))
    sampling["constraint"] = _constraint(sampling["constraint"])
    messages = [_message(fields) for fields in line["messages"]]
    tools = [ToolSpec(**fields) for fields in line["tools"]]
    return messages, tools, Sampling(**sampling)


def found(model: Found) -> Line:
    """Which model to load."""
    adapter = str(model.adapter) if model.adapter else None
    return {"found": {**dataclasses.asdict(model), "path": str(model.path), "adapter": adapter}}


def from_found(line: Line) -> Found:
    """The opposite of `found`."""
    fields: Line = dict(line["found"])
    fields |= {name: Path(fields[name]) for name in ("path", "adapter") if fields[name]}
    return Found(**fields)


def piece(value: Piece) -> Line:
    """A piece with the name of its kind."""
    return {"piece": type(value).__name__, **dataclasses.asdict(value)}


def from_piece(line: Line) -> Piece:
    """The opposite of `piece`."""
    fields = {name: value for name, value in line.items() if name not in ("piece", "id")}
    if line["piece"] == Finished.__name__:
        return Finished(fields["reason"], _message(fields["message"]), Usage(**fields["usage"]))
    return _PIECES[line["piece"]](**fields)


def loading(far: str) -> Line:
    """How far loading is; more replies follow."""
    return {"loading": far}


def weighed(tokens: Sequence[Weighed]) -> Line:
    """The tokens of a text that was weighed."""
    return {"weighed": [[token.start, token.end, token.logprob, token.others] for token in tokens]}


def from_weighed(line: Line) -> tuple[Weighed, ...]:
    """The opposite of `weighed`."""
    return tuple(
        Weighed(start, end, logprob, tuple((text, value) for text, value in others))
        for start, end, logprob, others in line["weighed"]
    )


def beginnings(begins: Sequence[str], held: Sequence[Constraint | None]) -> Line:
    """How answers begin, and what each is held to: constraints once, and for each beginning the number of its own."""
    kinds = [kind for number, kind in enumerate(held) if kind not in held[:number]]
    return {
        "begins": list(begins),
        "kinds": [kind and dataclasses.asdict(kind) for kind in kinds],
        "held": [kinds.index(kind) for kind in held],
    }


def from_beginnings(line: Line) -> tuple[list[str], list[Constraint | None]]:
    """The opposite of `beginnings`."""
    kinds = [_constraint(kind) for kind in line["kinds"]]
    return line["begins"], [kinds[number] for number in line["held"]]


def continued(answers: Sequence[Continuation]) -> Line:
    """Several answers to one prompt."""
    return {"continued": [dataclasses.astuple(answer) for answer in answers]}


def from_continued(line: Line) -> tuple[Continuation, ...]:
    """The opposite of `continued`."""
    return tuple(Continuation(*fields) for fields in line["continued"])


def _constraint(fields: Line | None) -> Constraint | None:
    if fields is None:
        return None
    known: Line = dict(fields, bounds=Bounds(**fields["bounds"]))
    known |= {name: tuple(fields[name]) for name in ("must_call", "taken")}
    return Constraint(**known)


def _message(fields: Line) -> Message:
    calls = tuple(ToolCall(**call) for call in fields["calls"])
    known: Line = dict(fields, calls=calls, tokens=tuple(fields["tokens"]))
    return Message(**known)
