"""The modules that take the place of transformers' own: experts in MXFP4, and dense layers in int8 or bf16.

    GptOssForCausalLM ─► mlp.experts becomes Experts · nn.Linear becomes Dense

Each computes by the kernels where there are any, else in torch.
"""

import torch
from torch import nn
from torch.nn import functional

from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.weights import GROUP, ExpertWeights, in_torch

_FEW = 16
"""Tokens up to which a dense layer waits for memory more than for arithmetic."""
_ROWS = 4096
"""Of a weight that are unpacked at once: the output layer's would take a gigabyte."""


class Experts(nn.Module):
    """All experts of a layer, which are called as transformers calls its own."""

    def __init__(self, weights: ExpertWeights, library: Library | None) -> None:
        """Without a library in torch: exact, and very slow."""
        super().__init__()
        self.weights, self._library = weights, library

    def forward(self, x: torch.Tensor, router_indices: torch.Tensor, routing_weights: torch.Tensor) -> torch.Tensor:
        """What the chosen experts make of `[tokens, hidden]`."""
        if self._library is None:
            return in_torch(self.weights, x, router_indices, routing_weights)
        return self._library.experts(self.weights, x, router_indices, routing_weights)


class Rows(nn.Module):
    """Embeddings in bf16, given in float32: what goes from layer to layer is rounded no more."""

    def __init__(self, weight: torch.Tensor) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """`[…]` to `[…, hidden]`."""
        return functional.embedding(ids, self.weight).float()


class Dense(nn.Module):
    """A linear layer whose weight is int8 with a scale for each group of 32, or bf16 without scales."""

    def __init__(
        self,
        weight: torch.Tensor,
        scales: torch.Tensor | None,
        bias: torch.Tensor | None,
        library: Library,
        *,
        is_bf16_fast: bool,
    ) -> None:
        """`is_bf16_fast`: torch multiplies many tokens in bf16 faster than the kernels do."""
        super().__init__()
        self.weight, self._scales, self._bias, self._library = weight, scales, bias, library
        self._is_bf16_fast = is_bf16_fast

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[…, columns]` to float32 `[…, rows]`."""
        lot = x.reshape(-1, x.shape[-1])
        if len(lot) <= _FEW or not self._is_bf16_fast:
            out = self._library.dense(self.weight, self._scales, self._bias, lot)
        elif self._scales is None:
            out = functional.linear(lot.bfloat16(), self.weight, self._bias).float()
        else:
            out = self._by_blocks(lot.bfloat16(), self._scales)
        return out.view(*x.shape[:-1], -1)

    def _by_blocks(self, lot: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
        """The products with some rows of the weight after the other, each unpacked into the same memory."""
        rows, columns = self.weight.shape
        out = lot.new_empty(len(lot), rows, dtype=torch.float32)
        wide = lot.new_empty(min(rows, _ROWS), columns)
        for first in range(0, rows, _ROWS):
            part = slice(first, min(first + _ROWS, rows))
            self._library.unpack(self.weight[part], scales[part], wide)
            bias = None if self._bias is None else self._bias[part]
            out[:, part] = functional.linear(lot, wide[: part.stop - first], bias)
        return out

    @property
    def size(self) -> int:
        """Bytes of the weight."""
        return self.weight.nbytes + (self.weight.numel() // GROUP * 2 if self._scales is not None else 0)
