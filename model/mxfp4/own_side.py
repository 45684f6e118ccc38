"""gpt-oss by ossa in a process of its own, measured as llama.cpp is.

    FOLDER ─► loading.load ─► first token ─► a prompt ─► tokens one by one, near and deep ─► where a token's time goes

`python -P -m ossa.model.mxfp4` starts it.
"""

import dataclasses
import os
import time
from pathlib import Path
from typing import Any

import torch
from transformers.cache_utils import Cache

from ossa.model import discover, loading
from ossa.model.base import Sampling
from ossa.model.cache import empty
from ossa.model.importing import without_collecting
from ossa.model.loading import Loaded
from ossa.model.mxfp4.bound import bytes_per_second, resident
from ossa.model.mxfp4.library import KernelsError, proven
from ossa.model.mxfp4.stack import StackForward
from ossa.model.mxfp4.structures import Spent
from ossa.model.sampling import Sampler

_SPLIT = 16
"""Tokens over which their time is split."""


def figures(folder: Path, kept: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """Everything, in the order in which a person would meet it.

    Args:
        folder: of the checkpoint.
        kept: for layers in int8.
        settings: when the process was started (`began`, in seconds since 1970), depth, exact, prompt, warming
            and written.
    """
    with without_collecting():
        loaded = loading.load(dataclasses.replace(discover.from_path(folder), exact=settings["exact"]), kept=kept)
    states = empty()
    _read(loaded, states, settings["prompt"][:16])
    found: dict[str, Any] = {"first_seconds": time.time() - settings["began"], "where": loaded.where}
    states, begin = empty(), time.perf_counter()
    token = _read(loaded, states, settings["prompt"])
    found["reading"] = len(settings["prompt"]) / (time.perf_counter() - begin)
    _write(loaded, states, token, settings["warming"])
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
    size = loaded.chunk or 512
    chunks = [prompt[first : first + size] for first in range(0, len(prompt), size)]
    for chunk in chunks[:-1]:
        loaded.forward(torch.tensor([chunk]), states)
    return Sampler(Sampling())(loaded.forward.last(torch.tensor([chunks[-1]]), states))


def _write(loaded: Loaded, states: Cache, token: int, count: int) -> float:
    """Tokens a second, one by one, each chosen by the sampler; the first only warms up."""
    sampler = Sampler(Sampling())
    begin = 0.0
    for number in range(count + 1):
        begin = begin if number > 1 else time.perf_counter()
        token = sampler(loaded.forward.last(torch.tensor([[token]]), states))
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
    forward: Any = loaded.forward
    if not isinstance(forward, StackForward):
        return {}
    sampler, forward.spent, every, head = Sampler(Sampling()), Spent(), 0.0, 0.0
    for _ in range(_SPLIT):
        begin = time.perf_counter()
        x = forward.through(torch.tensor([[token]]), states)
        chosen = time.perf_counter()
        sampler(forward.logits(x))
        end = time.perf_counter()
        every += end - begin
        head += end - chosen
    kinds = ("experts", "dense", "attention")
    shares = {**{kind: getattr(forward.spent, kind) / every for kind in kinds}, "lm_head": head / every}
    return {**shares, "rest": 1 - sum(shares.values()), "milliseconds": 1000 * every / _SPLIT}
