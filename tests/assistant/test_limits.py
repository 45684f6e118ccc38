"""What all processes of a command may use together: over a limit all of them are killed, and which limit is said."""

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Completed, Draft, Limits
from ossa.assistant.drafts import cgroup
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository
from ossa.tests.waiting import until

GROUPS = cgroup.parent()
"""Where control groups can be made, if anywhere."""


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    draft = open_draft(Repository.open(repo), tmp_path / "state")
    yield draft
    draft.close()


async def python(draft: Draft, text: str, limits: Limits) -> Completed:
    return await draft.run(Command([sys.executable, "-c", f"import os, time\n{text}"], timeout=300, limits=limits))


CASES = {
    "ran more than 20 processes at once": (
        "for _ in range(60): os.fork() or time.sleep(900)\ntime.sleep(900)",
        Limits(processes=20),
    ),
    "used more than 100 MiB of memory": ("x = bytearray(200 << 20); time.sleep(900)", Limits(memory=100 << 20)),
    "used more than 150 MiB of memory": (
        "for _ in range(4):\n  if not os.fork(): x = bytearray(50 << 20); time.sleep(900)\ntime.sleep(900)",
        Limits(memory=150 << 20),
    ),
    "used more than 120 MiB of memory": (
        "open('/tmp/x', 'wb').write(bytes(99 << 20)); open('/dev/shm/x', 'wb').write(bytes(40 << 20)); time.sleep(900)",
        Limits(memory=120 << 20),
    ),
    "used more than 0.4 s of processor time": ("os.fork()\nwhile True: pass", Limits(cpu=0.4)),
    "wrote more than 20 MiB to the disk": (
        "for n in range(9): open(str(n), 'wb').write(bytes(5 << 20))\ntime.sleep(900)",
        Limits(disk=20 << 20),
    ),
    "printed more than 2 MiB": ("while True: print('x' * 9999)", Limits(output=2 << 20)),
}


@pytest.mark.parametrize("reason", CASES)
async def test_over_a_limit_everything_is_killed_and_the_limit_is_said(draft: Draft, reason: str) -> None:
    text, limits = CASES[reason]
    marker = f"limit-{os.getpid()}-{reason[5:20]}"
    done = await python(draft, f"# {marker}\n{text}", limits)
    assert (done.stopped, done.exit_code, done.timed_out) == (reason, -9, False)
    until(lambda: not _running(marker))
    assert (await python(draft, "print('on')", Limits())).output == "on\n"


async def test_memory_that_processes_share_counts_once(draft: Draft) -> None:
    text = "x = bytearray(60 << 20)\nfor _ in range(5):\n  if not os.fork(): time.sleep(0.5); os._exit(0)\nos.wait()"
    done = await python(draft, text, Limits(memory=150 << 20))
    assert (done.stopped, done.exit_code) == ("", 0)


async def test_time_is_a_limit_like_the_others(draft: Draft) -> None:
    done = await draft.run(Command(["sleep", "900"], timeout=0.2))
    assert done.timed_out
    assert done.stopped == "did not end within 0.2 s"


STOPPED = """
import ctypes
call = ctypes.CDLL(None, use_errno=True).ptrace
call.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
print(call(16, 1, None, None), flush=True)
time.sleep(900)
"""
"""Attaches itself to the first process of its namespace, which so stands still."""


async def test_a_command_that_stops_what_waits_for_it_is_ended_all_the_same(draft: Draft) -> None:
    done = await draft.run(Command([sys.executable, "-c", f"import time\n{STOPPED}"], timeout=5))
    assert done.output in ("0\n", "-1\n", "")
    assert done.timed_out
    assert done.exit_code < 0


@pytest.mark.skipif(GROUPS is None, reason="control groups cannot be made here")
async def test_a_fork_bomb_cannot_outrun_its_bound(draft: Draft) -> None:
    """Also root's, whom the kernel's own limit does not bind; the machine goes on meanwhile."""
    assert GROUPS
    bomb = "while True:\n  try: os.fork()\n  except OSError: pass"
    limits = Limits(processes=30)
    job = asyncio.create_task(python(draft, bomb, limits))
    most = 0
    while not job.done():
        most = max(most, *(_tasks(group) for group in GROUPS.glob(f"ossa-{os.getpid()}-*")), 0, 0)
        await asyncio.sleep(0)
    assert job.result().stopped == "ran more than 30 processes at once"
    assert 0 < most <= 8 * 30
    assert not any(map(_tasks, GROUPS.glob(f"ossa-{os.getpid()}-*")))


@pytest.mark.skipif(GROUPS is None, reason="control groups cannot be made here")
def test_groups_of_killed_runs_go_with_the_next_one() -> None:
    assert GROUPS
    left = GROUPS / "ossa-4194304-0"  # no process can have this number
    left.mkdir()
    with cgroup.bounded(GROUPS, 10) as joining:
        assert joining
        assert not left.exists()
    with cgroup.bounded(None, 10) as joining:
        assert not joining


async def test_a_file_has_a_limit_of_its_own(draft: Draft) -> None:
    done = await python(draft, "open('x', 'wb').truncate(2 << 30)", Limits())
    assert "File too large" in done.output


def _tasks(group: Path) -> int:
    try:
        return int((group / "pids.current").read_text())
    except OSError:
        return 0


def _running(marker: str) -> bool:
    return any(_has(path, marker) for path in Path("/proc").glob("[0-9]*/cmdline"))


def _has(path: Path, marker: str) -> bool:
    try:
        return marker in os.fsdecode(path.read_bytes())
    except OSError:
        return False
