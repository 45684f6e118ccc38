"""gpt-oss on a CPU with its weights as they lie in the files: transformers' module, in which some layers are ours.

checkpoint, mapped ─┬► experts as they are ──────────────────────────────┐
adapter ────────────┼► dense layers: int8 from the disk, or bf16 (exact) ├─► GptOssForCausalLM, never dequantised
                    └► embeddings, norms, routers, sinks, as they are ───┘
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers.models.gpt_oss.modeling_gpt_oss import (
    GptOssForCausalLM,
    GptOssRMSNorm,
    GptOssRotaryEmbedding,
    GptOssTopKRouter,
)

from ossa.model.adapting import Delta, deltas, with_delta
from ossa.model.base import ModelError
from ossa.model.discover import Found
from ossa.model.machine import free_ram
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.layers import Dense, Experts, Norm, Router, Rows
from ossa.model.mxfp4.library import Library, fits
from ossa.model.mxfp4.narrow import Narrow, NarrowFolder
from ossa.model.mxfp4.near import Head
from ossa.model.mxfp4.passing import Passing
from ossa.model.mxfp4.weights import GROUP, NO_SCALES, ExpertWeights

DRAFTED = 96
"""Tokens of a draft: reading the weights is a tenth of what a pass over them takes, so longer ones gain no more."""
CHUNK = 128
"""Tokens of a prompt read at once: most experts are used by some of them, and stopping takes a second or two."""


def _quietly(_far: str) -> None: ...


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
    tell: Callable[[str], object] = _quietly
    """Hears how far it is, in a few words."""
    found: Found | None = None
    """The model on disk, for its adapter."""


def assemble(folder: Path, config: Any, options: Options) -> Any:
    """The module of transformers' `GptOssConfig`, ready to run.

    Raises:
        ModelError: files are missing or damaged, or of another layout than gpt-oss's.
    """
    checkpoint = Checkpoint(folder)
    _check(config, checkpoint, folder)
    with torch.device("meta"):
        module: Any = GptOssForCausalLM(config)
    adapter = options.found.adapter if options.found else None
    narrow = NarrowFolder(None if options.exact else options.kept, folder, adapter)
    is_known = narrow.is_there
    for number, layer in enumerate(module.model.layers):
        weights = _experts(checkpoint, f"model.layers.{number}.mlp.experts", config)
        if not is_known:
            options.tell(f"checking layer {number + 1} of {len(module.model.layers)}")
            _check_scales(weights, options.library, number, folder)
        layer.mlp.experts = Experts(weights, options.library)
    for name, parameter in list(module.named_parameters()):
        _assign(module, name, _tensor(checkpoint, name, parameter, config).to(options.dtype))
    if config.tie_word_embeddings:
        module.lm_head.weight = module.model.embed_tokens.weight
    changed = _adapt(module, options)
    if options.library is not None:
        _take_over(module, options, options.library, (narrow, changed), checkpoint)
    # What it computes from the configuration alone is not in the checkpoint.
    module.model.rotary_emb = GptOssRotaryEmbedding(config)
    module.check_files = checkpoint.check
    _read_ahead(checkpoint, narrow.kept, options)
    return module.eval()


def _read_ahead(checkpoint: Checkpoint, narrow: Checkpoint | None, options: Options) -> None:
    """Read what every token needs in one go, as far as there is room: page by page it takes longer."""
    embeddings = "model.embed_tokens.weight"
    packed = {f"{name}.weight" for name in narrow.names} if narrow else set[str]()
    parts = [(checkpoint, [name for name in checkpoint.names if name not in {embeddings, *packed}])]
    if narrow:
        parts.insert(0, (narrow, narrow.names))
        checkpoint.expect_few(embeddings)
    total, room, read = sum(file.size(name) for file, names in parts for name in names), free_ram(), 0
    for file, names in parts:
        fitting = bisect_right(list(accumulate(file.size(name) for name in names)), room - read)
        done = 0
        for done, _ in file.read_ahead(names[:fitting]):
            options.tell(f"reading {(read + done) / 1e9:.1f} of {min(total, room) / 1e9:.1f} GB")
        read += done


def _check(config: Any, checkpoint: Checkpoint, folder: Path) -> None:
    """Refuse what the kernels would compute wrong, or transformers in another way."""
    what = ""
    if config.hidden_size % GROUP or config.intermediate_size % GROUP:
        what = f"its layers are not of whole groups of {GROUP}"
    elif not 0 < config.num_experts_per_tok <= config.num_local_experts:
        what = f"of its {config.num_local_experts} experts a token would take {config.num_experts_per_tok}"
    elif 2 * len(GptOssRotaryEmbedding(config).inv_freq) != config.head_dim:
        what = "its heads are not turned as a whole"
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
        if any(library.holds(scales, byte) if library else bool((scales == byte).any()) for byte in NO_SCALES):
            raise ModelError(
                f"The model in {folder} cannot be used: scales of its experts in layer {number} are no numbers "
                "to compute with. Fetch it again."
            )


def _tensor(checkpoint: Checkpoint, name: str, parameter: torch.Tensor, config: Any) -> torch.Tensor:
    if name == "lm_head.weight" and config.tie_word_embeddings:
        name = "model.embed_tokens.weight"
    return checkpoint.tensor(name, torch.bfloat16, *parameter.shape)


def _assign(module: nn.Module, name: str, tensor: torch.Tensor) -> None:
    path, _, last = name.rpartition(".")
    setattr(module.get_submodule(path), last, nn.Parameter(tensor, requires_grad=False))


def _adapt(module: Any, options: Options) -> dict[str, Delta]:
    """Add the adapter to weights that are used as they are; what it adds to layers that are yet to be packed."""
    if options.found is None:
        return {}
    shapes = {name: tuple(weight.shape) for name, weight in module.named_parameters()}
    later: dict[str, Delta] = {}
    for name, delta in deltas(options.found, shapes).items():
        layer, weight = name.rpartition(".")[0], module.get_parameter(name).detach()
        is_packed = options.library is not None and not options.exact and fits(weight)
        if is_packed and isinstance(module.get_submodule(layer), nn.Linear):
            later[layer] = delta
        else:
            _assign(module, name, with_delta(weight, delta))
    return later


def _take_over(
    module: Any,
    options: Options,
    library: Library,
    narrow: tuple[NarrowFolder, Mapping[str, Delta]],
    checkpoint: Checkpoint,
) -> None:
    """Let the kernels compute the dense layers, and attention where they can.

    `narrow` has what an adapter adds to layers in int8, too.
    """
    module.model.embed_tokens = Rows(module.model.embed_tokens.weight.detach())
    for layer in module.model.layers:
        attention, router = layer.self_attn, layer.mlp.router
        if fits(router.weight):
            dense = Dense(router.weight.detach(), None, router.bias.detach(), library)
            layer.mlp.router = Router(dense, router.top_k, library)
        keys = attention.k_proj.out_features // attention.head_dim
        if library.attends(attention.q_proj.out_features // attention.head_dim, keys, attention.head_dim):
            attention.native = library
    for path, part in list(module.named_modules()):
        if isinstance(part, GptOssRMSNorm):
            module.set_submodule(path, Norm(part.weight.detach(), part.variance_epsilon, library))
    linears = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear) and fits(part.weight)}
    wide = {name: linear.weight.detach() for name, linear in linears.items()}
    folder, changed = narrow
    passing = wide if folder.is_there else Passing(wide, checkpoint, options.tell)
    layers = {} if options.exact else folder.get(passing, library, "lm_head", changed)
    for name, linear in linears.items():
        bias: Any = linear.bias  # None in the output layer, whatever its type says
        path, _, last = name.rpartition(".")
        setattr(module.get_submodule(path), last, _dense(wide[name], layers.get(name), bias, library))
    # What the kernels can't compute is torch's, which is to have one type.
    for part in module.modules():
        if isinstance(part, nn.Linear | GptOssTopKRouter):
            part.float()


def _dense(wide: torch.Tensor, narrow: Narrow | None, bias: torch.Tensor | None, library: Library) -> Dense:
    if narrow is None:
        return Dense(wide, None, bias, library)
    if narrow.near is not None and bias is None:
        return Head(narrow.weight, narrow.scales, narrow.near, library)
    return Dense(narrow.weight, narrow.scales, bias, library)


def states_of(library: Library | None) -> torch.dtype:
    """In what keys and values are kept: halves are eight times as exact as bf16, but torch is slow at them."""
    return torch.float16 if library else torch.bfloat16


def size_of(module: nn.Module) -> int:
    """Bytes of weights that a running model keeps using: of embeddings it reads a few rows."""
    experts = (part for part in module.modules() if isinstance(part, Experts))
    dense = (part.size for part in module.modules() if isinstance(part, Dense))
    return sum(tensor.nbytes for part in experts for tensor in part.weights.tensors()) + sum(dense)
