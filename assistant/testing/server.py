"""Runs inside the sandbox, in the project's interpreter (Python 3.8 or later): tries candidates one by one, warm.

    job ─► candidate's files in place ─► fork ─► child: `python -m pytest …`, as if it had just been started
                                           └──► end or limit ─► its whole tree killed ─► what it left is gone ─► answer

The server has imported the test runner and what others wrote; what the repository owns is imported by the child alone,
after the candidate's files are in place. What cannot be taken back makes the server unfit: it says so and ends.
Jobs and answers are lines of JSON, in two pipes that no child inherits.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import select
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __package__:
    from ossa.assistant.testing import alarm, remains, warmth
else:
    import ossa_alarm as alarm
    import ossa_remains as remains
    import ossa_warmth as warmth

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = Path(__file__).resolve().parent
_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER."""
_OUTPUT_KEPT = 1 << 16
"""Bytes, from the start and again from the end."""
_LEFT_TOLD = 50
_GLANCE = 0.005
"""Seconds between two looks whether the child has ended; mostly it closes its output, which is noticed at once."""
_GRACE = 5.0
"""Seconds that killed processes get to be gone."""


class Output:
    """What a child prints; of much, the middle is lost."""

    def __init__(self) -> None:
        self._head, self._tail, self._lost = bytearray(), bytearray(), False

    def feed(self, data: bytes) -> None:
        room = max(_OUTPUT_KEPT - len(self._head), 0)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * _OUTPUT_KEPT:
            self._lost = True
            del self._tail[:-_OUTPUT_KEPT]

    @property
    def text(self) -> str:
        middle = "\n…\n" if self._lost else ""
        return self._head.decode("utf-8", "replace") + middle + self._tail.decode("utf-8", "replace")


class Server:
    """One draft's warm interpreter."""

    def __init__(self, root: Path, written_at: Path, kept: list[str]) -> None:
        """`root` is the repository, what is written to it shows below `written_at`.

        `kept` are files that the tests are known to change, which are to be put right.
        """
        self._asked = os.open(_FOLDER / "asked", os.O_RDONLY | os.O_CLOEXEC)
        self._told = os.open(_FOLDER / "told", os.O_WRONLY | os.O_CLOEXEC)
        for name in ("asked", "told"):  # no child is to find them
            (_FOLDER / name).unlink()
        self._files = remains.Files(root, written_at, kept)
        self._own = remains.Folders([_FOLDER])
        self._private = remains.Folders(remains.private_folders())

    def jobs(self) -> Iterator[dict[str, Any]]:
        """Tell that we are ready, then give each job, until there are no more."""
        self.tell({"kind": "ready"})
        waiting = b""
        while data := os.read(self._asked, 1 << 16):
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                yield json.loads(line)

    def tell(self, answer: dict[str, Any]) -> None:
        """Answer with a line."""
        data = memoryview(json.dumps(answer).encode() + b"\n")
        while data:
            data = data[os.write(self._told, data) :]

    def attempt(self, job: dict[str, Any]) -> bool:
        """Do a job and answer it; True in the child, which is to go on with the tests."""
        if changed := self._own.restore():
            raise warmth.Unfit(f"{changed[0]} was tampered with")
        (_FOLDER / "only.json").write_text(json.dumps(job["only"]), "utf-8")
        if job["variants"]:
            (_FOLDER / "variants.json").write_text(json.dumps(job["variants"]), "utf-8")
        self._files.put({path: base64.b64decode(data) for path, data in job["files"].items()})
        began = time.monotonic()
        pid, printed = _fork()
        if not pid:
            os.close(self._asked)
            os.close(self._told)
            return True
        output = Output()
        status = _attend(pid, printed, output, job["limit"])
        seconds = time.monotonic() - began
        _end_all()
        self._files.restore()
        left = [*self._files.sweep(), *self._private.restore()][:_LEFT_TOLD]
        self.tell({"kind": "done", "status": status, "seconds": seconds, "output": output.text, "left": left})
        return False


def _fork() -> tuple[int, int]:
    """A child whose output comes here: its number, 0 in the child itself, and the end to read from."""
    read, write = os.pipe()
    pid = os.fork()
    if pid:
        os.close(write)
        return pid, read
    os.setsid()
    os.dup2(write, 1)
    os.dup2(write, 2)
    os.close(write)
    os.close(read)
    return 0, -1


def _attend(pid: int, printed: int, output: Output, limit: float) -> int | None:
    """How a child ended, as `subprocess` tells it; None where it did not within `limit` seconds."""
    ends, open_ = time.monotonic() + limit, True
    try:
        while True:
            if open_ and select.select([printed], [], [], _GLANCE)[0]:
                data = os.read(printed, 1 << 16)
                output.feed(data)
                open_ = bool(data)
            elif not open_:
                time.sleep(_GLANCE / 10)
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                while open_ and select.select([printed], [], [], 0)[0] and (data := os.read(printed, 1 << 16)):
                    output.feed(data)
                return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            if time.monotonic() > ends:
                return None
    finally:
        os.close(printed)


def _end_all() -> None:
    """Kill all that descends from here, also what detached itself: orphans come to us, for this is a subreaper."""
    ends = time.monotonic() + _GRACE
    while time.monotonic() < ends:
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        for pid in _descendants():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.0005)
    raise warmth.Unfit("processes of a candidate do not end")


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text(errors="replace").rpartition(") ")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, todo = [], [os.getpid()]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def serve(root: Path, written_at: Path, module: str, kept: list[str]) -> dict[str, Any] | None:
    """Do jobs until there are no more; in a child, the job whose tests it is to run."""
    importlib.import_module(module)
    warmth.check_fit(root)
    names = json.loads((_FOLDER / "modules.json").read_text("utf-8"))
    warmth.preload([name for name in names if name not in sys.modules], root)
    warmth.check_fit(root)
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise warmth.Unfit("it cannot keep hold of processes that detach themselves")
    server = Server(root, written_at, kept)
    gc.freeze()
    return next((job for job in server.jobs() if server.attempt(job)), None)


def run_tests(module: str, arguments: list[str], beside: str) -> None:
    """What `python -m module` does, or a script for it that lies in `beside`, to the end of the process.

    But nothing is torn down that the kernel takes back.
    """
    sys.path[0] = beside or str(Path.cwd())
    sys.argv = [module, *arguments]
    importlib.invalidate_caches()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if end.code is not None and not isinstance(end.code, int):
            raise
        code = int(end.code or 0)
    else:
        code = 0
    wait_for_threads = getattr(threading, "_shutdown", None)
    if wait_for_threads:
        wait_for_threads()
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    os._exit(code & 0xFF)


def _main() -> None:
    root, written_at, module, beside, kept = sys.argv[1:]
    try:
        job = serve(Path(root).resolve(), Path(written_at), module, json.loads(kept))
    except warmth.Unfit as reason:
        print(f"unfit: {reason}")
        sys.exit(3)
    if job:
        os.environ[alarm.LIMIT] = str(job["each"])
        run_tests(module, job["arguments"], beside)


if __name__ == "__main__":
    _main()
