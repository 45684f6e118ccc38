"""What Ollama, LM Studio and Foundry Local say of themselves, as they document it; and keys of the keyring."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ossa.model.base import Message, Text
from ossa.model.server.model import open_server

ASK = [Message("user", "Hello.")]
OLLAMA = {"/api/version": {"version": "0.12.6"}, "/api/show": {"capabilities": ["completion", "tools"]}}
MEMORY = """
from keyring.backend import KeyringBackend


class Memory(KeyringBackend):
    priority = 1

    def get_password(self, service, username):
        return {("ossa", "HOST"): "sk-of-the-keyring"}.get((service, username))

    def set_password(self, service, username, password):
        raise NotImplementedError
"""


@pytest.mark.parametrize(
    ("replies", "wanted", "window", "told"),
    [
        ({}, 0, 4096, "4,096 tokens are assumed, as Ollama cuts longer prompts unasked: set OLLAMA_CONTEXT_LENGTH"),
        ({}, 32768, 32768, ""),
        ({"/api/ps": {"models": [{"name": "m", "context_length": 8192}]}}, 0, 8192, ""),
        ({"/api/ps": {"models": [{"name": "m", "context_length": 8192}]}}, 32768, 8192, "it is loaded with 8,192"),
        ({"/api/show": {"parameters": "stop x\nnum_ctx 16384", "capabilities": ["tools"]}}, 0, 16384, ""),
    ],
)
def test_ollama_is_not_sent_what_it_would_cut(
    replies: dict[str, Any], wanted: int, window: int, told: str, serve: Any
) -> None:
    server = serve("chat", [Text("Hi.")], name="m", replies=OLLAMA | replies)
    model = open_server(server.url, window=wanted)
    assert (model.info.window, model.info.calls_tools) == (window, True)
    assert model.info.why.startswith("Ollama by chat") and told in model.info.why
    assert ("tokens" in model.info.why.partition("estimated")[2]) == bool(told)
    assert [piece for piece in model.generate(ASK) if isinstance(piece, Text)]
    model.close()


def test_ollama_tells_of_a_model_without_tools(serve: Any) -> None:
    server = serve("chat", name="m", replies=OLLAMA | {"/api/show": {"capabilities": ["completion"]}})
    model = open_server(server.url)
    assert not model.info.calls_tools
    model.close()


@pytest.mark.parametrize(
    ("row", "window", "told"),
    [
        ({"state": "not-loaded", "max_context_length": 131072}, 4096, "4,096 tokens are assumed, as it is not loaded"),
        ({"state": "loaded", "max_context_length": 131072, "loaded_context_length": 32768}, 32768, ""),
    ],
)
def test_lm_studio_is_taken_by_what_it_has_loaded(row: dict[str, Any], window: int, told: str, serve: Any) -> None:
    rows = {"/api/v0/models": {"data": [{"id": "m", "object": "model", "type": "llm"} | row], "object": "list"}}
    server = serve("chat", [Text("Hi.")], name="m", replies=rows)
    model = open_server(server.url)
    assert model.info.window == window and model.info.why.startswith("LM Studio by chat") and told in model.info.why
    model.close()


def test_foundry_local_is_known_by_its_status(serve: Any) -> None:
    status = {"Endpoints": ["http://127.0.0.1:5272"], "ModelDirPath": "C:\\models", "PipeName": "inference_agent"}
    name = "gpt-oss-20b-cuda-gpu"
    replies = {"/openai/status": status, "/v1/models": {"data": [{"id": name}], "object": "list"}}
    server = serve("chat", [Text("Hi.")], name=name, replies=replies)
    model = open_server(server.url)
    assert model.info.why.startswith("Foundry Local by chat") and "a window of 8,192 is assumed" in model.info.why
    assert "".join(piece.text for piece in model.generate(ASK) if isinstance(piece, Text)) == "Hi."
    model.close()


@pytest.mark.parametrize(
    ("backend", "key"),
    [
        ("memory.Memory", "sk-of-the-keyring"),
        ("keyring.backends.null.Keyring", ""),
        ("keyring.backends.fail.Keyring", ""),
    ],
)
def test_a_key_comes_from_the_keyring_and_is_written_nowhere(
    backend: str, key: str, tmp_path: Path, serve: Any
) -> None:
    pytest.importorskip("keyring")
    server = serve("chat", [Text("It is empty.")], refusal="who is sk-of-the-keyring?", status=401)
    (tmp_path / "memory.py").write_text(MEMORY.replace("HOST", server.url.removeprefix("http://")))
    (root := tmp_path / "project").mkdir()
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "OSSA_API_KEY"}
    environment |= {"OSSA_HOME": str(tmp_path / "home"), "PYTHON_KEYRING_BACKEND": backend}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH", ""))))

    def run(*more: str) -> str:
        command = [sys.executable, "-P", "-m", "ossa.tui", "run", "What is here?", "-C", str(root), *more]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        return done.stdout + done.stderr

    said = run("--server", server.url) + run("--json", "--server", server.url, "--server-model", "none")
    assert "It is empty." in said and "none" in said and "keyring" not in said
    assert server.headers[-1].get("Authorization", "") == (f"Bearer {key}" if key else "")
    files = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert files and not [path for path in files if b"of-the-keyring" in path.read_bytes()]
