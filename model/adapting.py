"""An adapter's weights, put to those of a model: each is a product of two narrow matrices, added to one of the model's.

    adapter_model.safetensors ─► deltas() ─► Delta for each weight ─┬► fold()        into weights of 16 or 32 bits
                                                                    ├► with_delta()  into a copy of one, to be packed
                                                                    └► Beside        beside those of 4 bits

The names say where they belong: `…layers.0.self_attn.q_proj.lora_A.weight` changes a layer's matrix. Where several
weights of one module are changed that are no layers of their own, PEFT nests them: the last one has the plain name, the
one before it `.base_layer` more, and so on.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from ossa.model.adapter import WEIGHTS, Settings, settings_of
from ossa.model.base import ModelError
from ossa.model.discover import Found

_KEY = re.compile(r"(?:base_model\.model\.)?(?P<module>.+?)(?P<deep>(?:\.base_layer)*)\.lora_(?P<part>[AB])\.weight")

_Pair = dict[str, torch.Tensor]
"""The two matrices by their letters: A `[rank, in]`, B `[out, rank]`, those of all experts in one."""


@dataclass(frozen=True, slots=True)
class Delta:
    """What is added to one weight: `up @ down`, for each expert where it has several."""

    down: torch.Tensor
    """float32, `[experts, rank, in]`"""
    up: torch.Tensor
    """float32, `[experts, out, rank]`, the scale included"""

    def fold(self, weight: torch.Tensor) -> None:
        """Add it in place to a weight `[out, in]`, or to those of experts, `[experts, in, out]`."""
        parts = weight[None] if weight.ndim == 2 else weight.transpose(1, 2)
        # One by one: for all experts of a layer at once the sum would take gigabytes.
        for part, down, up in zip(parts, self.down, self.up, strict=True):
            added = up.to(part.device) @ down.to(part.device)
            part.copy_(part.float() + added)


def with_delta(weight: torch.Tensor, delta: Delta | None) -> torch.Tensor:
    """A weight with what is added to it: a copy, or itself where nothing is."""
    if delta is None:
        return weight
    copy = weight.clone()
    delta.fold(copy)
    return copy


class Beside:
    """The deltas of matrices that are multiplied as one, computed beside them."""

    def __init__(self, deltas: Sequence[Delta | None], rows: Sequence[int], dtype: torch.dtype) -> None:
        """`rows` says how many each matrix has; at least one has a delta."""
        some = [delta for delta in deltas if delta]
        blocks = [delta.up[0] if delta else torch.zeros(count, 0) for delta, count in zip(deltas, rows, strict=True)]
        self._down = torch.cat([delta.down[0] for delta in some]).to(dtype).t()
        self._up = torch.block_diag(*blocks).to(dtype).t().contiguous()

    def __call__(self, product: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
        """What `hidden`, `[tokens, in]`, adds to its `product` with the matrices, `[tokens, out]`."""
        return product.addmm_(hidden @ self._down, self._up)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._down.nbytes + self._up.nbytes


def fold(found: Found, parameters: Iterable[tuple[str, torch.Tensor]]) -> None:
    """Add the model's adapter, if it has one, to its weights in place.

    Raises:
        ModelError: see `deltas`.
    """
    if found.adapter is None:
        return
    weights = dict(parameters)
    with torch.no_grad():
        for name, delta in deltas(found, {name: tuple(weight.shape) for name, weight in weights.items()}).items():
            delta.fold(weights[name])


def deltas(found: Found, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Delta]:
    """What the model's adapter, if it has one, changes: by the names of weights, of which `shapes` has all.

    Raises:
        ModelError: it is damaged, of another model, or changes what cannot be changed by ossa.
    """
    if found.adapter is None:
        return {}
    settings = settings_of(found.adapter)
    try:
        content = load_file(found.adapter / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{found.adapter / WEIGHTS} cannot be read: {error}.") from error
    try:
        changed = _read(content, settings, shapes)
    except _Misfit as error:
        raise ModelError(
            f"The adapter in {found.adapter} (for {settings.base}) does not fit {found.name}: {error}."
        ) from None
    except re.error as error:
        raise ModelError(f"The adapter in {found.adapter} has a broken pattern in alpha_pattern: {error}.") from error
    return changed


class _Misfit(Exception):
    """Why an adapter does not fit, as half a sentence."""


def _read(
    content: Mapping[str, torch.Tensor], settings: Settings, shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, Delta]:
    changed: dict[str, Delta] = {}
    for module, pairs in _modules(content).items():
        targeted = _parameters(module, settings, shapes)
        names = targeted or [f"{module}.weight"]
        if len(names) != len(pairs) or sorted(pairs) != list(range(len(pairs))):
            raise _Misfit(f"of {module} it changes {len(pairs)} weights and names {len(names)}")
        for deep, pair in pairs.items():
            name = names[-1 - deep]
            if name not in shapes:
                raise _Misfit(f"it changes {name}, which this model does not have")
            # Patterns are for the names of layers, and for those of weights that are none.
            changed[name] = _delta(name, pair, shapes[name], _alpha(name if targeted else module, settings), settings)
    if not changed:
        raise _Misfit("it changes nothing")
    return changed


def _modules(content: Mapping[str, torch.Tensor]) -> dict[str, dict[int, _Pair]]:
    """The pairs of each module, by how deep they are nested."""
    found: dict[str, dict[int, _Pair]] = {}
    for key, tensor in content.items():
        match = _KEY.fullmatch(key)
        if match is None:
            raise _Misfit(f"it has {key}, and ossa supports changes of matrices only")
        pairs = found.setdefault(match["module"], {})
        pairs.setdefault(match["deep"].count("."), {})[match["part"]] = tensor.float()
    return found


def _parameters(module: str, settings: Settings, shapes: Mapping[str, tuple[int, ...]]) -> list[str]:
    """Which weights of the module are targeted by themselves, in the module's order."""
    own = (name for name in shapes if name.rpartition(".")[0] == module)
    return [name for name in own if any(f".{name}".endswith(f".{target}") for target in settings.parameters)]


def _alpha(name: str, settings: Settings) -> float:
    fitting = (alpha for pattern, alpha in settings.alphas.items() if re.match(rf"(.*\.)?({pattern})$", name))
    return next(fitting, settings.alpha)


def _delta(name: str, pair: _Pair, shape: tuple[int, ...], alpha: float, settings: Settings) -> Delta:
    if len(pair) != 2 or any(part.ndim != 2 for part in pair.values()) or len(shape) not in (2, 3):
        raise _Misfit(f"of {name} it has no pair of matrices")
    experts = shape[0] if len(shape) == 3 else 1
    width_in, width_out = shape[-2:] if len(shape) == 3 else (shape[1], shape[0])
    down, up = pair["A"], pair["B"]
    rank = len(down) // experts
    if rank == 0 or down.shape != (rank * experts, width_in) or up.shape != (width_out, rank * experts):
        sizes = f"{tuple(down.shape)} and {tuple(up.shape)}"
        raise _Misfit(f"its matrices for {name} are {sizes}, and the weight is {shape}")
    if not (down.isfinite().all() and up.isfinite().all()):
        raise _Misfit(f"its matrices for {name} hold what is no number")
    up = up * (alpha / (math.sqrt(rank) if settings.by_root else rank))
    # PEFT has A expert by expert, but B rank by rank.
    return Delta(down.view(experts, rank, width_in), up.view(width_out, rank, experts).permute(2, 0, 1))
