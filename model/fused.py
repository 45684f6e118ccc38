"""The small model's forward pass: a Llama straight from the 4 bits of its GGUF file, in few and large products.

    ids ─► embeddings ─► layers: norm ─► q, k, v in one product ─► attend ─► norm ─► gate and up in one ─► logits

One or a few tokens go through torch's 4-bit kernel and wait for memory; many go through 16-bit copies of the weights
and for arithmetic. The numbers are those of transformers' module up to rounding, and a test holds them to it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.nn.functional import rms_norm, silu
from transformers.cache_utils import Cache

from ossa.model.adapting import Beside, Delta
from ossa.model.attention import Shared, attend
from ossa.model.forward import Forward
from ossa.model.gguf import GgufFile
from ossa.model.int4 import ALONE, Head, Weight, threads_for_few
from ossa.model.llama import Shape, target


@dataclass(frozen=True, slots=True)
class _Layer:
    """The weights of one layer."""

    layer_idx: int
    """As transformers' attention calls it."""
    first_norm: torch.Tensor
    qkv: Weight
    output: Weight
    second_norm: torch.Tensor
    gate_up: Weight
    down: Weight


class FusedLlama(Forward):
    """A `Forward` for a Llama out of a GGUF file, on the CPU."""

    def __init__(
        self, file: GgufFile, shape: Shape, dtype: torch.dtype, deltas: Mapping[str, Delta] | None = None
    ) -> None:
        """Take the weights out of the file, whose `shape` this is; `deltas` are those of an adapter."""
        self.dtype = dtype
        self._file, self._shape, self._deltas = file, shape, deltas or {}
        self._layers = [self._layer(number) for number in range(shape.layers)]
        self._norm = file.tensor("output_norm.weight").to(dtype)
        self._head = Head(file.tensor("token_embd.weight" if shape.tied else "output.weight"), dtype)
        self._turns = _turns(shape, dtype)
        file.release()
        self._threads = torch.get_num_threads()
        self._threads_for_few = threads_for_few(self._layers[0].qkv)

    @property
    def size(self) -> int:
        """Bytes of the weights in memory; the embeddings stay in the file."""
        weights = [w for layer in self._layers for w in (layer.qkv, layer.output, layer.gate_up, layer.down)]
        return sum(weight.size for weight in weights) + self._head.size

    @property
    def vocabulary(self) -> int:
        """How many logits it gives."""
        return self._shape.vocabulary

    @torch.inference_mode()
    def __call__(self, ids: torch.Tensor, states: Cache, keep: int = 1, shared: Shared | None = None) -> torch.Tensor:
        """Logits after the last `keep` of the tokens, float32; see `Forward`."""
        torch.set_num_threads(self._threads_for_few if ids.numel() <= ALONE else self._threads)
        rows, new = ids.shape
        at = torch.arange(new) + states.get_seq_length()
        if shared is not None:
            at = (shared.size + at[None] - shared.pads[:, None]).clamp(min=0)
        cos, sin = (turns[at].unsqueeze(-3) for turns in self._turns)
        hidden = self._file.rows("token_embd.weight", ids.reshape(-1)).to(self.dtype)
        for layer in self._layers:
            hidden = self._through(layer, hidden, (rows, new), (cos, sin), states, shared)
        kept = hidden.view(rows, new, -1)[:, -keep:]
        logits = self._head(self._normed(kept.reshape(-1, kept.shape[-1]), self._norm))
        return logits.float().view(*kept.shape[:2], -1)

    def _through(
        self,
        layer: _Layer,
        hidden: torch.Tensor,
        lot: tuple[int, int],
        turns: tuple[torch.Tensor, torch.Tensor],
        states: Cache,
        shared: Shared | None,
    ) -> torch.Tensor:
        """One layer; `hidden` is `[rows * new, width]`."""
        mixed = layer.qkv(self._normed(hidden, layer.first_norm)).view(*lot, -1, self._shape.head)
        mixed = mixed.transpose(1, 2)
        heads, key_heads = self._shape.heads, self._shape.key_heads
        turned, value = mixed.split((heads + key_heads, key_heads), dim=1)
        turned = turned * turns[0] + turned.roll(self._shape.head // 2, -1) * turns[1]
        query, key = turned.split((heads, key_heads), dim=1)
        key, value = states.update(key, value, layer.layer_idx)
        seen, _ = attend(layer, query, key, value, shared=shared)
        hidden = hidden + layer.output(seen.reshape(len(hidden), -1))
        gate, up = layer.gate_up(self._normed(hidden, layer.second_norm)).chunk(2, dim=-1)
        return hidden + layer.down(silu(gate) * up)

    def _normed(self, hidden: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        if len(hidden) > 1:
            return rms_norm(hidden, weight.shape, weight, self._shape.epsilon)
        # torch's own takes 8 small steps, which for a single token cost more than the arithmetic.
        square = float(torch.linalg.vector_norm(hidden, dtype=torch.float32)) ** 2
        return (hidden * weight).mul_((square / hidden.shape[-1] + self._shape.epsilon) ** -0.5)

    def _layer(self, number: int) -> _Layer:
        def weight(*parts: str, heads: tuple[int, ...] = ()) -> Weight:
            names = [f"blk.{number}.{part}.weight" for part in parts]
            found = Weight.read(self._file, names, self.dtype, heads)
            added = [self._deltas.get(target(name)) for name in names]
            if any(added):
                found.beside = Beside(added, [self._file.shape(name)[0] for name in names], self.dtype)
            return found

        def norm(part: str) -> torch.Tensor:
            return self._file.tensor(f"blk.{number}.{part}.weight").to(self.dtype)

        return _Layer(
            number,
            norm("attn_norm"),
            weight("attn_q", "attn_k", "attn_v", heads=(self._shape.head, self._shape.head, 0)),
            weight("attn_output"),
            norm("ffn_norm"),
            weight("ffn_gate", "ffn_up"),
            weight("ffn_down"),
        )


def _turns(shape: Shape, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines of the rotary embedding, `[places, width]`; the first half of the sines is negative."""
    speeds = shape.theta ** -(torch.arange(0, shape.head, 2).float() / shape.head)
    angles = torch.outer(torch.arange(shape.window).float(), speeds)
    sines = angles.sin()
    return torch.cat((angles.cos(), angles.cos()), -1).to(dtype), torch.cat((-sines, sines), -1).to(dtype)
