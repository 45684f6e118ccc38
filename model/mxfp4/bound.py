"""How fast gpt-oss could write on this machine at best: a token takes as long as reading the weights it goes through.

configuration ─► bytes of a token ┐
threads that read memory ─────────┴► tokens a second, for `ossa bench-model --random`
"""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import torch

from ossa.model.mxfp4.library import Library

_BUFFER = 256 << 20
"""Bytes that each thread reads: more than caches hold."""
_PACKED, _INT8, _BF16 = 17 / 32, 34 / 32, 2.0
"""Bytes of a weight, with its share of the scale."""


def bytes_of_token(config: Mapping[str, Any], *, exact: bool = False) -> int:
    """What is read of the weights to write one token."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads = (2 * config["num_attention_heads"] + 2 * config["num_key_value_heads"]) * config["head_dim"]
    experts = config["num_experts_per_tok"] * 3 * hidden * inner * _PACKED
    dense = config["num_hidden_layers"] * hidden * heads + config["vocab_size"] * hidden
    return int(config["num_hidden_layers"] * experts + dense * (_BF16 if exact else _INT8))


def bytes_per_second(library: Library) -> float:
    """How fast all threads together read memory; the best of some turns, because other programs disturb."""
    buffers = [torch.ones(_BUFFER, dtype=torch.uint8) for _ in range(library.threads)]
    best = 0.0
    with ThreadPoolExecutor(library.threads) as threads:
        for _ in range(5):
            begin = time.perf_counter()
            assert not any(threads.map(library.has_nan, buffers))
            best = max(best, len(buffers) * _BUFFER / (time.perf_counter() - begin))
    return best


def resident(pid: int) -> int:
    """Bytes of RAM that a process has, mapped files included; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
