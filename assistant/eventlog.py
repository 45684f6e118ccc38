r"""Events as lines of JSON and back.

    {"at": 1732220000.125, "turn": 2, "event": "Notice", "text": "…"}\n

Fields go by name, nested dataclasses without a tag of their own: the type hints say what they are. A line of another
version is read as far as it makes sense: unknown fields are ignored, missing ones take their default, and a line that
then still is no event is left out. UTF-8, except that lone surrogates are kept as they are, so that text of files in
any encoding comes back to the byte.
"""

import dataclasses
import json
import re
import types
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import groupby
from typing import IO, Any, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from ossa.assistant.events import Event

Record: TypeAlias = dict[str, Any]

_EVENTS: dict[str, type] = {kind.__name__: kind for kind in get_args(Event)}

_BLOCK = 1 << 20
"""Bytes of a log that are looked at together."""
_START = rb'\{"at":[0-9.]++,"turn":[0-9]++,'
_DELTA = rb'"event":"(?:Thinking|Answering|StepOutput)",(?:"id":"[^"\\\n]*+",)?+"text":"'
_TEXT = rb'[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"\}\n'
_RUN = re.compile(
    rb"^" + _START + b"(" + _DELTA + b")" + _TEXT + rb"(?:" + _START + rb"\1" + _TEXT + b")++", re.MULTILINE
)
"""Lines that differ in when and what only."""
_SEAM = re.compile(rb'"\}\n' + _START + _DELTA)
"""Between the texts of two such lines."""


def to_line(record: Record) -> bytes:
    """One line, with its end."""
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass") + b"\n"


def from_line(line: bytes) -> Record | None:
    """The record of a line; None for one that is torn or no JSON object."""
    try:
        record = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def pack(event: Event) -> Record:
    """The event as plain values, tagged with its name."""
    return {"event": type(event).__name__, **_plain(event)}


def unpack(record: Record) -> Event | None:
    """The event of a record; None where it is none that this version knows."""
    kind = _EVENTS.get(str(record.get("event")))
    if kind is None:
        return None
    try:
        return cast("Event", _value(kind, record))
    except (TypeError, ValueError):
        return None


def records_of(log: IO[bytes]) -> Iterator[Record]:
    """The records of a log, its deltas `joined`; lines that are torn or no records are left out."""
    return joined(_records(log))


def joined(records: Iterable[Record]) -> Iterator[Record]:
    """The records with each run of deltas as one: the log has a line for every token, its reader needs one for all."""
    for _, group in groupby(records, _run):
        run = list(group)
        last = run[-1]
        if len(run) > 1 and "text" in last:
            last = {**last, "text": "".join(record["text"] for record in run)}
        yield last


def _records(log: IO[bytes]) -> Iterator[Record]:
    """The same, most runs of deltas already as one: that is found in the bytes, with no work for each of the lines."""
    while block := log.read(_BLOCK) + log.readline():
        at = 0
        for run in _RUN.finditer(block):
            yield from _each(block[at : run.start()])
            one = from_line(_SEAM.sub(b"", run[0]))
            yield from [one] if one else _each(run[0])
            at = run.end()
        yield from _each(block[at:])


def _each(lines: bytes) -> Iterator[Record]:
    return (record for line in lines.split(b"\n") if (record := from_line(line)))


def _run(record: Record) -> object:
    """The same for records that show the same when joined; unlike anything else for all others."""
    kind, text = record.get("event"), record.get("text")
    if kind == "Reading" or (kind in ("Thinking", "Answering", "StepOutput") and isinstance(text, str)):
        return kind, record.get("id")
    return object()


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {name: _plain(getattr(value, name)) for name in _hints(type(value))}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _value(hint: Any, value: Any) -> Any:
    """The value as its type hint says.

    Raises:
        TypeError, ValueError: it is something else.
    """
    origin, arguments = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _instance(cast("type", hint), value)
    if origin is Literal:
        if value in arguments:
            return value
        raise ValueError(value)
    if origin in (Union, types.UnionType):
        return _first(arguments, value)
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(value)
        return tuple(_value(arguments[0], item) for item in value)
    return _scalar(hint, value)


def _instance(kind: type, value: Any) -> Any:
    if not isinstance(value, dict):
        raise TypeError(value)
    hints = _hints(kind)
    return kind(**{name: _value(hint, value[name]) for name, hint in hints.items() if name in value})


def _first(hints: tuple[Any, ...], value: Any) -> Any:
    """The value by the first of several hints that it fits."""
    for hint in hints:
        try:
            return _value(hint, value)
        except (TypeError, ValueError):
            continue
    raise TypeError(value)


def _scalar(hint: Any, value: Any) -> Any:
    if hint is Any:
        return value
    if hint is float and type(value) is int:
        return float(value)
    expected = type(None) if hint is None else get_origin(hint) or hint
    if type(value) is not expected:
        raise TypeError(value)
    return value


@cache
def _hints(kind: type) -> dict[str, Any]:
    """The type hints of a dataclass's fields, resolved once."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}
