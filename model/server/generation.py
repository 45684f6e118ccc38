"""A running answer of a server: asked for, heard, asked for again where that can do no harm, and dropped when closed.

Only what has not begun is asked for again: once a token has come, a fault ends the answer, and no call in it is made.
A form that a server refuses is left out, and never sent again once an answer came without it.
"""

import threading
import time
from collections.abc import Callable, Iterator

from ossa.model.base import Finished, FinishReason, ModelError, Piece, Prefill, Usage
from ossa.model.server.faults import Fault
from ossa.model.server.heard import Form, Request, Writer
from ossa.model.server.line import Line, Stream

_REFUSALS = (400, 404, 422, 501)
"""With these, servers refuse what they do not know."""


class ServerGeneration:
    """A running answer: iterate in one thread, `close` from any."""

    def __init__(self, line: Line, begin: Callable[[Callable[[], bool]], Writer], unknown: set[str]) -> None:
        """`begin` makes the writer; `unknown` are words that the server has refused, kept for all answers."""
        self._line, self._begin, self._unknown = line, begin, unknown
        self._closed, self._hurried = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._refused: set[str] = set()
        """Forms without which this answer was asked for again; whether that was the reason shows when one comes."""
        self._stream: Stream | None = None
        self._first = 0.0
        """When the first token came; a call shows no piece before it is whole."""
        self._pieces = self._play()

    def __iter__(self) -> "ServerGeneration":
        return self

    def __next__(self) -> Piece:
        """The next piece; once closed, only a `Finished` that says “cancelled”, if it had begun."""
        try:
            while True:
                piece = next(self._pieces)
                if isinstance(piece, Finished) or not self._closed.is_set():
                    return piece
        except ModelError:
            if self._closed.is_set():
                raise StopIteration from None
            raise

    def close(self) -> None:
        """Drop the connection, which stops the server."""
        self._closed.set()
        with self._lock:
            stream = self._stream
        if stream:
            stream.close()

    def answer_now(self) -> None:
        """Let it stop thinking and answer, where the server is spoken to in token ids."""
        self._hurried.set()

    def _play(self) -> Iterator[Piece]:
        begin = time.perf_counter()
        if self._closed.is_set():
            return
        writer = self._begin(self._hurried.is_set)
        yield Prefill(0, writer.tally.prompt)
        is_read = False
        for piece in self._heard(writer):
            if not is_read and writer.begun:
                is_read = True
                if not isinstance(piece, Prefill):
                    yield Prefill(writer.tally.prompt, writer.tally.prompt, writer.tally.reused)
            yield piece
        if writer.begun or writer.ended:
            self._unknown |= self._refused
        reason: FinishReason = writer.ended or "cancelled"
        yield from writer.finish()
        end, tally = time.perf_counter(), writer.tally
        reason, message = writer.result(reason)
        first = self._first or end
        usage = Usage(tally.prompt, tally.reused, tally.written, first - begin, end - first)
        yield Finished(reason, message, usage)

    def _heard(self, writer: Writer) -> Iterator[Piece]:
        """What is said until the answer is complete or closed.

        Raises:
            Fault: it broke off, or could not begin however often it was asked for.
        """
        tries = 0
        while not self._closed.is_set() and not writer.ended:
            request = writer.request()
            form = next((each for each in request.forms if each.name not in self._unknown | self._refused), None)
            try:
                yield from self._once(writer, self._known(request, form))
            except Fault as fault:
                if self._closed.is_set() or writer.ended:
                    return
                if writer.begun:
                    raise Fault(f"{fault} What it had said so far is no whole answer: ask again.") from fault
                if self._learns(request, form, fault):
                    continue
                tries += 1
                if not fault.again or tries >= self._line.limits.tries:
                    raise
                self._closed.wait(max(fault.after, self._line.pause(tries)))

    def _once(self, writer: Writer, request: Request) -> Iterator[Piece]:
        request.check()
        stream = self._line.stream(request.path, request.body)
        with self._lock:
            self._stream = stream
        if self._closed.is_set():
            stream.close()
        try:
            for content in stream:
                if self._closed.is_set():
                    return
                pieces = self._understood(writer, content)
                if writer.begun:
                    stream.hurry()
                    self._first = self._first or time.perf_counter()
                yield from pieces
                if writer.cuts or writer.turns:
                    return
        finally:
            stream.close()
        if not writer.ended and not self._closed.is_set():
            raise Fault(f"The server at {self._line.address.host} broke off the answer before its end.", again=True)

    def _understood(self, writer: Writer, content: dict[str, object]) -> list[Piece]:
        try:
            return writer.hear(content)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            host = self._line.address.host
            raise Fault(f"The server at {host} sent what is no answer ({error}).", again=True) from error

    def _known(self, request: Request, form: Form | None) -> Request:
        """The request in its form, without what the server has refused."""
        body = {**request.body, **(form.body if form else {})}
        body = {key: value for key, value in body.items() if key not in self._unknown and value is not None}
        return Request(request.path, body, request.extras, check=request.check)

    def _learns(self, request: Request, form: Form | None, fault: Fault) -> bool:
        """Whether it was something that the server does not know, without which it can be asked again."""
        left = [key for key in request.extras if key in request.body and key not in self._unknown]
        refused = [key for key in left if key in fault.said]
        if fault.status in _REFUSALS and refused:
            self._unknown.update(refused)
            return True
        # A server that refuses a form seldom names it: the grammar's own words are in what it says.
        if form and fault.status in _REFUSALS:
            self._refused.add(form.name)
            return True
        return False
