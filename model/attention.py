"""Attention over states that lie in up to two places: those that all rows of a batch share, and each row's own.

    queries ─┬► shared states [1, …]: read once for all rows ─┐
             └► own states [rows, …]: causal                  ┴► one softmax over both, with the sinks of gpt-oss;
                                                                 or, where that is large, merged by log-sum-exp

On a CPU, gpt-oss with experts in MXFP4 has kernels of its own (`Native`), which take row by row and round nowhere.
It masks by itself: causally, by the layer's window, and what pads a row on its left. So transformers makes no masks.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch

NAME = "ossa"
"""Under which transformers finds it, as `attn_implementation`."""
_MANY = 4
"""New tokens from which on plain products are worth their memory."""
_LARGE = 1 << 24
"""Scores from which on they are not."""


@dataclass(frozen=True, slots=True)
class Shared:
    """States that every row of a batch goes on from."""

    layers: tuple[tuple[torch.Tensor, torch.Tensor], ...]
    """Keys and values of every layer, `[1, key heads, tokens, width]`."""
    pads: torch.Tensor
    """For each row, how many of its own states on the left are none, `[rows]`."""
    pad: int
    """The most of them."""

    @property
    def size(self) -> int:
        """How many tokens are shared."""
        return self.layers[0][0].shape[2] if self.layers else 0


class Native(Protocol):
    """Attention of one row in C, which a layer's module may have as `native`."""

    def attend(
        self,
        query: torch.Tensor,
        states: tuple[torch.Tensor, torch.Tensor],
        sinks: torch.Tensor | None,
        scaling: float,
        window: int | None,
        common: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """`[1, heads, new, width]` over states in half precision to `[1, new, heads, width]`; `common` come first."""
        ...


class Part(NamedTuple):
    """Attention over some of the states."""

    output: torch.Tensor
    """`[rows, heads, tokens, width]`"""
    weight: torch.Tensor
    """The logarithm of what it weighs against other parts, float32, `[rows, heads, tokens]`."""


def register() -> str:
    """Make it known to transformers; returns its name there."""
    # Imported here since it takes seconds, and not every model needs it.
    from transformers.modeling_utils import AttentionInterface

    AttentionInterface.register(NAME, attend)
    return NAME


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None = None,
    *,
    scaling: float | None = None,
    sliding_window: int | None = None,
    s_aux: torch.Tensor | None = None,
    shared: Shared | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it: `[rows, heads, tokens, width]` to `[rows, tokens, heads, width]`.

    Args:
        module: the layer's attention, for its number, and its kernels if it has any.
        query: of the new tokens.
        key: of a row's own states, the new ones last.
        value: as `key`.
        attention_mask: never given.
        scaling: of the scores.
        sliding_window: how many tokens back it looks, itself included.
        s_aux: the sinks, one a head.
        shared: what the rows have in common, if they are several.
        options: what other implementations take.
    """
    new, pad = query.shape[2], shared.pad if shared else 0
    common = shared.layers[module.layer_idx] if shared and shared.layers else None
    own = key.shape[2]
    native: Native | None = getattr(module, "native", None)
    if native:
        pads = shared.pads.tolist() if shared else [0] * len(query)
        apart = (scaling or query.shape[-1] ** -0.5, sliding_window, common)
        return _each(native, query, (key, value), s_aux, apart, pads), None
    if sliding_window is not None:
        key, value = _reached((key, value), common, new + sliding_window - 1 + pad)
        common = None
    query = query.to(key.dtype)  # where states are kept in fewer bits
    is_masked = pad > 0 or (sliding_window is not None and key.shape[2] > sliding_window)
    pads = shared.pads if shared else None
    if common and query.numel() // query.shape[-1] * (common[0].shape[2] + key.shape[2]) < _LARGE:
        mask = _mask(query, key.shape[2], own, None, pads) if is_masked or new > 1 else None
        return _joint(query, (key, value), common, mask, scaling, s_aux), None
    mask = _mask(query, key.shape[2], own, sliding_window, pads) if is_masked else None
    return _by_parts(query, (key, value), common, mask, scaling, s_aux).to(query.dtype).transpose(1, 2), None


def _each(
    native: Native,
    query: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    sinks: torch.Tensor | None,
    apart: tuple[float, int | None, tuple[torch.Tensor, torch.Tensor] | None],
    pads: list[int],
) -> torch.Tensor:
    """Row by row, so that each computes what it would alone; `apart`: scaling, window and shared states."""
    rows, heads, new, width = query.shape
    out = query.new_zeros(rows, new, heads, width, dtype=torch.float32)
    for row, pad in enumerate(pads):
        keys, values = (states[row : row + 1, :, pad:] for states in own)
        fresh = min(new, keys.shape[2])
        scaling, window, common = apart
        part = native.attend(query[row : row + 1, :, new - fresh :], (keys, values), sinks, scaling, window, common)
        out[row, new - fresh :] = part[0]
    return out


def _by_parts(
    query: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    common: tuple[torch.Tensor, torch.Tensor] | None,
    mask: torch.Tensor | None,
    scaling: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """Attention to shared states and to the rows' own apart, and merged."""
    if mask is None:
        parts = _causal(query, *own, scaling, alone=not common and sinks is None)
    else:
        parts = [_part(query, *own, scaling, mask=mask)]
    if common:
        parts.append(_common(query, common[0], common[1], scaling))
    return _merged(parts, sinks)


def _reached(
    own: tuple[torch.Tensor, torch.Tensor], common: tuple[torch.Tensor, torch.Tensor] | None, reach: int
) -> list[torch.Tensor]:
    """The last states only, all that a window needs; of shared ones every row gets a copy of those few."""
    lacking = reach - own[0].shape[2]
    if lacking <= 0 or common is None:
        return [states[:, :, -reach:] for states in own]
    rows = own[0].shape[0]
    return [
        torch.cat([before[:, :, -lacking:].expand(rows, -1, -1, -1), states], dim=2)
        for before, states in zip(common, own, strict=True)
    ]


def _causal(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None, *, alone: bool
) -> list[Part]:
    """Every token attends to all before it in its row, and to itself; `alone`: nothing will be merged with it."""
    new, old = query.shape[2], key.shape[2] - query.shape[2]
    if new == 1:
        return [_common(query, key, value, scaling)]
    if alone and new >= _MANY and query.dtype == torch.bfloat16:
        return [_dense(query, key, value, scaling)]
    latest = _part(query, key[:, :, old:], value[:, :, old:], scaling, causal=True)
    return [latest, _common(query, key[:, :, :old], value[:, :, :old], scaling)] if old else [latest]


def _dense(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None) -> Part:
    """The same by plain products, which in bf16 are twice as fast as torch's flash attention; without a weight."""
    rows, heads, new, width = query.shape
    folded = query.reshape(rows, key.shape[1], -1, width) * (scaling or width**-0.5)
    scores = folded @ key.transpose(2, 3)
    latest = scores.view(rows, heads, new, -1)[..., -new:]
    latest += torch.full((new, new), -torch.inf, dtype=scores.dtype, device=scores.device).triu_(1)
    return Part((scores.softmax(-1) @ value).reshape(query.shape), torch.empty(0))


def _joint(
    query: torch.Tensor,
    own: tuple[torch.Tensor, torch.Tensor],
    common: tuple[torch.Tensor, torch.Tensor],
    mask: torch.Tensor | None,
    scaling: float | None,
    sinks: torch.Tensor | None,
) -> torch.Tensor:
    """One softmax over the shared states and the rows' own, to whose scores a `mask` is added."""
    rows, heads, new, width = query.shape
    key_heads = own[0].shape[1]
    query = (query * (scaling or width**-0.5)).reshape(rows, key_heads, -1, width)
    folded = query.transpose(0, 1).reshape(key_heads, -1, width)
    shared = (folded @ common[0][0].transpose(1, 2)).view(key_heads, rows, -1, common[0].shape[2]).transpose(0, 1)
    latest = query @ own[0].transpose(2, 3)
    if mask is not None:
        latest = (latest.view(rows, heads, new, -1) + mask).view(latest.shape)
    scores = [shared, latest]
    if sinks is not None:
        scores.append(
            sinks.to(query.dtype)
            .view(1, key_heads, -1, 1, 1)
            .expand(rows, -1, -1, new, 1)
            .reshape(*latest.shape[:3], 1)
        )
    odds = torch.cat(scores, -1).softmax(-1)
    split = shared.shape[-1]
    first = odds[..., :split].transpose(0, 1).reshape(key_heads, -1, split) @ common[1][0]
    second = odds[..., split : split + latest.shape[-1]] @ own[1]
    seen = second + first.view(key_heads, rows, -1, width).transpose(0, 1)
    return seen.view(rows, heads, new, width).transpose(1, 2)


def _common(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None) -> Part:
    """Every token attends to all states: heads and rows that have the same ones are one product."""
    rows, heads, new, width = query.shape
    if key.shape[0] == rows:
        folded = query.reshape(rows, key.shape[1], -1, width)
        output, weight = _part(folded, key, value, scaling)
        return Part(output.reshape(query.shape), weight.reshape(rows, heads, new))
    groups = query.reshape(rows, key.shape[1], -1, width).transpose(0, 1).reshape(1, key.shape[1], -1, width)
    output, weight = _part(groups, key, value, scaling)
    output = output.reshape(key.shape[1], rows, -1, width).transpose(0, 1).reshape(query.shape)
    return Part(output, weight.reshape(key.shape[1], rows, -1).transpose(0, 1).reshape(rows, heads, new))


def _part(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
    *,
    mask: torch.Tensor | None = None,
    causal: bool = False,
) -> Part:
    """One product; heads may outnumber those of the keys. A `mask` is added to the scores."""
    scale = scaling or query.shape[-1] ** -0.5
    if query.device.type == "cpu":
        flash = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
        return Part(*flash(query, key, value, 0.0, causal, attn_mask=mask, scale=scale))
    rows, heads, new, width = query.shape
    folded = query.reshape(rows, key.shape[1], -1, width)
    scores = (folded @ key.transpose(2, 3)).float().reshape(rows, heads, new, -1) * scale
    if causal:
        scores = scores.masked_fill(torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1), -torch.inf)
    if mask is not None:
        scores = scores + mask
    weight = scores.logsumexp(-1)
    odds = (scores - weight[..., None]).exp().to(value.dtype).reshape(rows, key.shape[1], -1, key.shape[2])
    return Part((odds @ value).reshape(query.shape), weight)


def _mask(query: torch.Tensor, states: int, own: int, window: int | None, pads: torch.Tensor | None) -> torch.Tensor:
    """What is added to the scores, `[rows or 1, 1, tokens, states]`; a token always sees itself, pads included.

    Of the states, the last `own` are the row's; positions are counted from where these begin, behind the pads.
    """
    new, device = query.shape[2], query.device
    at = torch.arange(own - states, own, device=device)[None]
    is_none = torch.zeros_like(at, dtype=torch.bool)
    if pads is not None:
        is_none = (at >= 0) & (at < pads[:, None])
        at = torch.where(at < 0, at, at - pads[:, None])
    here = at[:, -new:, None]
    hidden = (at[:, None] > here) | is_none[:, None]
    if window is not None:
        hidden = hidden | (at[:, None] <= here - window)
    hidden = hidden & ~torch.eye(states, dtype=torch.bool, device=device)[-new:]
    return torch.zeros(hidden.shape, dtype=query.dtype, device=device).masked_fill(hidden, -torch.inf)[:, None]


def _merged(parts: list[Part], sinks: torch.Tensor | None) -> torch.Tensor:
    """The parts by their weights; sinks weigh too, and add nothing."""
    if len(parts) == 1 and sinks is None:
        return parts[0].output
    weights = [part.weight for part in parts]
    if sinks is not None:
        weights.append(sinks.float().reshape(1, -1, 1).expand_as(parts[0].weight))
    total = torch.stack(weights).logsumexp(0)
    weighed = [part.output * (part.weight - total).exp()[..., None] for part in parts]
    return torch.stack(weighed).sum(0)
