"""The model's process: takes requests as JSON lines on stdin, answers on stdout. Started by `ossa.model.process`.

    stdin ─► listener thread ─┬► cancel, hurry: at once  know, load, generate ─► queue ─► main thread ─► stdout
                              └► count, ping: at once, beside a running answer

`know` reads the vocabulary only, and is enough to count; `load` reads the weights, too. It ends when stdin does, so it
never outlives the program that started it.
"""

import ctypes
import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from ossa.model import wire
from ossa.model.ahead import read_ahead
from ossa.model.base import Finished, ModelError
from ossa.model.importing import without_collecting
from ossa.model.machine import is_out_of_memory

_IDLE = 1.0
"""Seconds without a request after which the states are written to the disk."""
_MOMENT = 0.2
"""Seconds between two words on how far loading is."""


def main() -> None:
    """Serve until stdin ends."""
    _die_with_parent()
    requests, replies = _take_over_pipes()
    _Server(replies).serve(requests)


class _Server:
    def __init__(self, replies: IO[bytes]) -> None:
        self._replies = replies
        self._writing = threading.Lock()
        self._jobs: queue.SimpleQueue[wire.Line] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        self._hurried: set[int] = set()
        self._codec: Any = None
        self._engine: Any = None
        self._store: Any = None
        self._check: Callable[[], None] = lambda: None
        self._is_stale = False
        """Whether its files have changed, so that this process is of no use any more."""

    def serve(self, requests: IO[bytes]) -> None:
        threading.Thread(target=self._listen, args=(requests,), daemon=True).start()
        while True:
            try:
                self._do(self._jobs.get(timeout=_IDLE if self._store else None))
            except queue.Empty:
                self._store.save(self._engine.cache)

    def _listen(self, requests: IO[bytes]) -> None:
        for line in requests:
            job = json.loads(line)
            match job["do"]:
                case "cancel":
                    self._cancelled.add(job["id"])
                case "hurry":
                    self._hurried.add(job["id"])
                case "ping":
                    self._reply(job, {})
                case "count":
                    self._do(job)
                case _:
                    self._jobs.put(job)
        # At once, also out of a computation: nobody is there to hear its end.
        os._exit(0)

    def _do(self, job: wire.Line) -> None:
        try:
            match job["do"]:
                case "know":
                    self._know(job)
                case "load":
                    self._load(job)
                case "count":
                    self._reply(job, {"count": len(self._codec.prompt(*wire.from_request(job)))})
                case "weigh":
                    messages, _, _ = wire.from_request(job)
                    weighed = self._engine.weigh(messages, job["answer"], job["others"], self._is_cancelled(job))
                    self._check_files()
                    self._reply(job, wire.weighed(weighed))
                case "continue":
                    messages, _, sampling = wire.from_request(job)
                    begins, held = wire.from_beginnings(job)
                    answers = self._engine.continue_all(messages, begins, sampling, self._is_cancelled(job), held)
                    self._check_files()
                    self._reply(job, wire.continued(answers))
                case _:
                    self._generate(job)
        except ModelError as error:
            self._reply(job, {"error": str(error), "ends": self._is_stale})
            if self._is_stale:
                os._exit(0)
        except Exception as error:  # told to the user; the process goes on
            traceback.print_exc()
            self._reply(job, {"error": _sentence(error)})

    def _know(self, job: wire.Line) -> None:
        from ossa.model.codecs import known

        found = known(wire.from_found(job))
        self._codec = found.codec
        self._reply(job, {"window": found.window})

    def _load(self, job: wire.Line) -> None:
        self._reply(job, wire.loading("its libraries"))
        found = wire.from_found(job)
        read_ahead(found.path)
        states = Path(job["states"]) if job["states"] else None
        with without_collecting():
            from ossa.model.engine import Engine
            from ossa.model.loading import load
            from ossa.model.store import Store, key_of

            loaded = load(found, self._codec, states and states.with_name("layers"), self._telling(job))
        self._check = loaded.check
        self._engine = Engine(loaded)
        if states:
            self._store = Store(states, key_of(found, loaded))
            for tail in self._store.load():
                self._engine.cache.add(tail)
        self._reply(job, {"window": loaded.window, "where": loaded.where})

    def _telling(self, job: wire.Line) -> Callable[[str], None]:
        """What tells the window how far loading is, not too often."""
        last = 0.0

        def tell(far: str) -> None:
            nonlocal last
            if time.monotonic() - last >= _MOMENT:
                self._reply(job, wire.loading(far))
                last = time.monotonic()

        return tell

    def _generate(self, job: wire.Line) -> None:
        messages, tools, sampling = wire.from_request(job)
        number = job["id"]
        if number in self._cancelled:
            raise ModelError("The answer was cancelled before it began.")
        cancelled = self._is_cancelled(job)
        self._check_files()
        for piece in self._engine.generate(messages, tools, sampling, cancelled, lambda: number in self._hurried):
            if isinstance(piece, Finished):
                self._check_files()
            self._reply(job, wire.piece(piece))

    def _check_files(self) -> None:
        """Refuse to answer by weights that are no longer those that were loaded."""
        try:
            self._check()
        except ModelError:
            self._is_stale = True
            raise

    def _is_cancelled(self, job: wire.Line) -> Callable[[], bool]:
        return lambda: job["id"] in self._cancelled

    def _reply(self, job: wire.Line, content: wire.Line) -> None:
        with self._writing:
            self._replies.write(wire.to_line({"id": job["id"], **content}))
            self._replies.flush()


def _take_over_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes for this module alone: what libraries print goes to the log, and they can read nothing."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(2, 1)
    return requests, replies


def _die_with_parent() -> None:
    """On Linux the kernel sees to it, also while a library holds the interpreter."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _sentence(error: Exception) -> str:
    if is_out_of_memory(error):
        return "The model ran out of memory: close other programs, or shorten the conversation."
    return f"The model failed unexpectedly ({type(error).__name__}: {error}); the log has the details."


if __name__ == "__main__":
    main()
