"""Server-sent events: bytes as they come, the JSON object of every event out.

A line may come in halves, and a character too; comments only keep the connection alive.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any, cast

from ossa.model.server.address import Address
from ossa.model.server.faults import AGAIN, Fault, clean, message_of, nonsense

_LARGEST = 16 << 20
"""Bytes of an event; more is no answer."""
_DONE = b"[DONE]"


class Events:
    """Reads one stream."""

    def __init__(self, address: Address) -> None:
        self.ended = False
        """Whether the server said that this was all."""
        self._address = address
        self._rest = b""
        self._data: list[bytes] = []
        self._other = b""
        self._is_stream = False

    def feed(self, chunk: bytes) -> Iterator[dict[str, Any]]:
        """The objects that are complete now.

        Raises:
            Fault: the server tells of an error, or sends what is no JSON.
        """
        # By line feeds alone: JSON may hold the other characters that split lines.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) + sum(map(len, self._data)) > _LARGEST:
            raise nonsense(self._address, b"an event without end")
        for line in lines:
            yield from self._line(line.removesuffix(b"\r"))

    def end(self) -> Iterator[dict[str, Any]]:
        """What the end of the stream makes complete: servers that do not stream send the whole as one object."""
        if not self._is_stream:
            yield from self._object(self._other + self._rest)
            return
        # Half an object means that the connection was cut, and is told of as that.
        with contextlib.suppress(Fault):
            yield from [*self._line(self._rest), *self._line(b"")]

    def _line(self, line: bytes) -> Iterator[dict[str, Any]]:
        name, _, value = line.partition(b":")
        if not line:
            data, self._data = b"\n".join(self._data), []
            if data:
                yield from self._object(data)
        elif name in (b"data", b"error"):
            self._is_stream = True
            self._data.append(value.removeprefix(b" "))
        elif not self._is_stream and name not in (b"", b"event", b"id", b"retry"):
            self._other += line

    def _object(self, data: bytes) -> Iterator[dict[str, Any]]:
        if self.ended or data.strip() == _DONE:
            self.ended = True
            return
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            if b'"error"' in data:  # some put their own words into it without quoting them
                content = {"error": data.decode("utf-8", "replace")}
            else:
                raise nonsense(self._address, data) from None
        if not isinstance(content, dict):
            raise nonsense(self._address, data)
        table = cast("dict[str, Any]", content)
        if table.get("error"):
            raise told(self._address, table)
        yield table


def told(address: Address, content: dict[str, Any]) -> Fault:
    """The error that a server tells of within a stream that had begun well."""
    said = clean(address, message_of(json.dumps(content).encode()))
    error = content.get("error")
    code = cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None
    # A refusal may come only here, where the stream was promised before the request was looked at.
    status = code if isinstance(code, int) and 400 <= code < 600 else 0
    again = not status or status in AGAIN
    return Fault(f"The server at {address.host} broke off the answer: {said}.", again=again, status=status, said=said)
