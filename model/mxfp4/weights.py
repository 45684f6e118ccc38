"""Weights of experts in MXFP4, as they lie in the checkpoint, and what they compute in torch: exactly, and slowly.

A group of 32 weights is 16 bytes, the low half of a byte first, and a scale as an exponent.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from torch.nn import functional

GROUP = 32
FINE = 16
"""Weights of a dense layer in int8 that share a scale."""
_ROUND = 128
"""Of these weights, how many lie together; a row is filled up with zeros to whole rounds."""
NO_SCALES = (254, 255)
"""The second stands for no number; by the first the greatest weights have none."""
_VALUES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, -0.0, -0.5, -1.0, -1.5, -2.0, -3.0, -4.0, -6.0)
_BIAS = 127


@dataclass(frozen=True, slots=True)
class ExpertWeights:
    """The experts of one layer; rows of gate and up take turns."""

    gate_up: torch.Tensor
    """uint8 `[experts, 2 * inner, hidden / 32, 16]`"""
    gate_up_scales: torch.Tensor
    """uint8 `[experts, 2 * inner, hidden / 32]`"""
    gate_up_bias: torch.Tensor
    """bf16 `[experts, 2 * inner]`"""
    down: torch.Tensor
    """uint8 `[experts, hidden, inner / 32, 16]`"""
    down_scales: torch.Tensor
    """uint8 `[experts, hidden, inner / 32]`"""
    down_bias: torch.Tensor
    """bf16 `[experts, hidden]`"""
    alpha: float
    limit: float

    @property
    def experts(self) -> int:
        """How many there are."""
        return self.down.shape[0]

    @property
    def hidden(self) -> int:
        """Values that go in and come out."""
        return self.down.shape[1]

    @property
    def inner(self) -> int:
        """Values in between."""
        return self.down.shape[2] * GROUP

    def tensors(self) -> Iterator[torch.Tensor]:
        """All of them."""
        yield from (self.gate_up, self.gate_up_scales, self.gate_up_bias)
        yield from (self.down, self.down_scales, self.down_bias)


class Near(NamedTuple):
    """A weight in MXFP4 beside an exact one, for finding the few rows whose products matter."""

    blocks: torch.Tensor
    """uint8 `[rows, columns / 32, 16]`"""
    scales: torch.Tensor
    """uint8 `[rows, columns / 32]`"""
    lift: torch.Tensor
    """float32 `[rows]`: by what the products of each row are multiplied, so that they are right on average."""
    off: torch.Tensor
    """float32 `[rows]`: the norm of what each row is wrong by."""


def unpacked(blocks: torch.Tensor, scales: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """The numbers that `[rows, groups, 16]` bytes and `[rows, groups]` scales stand for, `[rows, columns]`."""
    pairs = _pairs().to(dtype)[blocks.int()]
    powers = torch.exp2(scales.float() - _BIAS).to(dtype)
    return (pairs.flatten(-2) * powers[..., None]).flatten(-2)


def padded(columns: int) -> int:
    """Weights of a row in int8, those included that fill it up."""
    return -(-columns // _ROUND) * _ROUND


def column_of(weights: torch.Tensor, scales: torch.Tensor, column: int) -> torch.Tensor:
    """One column of what `unpacked_int8` gives, float32 `[rows]`."""
    begin, value = column // _ROUND * _ROUND, column % _ROUND
    group, i = divmod(value, FINE)
    place = begin + i // 4 * 32 + group * 4 + i % 4
    return weights[:, place] * scales[:, column // FINE].float()


def unpacked_int8(weights: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """The numbers that `[rows, padded columns]` in int8 and their scales stand for.

    In a round four values of each of its eight groups take turns (`place_of` in kernels.h).
    """
    groups = weights.view(len(weights), -1, 4, 8, 4).transpose(2, 3).reshape(len(weights), -1, FINE)
    return (groups * scales.float()[..., None]).flatten(1)


@cache
def _pairs() -> torch.Tensor:
    """For each byte the two values it holds."""
    return torch.tensor([(_VALUES[byte & 15], _VALUES[byte >> 4]) for byte in range(256)])


def in_torch(weights: ExpertWeights, x: torch.Tensor, chosen: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """What the experts make of `[tokens, hidden]`, in the type of `x`: one expert after the other is unpacked.

    Args:
        weights: of the layer.
        x: the tokens.
        chosen: experts of each token, `[tokens, per token]`.
        shares: what each of them counts, as `chosen`.
    """
    out = torch.zeros_like(x)
    for expert in chosen.unique().tolist():
        token, place = torch.where(chosen == expert)
        wide = unpacked(weights.gate_up[expert], weights.gate_up_scales[expert], x.dtype)
        both = functional.linear(x[token], wide, weights.gate_up_bias[expert].to(x.dtype))
        gate, up = both[:, ::2].clamp(max=weights.limit), both[:, 1::2].clamp(-weights.limit, weights.limit)
        between = (up + 1) * gate * torch.sigmoid(gate * weights.alpha)
        wide = unpacked(weights.down[expert], weights.down_scales[expert], x.dtype)
        found = functional.linear(between, wide, weights.down_bias[expert].to(x.dtype))
        out.index_add_(0, token, found * shares[token, place, None].to(x.dtype))
    return out
