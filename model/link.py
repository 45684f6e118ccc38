"""The line to the model's process: starts it, carries requests and replies, and says why it died.

ask() ─► writer thread ─► stdin ║ the model's process ║ stdout ─► reader thread ─► Replies of that request
"""

import contextlib
import io
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ossa.model import wire
from ossa.model.base import Finished, ModelError
from ossa.model.pulse import awaited

_LIBRARIES = {
    # Threads that spin while they wait take the processor from the tests that run beside the model.
    "GOMP_SPINCOUNT": "1000",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
_SECONDS_TO_END = 2.0
_SECONDS_BETWEEN_LOOKS = 0.05
_SECONDS_OF_SILENCE = 2.0
_SECONDS_UNASKED = 6.0
"""For which one may be silent of which nobody has said that it is to stop."""


class Replies:
    """What comes back for one request."""

    def __init__(self, number: int, *, is_answer: bool) -> None:
        self.number = number
        self.is_answer = is_answer
        """Whether it goes through the model, one after the other, until it has finished."""
        self.ended = threading.Event()
        self._queue: queue.SimpleQueue[wire.Line | ModelError] = queue.SimpleQueue()

    def put(self, reply: wire.Line | ModelError) -> None:
        """Add the next one."""
        self._queue.put(reply)
        if isinstance(reply, ModelError) or (
            "loading" not in reply and reply.get("piece", Finished.__name__) == Finished.__name__
        ):
            self.ended.set()

    def get(self, timeout: float | None = None) -> wire.Line:
        """Wait for the next one.

        Raises:
            ModelError: the model could not do it, or its process died.
            queue.Empty: none came in so many seconds.
        """
        reply = self._queue.get(timeout=timeout)
        if isinstance(reply, ModelError):
            raise reply
        return reply


class Link:
    """One process of the model, from its start to its death."""

    def __init__(self, log: Path | None = None) -> None:
        """Start it; `log` gets what its libraries print."""
        self._log = log
        self._outgoing: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: dict[int, Replies] = {}
        self._last_number = 0
        self._why_ended: str | None = None
        self._death: ModelError | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._started = threading.Event()
        self._reader = threading.Thread(target=self._run, name="model replies", daemon=True)
        self._reader.start()
        self._started.wait()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._death is None and self._why_ended is None

    @property
    def pid(self) -> int:
        """The process's id; 0 if it could not be started."""
        return self._process.pid if self._process else 0

    def ask(self, line: wire.Line, *, is_answer: bool = False) -> Replies:
        """Send a request; never waits, and a dead process is told by the replies."""
        with self._lock:
            self._last_number += 1
            replies = Replies(self._last_number, is_answer=is_answer)
            if self._death is not None:
                replies.put(self._death)
                return replies
            self._open[replies.number] = replies
        self._outgoing.put(wire.to_line({"id": replies.number, **line}))
        return replies

    def reply(self, replies: Replies, is_enough: Callable[[], bool] = lambda: False) -> wire.Line | None:
        """Wait for the next reply, or until nobody wants it; a process that neither replies nor responds is killed.

        Raises:
            ModelError: as `Replies.get`.
        """
        looked = time.monotonic()
        while not is_enough():
            try:
                return replies.get(_SECONDS_BETWEEN_LOOKS)
            except queue.Empty:
                if time.monotonic() - looked > _SECONDS_OF_SILENCE:
                    self.responds(_SECONDS_UNASKED)
                    looked = time.monotonic()
        return None

    def cancel(self, replies: Replies) -> None:
        """Have the answer stopped at its next token."""
        self._outgoing.put(wire.to_line({"do": "cancel", "id": replies.number}))

    def hurry(self, replies: Replies) -> None:
        """Have the answer begun, whatever it still thinks of."""
        self._outgoing.put(wire.to_line({"do": "hurry", "id": replies.number}))

    def is_current(self, replies: Replies) -> bool:
        """Whether no earlier answer is in its way."""
        with self._lock:
            return all(other.number >= replies.number for other in self._open.values() if other.is_answer)

    def responds(self, seconds: float) -> bool:
        """Whether it still reads its requests, which is in doubt only while it owes replies; if not, it is killed.

        One that is silent for so many seconds is taken as hanging, unless it is at work.
        """
        with self._lock:
            if not self._open:
                return True
        if not self.comes(self.ask({"do": "ping"}), seconds):
            self.kill("The model's process did not respond, so it was ended. The next prompt loads it again.")
        return self.is_alive

    def comes(self, replies: Replies, seconds: float) -> bool:
        """Whether the end of these replies comes in so many seconds, or later from a process that is at work."""
        return awaited(replies.ended.wait, self.pid, seconds)

    def kill(self, why: str) -> None:
        """End it by force; `why` is what those hear who wait for replies."""
        self._why_ended = self._why_ended or why
        if self._process:
            self._process.kill()
        self._reader.join(_SECONDS_TO_END)

    def close(self) -> None:
        """End it."""
        self._why_ended = self._why_ended or "The model was closed."
        self._outgoing.put(None)
        self._reader.join(_SECONDS_TO_END)
        if self._reader.is_alive():
            self.kill(self._why_ended)

    def _run(self) -> None:
        # The process is started in this thread, because the kernel kills it when the thread that started it ends.
        with self._open_log() as log:
            begin = log.seek(0, os.SEEK_END)
            try:
                self._process = _start(log)
            except OSError as error:
                self._end(ModelError(f"The model's process could not be started: {error}."))
                return
            finally:
                self._started.set()
            threading.Thread(target=self._write, args=(self._process,), name="model requests", daemon=True).start()
            self._read(self._process)
            self._outgoing.put(None)
            self._end(self._obituary(self._process.wait(), _tail(log, begin)))

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout
        for raw in process.stdout:
            line = wire.from_line(raw)
            if line is None:
                return
            replies = self._open.get(line["id"])
            if line.get("ends"):
                self._why_ended = line["error"]
            if replies:
                replies.put(ModelError(line["error"]) if "error" in line else line)
                if replies.ended.is_set():
                    with self._lock:
                        del self._open[replies.number]

    def _write(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        with contextlib.suppress(OSError), process.stdin as pipe:
            while (line := self._outgoing.get()) is not None:
                pipe.write(line)
                pipe.flush()

    def _end(self, death: ModelError) -> None:
        with self._lock:
            self._death = death
            waiting = list(self._open.values())
            self._open.clear()
        for replies in waiting:
            replies.put(death)

    def _open_log(self) -> IO[bytes]:
        if self._log:
            with contextlib.suppress(OSError):
                self._log.parent.mkdir(parents=True, exist_ok=True)
                return self._log.open("a+b")
        return tempfile.TemporaryFile()

    def _obituary(self, code: int, last_words: str) -> ModelError:
        if self._why_ended:
            return ModelError(self._why_ended)
        if code == -signal.SIGKILL:
            return ModelError(
                "The model's process was killed (signal 9), most likely because memory ran out: close other programs "
                "or choose a smaller model. The next prompt loads it again."
            )
        if code == -signal.SIGBUS:
            return ModelError(
                "The model's process ended because a file that it reads was cut short, or its disk failed (signal 7): "
                "look whether the model's files are whole, or fetch it again. The next prompt loads it again."
            )
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        said = f", after “{last_words}”" if last_words else ""
        where = f" The log is in {self._log}." if self._log else ""
        return ModelError(
            f"The model's process ended unexpectedly ({how}{said}). The next prompt loads it again.{where}"
        )


def _start(log: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # Without -P, a folder named `ossa` where the user works would be run instead.
        [sys.executable, "-P", "-m", "ossa.model.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        cwd=Path.home().anchor or None,
        env={**os.environ, **_LIBRARIES},
        # Ctrl+C in the terminal is for the window.
        start_new_session=True,
    )


def _tail(log: IO[bytes], begin: int) -> str:
    """The last line that was written since `begin`."""
    log.seek(max(begin, log.seek(0, io.SEEK_END) - 4096))
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1].strip() if lines else ""
