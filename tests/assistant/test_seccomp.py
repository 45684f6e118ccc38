"""The filter of system calls: what it refuses, and that what tests are made of goes on working."""

import errno
import platform
import shutil
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Draft
from ossa.assistant.drafts import seccomp
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.repository import Repository

CALLS = seccomp.numbers(platform.machine())
PROBE = """
import ctypes, errno, json, sys
libc = ctypes.CDLL(None, use_errno=True)
answers = {}
for name, arguments in json.loads(sys.argv[1]):
    answers[name] = 0 if libc.syscall(*arguments) >= 0 else ctypes.get_errno()
print(json.dumps(answers))
"""

needs_table = pytest.mark.skipif(not CALLS, reason="there is no table for this architecture")


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    draft = open_draft(Repository.open(repo), tmp_path / "state")
    yield draft
    draft.close()


async def answers(draft: Draft, calls: dict[str, list[int]]) -> dict[str, int]:
    """What the kernel says to each of these calls: 0, or the number of the error."""
    import json

    done = await draft.run(Command([sys.executable, "-c", PROBE, json.dumps(list(calls.items()))], timeout=300))
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_the_program_is_one_that_the_kernel_takes(machine: str) -> None:
    """Instructions of 8 bytes whose jumps stay within it, and which ends with an answer on every way."""
    program = seccomp.program(machine)
    assert program
    steps = list(struct.iter_unpack("=HBBI", program))
    assert len(steps) < 4096
    for place, (code, true, false, _) in enumerate(steps):
        if code & 0x07 == 0x05:
            assert place + 1 + max(true, false) < len(steps)
    assert steps[-1][0] == 0x06
    assert len(set(seccomp.numbers(machine).values())) == len(seccomp.numbers(machine))


def test_other_architectures_have_none() -> None:
    assert seccomp.program("riscv64") is None
    assert seccomp.only_unix_sockets("riscv64") is None
    assert seccomp.numbers("riscv64") == {}


@needs_table
def test_the_numbers_are_the_kernels() -> None:
    headers = Path(f"/usr/include/{platform.machine()}-linux-gnu/asm/unistd_64.h")
    if not headers.exists():
        pytest.skip("the kernel's headers are not installed")
    defined = dict(line.split()[1:3] for line in headers.read_text().splitlines() if line.startswith("#define __NR_"))
    assert {name: defined.get(f"__NR_{name}", str(number)) for name, number in CALLS.items()} == {
        name: str(number) for name, number in CALLS.items()
    }


@needs_table
async def test_what_administers_a_machine_is_refused(draft: Draft) -> None:
    looked_into = {"clone", "unshare", "socket", "socketpair", "ioctl", "personality"}
    calls = {name: [number, 0, 0, 0, 0, 0] for name, number in CALLS.items() if name not in looked_into}
    got = await answers(draft, calls)
    assert len(got) > 40
    assert {name: error for name, error in got.items() if error not in (errno.EPERM, errno.ENOSYS)} == {}


@needs_table
async def test_of_others_only_some_arguments_are_refused(draft: Draft) -> None:
    new_user, new_mounts = 0x10000000, 0x20000
    got = await answers(
        draft,
        {
            "unshare new user": [CALLS["unshare"], new_user],
            "unshare new mounts": [CALLS["unshare"], new_mounts],
            "unshare with high bits": [CALLS["unshare"], (1 << 40) | new_user],
            "clone new user": [CALLS["clone"], new_user | 17],
            "unshare files": [CALLS["unshare"], 0x400],
            "unix": [CALLS["socket"], 1, 1, 0],
            "inet": [CALLS["socket"], 2, 1, 0],
            "inet6": [CALLS["socket"], 10, 1, 0],
            "route": [CALLS["socket"], 16, 3, 0],
            "vsock": [CALLS["socket"], 40, 1, 0],
            "packet": [CALLS["socket"], 17, 3, 768],
            "crypto": [CALLS["socket"], 38, 5, 0],
            "family with high bits": [CALLS["socket"], (1 << 32) | 40, 1, 0],
            "ask personality": [CALLS["personality"], 0xFFFFFFFF],
            "old personality": [CALLS["personality"], 0x0400000],
            "type": [CALLS["ioctl"], 0, 0x5412, 0],
            "type with high bits": [CALLS["ioctl"], 0, (1 << 32) | 0x5412, 0],
            "newest": [470, 0, 0, 0],
            "x32": [0x40000000 | 39],
        },
    )
    refused, unknown = errno.EPERM, errno.EAFNOSUPPORT
    assert {name: got[name] for name in ("unshare new user", "unshare new mounts", "clone new user")} == {
        "unshare new user": refused,
        "unshare new mounts": refused,
        "clone new user": refused,
    }
    assert got["unshare with high bits"] in (refused, errno.EINVAL)
    assert {got[name] for name in ("unshare files", "unix", "inet", "inet6", "route", "ask personality")} == {0}
    assert {got[name] for name in ("vsock", "packet", "crypto", "family with high bits")} == {unknown}
    assert {got[name] for name in ("old personality", "type", "type with high bits")} == {refused}
    assert {got[name] for name in ("newest", "x32")} == {errno.ENOSYS}


WORKS = {
    "threads and a pool": "from concurrent.futures import *\nprint(sum(ThreadPoolExecutor(4).map(abs, range(9))))",
    "multiprocessing by spawn": (
        "import multiprocessing as m\nif __name__ == '__main__':\n"
        "  with m.get_context('spawn').Pool(2) as p: print(sum(p.map(abs, range(9))))"
    ),
    "multiprocessing by a server and a manager": (
        "import multiprocessing as m\nif __name__ == '__main__':\n  c = m.get_context('forkserver')\n"
        "  with c.Manager() as man, c.Pool(2) as p: q = man.list(p.map(abs, range(9))); print(sum(q))"
    ),
    "shared memory": (
        "from multiprocessing.shared_memory import SharedMemory as S\ns = S(create=True, size=9)\n"
        "s.buf[:9] = bytes(range(9)); t = S(s.name); print(sum(bytes(t.buf[:9]))); s.unlink()"
    ),
    "asyncio, its processes and its server": (
        "import asyncio as a\nasync def main():\n  s = await a.start_server(lambda r, w: w.close(), '127.0.0.1', 0)\n"
        "  r, w = await a.open_connection(*s.sockets[0].getsockname()); await r.read()\n"
        "  p = await a.create_subprocess_exec('echo', '36', stdout=-1)\n"
        "  print((await p.communicate())[0].decode())\n"
        "a.run(main())"
    ),
    "a pseudo-terminal": "import pty, os\nm, s = pty.openpty(); os.write(s, b'36'); print(os.read(m, 9).decode())",
    "tracing a child": (
        "import ctypes, os, signal\nl = ctypes.CDLL(None)\np = os.fork()\n"
        "if not p: l.ptrace(0, 0, 0, 0); os.kill(os.getpid(), signal.SIGSTOP); os._exit(36)\n"
        "os.waitpid(p, 0); l.ptrace(17, p, 0, 0); print(os.waitstatus_to_exitcode(os.waitpid(p, 0)[1]))"
    ),
}


@pytest.mark.parametrize("what", WORKS)
async def test_what_tests_are_made_of_works(draft: Draft, what: str) -> None:
    draft.write("main.py", WORKS[what].encode())
    done = await draft.run(Command([sys.executable, "main.py"], timeout=300))
    assert done.output.strip() == "36"


@pytest.mark.parametrize(
    "line",
    [
        "git commit -qam x --allow-empty && git stash list && git log --format=%%36 -1 | tr -d %",
        f"{sys.executable} -m pytest -q -p no:cacheprovider tests; echo 36",
        f"{sys.executable} -m pip --version >/dev/null && echo 36",
        f'{sys.executable} -c \'import sqlite3; print(sqlite3.connect("x.db").execute("select 36").fetchone()[0])\'',
        pytest.param("node -e 'console.log(36)'", marks=pytest.mark.skipif(not shutil.which("node"), reason="no node")),
        pytest.param(
            "gcc -xc -o x - <<< 'int main(){return 0;}' && ./x && echo 36",
            marks=pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc"),
        ),
    ],
    ids=["git", "pytest", "pip", "sqlite", "node", "gcc"],
)
async def test_tools_work(draft: Draft, line: str) -> None:
    own = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    done = await draft.run(Command(["bash", "-c", line], timeout=300, env=own))
    assert done.output.splitlines()[-1] == "36", done.output
