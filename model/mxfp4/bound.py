"""How fast gpt-oss could write on this machine at best: a token takes as long as reading the weights it goes through.

configuration ─► bytes of a token ┐
threads that read memory ─────────┴► tokens a second, for `ossa bench-model --random`
"""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from typing import Any

import torch

from ossa.model.mxfp4.library import Library

_BUFFER, _COLUMNS = 128 << 20, 2880
"""Weights that each thread reads, more than caches hold, and how many there are in a row."""
_PACKED, _INT8, _BF16 = 17 / 32, 18 / 16, 2.0
"""Bytes of a weight, with its share of the scale."""


def bytes_of_token(config: Mapping[str, Any], *, exact: bool = False) -> int:
    """What is read of the weights to write one token."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    heads = (2 * config["num_attention_heads"] + 2 * config["num_key_value_heads"]) * config["head_dim"]
    experts = config["num_experts_per_tok"] * 3 * hidden * inner * _PACKED
    dense, head = config["num_hidden_layers"] * hidden * heads, config["vocab_size"] * hidden
    kept = dense * _BF16 + head * _BF16 if exact else dense * _INT8 + head * _PACKED
    return int(config["num_hidden_layers"] * experts + kept)


def bytes_per_second(library: Library) -> float:
    """How fast the kernels read memory, all threads together; the best of some turns, because other programs disturb.

    Two ways, of which the faster counts: by looking for a byte in it, which is all but reading, and by multiplying
    with weights in bf16, as a token does.
    """
    share = _BUFFER // _COLUMNS // 2 * 2
    weight = torch.ones(share * library.threads, _COLUMNS, dtype=torch.bfloat16)
    parts = list(weight.view(torch.uint8).chunk(library.threads))
    x, best = torch.ones(1, _COLUMNS), 0.0
    with ThreadPoolExecutor(library.threads) as threads:
        for read in (
            lambda: any(threads.map(library.holds, parts, repeat(255))),
            lambda: library.dense(weight, None, None, x),
        ):
            for _ in range(5):
                begin = time.perf_counter()
                read()
                best = max(best, weight.nbytes / (time.perf_counter() - begin))
    return best


def resident(pid: int) -> int:
    """Bytes of RAM that a process has, mapped files included; 0 where the system does not say."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0
