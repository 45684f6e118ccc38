"""gpt-oss on a CPU with its weights as they lie in the files: transformers' module, in which some layers are ours.

checkpoint, mapped ─┬► experts as they are ──────────────────────────────┐
                    ├► dense layers: int8 from the disk, or bf16 (exact) ├─► GptOssForCausalLM, never dequantised
                    └► embeddings, norms, routers, sinks, as they are ───┘
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM, GptOssRotaryEmbedding

from ossa.model.base import ModelError
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.layers import Dense, Experts, Rows
from ossa.model.mxfp4.library import Library, fits
from ossa.model.mxfp4.narrow import NarrowFolder
from ossa.model.mxfp4.weights import GROUP, ExpertWeights

CHUNK = 128
"""Tokens of a prompt read at once: most experts are used by some of them, and stopping takes a second or two."""


@dataclass(frozen=True, slots=True)
class Options:
    """How it is to compute."""

    library: Library | None = None
    """The kernels; None for torch alone, which unpacks each expert that it uses: exact, and slow."""
    dtype: torch.dtype = torch.bfloat16
    """Of weights, activations and states in torch; float32 is what all else is compared with."""
    exact: bool = False
    """Whether dense layers stay bf16."""
    kept: Path | None = None
    """A folder for dense layers as int8."""
    is_bf16_fast: bool = True
    """Whether torch is fast at products in bf16."""


def assemble(folder: Path, config: Any, options: Options) -> Any:
    """The module of transformers' `GptOssConfig`, ready to run.

    Raises:
        ModelError: files are missing or damaged, or of another layout than gpt-oss's.
    """
    checkpoint = Checkpoint(folder)
    _check(config, checkpoint, folder)
    with torch.device("meta"):
        module: Any = GptOssForCausalLM(config)
    narrow = NarrowFolder(None if options.exact else options.kept, folder)
    is_known = narrow.is_there
    for number, layer in enumerate(module.model.layers):
        weights = _experts(checkpoint, f"model.layers.{number}.mlp.experts", config)
        if not is_known:
            _check_scales(weights, options.library, number, folder)
        layer.mlp.experts = Experts(weights, options.library)
    for name, parameter in list(module.named_parameters()):
        is_wide = options.library and ".router." in name
        dtype = torch.float32 if is_wide else options.dtype
        _assign(module, name, _tensor(checkpoint, name, parameter, config).to(dtype))
    if config.tie_word_embeddings:
        module.lm_head.weight = module.model.embed_tokens.weight
    if options.library is not None:
        _take_over(module, options, options.library, narrow)
    # What it computes from the configuration alone is not in the checkpoint.
    module.model.rotary_emb = GptOssRotaryEmbedding(config)
    return module.eval()


def _check(config: Any, checkpoint: Checkpoint, folder: Path) -> None:
    """Refuse what the kernels would compute wrong, or transformers in another way."""
    what = ""
    if config.hidden_size % GROUP or config.intermediate_size % GROUP:
        what = f"its layers are not of whole groups of {GROUP}"
    elif not any(name.endswith("gate_up_proj_blocks") for name in checkpoint.names):
        what = "its experts are not laid out as gpt-oss's are, in blocks and scales"
    if what:
        raise ModelError(f"The model in {folder} cannot be used: {what}.")


def _experts(checkpoint: Checkpoint, prefix: str, config: Any) -> ExpertWeights:
    experts, hidden, inner = config.num_local_experts, config.hidden_size, config.intermediate_size

    def part(name: str, rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        groups = columns // GROUP
        return (
            checkpoint.tensor(f"{prefix}.{name}_blocks", torch.uint8, experts, rows, groups, GROUP // 2),
            checkpoint.tensor(f"{prefix}.{name}_scales", torch.uint8, experts, rows, groups),
            checkpoint.tensor(f"{prefix}.{name}_bias", torch.bfloat16, experts, rows),
        )

    alpha, limit = float(getattr(config, "swiglu_alpha", 1.702)), float(config.swiglu_limit)
    return ExpertWeights(
        *part("gate_up_proj", 2 * inner, hidden), *part("down_proj", hidden, inner), alpha=alpha, limit=limit
    )


def _check_scales(weights: ExpertWeights, library: Library | None, number: int, folder: Path) -> None:
    for scales in (weights.gate_up_scales, weights.down_scales):
        if library.has_nan(scales) if library else bool((scales == 255).any()):
            raise ModelError(
                f"The model in {folder} cannot be used: scales of its experts in layer {number} are no numbers. "
                "Fetch it again."
            )


def _tensor(checkpoint: Checkpoint, name: str, parameter: torch.Tensor, config: Any) -> torch.Tensor:
    if name == "lm_head.weight" and config.tie_word_embeddings:
        name = "model.embed_tokens.weight"
    return checkpoint.tensor(name, torch.bfloat16, *parameter.shape)


def _assign(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    path, _, last = name.rpartition(".")
    setattr(module.get_submodule(path), last, nn.Parameter(tensor, requires_grad=False))


def _take_over(module: Any, options: Options, library: Library, narrow: NarrowFolder) -> None:
    """Let the kernels compute the dense layers; routers are small and decide much, so they stay torch's, in float32."""
    module.model.embed_tokens = Rows(module.model.embed_tokens.weight.detach())
    linears = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear) and fits(part.weight)}
    wide = {name: linear.weight.detach() for name, linear in linears.items()}
    layers = {} if options.exact else narrow.get(wide, library)
    for name, linear in linears.items():
        weight, scales = layers.get(name) or (wide[name], None)
        bias: Any = linear.bias  # None in the output layer, whatever its type says
        dense = Dense(weight, scales, bias, library, is_bf16_fast=options.is_bf16_fast)
        path, _, last = name.rpartition(".")
        setattr(module.get_submodule(path), last, dense)


def size_of(module: nn.Module) -> int:
    """Bytes of weights that a running model keeps using: of embeddings it reads a few rows."""
    experts = (part for part in module.modules() if isinstance(part, Experts))
    dense = (part.size for part in module.modules() if isinstance(part, Dense))
    return sum(tensor.nbytes for part in experts for tensor in part.weights.tensors()) + sum(dense)
