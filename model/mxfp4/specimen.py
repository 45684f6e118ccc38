"""Checkpoints of gpt-oss's architecture with random weights, in the layout of the official files: to test and measure.

    configuration, seed ─► FOLDER/config.json, model-0000N-of-0000M.safetensors, model.safetensors.index.json

Written bit by bit, so that one of 14 GB takes little memory. What such a model writes makes no sense, and takes as
long as sense would.
"""

import json
import math
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_RMS = 2.93
"""Of values whose 4 bits are random."""
_PART = 16 << 20
"""Values that are made at once: all of an embedding would take gigabytes."""
_DTYPES = {"U8": 1, "BF16": 2}

CONFIG_20B: dict[str, Any] = {
    "architectures": ["GptOssForCausalLM"],
    "model_type": "gpt_oss",
    "dtype": "bfloat16",
    "attention_bias": True,
    "head_dim": 64,
    "hidden_size": 2880,
    "intermediate_size": 2880,
    "initial_context_length": 4096,
    "layer_types": ["sliding_attention", "full_attention"] * 12,
    "max_position_embeddings": 131072,
    "num_attention_heads": 64,
    "num_experts_per_tok": 4,
    "num_hidden_layers": 24,
    "num_key_value_heads": 8,
    "num_local_experts": 32,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "beta_fast": 32.0,
        "beta_slow": 1.0,
        "factor": 32.0,
        "original_max_position_embeddings": 4096,
        "rope_type": "yarn",
        "truncate": False,
    },
    "rope_theta": 150000,
    "sliding_window": 128,
    "swiglu_limit": 7.0,
    "tie_word_embeddings": False,
    "vocab_size": 201088,
    "quantization_config": {
        "quant_method": "mxfp4",
        "modules_to_not_convert": [
            "model.layers.*.self_attn",
            "model.layers.*.mlp.router",
            "model.embed_tokens",
            "lm_head",
        ],
    },
}
"""As openai/gpt-oss-20b has it, without what only matters to tokenizers and training."""


@dataclass(frozen=True, slots=True)
class _Tensor:
    name: str
    dtype: str
    shape: tuple[int, ...]
    make: Callable[[np.random.Generator, int], bytes]
    """So many of its values."""

    @property
    def size(self) -> int:
        return math.prod(self.shape) * _DTYPES[self.dtype]


def make_random(
    folder: Path,
    config: Mapping[str, Any] = CONFIG_20B,
    seed: int = 0,
    shards: int = 3,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Write such a checkpoint; the folder comes into its place whole.

    Args:
        folder: where to; is left alone if it is there already.
        config: what `config.json` is to say.
        seed: of the random numbers.
        shards: files to spread the weights over.
        progress: hears of bytes written and in all.
    """
    if folder.exists():
        return folder
    fresh = folder.with_name(f"{folder.name}.new")
    fresh.mkdir(parents=True, exist_ok=True)
    numbers, tensors = np.random.default_rng(seed), list(_tensors(config))
    total, done, places = sum(tensor.size for tensor in tensors), 0, dict[str, str]()
    share = math.ceil(len(tensors) / shards)
    for number in range(shards):
        part = tensors[number * share : (number + 1) * share]
        name = f"model-{number + 1:05}-of-{shards:05}.safetensors"
        places |= dict.fromkeys((tensor.name for tensor in part), name)
        with (fresh / name).open("wb") as file:
            file.write(_header(part))
            for tensor in part:
                for first in range(0, count := math.prod(tensor.shape), _PART):
                    file.write(tensor.make(numbers, min(_PART, count - first)))
                done += tensor.size
                progress(done, total)
    (fresh / "config.json").write_text(json.dumps(dict(config), indent=1))
    index = {"metadata": {"total_size": total}, "weight_map": places}
    (fresh / "model.safetensors.index.json").write_text(json.dumps(index))
    return fresh.rename(folder)


def _header(tensors: list[_Tensor]) -> bytes:
    entries: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    at = 0
    for tensor in tensors:
        entries[tensor.name] = {
            "dtype": tensor.dtype,
            "shape": tensor.shape,
            "data_offsets": [at, at + tensor.size],
        }
        at += tensor.size
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def _tensors(config: Mapping[str, Any]) -> Iterator[_Tensor]:
    hidden, inner, experts = config["hidden_size"], config["intermediate_size"], config["num_local_experts"]
    heads = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    yield _normal("model.embed_tokens.weight", 1.0, config["vocab_size"], hidden)
    for number in range(config["num_hidden_layers"]):
        layer = f"model.layers.{number}"
        for name in ("input_layernorm", "post_attention_layernorm"):
            yield _normal(f"{layer}.{name}.weight", 0.1, hidden, mean=1)
        yield _normal(f"{layer}.self_attn.sinks", 1.0, config["num_attention_heads"])
        for name, rows, columns in (
            ("q", heads, hidden),
            ("k", keys, hidden),
            ("v", keys, hidden),
            ("o", hidden, heads),
        ):
            yield _normal(f"{layer}.self_attn.{name}_proj.weight", columns**-0.5, rows, columns)
            yield _normal(f"{layer}.self_attn.{name}_proj.bias", 0.1, rows)
        yield _normal(f"{layer}.mlp.router.weight", hidden**-0.5, experts, hidden)
        yield _normal(f"{layer}.mlp.router.bias", 0.1, experts)
        for name, rows, columns in (("gate_up", 2 * inner, hidden), ("down", hidden, inner)):
            yield from _packed(f"{layer}.mlp.experts.{name}_proj", experts, rows, columns)
    yield _normal("model.norm.weight", 0.1, hidden, mean=1)
    if not config["tie_word_embeddings"]:
        yield _normal("lm_head.weight", 2 * hidden**-0.5, config["vocab_size"], hidden)


def _packed(name: str, experts: int, rows: int, columns: int) -> Iterator[_Tensor]:
    scale = 127 - round(math.log2(_RMS * math.sqrt(columns)))
    shape = (experts, rows, columns // 32)
    yield _Tensor(f"{name}_blocks", "U8", (*shape, 16), lambda numbers, count: numbers.bytes(count))
    yield _Tensor(
        f"{name}_scales", "U8", shape, lambda n, count: n.integers(scale - 1, scale + 2, count, np.uint8).tobytes()
    )
    yield _normal(f"{name}_bias", 0.1, experts, rows)


def _normal(name: str, deviation: float, *shape: int, mean: float = 0) -> _Tensor:
    def make(numbers: np.random.Generator, count: int) -> bytes:
        values = numbers.standard_normal(count, np.float32)
        values *= deviation
        values += mean
        return (values.view(np.uint32) >> 16).astype(np.uint16).tobytes()

    return _Tensor(name, "BF16", shape, make)
