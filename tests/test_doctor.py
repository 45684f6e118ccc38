"""`ossa doctor`: everything holds here; what would not is seen from outside; and a socket is not overlooked."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.assistant.doctor import attempts, silence
from ossa.assistant.doctor.attempt import Attempt, claimed
from ossa.assistant.doctor.trial import outcomes
from ossa.assistant.drafts.opening import find_sandbox
from ossa.assistant.drafts.sandbox import NoSandbox, Sandbox

UNCONFINED = NoSandbox("it was asked for")
HARMLESS = {
    *("write next to the repository", "change a file outside", "write through links out of the repository"),
    *("change a file outside by a hard link to it", "delete or rename files outside", "write into the home"),
    *("read a key in ~/.ssh", "read a key that ~/.ssh links to", "read tokens from other programs' environments"),
    *("reach a program on this machine by TCP", "reach one by IPv6", "reach one by UDP", "reach an abstract socket"),
    *("reach a socket in the home", "reach the sockets of ssh-agent, bus and log", "see other programs"),
    *("reach a socket with a relative name", "end another program", "look into another program's memory"),
    "feed a named pipe that another program reads",
}
"""What succeeds where nothing confines it, and touches nothing but the doctor's own."""


def named(names: set[str]) -> list[Attempt]:
    return [attempt for some in attempts.ALL.values() for attempt in some if attempt.name in names]


def left(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def test_everything_holds_here(small_model_file: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "cache/models").mkdir(parents=True)
    (home / "cache/models" / small_model_file.name).symlink_to(small_model_file)
    command = [sys.executable, "-P", "-m", "ossa.tui", "doctor", "--json", "-C", str(tmp_path)]
    environment = {**os.environ, "OSSA_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    tried = [line for line in lines if "state" in line]
    assert [line for line in tried if line["state"] != "held"] == []
    assert done.returncode == 0, done.stderr
    assert len(tried) > 70
    assert lines[-1] == {**lines[-1], "held": len(tried), "escaped": 0, "not tried": 0}
    facts = {line["name"]: line["is"] for line in lines if "is" in line}
    assert facts["commands"].startswith("confined by bubblewrap")
    assert facts["models"] == "smollm2-135m"
    assert facts["system calls"].startswith("filtered")
    assert not list((home / "cache").glob("doctor-*"))


@pytest.mark.parametrize("attempt", named(HARMLESS), ids=lambda attempt: attempt.probe)
async def test_what_nothing_holds_is_seen_to_escape(tmp_path: Path, attempt: Attempt) -> None:
    """Else "held" would say nothing."""
    async for _, outcome in outcomes(tmp_path, UNCONFINED, {"all": [attempt]}):
        assert outcome.state == "escaped"
    assert left(tmp_path) == []


async def test_a_sandbox_without_a_filter_is_seen_through(tmp_path: Path) -> None:
    sandbox = find_sandbox(tmp_path / "probe")
    assert isinstance(sandbox, Sandbox)
    bare = Sandbox(sandbox.program, sandbox.overlays)
    some = named({"use the kernel's keys (keyctl)", "call the kernel by other numbers (x32)", "make namespaces"})
    states = {outcome.name: outcome.state async for _, outcome in outcomes(tmp_path, bare, {"all": some})}
    assert states["use the kernel's keys (keyctl)"] == "escaped"
    assert states["make namespaces"] == "held"
    assert bare.missing[0].startswith("system calls are not filtered")


async def test_what_does_not_run_is_not_said_to_be_held(tmp_path: Path) -> None:
    broken = Attempt("do what no probe does", "nothing_of_this_name", claimed)
    lacking = Attempt("use what is not there", "tcp", claimed, "quantum link")
    sandbox = find_sandbox(tmp_path / "probe")
    told = [outcome async for _, outcome in outcomes(tmp_path, sandbox, {"all": [broken, lacking]})]
    assert [outcome.state for outcome in told] == ["not tried", "not tried"]
    assert told[1].detail == "this machine has no quantum link"


TRAPPED = """
import socket, sys
from ossa.assistant.doctor.silence import _confine
from ossa.assistant.drafts.seccomp import only_unix_sockets

_confine(only_unix_sockets())
socket.socketpair()
socket.socket(socket.AF_UNIX)
print("so far", flush=True)
socket.socket(getattr(socket, sys.argv[1]))
"""


@pytest.mark.parametrize("family", ["AF_INET", "AF_INET6", "AF_NETLINK"])
def test_the_proof_of_silence_would_not_survive_a_socket(family: str) -> None:
    done = subprocess.run([sys.executable, "-c", TRAPPED, family], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-31, "so far\n")


def test_a_model_that_cannot_be_loaded_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF and nothing else")
    outcome = silence.prove(tmp_path / "model.gguf")
    assert outcome.state == "not tried"
    assert outcome.detail


@pytest.mark.parametrize("arguments", [["--json"], []])
def test_where_nothing_confines_that_is_all_it_says(tmp_path: Path, arguments: list[str]) -> None:
    """As without user namespaces: the one in which this runs has none to give."""
    sandbox = find_sandbox(tmp_path / "probe")
    assert isinstance(sandbox, Sandbox)
    outer = [sandbox.program, "--unshare-user", "--disable-userns", "--dev-bind", "/", "/"]
    command = [*outer, sys.executable, "-P", "-m", "ossa.tui", "doctor", *arguments]
    environment = {**os.environ, "OSSA_HOME": str(tmp_path / "home")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT confined" in done.stdout and "network" in done.stdout
    assert "escaped-" not in done.stdout and "held: write" not in done.stdout
