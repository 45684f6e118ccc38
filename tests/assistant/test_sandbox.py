"""What a confined command can not do, tried for real, and how its limits end it."""

import asyncio
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.draft import Command, Completed, Draft, DraftError
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.drafts.sandbox import NoSandbox, probe
from ossa.assistant.repository import Repository
from ossa.tests.waiting import until


@pytest.fixture
def home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home with secrets, not under /tmp, which is hidden anyway."""
    cache = Path(str(request.config.cache.mkdir("homes"))) if request.config.cache else Path.cwd()  # pyright: ignore
    home = cache / f"home-{os.getpid()}"
    for name in (".ssh/id_ed25519", ".aws/credentials", ".netrc", ".config/gh/hosts.yml", ".config/plain.toml"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("swordfish")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("GITHUB_TOKEN", "swordfish")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/tmp/agent")
    yield home
    shutil.rmtree(home)


@pytest.fixture
def draft(home: Path, repo: Path, tmp_path: Path) -> Iterator[Draft]:
    draft = open_draft(Repository.open(repo), tmp_path / "state")
    yield draft
    draft.close()


async def sh(draft: Draft, line: str, timeout: float = 150.0) -> Completed:
    return await draft.run(Command(["sh", "-c", line], timeout=timeout))


async def python(draft: Draft, text: str, timeout: float = 150.0, memory: int = 8 << 30) -> Completed:
    return await draft.run(Command(["python3", "-c", text], timeout=timeout, memory=memory))


def test_the_probe_finds_an_overlay(tmp_path: Path) -> None:
    sandbox = probe(tmp_path)
    assert sandbox.overlays
    assert not list(tmp_path.iterdir())


def test_without_any_bubblewrap_the_reason_is_said(repo: Path, tmp_path: Path) -> None:
    draft = open_draft(Repository.open(repo), tmp_path / "state", NoSandbox("user namespaces are off"))
    assert not draft.isolation.confined
    assert draft.isolation.summary.startswith("NOT confined: user namespaces are off")
    draft.close()


def escaped(place: str) -> bool:
    return any(Path(place, name).exists() for name in ("escaped", "escaped-folder"))


async def test_it_writes_nowhere_but_in_the_draft(draft: Draft, home: Path, repo: Path) -> None:
    assert draft.isolation.confined
    places = (str(home), "/etc", "/usr/local", str(repo.parent), "/var", "/dev", "/sys", "/proc/sys/kernel")
    for place in (*places, "/tmp", "/var/tmp", "/dev/shm", "/run"):
        await sh(draft, f"echo escaped > {place}/escaped; mkdir {place}/escaped-folder")
        assert not escaped(place)
    before = (home / ".config/plain.toml").read_text()
    await sh(draft, f"echo x >> {home}/.config/plain.toml")
    assert (home / ".config/plain.toml").read_text() == before


async def test_one_folder_for_reports(draft: Draft, home: Path) -> None:
    reports = home / "reports"
    reports.mkdir()
    await draft.run(Command(["sh", "-c", f"echo ok > {reports}/r; echo no > {home}/r"], writable=reports))
    assert (reports / "r").read_text() == "ok\n"
    assert not (home / "r").exists()


async def test_secrets_of_the_home_are_hidden(draft: Draft, home: Path) -> None:
    done = await sh(draft, f"grep -rs swordfish {home}; cat ~/.netrc; ls -A ~/.ssh ~/.aws ~/.config/gh")
    told = done.output.replace(str(home), "~").split()
    if not home.is_relative_to("/tmp"):  # all of which is hidden
        assert told.pop(0) == "~/.config/plain.toml:swordfish"
    assert told == ["~/.aws:", "~/.config/gh:", "~/.ssh:"]


async def test_the_environment_is_an_allow_list(draft: Draft) -> None:
    names = {line.partition("=")[0] for line in (await sh(draft, "env")).output.splitlines()}
    assert {"PATH", "HOME", "PYTHONDONTWRITEBYTECODE", "TMPDIR"} <= names
    assert not names & {"GITHUB_TOKEN", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "OSSA_HOME", "DBUS_SESSION_BUS_ADDRESS"}


async def test_ossas_own_state_is_hidden(
    draft: Draft, repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repo / "state" / "sessions").mkdir(parents=True)
    (repo / "state" / "sessions" / "log").write_text("swordfish")
    monkeypatch.setenv("OSSA_HOME", str(repo))
    assert (await sh(draft, "ls -A state; cat state/sessions/log 2>/dev/null")).output == ""


async def test_no_network(draft: Draft, repo: Path) -> None:
    here = repo.parent / "listener"
    with socket.create_server(("127.0.0.1", 0)) as tcp, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0ossa-{os.getpid()}")
        abstract.listen()
        port = tcp.getsockname()[1]
        text = f"""
import socket
for family, address in ((socket.AF_INET, ("127.0.0.1", {port})), (socket.AF_UNIX, "\\0ossa-{os.getpid()}"),
                        (socket.AF_INET, ("1.1.1.1", 53)), (socket.AF_UNIX, {str(here)!r})):
    try:
        socket.socket(family).connect(address)
        print("reached", address)
    except OSError as error:
        print("no", type(error).__name__)
print(sorted(name for _, name in socket.if_nameindex()))
"""
        done = await python(draft, text)
    assert "reached" not in done.output
    assert done.output.splitlines()[-1] == "['lo']"


async def test_its_own_loopback_works(draft: Draft) -> None:
    server = "import socket; server = socket.create_server(('127.0.0.1', 0))"
    text = f"{server}; socket.create_connection(server.getsockname()); print('ok')"
    assert (await python(draft, text)).output == "ok\n"


async def test_sockets_of_other_programs_are_out_of_reach(draft: Draft, home: Path) -> None:
    path = home / "agent.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        done = await python(draft, f"import socket; socket.socket(socket.AF_UNIX).connect({str(path)!r})")
    assert "Error" in done.output


async def test_it_has_no_privileges_to_gain(draft: Draft) -> None:
    status = (await sh(draft, "cat /proc/self/status")).output
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert {fields[name].strip("0") for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {""}
    assert fields["NoNewPrivs"] == "1"
    for line in ("mknod disk b 8 0", "mount -t tmpfs x /mnt", "mount -o remount,rw /", "umount /tmp", "chroot / true",
                 "unshare -U true", "unshare -r mount -t tmpfs x /mnt"):  # fmt: skip
        assert (await sh(draft, line)).exit_code != 0, line


async def test_other_processes_are_out_of_sight(draft: Draft) -> None:
    done = await sh(draft, f"kill -0 {os.getpid()}; ls -d /proc/[0-9]* | wc -l; hostname")
    assert int(done.output.split()[-2]) < 10


async def test_how_commands_end(draft: Draft) -> None:
    assert (await sh(draft, "exit 3")).exit_code == 3
    assert (await sh(draft, "kill -SEGV $$")).exit_code == -11
    missing = await draft.run(Command(["no-such-program"]))
    assert missing.exit_code == 127
    assert "no-such-program: not found" in missing.output


async def test_a_sandbox_that_cannot_be_set_up_is_an_error(draft: Draft, tmp_path: Path) -> None:
    with pytest.raises(DraftError, match="cannot be set up"):
        await draft.run(Command(["true"], writable=tmp_path / "nowhere"))


async def test_output_comes_while_it_runs_and_in_order(draft: Draft) -> None:
    heard: list[str] = []
    done = await draft.run(
        Command(["sh", "-c", "echo one; echo two >&2; printf 'caf\\303'; printf '\\251'"]), on_output=heard.append
    )
    assert "".join(heard) == done.output == "one\ntwo\ncafé"


async def test_a_flood_of_output_is_cut_in_the_middle(draft: Draft) -> None:
    heard: list[str] = []
    command = Command(
        ["sh", "-c", "echo start; head -c 300000000 /dev/zero | tr '\\0' x; echo end"], output_limit=10_000
    )
    done = await draft.run(command, on_output=heard.append)
    assert done.truncated
    assert done.output.startswith("start\nxxx")
    assert done.output.endswith("xxxend\n")
    assert "bytes left out" in done.output
    assert len(done.output) < 10_100
    assert sum(map(len, heard)) < 10_100


async def test_a_memory_hog_is_stopped(draft: Draft) -> None:
    done = await python(draft, "x = bytearray(1 << 30)", memory=512 << 20)
    assert done.exit_code == 1
    assert "MemoryError" in done.output


async def test_limits_of_files_cores_and_temporary_space(draft: Draft) -> None:
    text = "import resource as r; print([r.getrlimit(x)[1] for x in (r.RLIMIT_CORE, r.RLIMIT_FSIZE, r.RLIMIT_NPROC)])"
    core, size, processes = eval((await python(draft, text)).output)
    assert core == 0
    assert 0 < size <= 1 << 30
    assert 0 < processes <= 4096
    assert "No space left" in (await sh(draft, "head -c 20000000 /dev/zero > /run/x")).output


DAEMON = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.closerange(0, 3)
        while True:
            open("beat", "a").write("x")
while not os.path.exists("beat"):
    pass
"""


def beats(tmp_path: Path) -> int:
    return (tmp_path / "state" / "overlay" / "upper" / "beat").stat().st_size


@pytest.mark.parametrize("after", ["", "time.sleep(60)"])
async def test_a_daemon_dies_with_its_command(draft: Draft, tmp_path: Path, after: str) -> None:
    """When the command ends by itself, and when its time is up."""
    for limit in (1.0 if after else 150.0, 10.0, 100.0):  # as long as it takes until it beats
        done = await python(draft, DAEMON + after, timeout=limit)
        if draft.read("beat"):
            break
    assert done.timed_out == bool(after)
    assert done.exit_code == (-9 if after else 0)
    first = beats(tmp_path)
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        assert beats(tmp_path) == first


async def test_cancelling_kills_everything(draft: Draft, tmp_path: Path) -> None:
    ready = asyncio.Event()
    command = Command(["python3", "-uc", DAEMON + "print('ready'); time.sleep(60)"])
    job = asyncio.create_task(draft.run(command, on_output=lambda _: ready.set()))
    await ready.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    first = beats(tmp_path)
    assert [beats(tmp_path) for _ in range(1000)] == [first] * 1000
    assert draft.read("beat") is not None
    assert (await sh(draft, "echo and on it goes")).output == "and on it goes\n"


@pytest.mark.parametrize("at", [0.0, 0.002, 0.005, 0.01, 0.02])
async def test_cancelling_at_any_moment_leaves_no_process(draft: Draft, at: float) -> None:
    marker = f"{os.getpid()}{int(at * 1000):05d}"
    job = asyncio.create_task(sh(draft, f"sleep 3{marker}"))
    await asyncio.wait([job], timeout=at)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    until(lambda: not _running(f"3{marker}"))
    assert (await sh(draft, "echo on")).output == "on\n"


def _running(argument: str) -> bool:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if argument in os.fsdecode(path.read_bytes()):
                return True
        except OSError:
            continue
    return False


async def test_it_works_from_another_thread(draft: Draft) -> None:
    results: list[str] = []
    thread = threading.Thread(target=lambda: results.append(asyncio.run(sh(draft, "echo hi")).output))
    thread.start()
    await asyncio.to_thread(thread.join)
    assert results == ["hi\n"]
