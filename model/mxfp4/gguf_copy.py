"""The weights of a gpt-oss checkpoint as a GGUF file, for llama.cpp to run the very same beside ours.

    FOLDER/*.safetensors, mapped ─► one tensor after the other ─► FILE.gguf

As the released gpt-oss-20b in GGUF has them: experts stay MXFP4, their bytes in llama.cpp's order; attention,
embeddings and output layer Q8_0; all else float32. The vocabulary is made up, so prompts are given as token ids.
Run by an interpreter that has the package gguf, not ours: python gguf_copy.py FOLDER FILE.gguf
"""

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

gguf, quants, utility = (importlib.import_module(f"gguf{part}") for part in ("", ".quants", ".utility"))
_F32, _Q8, _MXFP4 = (getattr(gguf.GGMLQuantizationType, name) for name in ("F32", "Q8_0", "MXFP4"))
_ROWS = 8192
"""Rounded to Q8_0 at once: an output layer's float32 would take gigabytes."""
Tensor = tuple[str, Any, tuple[int, ...], Callable[[], Any]]
"""Its name, type, shape as rows first, and what makes its bytes when its turn comes."""


class _Source:
    """The tensors of a folder."""

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, Any] = {}
        for file in sorted(folder.glob("*.safetensors")):
            self._places |= utility.SafetensorsLocal(file).tensors

    def shape(self, name: str) -> tuple[int, ...]:
        return self._places[name].shape

    def raw(self, name: str) -> Any:
        """Bytes, in the tensor's shape where that is of bytes, too."""
        place = self._places[name]
        mapped = place.mmap_bytes()
        return mapped.reshape(place.shape) if place.dtype == "U8" else mapped

    def wide(self, name: str) -> Any:
        """Its bf16 as float32, without a copy of the whole file."""
        bits = self.raw(name).view(np.uint16).reshape(self.shape(name))
        return (bits.astype(np.uint32) << 16).view(np.float32)

    def narrow(self, name: str) -> Any:
        """Its bf16 as Q8_0."""
        bits = self.raw(name).view(np.uint16).reshape(self.shape(name))
        parts = (bits[first : first + _ROWS].astype(np.uint32) << 16 for first in range(0, len(bits), _ROWS))
        return np.concatenate([quants.quantize(part.view(np.float32), _Q8) for part in parts])

    def experts(self, name: str, rows: slice) -> Any:
        """Blocks behind their scales; llama.cpp has in byte n the values n and n + 16, not 2n and 2n + 1."""
        blocks, scales = self.raw(f"{name}_blocks")[:, rows], self.raw(f"{name}_scales")[:, rows]
        low, high = blocks & 15, blocks >> 4
        packed = np.empty((*scales.shape, 17), np.uint8)
        packed[..., 0] = scales
        packed[..., 1::2] = low[..., :8] | low[..., 8:] << 4
        packed[..., 2::2] = high[..., :8] | high[..., 8:] << 4
        return packed.reshape(*scales.shape[:2], -1)


def tensors(source: _Source, config: dict[str, Any]) -> Iterator[Tensor]:
    """All of them, in the order of the file."""

    def wide(ours: str, theirs: str) -> Tensor:
        return theirs, _F32, source.shape(ours), lambda: source.wide(ours)

    def narrow(ours: str, theirs: str) -> Tensor:
        return theirs, _Q8, source.shape(ours), lambda: source.narrow(ours)

    tied = config.get("tie_word_embeddings")
    yield narrow("model.embed_tokens.weight", "token_embd.weight")
    yield narrow("model.embed_tokens.weight" if tied else "lm_head.weight", "output.weight")
    yield wide("model.norm.weight", "output_norm.weight")
    for number in range(config["num_hidden_layers"]):
        layer, block = f"model.layers.{number}", f"blk.{number}"
        yield wide(f"{layer}.input_layernorm.weight", f"{block}.attn_norm.weight")
        yield wide(f"{layer}.post_attention_layernorm.weight", f"{block}.post_attention_norm.weight")
        yield wide(f"{layer}.self_attn.sinks", f"{block}.attn_sinks.weight")
        for ours, theirs in (("q", "q"), ("k", "k"), ("v", "v"), ("o", "output")):
            yield narrow(f"{layer}.self_attn.{ours}_proj.weight", f"{block}.attn_{theirs}.weight")
            yield wide(f"{layer}.self_attn.{ours}_proj.bias", f"{block}.attn_{theirs}.bias")
        for part in ("weight", "bias"):
            yield wide(f"{layer}.mlp.router.{part}", f"{block}.ffn_gate_inp.{part}")
        yield from _experts(source, f"{layer}.mlp.experts", block)


def _experts(source: _Source, layer: str, block: str) -> Iterator[Tensor]:
    for ours, theirs, first, step in (("gate_up", "gate", 0, 2), ("gate_up", "up", 1, 2), ("down", "down", 0, 1)):
        name, rows = f"{layer}.{ours}_proj", slice(first, None, step)
        experts, all_rows, groups = source.shape(f"{name}_scales")
        shape = (experts, all_rows // step, groups * 17)
        yield (
            f"{block}.ffn_{theirs}_exps.weight",
            _MXFP4,
            shape,
            lambda name=name, rows=rows: source.experts(name, rows),
        )
        yield (
            f"{block}.ffn_{theirs}_exps.bias",
            _F32,
            shape[:2],
            lambda name=name, rows=rows: np.ascontiguousarray(source.wide(f"{name}_bias")[:, rows]),
        )


def describe(writer: Any, config: dict[str, Any]) -> None:
    """What llama.cpp has to know of the model."""
    yarn = config.get("rope_scaling") or config["rope_parameters"]
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_expert_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_expert_count(config["num_local_experts"])
    writer.add_expert_used_count(config["num_experts_per_tok"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_rope_freq_base(float(config.get("rope_theta") or yarn["rope_theta"]))
    writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
    writer.add_rope_scaling_factor(yarn["factor"])
    writer.add_rope_scaling_orig_ctx_len(yarn["original_max_position_embeddings"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_MXFP4_MOE)
    _add_vocabulary(writer, config["vocab_size"])


def _add_vocabulary(writer: Any, size: int) -> None:
    """One without meaning that llama.cpp takes: single letters, then made-up words."""
    letters = [chr(code) for code in (*range(33, 127), 0x120, 0x10A)]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-4o")
    writer.add_token_list((letters + [f"word{n}" for n in range(len(letters), size)])[:size])
    writer.add_token_types([gguf.TokenType.NORMAL] * size)
    writer.add_token_merges(["w o"])
    writer.add_eos_token_id(size - 1)
    writer.add_add_bos_token(False)


def write(folder: Path, file: Path) -> None:
    """Write the file; it comes into its place whole."""
    config = json.loads((folder / "config.json").read_text())
    fresh = file.with_suffix(".new")
    writer = gguf.GGUFWriter(fresh, "gpt-oss")
    describe(writer, config)
    every = list(tensors(_Source(folder), config))
    for name, kind, shape, _ in every:
        if kind == _Q8:
            shape = (*shape[:-1], shape[-1] // 32 * 34)
        size = int(np.prod(shape)) * (4 if kind == _F32 else 1)
        writer.add_tensor_info(name, shape, np.dtype(np.float32 if kind == _F32 else np.uint8), size, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for number, (*_, make) in enumerate(every):
        writer.write_tensor_data(make())
        print(json.dumps([number + 1, len(every)]), flush=True)
    writer.close()
    fresh.rename(file)


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
