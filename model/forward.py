"""Running a model: token ids and known states go in, logits come out. The loop above knows nothing else of it.

    ids [rows, new] + states ─► Forward ─► logits [rows, keep, vocabulary], and the states have grown

Two kinds: `ModuleForward`, over any causal language model of transformers, and `fused.FusedLlama`.
"""

from typing import Any, Protocol

import torch
from transformers.cache_utils import Cache

from ossa.model.attention import Shared
from ossa.model.nearly import NearLogits


class Forward(Protocol):
    """A model that can run."""

    @property
    def size(self) -> int:
        """Bytes of its weights in memory."""
        ...

    @property
    def vocabulary(self) -> int:
        """How many logits it gives."""
        ...

    def __call__(self, ids: torch.Tensor, states: Cache, keep: int = 1, shared: Shared | None = None) -> torch.Tensor:
        """Read tokens.

        Args:
            ids: int64 on the CPU, `[rows, new]`.
            states: of the tokens before, of each row its own; they grow by the new ones.
            keep: behind how many of the last tokens logits are wanted.
            shared: states that all rows go on from, before their own.

        Returns:
            float32 on the CPU, `[rows, min(keep, new), vocabulary]`.
        """
        ...

    def last(self, ids: torch.Tensor, states: Cache) -> torch.Tensor | NearLogits:
        """Read tokens of one row; only what follows the last of them is wanted, to choose a token: `[vocabulary]`."""
        return self(ids, states)[0, -1]


class ModuleForward(Forward):
    """A `Forward` over a module of transformers."""

    def __init__(
        self,
        module: Any,
        device: torch.device,
        *,
        is_ours: bool,
        size: int | None = None,
        kept: torch.dtype | None = None,
    ) -> None:
        """Over a module.

        Args:
            module: of transformers.
            device: where it is.
            is_ours: its attention is `attention.attend`, so that rows can share states; else each gets a copy.
            size: of its weights, where they are no parameters.
            kept: type of its states, where it is another than it computes in.
        """
        self.module, self._device, self._is_ours, self._size, self._kept = module, device, is_ours, size, kept

    @property
    def size(self) -> int:
        """Bytes of its parameters, those on the meta device left out."""
        return (
            self._size
            if self._size is not None
            else sum(p.nbytes for p in self.module.parameters() if p.device.type != "meta")
        )

    @property
    def vocabulary(self) -> int:
        """The rows of its output layer."""
        return self.module.get_output_embeddings().weight.shape[0]

    @torch.inference_mode()
    def __call__(self, ids: torch.Tensor, states: Cache, keep: int = 1, shared: Shared | None = None) -> torch.Tensor:
        """See `Forward`."""
        options: dict[str, Any] = {}
        if shared is not None:
            options = self._among(ids, states, shared)
        known = _Narrowing(states, self._kept) if self._kept else states
        output = self.module(
            input_ids=ids.to(self._device), past_key_values=known, use_cache=True, logits_to_keep=keep, **options
        )
        return output.logits.float().cpu()

    def _among(self, ids: torch.Tensor, states: Cache, shared: Shared) -> dict[str, Any]:
        """What the module is to know of a batch."""
        rows, new = ids.shape
        before, own = shared.size, states.get_seq_length()
        if not self._is_ours and own == 0:
            for number, (keys, values) in enumerate(shared.layers):
                states.update(keys.expand(rows, -1, -1, -1), values.expand(rows, -1, -1, -1), number)
        own -= 0 if self._is_ours or own == 0 else before
        pads = shared.pads.to(self._device)[:, None]
        at = torch.arange(own, own + new, device=self._device)
        options: dict[str, Any] = {"position_ids": (before + at[None] - pads).clamp(min=0)}
        if self._is_ours:
            return {**options, "shared": shared}
        seen = torch.arange(before + own + new, device=self._device)[None]
        return {**options, "attention_mask": (seen < before) | (seen >= before + pads)}


class _Narrowing:
    """States that are kept in fewer bits than they are computed in."""

    def __init__(self, states: Cache, dtype: torch.dtype) -> None:
        self._states, self._dtype = states, dtype

    def get_seq_length(self) -> int:
        return self._states.get_seq_length()

    def update(self, keys: torch.Tensor, values: torch.Tensor, layer: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._states.update(keys.to(self._dtype), values.to(self._dtype), layer)
