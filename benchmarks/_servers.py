"""Real servers with the small model, on this machine only, each a process of its own that ends with its starter.

llama.cpp (xllamacpp) ─ MODEL.gguf ─┐
transformers serve ─ folder of it ──┴► Served: address and name
"""

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx2

from ossa.assistant.paths import cache_dir

_HERE = Path(__file__).parent
_SECONDS_TO_START = 120.0


@dataclass(frozen=True, slots=True)
class Served:
    """A server that runs."""

    url: str
    model: str = ""
    """What to call the model; empty where there is one only."""


def python_for(name: str, *packages: str) -> Path | None:
    """An interpreter with these packages: this one, else that of an environment in ossa's cache; None if none has."""
    if all(importlib.util.find_spec(package) for package in packages):
        return Path(sys.executable)
    own = cache_dir() / "benchmarks" / name / "bin" / "python"
    return own if own.exists() else None


@contextlib.contextmanager
def llama(python: Path, file: Path, slots: int = 1) -> Generator[Served]:
    """llama.cpp's server."""
    command = [python, _HERE / "_llama.py", file, str(slots)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin and process.stdout
        try:
            url = process.stdout.readline().strip()
            _await(process, f"{url}/health")
            yield Served(url)
        finally:
            process.stdin.close()
            process.kill()


@contextlib.contextmanager
def transformers(python: Path, folder: Path, *options: str) -> Generator[Served]:
    """`transformers serve`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [python, "-m", "transformers.cli.transformers", "serve", folder, "--host", "127.0.0.1", "--port"]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    with subprocess.Popen(
        [*command, str(port), "--device", "cpu", *options],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _await(process, f"http://127.0.0.1:{port}/health")
            yield Served(f"http://127.0.0.1:{port}", str(folder))
        finally:
            process.send_signal(signal.SIGKILL)


def folder_of(file: Path, folder: Path) -> Path:
    """The small model's GGUF as a folder that transformers reads."""
    import torch
    from transformers import PreTrainedTokenizerFast

    from ossa.model import llama as reader
    from ossa.model import vocabulary
    from ossa.model.gguf import GgufFile

    gguf = GgufFile(file)
    module = reader.build(gguf, reader.shape_of(gguf), torch.bfloat16)
    module.set_attn_implementation("sdpa")
    module.config.eos_token_id = module.generation_config.eos_token_id = gguf.get("tokenizer.ggml.eos_token_id", int)
    module.save_pretrained(folder)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=vocabulary.tokenizer(gguf), eos_token="<|im_end|>", bos_token="<|im_start|>"
    )
    tokenizer.chat_template = gguf.get("tokenizer.chat_template", str)
    tokenizer.save_pretrained(folder)
    return folder


def _await(process: "subprocess.Popen[str] | subprocess.Popen[bytes]", url: str) -> None:
    ends = time.monotonic() + _SECONDS_TO_START
    while True:
        with contextlib.suppress(httpx2.HTTPError):
            if httpx2.get(url, trust_env=False, verify=False).status_code == 200:
                return
        if process.poll() is not None or time.monotonic() > ends:
            raise OSError(f"the server at {url} did not start")
        time.sleep(0.5)
