"""A local model in a process of its own, so that the window stays smooth, and lives on when the model is killed.

    LocalModel ─► Link: one process, started when needed, and again after a death ⇄ ossa.model.worker
    generate() ─► LocalGeneration: pieces as they come; close() stops the model at its next token

Nothing here imports torch.
"""

import dataclasses
import queue
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ossa.model import plan, wire
from ossa.model.base import Continuation, Finished, Message, ModelError, ModelInfo, Piece, Sampling, ToolSpec, Weighed
from ossa.model.constraints import Constraint
from ossa.model.discover import Found
from ossa.model.link import Link, Replies
from ossa.model.pulse import awaited

_SECONDS_IN_A_HURRY = 0.5
_SECONDS_TO_RESPOND = 2.0
_SECONDS_TO_STOP = 5.0
_SECONDS_OF_ESC = 3.0
"""For which a person waits at most until what they ended has ended."""
_SECONDS_TO_START = 60.0
_SECONDS_AT_LEAST = 1.0
_BYTES_A_SECOND = 50_000_000
"""What a slow disk gives while the model is loaded."""


class LocalModel:
    """A `LanguageModel` on this machine; every method may be called from any thread.

    It answers one prompt at a time: a second `generate` waits until the first has finished or is closed.
    """

    def __init__(self, found: Found, *, planned: str = "", log: Path | None = None, states: Path | None = None) -> None:
        """Nothing is loaded yet.

        Args:
            found: which one.
            planned: how it will be run, for those who look before it is loaded.
            log: gets what the libraries print.
            states: a folder for what it has read, so that the next start need not read it again.
        """
        self._found = found
        self._log, self._states = log, states
        self._link: Link | None = None
        """To a process that can count."""
        self._loaded: Link | None = None
        """The same, once it has the weights, too."""
        self._opening, self._starting = threading.Lock(), threading.Lock()
        self._is_loading = False
        self._closings = 0
        """How often it was closed: by that, one that is still starting knows that nobody wants it any more."""
        self._info = ModelInfo(found.name, found.window, found.family == "gpt-oss", _joined(found.why, planned))

    @property
    def info(self) -> ModelInfo:
        """What is known of it; the device and the type only once it is loaded."""
        return self._info

    @property
    def pid(self) -> int:
        """The id of its process; 0 when there is none."""
        return self._link.pid if self._link and self._link.is_alive else 0

    def start(self) -> None:
        """Load it, if it is not loaded or has died.

        Raises:
            ModelError: it does not fit into memory, cannot be loaded, or was closed meanwhile.
        """
        self.link()

    def generate(
        self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = (), sampling: Sampling = Sampling()
    ) -> "LocalGeneration":
        """Answer the last message; begins, and loads the model where needed, when the first piece is asked for."""
        return LocalGeneration(self, wire.request(messages, tools, sampling))

    def weigh(
        self, messages: Sequence[Message], answer: str, *, others: int = 20, stop: threading.Event | None = None
    ) -> tuple[Weighed, ...]:
        """How likely each token of a given answer is; waits for a running answer.

        Raises:
            ModelError: it cannot be loaded, its process died, this is too long for it, or `stop` was set.
        """
        request = {"do": "weigh", "answer": answer, "others": others, **wire.request(messages, (), Sampling())}
        return wire.from_weighed(self._ask(request, stop))

    def continue_all(
        self,
        messages: Sequence[Message],
        begins: Sequence[str],
        *,
        held: Sequence[Constraint | None] = (),
        sampling: Sampling = Sampling(),
        stop: threading.Event | None = None,
    ) -> tuple[Continuation, ...]:
        """One answer for each beginning, all written side by side; waits for a running answer.

        Raises:
            ModelError: as in `weigh`.
        """
        request = {"do": "continue", **wire.beginnings(begins, held), **wire.request(messages, (), sampling)}
        return wire.from_continued(self._ask(request, stop))

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        """Tokens of the prompt; needs the model's vocabulary, not its weights, and waits for no running answer.

        Raises:
            ModelError: the vocabulary cannot be read, or the process died.
        """
        return self._open().ask({"do": "count", **wire.request(messages, tools, Sampling())}).get()["count"]

    def close(self) -> None:
        """End its process and free its memory; a later call loads it again."""
        self._closings += 1
        if self._link:
            self._link.close()

    def link(self) -> Link:
        """The line to the loaded model, for the generations.

        Raises:
            ModelError: as in `start`.
        """
        closings = self._closings
        with self._starting:
            if not (self._loaded and self._loaded.is_alive) and (refusal := plan.fits(self._found)):
                raise ModelError(f"The model does not fit into memory: {refusal}")
            link = self._open()
            if link is self._loaded:
                return link
            if self._closings != closings:
                link.close()
            self._is_loading = True
            try:
                self._load(link)
            finally:
                self._is_loading = False
                self._info = dataclasses.replace(self._info, loading="")
            self._loaded = link
            return link

    def _open(self) -> Link:
        """The line to a process that can count."""
        closings = self._closings
        with self._opening:
            link = self._link
            # One that reads its weights may have no time to respond.
            if link and link.is_alive and (self._is_loading or link.responds(_SECONDS_TO_RESPOND)):
                return link
            link = self._link = Link(self._log)
            if self._closings != closings:
                link.close()
            ready = self._first(link, {"do": "know", **wire.found(self._found)}, _SECONDS_TO_START)
            self._info = dataclasses.replace(self._info, window=ready["window"])
            return link

    def _ask(self, request: wire.Line, stop: threading.Event | None) -> wire.Line:
        """The one reply to a request, which is cancelled once `stop` is set."""
        link = self.link()
        replies = link.ask(request, is_answer=True)
        reply = link.reply(replies, stop.is_set if stop else lambda: False)
        if reply is None:
            link.cancel(replies)
            reply = link.reply(replies)
        assert reply
        return reply

    def _load(self, link: Link) -> None:
        limit = _SECONDS_TO_START + self._found.memory / _BYTES_A_SECOND
        ready = self._first(link, {"do": "load", "states": str(self._states or ""), **wire.found(self._found)}, limit)
        why = _joined(self._found.why, ready["where"])
        self._info = dataclasses.replace(self._info, window=ready["window"], why=why)

    def _first(self, link: Link, request: wire.Line, limit: float) -> wire.Line:
        """The reply to what a process must do before it is of use; one that cannot is ended.

        How far it is meanwhile can be looked up in `info`.

        Raises:
            ModelError: it could not, or not in time.
        """
        replies, end = link.ask(request), time.monotonic() + limit
        came: list[wire.Line] = []

        def come(seconds: float) -> bool:
            with suppress(queue.Empty):
                came[:] = [replies.get(seconds)]
            return bool(came)

        try:
            while awaited(come, link.pid, max(_SECONDS_AT_LEAST, end - time.monotonic())):
                reply = came.pop()
                if not (far := reply.get("loading")):
                    return reply
                self._info = dataclasses.replace(self._info, loading=far)
        except ModelError:
            link.close()
            raise
        why = f"The model was not ready after {limit:.0f} seconds, so it was stopped; try again."
        link.kill(why)
        raise ModelError(why)


class LocalGeneration:
    """A running answer: iterate in one thread, `close` from any."""

    def __init__(self, model: LocalModel, request: wire.Line) -> None:
        self._model = model
        self._request = request
        self._link: Link | None = None
        self._replies: Replies | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._is_over = False

    def __iter__(self) -> "LocalGeneration":
        return self

    def __next__(self) -> Piece:
        """The next piece; once closed, only a `Finished` that says “cancelled”, if it had begun."""
        try:
            while begun := self._begun():
                link, replies = begun
                reply = link.reply(replies)
                assert reply
                piece = wire.from_piece(reply)
                self._is_over = isinstance(piece, Finished)
                if self._is_over or not self._is_closed:
                    return piece
        except ModelError:
            self._is_over = True
            if not self._is_closed:
                raise
        raise StopIteration

    def close(self) -> None:
        """Stop the model at its next token, and wait until it has: some seconds at most.

        One that still works is waited for behind that, and one that hangs is killed; the next prompt waits for either.
        """
        with self._lock:
            self._is_closed = True
            link, replies = self._link, self._replies
        if not link or not replies or replies.ended.is_set():
            return
        link.cancel(replies)
        if not link.is_current(replies):
            replies.put(ModelError("The answer was cancelled before it began."))
        elif not replies.ended.wait(_SECONDS_IN_A_HURRY):
            waiting = threading.Thread(target=_see_it_stop, args=(link, replies), name="model stops", daemon=True)
            waiting.start()
            waiting.join(_SECONDS_OF_ESC)

    def answer_now(self) -> None:
        """Let it stop thinking and answer."""
        with self._lock:
            link, replies = self._link, self._replies
        if link and replies and not replies.ended.is_set():
            link.hurry(replies)

    def _begun(self) -> tuple[Link, Replies] | None:
        """The line and the replies, asked for if they are not yet; nothing once it is over."""
        if self._is_over or (self._is_closed and not self._replies):
            return None
        if self._link and self._replies:
            return self._link, self._replies
        link = self._model.link()
        with self._lock:
            if self._is_closed:
                return None
            self._link, self._replies = link, link.ask({"do": "generate", **self._request}, is_answer=True)
            return self._link, self._replies


def _see_it_stop(link: Link, replies: Replies) -> None:
    """Wait for the end of a cancelled answer, and kill a process that does not come to it."""
    if link.responds(_SECONDS_TO_RESPOND) and not link.comes(replies, _SECONDS_TO_STOP):
        link.kill("The model did not stop when told to, so its process was ended. The next prompt loads it again.")


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
