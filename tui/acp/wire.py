"""The line to the editor: one JSON object a line, in and out; whatever else comes is answered by a sentence.

stdin ─► Lines ─► Wire.receive() ─► the protocol's library ─► Wire.send() ─► stdout

Once it is taken, nothing else of this process reads from standard input, and what anything prints goes to standard
error.
"""

import asyncio
import json
import os
import queue
import sys
import threading
from typing import Any, TextIO, TypeAlias

from ossa.tui.asking import Lines

Json: TypeAlias = dict[str, Any]
PARSE_ERROR, INVALID_REQUEST = -32700, -32600
"""JSON-RPC's codes."""
_SECONDS_TO_FLUSH = 2.0


def take_stdio() -> tuple[TextIO, int]:
    """Standard input, and the number of what was standard output, for the protocol alone.

    Raises:
        OSError: one of them is closed.
    """
    source = os.fdopen(os.dup(0), encoding="utf-8", errors="replace")
    sink = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    try:
        os.dup2(2, 1)
    except OSError:  # there is no standard error
        os.dup2(nothing, 1)
    os.close(nothing)
    if sys.stderr:
        sys.stdout = sys.stderr
    return source, sink


class Wire:
    """A `Transport` of the protocol's library over two files of the system's; `receive` gives None at the end."""

    def __init__(self, lines: Lines, sink: int) -> None:
        self._lines, self._sink = lines, sink
        self._over = asyncio.Event()
        self._out: queue.SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._written = threading.Event()
        self._loop = asyncio.get_running_loop()
        # A thread that does not keep ossa from ending, where the editor reads no more.
        threading.Thread(target=self._write, daemon=True).start()

    def end(self) -> None:
        """Do as if the editor had gone."""
        self._over.set()

    async def receive(self) -> Json | None:
        """The next message that is one."""
        while not self._over.is_set():
            line = await self._line()
            if line is None:
                return None
            if not line.strip():
                continue
            message, why = _read(line)
            if message:
                return message
            if why:
                await self.send(why)
        return None

    async def send(self, message: Json) -> None:
        """Write a message, or nothing where nobody reads any more."""
        # What is no character, such as half of a pair, would have a strict reader refuse the whole line.
        data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
        written: asyncio.Future[None] = self._loop.create_future()
        self._out.put((data + b"\n", written))
        await asyncio.shield(written)

    async def close(self) -> None:
        """Write what is still to be written, for a moment at most."""
        self._out.put(None)
        await asyncio.to_thread(self._written.wait, _SECONDS_TO_FLUSH)

    async def _line(self) -> str | None:
        """The next line, or None at the end, whichever way that comes."""
        reading, ending = asyncio.ensure_future(self._lines.next()), asyncio.ensure_future(self._over.wait())
        try:
            await asyncio.wait((reading, ending), return_when=asyncio.FIRST_COMPLETED)
            return reading.result() if reading.done() else None
        finally:
            reading.cancel()
            ending.cancel()

    def _write(self) -> None:
        """Write until told that there is no more; what cannot be written is let go."""
        gone = False
        while item := self._out.get():
            data, written = item
            try:
                while data and not gone:
                    data = data[os.write(self._sink, data) :]
            except OSError:
                gone = True
                self._tell(self._over.set)
            self._tell(lambda future=written: future.done() or future.set_result(None))
        self._written.set()

    def _tell(self, what: Any) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what)


def _read(line: str) -> tuple[Json, Json]:
    """The message of a line, or what to answer to one that is none; neither where there is nothing to do."""
    try:
        message: object = json.loads(line)
    except (ValueError, RecursionError):
        return {}, _error(None, PARSE_ERROR, "This line is no JSON.")
    if not isinstance(message, dict):
        return {}, _error(None, INVALID_REQUEST, "A message is one JSON object; batches are not understood.")
    fields: Json = message
    number = fields.get("id")
    if isinstance(fields.get("method"), str) and isinstance(number, str | int | None):
        params = fields.get("params")
        # What editors put here for themselves is of no use to ossa.
        cleared = {key: value for key, value in params.items() if key != "_meta"} if isinstance(params, dict) else {}
        return {**fields, "params": cleared}, {}
    if "method" not in fields and ("result" in fields or "error" in fields):
        # An answer is never answered, and one to nothing, which some editors give to what they don't know, is dropped.
        error = fields.get("error", {})
        fields = {**fields, "error": error if isinstance(error, dict) else {}} if "error" in fields else fields
        return fields if isinstance(number, int) else {}, {}
    named = number if isinstance(number, str | int) else None
    return {}, _error(named, INVALID_REQUEST, "A message has a method, or the id of a request and what came of it.")


def _error(number: str | int | None, code: int, text: str) -> Json:
    return {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": text}}
