"""The proof that a local model opens no socket of a network: it answers under a filter that would kill it for one.

    prove() ─► this file as a process of its own ─► filter ─► the model's process, which inherits it ─► an answer
           ◄── or the death of either; and how many sockets both have open at the end

The kernel checks every process and library that way, Python or not. Sockets that cannot leave the machine (AF_UNIX)
pass, and are counted.
"""

import contextlib
import ctypes
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from ossa.assistant.doctor.attempt import Outcome
from ossa.assistant.drafts import seccomp
from ossa.model import discover
from ossa.model.base import Message, ModelError, Sampling
from ossa.model.process import LocalModel

NAME = "open a socket of a network while a local model answers"
_TRAPPED = signal.SIGSYS
_NO_NEW_PRIVILEGES, _SET_FILTER, _BY_PROGRAM = 38, 22, 2
"""Numbers of prctl(2)."""


class _Filter(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def prove(model: Path, *, timeout: float = 60.0) -> Outcome:
    """Have a model on disk answer under the filter; "escaped" means that it, or ossa, was killed for a socket."""
    command = [sys.executable, "-P", "-m", __name__, str(model)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return Outcome(NAME, "not tried", f"the model did not answer within {timeout:g} s")
    if done.returncode == -_TRAPPED:
        return Outcome(NAME, "escaped", "ossa's own process opened one")
    lines = (done.stdout or done.stderr).strip().splitlines()
    with contextlib.suppress(ValueError, IndexError):
        return _judged(json.loads(lines[-1]))
    return Outcome(NAME, "not tried", lines[-1] if lines else f"it ended with exit code {done.returncode}")


def _judged(told: dict[str, Any]) -> Outcome:
    if problem := told.get("problem"):
        return Outcome(NAME, "escaped" if told["trapped"] else "not tried", problem)
    own, models = told["sockets"]
    within = f"within the machine {own} by ossa, {models} by the model"
    return Outcome(NAME, "held", f"none in {told['pieces']} pieces of an answer; {within}")


def _answer(path: Path) -> dict[str, Any]:
    """Let the model answer under the filter."""
    program = seccomp.only_unix_sockets()
    if program is None:
        return {"problem": "there is no filter for this architecture", "trapped": False}
    _confine(program)
    model = LocalModel(discover.from_path(path))
    try:
        pieces = sum(1 for _ in model.generate([Message("user", "Say hello.")], sampling=Sampling(max_tokens=8)))
        return {"pieces": pieces, "sockets": [_sockets("self"), _sockets(str(model.pid))]}
    except ModelError as error:
        return {"problem": str(error), "trapped": f"signal {int(_TRAPPED)}" in str(error)}
    finally:
        model.close()


def _confine(program: bytes) -> None:
    """Load a filter for this process and all that it starts.

    Raises:
        OSError: the kernel has none.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    filter = _Filter(len(program) // 8, program)
    no_more = libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if no_more or libc.prctl(_SET_FILTER, _BY_PROGRAM, ctypes.byref(filter), 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel takes no filter of system calls")


def _sockets(process: str) -> int:
    """How many sockets a process has open."""
    count = 0
    for entry in Path("/proc", process, "fd").iterdir():
        with contextlib.suppress(OSError):
            count += str(entry.readlink()).startswith("socket:")
    return count


if __name__ == "__main__":
    print(json.dumps(_answer(Path(sys.argv[1]))))
