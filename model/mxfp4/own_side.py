"""gpt-oss by ossa in a process of its own, measured as llama.cpp is: prints its figures as JSON.

    FOLDER ─► loading.load ─► first token ─► a prompt ─► tokens one by one, near and deep ─► where a token's time goes

python -P -m ossa.model.mxfp4.own_side FOLDER KEPT SETTINGS, where these are JSON: depth, exact, prompt and written
"""

import dataclasses
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import Cache

from ossa.model import discover, loading
from ossa.model.base import Sampling
from ossa.model.cache import empty
from ossa.model.loading import Loaded
from ossa.model.mxfp4.bound import bytes_per_second, resident
from ossa.model.mxfp4.library import KernelsError, proven
from ossa.model.sampling import Sampler

_SPLIT = 16
"""Tokens over which their time is split."""


def figures(folder: Path, kept: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything, in the order in which a person would meet it."""
    begin = time.perf_counter()
    loaded = loading.load(dataclasses.replace(discover.from_path(folder), exact=settings["exact"]), kept=kept)
    states = empty()
    _read(loaded, states, settings["prompt"][:16])
    found: dict[str, Any] = {"first_seconds": time.perf_counter() - begin, "where": loaded.where}
    states, begin = empty(), time.perf_counter()
    token = _read(loaded, states, settings["prompt"])
    found["reading"] = len(settings["prompt"]) / (time.perf_counter() - begin)
    faults = _faults()
    found["writing"] = _write(loaded, states, token, settings["written"])
    found["faults"] = (_faults() - faults) / (settings["written"] + 1)
    found["memory"] = resident(os.getpid())
    found["split"] = split(loaded, states, token)
    if settings["depth"]:
        _fill(states, settings["depth"])
        found["deep"] = _write(loaded, states, token, settings["written"])
        found["deep_memory"] = resident(os.getpid())
        found["deep_split"] = split(loaded, states, token)
    try:
        found["bytes_per_second"] = bytes_per_second(proven())
    except KernelsError as error:
        found["kernels"] = str(error)
    return found


def _faults() -> int:
    """Pages that this process had to wait for the disk for."""
    try:
        return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[9])
    except OSError:
        return 0


def _read(loaded: Loaded, states: Cache, prompt: list[int]) -> int:
    """Read a prompt in the engine's chunks; the token that follows."""
    size, logits = loaded.chunk or 512, torch.empty(0)
    for first in range(0, len(prompt), size):
        logits = loaded.forward(torch.tensor([prompt[first : first + size]]), states)
    return Sampler(Sampling())(logits[0, -1])


def _write(loaded: Loaded, states: Cache, token: int, count: int) -> float:
    """Tokens a second, one by one, each chosen by the sampler; the first only warms up."""
    sampler = Sampler(Sampling())
    begin = 0.0
    for number in range(count + 1):
        begin = begin if number > 1 else time.perf_counter()
        token = sampler(loaded.forward(torch.tensor([[token]]), states)[0, -1])
    return count / (time.perf_counter() - begin)


def _fill(states: Cache, depth: int) -> None:
    """States of so many tokens, made up: that they are none of a text does not change how long it takes."""
    layers: Any = states.layers
    for number, layer in enumerate(layers):
        missing = depth - layer.get_seq_length()
        shape = (1, layer.keys.shape[1], missing, layer.keys.shape[3])
        if missing > 0:
            keys, values = (torch.randn(shape).to(layer.keys.dtype) for _ in range(2))
            states.update(keys, values, number)


def split(loaded: Loaded, states: Cache, token: int) -> dict[str, float]:
    """Where the time of a token goes, as shares: experts, dense, attention, lm_head and the rest."""
    spent: dict[str, float] = dict.fromkeys(("experts", "dense", "attention", "lm_head"), 0.0)
    hooks: list[Any] = []
    forward: Any = loaded.forward
    for name, part in forward.module.named_modules():
        if kind := _kind(name):
            hooks += _timed(part, kind, spent)
    every: list[float] = []
    for _ in range(_SPLIT):
        begin = time.perf_counter()
        loaded.forward(torch.tensor([[token]]), states)
        every.append(time.perf_counter() - begin)
    for hook in hooks:
        hook.remove()
    spent["attention"] -= spent.pop("within", 0.0)
    total = statistics.fmean(every)
    shares = {kind: seconds / _SPLIT / total for kind, seconds in spent.items()}
    return {**shares, "rest": 1 - sum(shares.values()), "milliseconds": 1000 * total}


def _kind(name: str) -> str:
    parts = name.split(".")
    if name == "lm_head":
        return name
    if parts[-1] == "experts":
        return "experts"
    if parts[-1] == "self_attn":
        return "attention"
    return "dense" if len(parts) > 1 and parts[-2] == "self_attn" else ""


def _timed(part: Any, kind: str, spent: dict[str, float]) -> list[Any]:
    """Note what a module's calls take; what dense layers take within attention is theirs."""
    begin = [0.0]

    def before(*_: Any) -> None:
        begin[0] = time.perf_counter()

    def after(*_: Any) -> None:
        seconds = time.perf_counter() - begin[0]
        spent[kind] += seconds
        if kind == "dense":
            spent["within"] = spent.get("within", 0.0) + seconds

    register: list[Callable[..., Any]] = [part.register_forward_pre_hook, part.register_forward_hook]
    return [put(hook) for put, hook in zip(register, (before, after), strict=True)]


if __name__ == "__main__":
    answers = sys.stdout
    sys.stdout = sys.stderr  # what libraries print is none
    print(json.dumps(figures(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))), file=answers)
