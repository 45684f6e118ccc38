"""One llama.cpp server with one model: started in a setting, asked by token ids, ended.

setting ─► xllamacpp by `llama_side`, or a llama-server ─► HTTP ─► its own timings
"""

import contextlib
import json
import socket
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2

from ossa.model.base import ModelError
from ossa.model.mxfp4.bound import resident

_SECONDS_TO_LOAD = 600.0
_SECONDS_TO_ANSWER = 7200.0
"""Of a prompt of many tokens on a slow machine."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What of llama.cpp makes a difference on a CPU."""

    flash: bool
    """Flash attention."""
    repack: bool
    """Weights in another order in memory, where the processor has use for it."""
    mapped: bool
    """The file is mapped, not read."""

    def __str__(self) -> str:
        said = (("with flash attention", self.flash), ("repacked", self.repack), ("mapped", self.mapped))
        return ", ".join(name for name, is_so in said if is_so) or "plain"


class LlamaServer:
    """To be used as a context."""

    def __init__(self, engine: Path, model: Path, setting: Setting, threads: int, context: int, saved: Path) -> None:
        """`engine` is a Python with xllamacpp, or a llama-server; `saved` a folder for states."""
        self._begin = time.perf_counter()
        self._setting, self._model, self._saved = setting, model, saved
        saved.mkdir(parents=True, exist_ok=True)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 (open as long as the server runs)
        is_wheel = engine.name.startswith("python")
        self._url = "" if is_wheel else f"http://127.0.0.1:{_free_port()}"
        settings = {**asdict(setting), "threads": threads, "context": context, "saved": f"{saved}/"}
        command = (
            [engine, Path(__file__).with_name("llama_side.py"), model, json.dumps(settings)]
            if is_wheel
            else [engine, "-m", model, *_options(setting, threads, context, saved), "--port", self._url.split(":")[-1]]
        )
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        self._client = httpx2.Client(timeout=_SECONDS_TO_ANSWER)

    def __enter__(self) -> Self:
        assert self._process.stdout
        try:
            if not self._url:
                self._url = self._process.stdout.readline().strip()
            while not self._is_ready():
                time.sleep(0.05)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
        self._process.kill()
        self._process.wait()
        self._log.close()

    @property
    def seconds(self) -> float:
        """Since it was started."""
        return time.perf_counter() - self._begin

    @property
    def resident(self) -> int:
        """Bytes of RAM that it has."""
        return resident(self._process.pid)

    def complete(self, prompt: list[int], count: int) -> dict[str, float]:
        """Its timings for a greedy answer of so many tokens; what it has read of the prompt before it keeps.

        Raises:
            ModelError: it has ended, or refuses.
        """
        request = {"prompt": prompt, "n_predict": count, "temperature": 0, "cache_prompt": True, "ignore_eos": True}
        return self._ask("/completion", request)["timings"]

    def logprobs(self, prompt: list[int], count: int) -> dict[int, float]:
        """The likeliest tokens that may follow, so many, each with its logarithm.

        Raises:
            ModelError: as in `complete`.
        """
        request = {"prompt": prompt, "n_predict": 1, "temperature": 0, "cache_prompt": False, "n_probs": count}
        (token,) = self._ask("/completion", request)["completion_probabilities"]
        return {other["id"]: other["logprob"] for other in token["top_logprobs"]}

    def deepen(self, prompt: list[int]) -> None:
        """Have it know a prompt: from the disk if it has read that before, for reading takes an hour on a slow machine.

        Raises:
            ModelError: as in `complete`.
        """
        name = f"{self._model.stem}-{len(prompt)}-{'flash' if self._setting.flash else 'plain'}.state"
        if (self._saved / name).exists():
            with contextlib.suppress(ModelError):
                self._ask("/slots/0?action=restore", {"filename": name})
                return
        self.complete(prompt, 1)
        self._ask("/slots/0?action=save", {"filename": name})

    def _ask(self, path: str, content: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = self._client.post(f"{self._url}{path}", json=content)
        except httpx2.HTTPError as error:
            raise self._failed() from error
        if answer.status_code != httpx2.codes.OK.value:
            raise ModelError(f"llama.cpp refuses: {answer.text[:200]}")
        return answer.json()

    def _is_ready(self) -> bool:
        if self._process.poll() is not None or self.seconds > _SECONDS_TO_LOAD or not self._url:
            raise self._failed()
        with contextlib.suppress(httpx2.HTTPError):
            return self._client.get(f"{self._url}/health").status_code == httpx2.codes.OK.value
        return False

    def _failed(self) -> ModelError:
        self._log.seek(0)
        words = self._log.read().decode("utf-8", "replace").strip().splitlines()
        code = self._process.poll()
        ended = "does not answer" if code is None else f"ended with {code}"
        return ModelError(f"llama.cpp {self._setting} {ended}{f', after “{words[-1][:200]}”' if words else ''}.")


def _options(setting: Setting, threads: int, context: int, saved: Path) -> list[str]:
    switches = [
        *(() if setting.repack else ("--no-repack",)),
        *(() if setting.mapped else ("--no-mmap",)),
        *("-fa", "on" if setting.flash else "off"),
    ]
    counts = {"-t": threads, "-tb": threads, "-c": context, "-np": 1, "-ngl": 0, "--cache-ram": 0}
    numbers = [str(word) for pair in counts.items() for word in pair]
    return [*numbers, *switches, "--no-warmup", "--slot-save-path", f"{saved}/", "--host", "127.0.0.1"]


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]
