"""A whole turn with a local model where there is no network at all: it succeeds, and nobody even asked for a socket.

Two witnesses: Python's audit hook in every process of ossa's, and the counters of the empty network namespace.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.assistant.drafts.opening import find_sandbox
from ossa.assistant.drafts.sandbox import Sandbox

WITNESS = """
import os, sys

log = os.environ.get("SOCKET_LOG")
if log:
    with open(log, "a") as file:
        print(os.getpid(), "started", file=file)

    def see(event, arguments):
        if event.startswith("socket.") and event != "socket.gethostname":
            with open(log, "a") as file:
                print(os.getpid(), event, *(arguments[1:2] if event == "socket.__new__" else arguments), file=file)

    sys.addaudithook(see)
"""
AFTERWARDS = '"$@"; code=$?; echo; cat /proc/self/net/snmp /proc/self/net/dev; exit $code'


def test_a_whole_turn_in_an_empty_network_namespace(tmp_path: Path, slip: Path, small_model_file: Path) -> None:
    sandbox = find_sandbox(tmp_path / "probe")
    if not isinstance(sandbox, Sandbox):
        pytest.skip(f"no namespaces here: {sandbox}")
    (tmp_path / "witness").mkdir()
    (tmp_path / "witness/sitecustomize.py").write_text(WITNESS)
    log = tmp_path / "sockets"
    ossa = [
        sys.executable,
        "-P",
        "-m",
        "ossa.tui",
        "fix",
        "-C",
        str(slip),
        "--accept",
        "--candidates",
        "8",
        "--model",
        str(small_model_file),
    ]
    command = [sandbox.program, "--dev-bind", "/", "/", "--unshare-net", "sh", "-c", AFTERWARDS, "sh", *ossa]
    environment = {
        **os.environ,
        "OSSA_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(tmp_path / "witness"),
        "SOCKET_LOG": str(log),
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 fixed · 0 broken" in done.stdout and "applied" in done.stdout

    seen = [line.split(maxsplit=2)[:2] + line.split()[2:3] for line in log.read_text().splitlines()]
    assert len({process for process, *_ in seen}) >= 2, "the window's process and the model's"
    # The event loop wakes itself through an unnamed pair of sockets, which has no address and leads nowhere.
    asked = [event for _, *event in seen if event not in (["started"], ["socket.__new__", "1"])]
    assert asked == []

    counters = {line.split(":")[0].strip(): line.split() for line in done.stdout.splitlines() if ":" in line}
    tcp, udp = counters["Tcp"], counters["Udp"]
    assert (tcp[5], tcp[6], udp[4]) == ("0", "0", "0"), "connections made and taken, datagrams sent"
    _, heading, table = done.stdout.partition("Inter-|")
    interfaces = [line.split(":")[0].strip() for line in table.splitlines() if ":" in line]
    assert heading and interfaces == ["lo"]
    assert counters["lo"][1] == counters["lo"][9] == "0"
