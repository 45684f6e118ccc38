"""The line itself: whatever an editor sends, ossa answers by protocol alone, and ends when the editor goes."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ossa.tests.waiting import LIMIT

Command = Callable[..., list[str]]
HELLO: dict[str, Any] = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": 1}}
ALIVE: dict[str, Any] = {"jsonrpc": "2.0", "id": "alive", "method": "session/list", "params": {}}
METHODS = [f"session/{name}" for name in ("new", "load", "list", "prompt", "cancel", "close")]
FIELDS = ["sessionId", "cwd", "mcpServers", "prompt", "protocolVersion", "cursor", "_meta", "configId"]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
METHOD = st.sampled_from(METHODS) | VALUES
PARAMS = st.dictionaries(st.sampled_from(FIELDS), VALUES) | VALUES
MESSAGES = st.one_of(
    VALUES,
    st.fixed_dictionaries({}, optional={"jsonrpc": VALUES, "id": VALUES, "method": METHOD, "params": PARAMS}),
    st.fixed_dictionaries({"id": st.integers(0, 3), "result": VALUES}),
    st.fixed_dictionaries({"id": VALUES, "error": VALUES}),
)
BYTES = st.binary(max_size=30).map(lambda data: data.replace(b"\n", b""))
LINES = MESSAGES.map(json.dumps).map(str.encode) | BYTES


def talk(command: list[str], lines: Sequence[bytes | dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
    """What is answered to these lines, the last of which is `ALIVE`, and what was printed beside."""
    sent = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    answers: list[dict[str, Any]] = []
    with tempfile.TemporaryFile() as beside:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=beside)
        assert process.stdin and process.stdout
        pipe = process.stdin
        writing = threading.Thread(target=lambda: (pipe.write(sent + b"\n"), pipe.flush()))
        writing.start()
        for line in process.stdout:
            answers.append(json.loads(line, parse_constant=refuse))
            if answers[-1].get("id") == "alive":
                pipe.close()
        writing.join(LIMIT)
        code = process.wait(LIMIT)
        beside.seek(0)
        printed = beside.read().decode()
    assert code == 0, printed
    return answers, printed


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def test_what_is_no_message_is_answered_by_a_sentence(command: Command, home: Path) -> None:
    odd: list[tuple[bytes, int]] = [
        (b"hello", -32700),
        (b"[" * 100_000, -32700),
        (b"\xff\xfe", -32700),
        (b"[1]", -32600),
        (b"{}", -32600),
        (b'{"id": 7, "method": 5}', -32600),
        (b'{"id": 1e999, "method": "session/list"}', -32600),
        (b'{"id": 8, "method": "frob"}', -32601),
        (b'{"id": 9, "method": "session/prompt", "params": {"sessionId": [], "prompt": 4}}', -32602),
        (b'{"id": 10, "method": "session/set_config_option", "params": [1]}', -32602),
        (b'{"id": 11, "method": "session/prompt", "params": {"sessionId": "x", "prompt": []}}', -32002),
        (b'{"id": 12, "method": "session/new", "params": {"cwd": "x", "mcpServers": [], "_meta": {"cwd": 5}}}', -32602),
    ]
    ignored = [
        b'{"method": "session/cancel", "params": {"sessionId": "x"}}',
        b'{"method": "$/frob"}',
        b'{"id": 5, "error": 3}',
        b'{"id": null, "error": {"code": -32602}}',
    ]
    answers, beside = talk(command("One."), [HELLO, *(line for line, _ in odd), *ignored, b"", ALIVE])
    errors = [answer["error"] for answer in answers if "error" in answer]
    assert sorted(error["code"] for error in errors) == sorted(code for _, code in odd)
    assert all(error["message"].endswith(".") for error in errors)
    assert [answer["id"] for answer in answers if "result" in answer] == [0, "alive"]
    assert answers[0]["result"]["agentInfo"]["name"] == "ossa" and answers[0]["result"]["authMethods"] == []
    assert beside == "" and not (home / "state/ossa.log").exists()


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=40, max_size=60))
def test_no_line_ends_it_or_has_it_print(command: Command, lines: list[bytes]) -> None:
    answers, beside = talk(command("One."), [HELLO, *lines, ALIVE])
    assert any(answer.get("id") == "alive" and "result" in answer for answer in answers)
    assert "Traceback" not in beside and all(answer["jsonrpc"] == "2.0" for answer in answers)


def test_a_signal_ends_it_in_order(command: Command) -> None:
    process = subprocess.Popen(command("One."), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin and process.stdout
    process.stdin.write(json.dumps(HELLO).encode() + b"\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(LIMIT) == 128 + signal.SIGTERM


def test_it_needs_neither_a_screen_nor_torch() -> None:
    program = "import ossa.tui.acp.serve, sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert not set(done.stdout.split()) & {"textual", "torch", "transformers", "httpx2", "huggingface_hub"}, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="closes a file by its number")
def test_closed_input_is_said() -> None:
    line = [sys.executable, "-P", "-m", "ossa.tui", "acp"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, preexec_fn=lambda: os.close(0))
    assert done.returncode == 2 and "standard input" in done.stderr and "Traceback" not in done.stderr
