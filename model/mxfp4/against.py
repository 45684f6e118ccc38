"""gpt-oss by ossa and by llama.cpp in turns: the same weights, the same threads, one program at a time.

    checkpoint ─► FILE.gguf, once ─► llama.cpp's settings are tried ─► rounds: ours, theirs, … ─► medians

llama.cpp is the wheel xllamacpp in an environment of its own, which is built for AVX2, or a `llama-server` of one's
own. Both are spoken to over HTTP, so that what is timed is what the server says of itself.
"""

import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ossa.model.base import ModelError
from ossa.model.environments import LLAMA_CPP, python_with
from ossa.model.machine import free_ram
from ossa.model.mxfp4.llama_server import LlamaServer, Setting

Figures = dict[str, float]
_GGUF = "gguf==0.19.0"
_PROMPT, _WRITTEN, _TRIED = 512, 48, 16
"""Tokens that are read and written; in trying settings fewer are written."""
_WARMING = 16
"""Tokens that are written before writing is timed: some experts come from the disk for the first time then."""
_ROOM = 1024
"""Tokens of context besides the depth."""
_SPARE = 3 << 30
"""Bytes of RAM that are left to other programs where llama.cpp copies its weights."""
_SETTINGS = [
    Setting(flash, repack, mapped=mapped)
    for mapped, repack, flash in (
        (True, False, True),
        (True, False, False),
        (True, True, True),
        (True, True, False),
        (False, True, True),
    )
]


@dataclass(frozen=True, slots=True)
class Course:
    """What is measured, and of what."""

    folder: Path
    """The checkpoint; `FOLDER.gguf` lies beside it."""
    kept: Path
    """Where ours keeps its layers in int8, and llama.cpp its states."""
    tools: Path
    """The folder of the environment with llama.cpp."""
    engine: str = ""
    """A `llama-server`; empty for the wheel's."""
    depth: int = 0
    """Tokens behind which writing is measured, too; 0 for no such."""
    rounds: int = 3
    exact: bool = False
    vocabulary: int = 200_000

    @property
    def gguf(self) -> Path:
        """The same weights for llama.cpp."""
        return self.folder.with_name(f"{self.folder.name}.gguf")

    @property
    def threads(self) -> int:
        """As many as ours has."""
        return torch.get_num_threads()

    def prompt(self, length: int) -> list[int]:
        """Random tokens, always the same."""
        numbers = random.Random(0)
        return [numbers.randrange(self.vocabulary - 16) for _ in range(length)]


def compare(course: Course) -> Iterator[str | tuple[dict[str, Any], Figures]]:
    """Say what is being done, and at last both sides' medians.

    Raises:
        ModelError: llama.cpp cannot be had or run, or ours cannot.
    """
    yield "getting llama.cpp"
    try:
        python = python_with(course.tools, LLAMA_CPP, _GGUF)
    except (OSError, subprocess.CalledProcessError) as error:
        raise ModelError(f"llama.cpp cannot be fetched into {course.tools}: it needs the network, once.") from error
    if not course.gguf.exists():
        yield from _convert(python, course)
    best = yield from _best(python, course)
    own: list[dict[str, Any]] = []
    theirs: list[Figures] = []
    for number in range(course.rounds):
        yield f"round {number + 1} of {course.rounds}: ossa"
        own.append(ours(course))
        yield f"round {number + 1} of {course.rounds}: llama.cpp {best['writing']}"
        found = _theirs(python, course, best["writing"], _WRITTEN, course.depth)
        if best["reading"] != best["writing"]:
            yield f"… and {best['reading']}, which reads faster"
            found["reading"] = _theirs(python, course, best["reading"], 1, 0)["reading"]
        theirs.append(found)
    yield medians(own), medians(theirs)


def _best(python: Path, course: Course) -> Generator[str, None, dict[str, Setting]]:
    """The settings in which llama.cpp reads and writes fastest, of those that there is memory for."""
    tried: list[tuple[Setting, Figures]] = []
    refused: ModelError | None = None
    for setting in _SETTINGS:
        needed = course.gguf.stat().st_size + _SPARE
        if (setting.repack or not setting.mapped) and free_ram() < needed:
            yield f"leaving out llama.cpp {setting}: it copies the weights, and {needed / 1e9:.0f} GB are not free"
            continue
        yield f"trying llama.cpp {setting}"
        try:
            found = _theirs(python, course, setting, _TRIED, 0)
        except ModelError as error:  # one release knows an option that another does not
            yield f"  left out: {error}"
            refused = error
            continue
        yield f"  reads {found['reading']:.1f}, writes {found['writing']:.2f} tokens a second"
        tried.append((setting, found))
    if not tried:
        raise refused or ModelError("There is not the memory to run llama.cpp in any setting.")
    return {kind: max(tried, key=lambda one: one[1][kind])[0] for kind in ("reading", "writing")}


def medians(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Of each figure over the rounds; what is no figure as in the first."""
    first = rounds[0]
    found = dict(first)
    for name, value in first.items():
        if isinstance(value, dict):
            found[name] = medians([one[name] for one in rounds])
        elif isinstance(value, int | float):
            found[name] = statistics.median(one[name] for one in rounds)
    return found


def _convert(python: Path, course: Course) -> Iterator[str]:
    script = Path(__file__).with_name("gguf_copy.py")
    with subprocess.Popen(
        [python, script, course.folder, course.gguf], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stderr
        for line in process.stdout:
            done, total = json.loads(line)
            if done * 20 // total != (done - 1) * 20 // total:
                yield f"writing {course.gguf.name}: {done / total:.0%}"
        if why := process.stderr.read().strip().splitlines():
            raise ModelError(f"{course.gguf} cannot be written: {why[-1]}.")


def ours(course: Course) -> dict[str, Any]:
    """The figures of one round of ossa's.

    Raises:
        ModelError: its process ended.
    """
    settings: dict[str, Any] = {"began": time.time(), "depth": course.depth, "exact": course.exact}
    settings |= {"prompt": course.prompt(_PROMPT), "warming": _WARMING, "written": _WRITTEN}
    command = [sys.executable, "-P", "-m", "ossa.model.mxfp4", course.folder, course.kept]
    done = subprocess.run([*command, json.dumps(settings)], capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()
        raise ModelError(f"ossa's side ended with {done.returncode}: {said[-1] if said else 'no word'}.")
    return json.loads(done.stdout.strip().splitlines()[-1])


def _theirs(python: Path, course: Course, setting: Setting, written: int, depth: int) -> Figures:
    context = max(depth, _PROMPT) + _ROOM
    engine: list[Path] = [Path(course.engine)] if course.engine else [python]
    with LlamaServer(engine[0], course.gguf, setting, course.threads, context, course.kept) as server:
        server.complete(course.prompt(16), 1)
        found: Figures = {"first_seconds": server.seconds}
        found["reading"] = server.complete(course.prompt(_PROMPT), 1)["prompt_per_second"]
        server.complete(course.prompt(_PROMPT), _WARMING)
        found["writing"] = server.complete(course.prompt(_PROMPT), written)["predicted_per_second"]
        found["memory"] = server.resident
        if depth:
            server.deepen(course.prompt(depth))
            found["deep"] = server.complete(course.prompt(depth), written)["predicted_per_second"]
            found["deep_memory"] = server.resident
    return found
