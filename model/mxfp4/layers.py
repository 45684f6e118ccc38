"""The modules that take the place of transformers' own: experts in MXFP4, and dense layers in int8 or bf16.

    GptOssForCausalLM ─► mlp.experts becomes Experts · nn.Linear becomes Dense

Each computes by the kernels where there are any, else in torch.
"""

import torch
from torch import nn
from torch.nn import functional

from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.weights import FINE, ExpertWeights, in_torch


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
    """A linear layer whose weight is int8 with a scale for each 16, or bf16 without scales."""

    def __init__(
        self, weight: torch.Tensor, scales: torch.Tensor | None, bias: torch.Tensor | None, library: Library
    ) -> None:
        super().__init__()
        self.weight, self.scales, self.bias, self._library = weight, scales, bias, library

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[…, columns]` to float32 `[…, rows]`: of each token the same, whatever else is computed with it."""
        out = self._library.dense(self.weight, self.scales, self.bias, x.reshape(-1, x.shape[-1]))
        return out.view(*x.shape[:-1], -1)

    @property
    def size(self) -> int:
        """Bytes of the weight."""
        return self.weight.nbytes + (self.weight.numel() // FINE * 2 if self.scales is not None else 0)


class Norm(nn.Module):
    """What transformers' norm computes, in float32 and in the order of the kernels."""

    def __init__(self, weight: torch.Tensor, epsilon: float, library: Library) -> None:
        super().__init__()
        self.weight, self.epsilon, self._library = weight, epsilon, library

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`[…, hidden]` to the same."""
        return self._library.norm(x, self.weight, self.epsilon)


class Router(nn.Module):
    """Chooses the experts of each token, in float32 and by the weights as they are: small, and much hangs on it."""

    def __init__(self, dense: Dense, per_token: int, library: Library) -> None:
        super().__init__()
        self.dense, self.per_token, self._library = dense, per_token, library

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of `[tokens, hidden]` what every expert scores, and of the best what they count, and which they are."""
        scores = self.dense(x)
        chosen, shares = self._library.choose(scores, self.per_token)
        return scores, shares, chosen
