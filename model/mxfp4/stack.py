"""gpt-oss on a CPU with all its layers as one call into the kernels: between weights, nothing takes time.

    ids [1, new] + states ─► embeddings, turns ─► Library.layers ─► norm, output layer ─► logits

Several rows at once, or states that rows share, go through transformers' module, which has the same layers.
"""

from typing import Any

import torch
from transformers.cache_utils import Cache

from ossa.model.attention import Shared
from ossa.model.cache import grow
from ossa.model.forward import ModuleForward
from ossa.model.mxfp4.layers import Dense, Experts, Router
from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.near import Head
from ossa.model.mxfp4.structures import LayerOf, ShapeOf, Spent, StatesOf, experts_of, linear_of, states_of
from ossa.model.nearly import NearLogits


class StackForward(ModuleForward):
    """A `Forward` over a module whose layers the kernels can all compute: see `can_stack`."""

    def __init__(self, module: Any, library: Library, size: int) -> None:
        super().__init__(module, torch.device("cpu"), is_ours=True, size=size, kept=torch.float16)
        self.spent = Spent()
        """Where the time in layers went, so far."""
        self._library = library
        layers, config = module.model.layers, module.config
        self._sinks = [layer.self_attn.sinks.detach().float().contiguous() for layer in layers]
        described = [_layer(layer, sinks, config) for layer, sinks in zip(layers, self._sinks, strict=True)]
        self._layers: Any = (LayerOf * len(described))(*described)
        heads, keys, width = config.num_attention_heads, config.num_key_value_heads, layers[0].self_attn.head_dim
        scaling, epsilon = layers[0].self_attn.scaling, layers[0].input_layernorm.epsilon
        self._shape = ShapeOf(config.hidden_size, heads, keys, width, epsilon, scaling)
        self._like = torch.empty(1, keys, 0, width, dtype=torch.float16)

    @torch.inference_mode()
    def __call__(self, ids: torch.Tensor, states: Cache, keep: int = 1, shared: Shared | None = None) -> torch.Tensor:
        """See `Forward`."""
        if shared is not None or len(ids) > 1:
            return super().__call__(ids, states, keep, shared)
        return self.module.lm_head(self.through(ids, states, keep))

    @torch.inference_mode()
    def last(self, ids: torch.Tensor, states: Cache) -> torch.Tensor | NearLogits:
        """See `Forward`."""
        return self.logits(self.through(ids, states))

    @torch.inference_mode()
    def logits(self, x: torch.Tensor) -> torch.Tensor | NearLogits:
        """Of one token, from what `through` makes of it, `[1, 1, hidden]`."""
        head = self.module.lm_head
        return head.last(x[0, 0]) if isinstance(head, Head) else head(x)[0, 0]

    @torch.inference_mode()
    def through(self, ids: torch.Tensor, states: Cache, keep: int = 1) -> torch.Tensor:
        """What goes into the output layer, `[1, keep, hidden]`."""
        model, known, new = self.module.model, states.get_seq_length(), ids.shape[1]
        x = model.embed_tokens(ids)
        turns = model.rotary_emb(x, torch.arange(known, known + new)[None])
        described = [states_of(*grow(states, number, self._like, new)) for number in range(len(self._layers))]
        turned = (turns[0][0].contiguous(), turns[1][0].contiguous())
        self._library.layers(
            self._shape, self._layers, (StatesOf * len(described))(*described), x[0], known, turned, self.spent
        )
        return model.norm(x[:, -keep:])


def can_stack(module: Any) -> bool:
    """Whether the kernels compute every part of every layer."""
    return isinstance(module.lm_head, Dense) and all(
        isinstance(layer.mlp.router, Router)
        and isinstance(layer.mlp.experts, Experts)
        and all(isinstance(part, Dense) for part in _dense(layer.self_attn))
        and hasattr(layer.self_attn, "native")
        for layer in module.model.layers
    )


def _dense(attention: Any) -> tuple[Any, ...]:
    return attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj


def _layer(layer: Any, sinks: torch.Tensor, config: Any) -> LayerOf:
    attention, router, hidden = layer.self_attn, layer.mlp.router, config.hidden_size
    widths = (hidden, hidden, hidden, config.num_attention_heads * attention.head_dim)
    norms = [part.weight for part in (layer.input_layernorm, layer.post_attention_layernorm)]
    assert all(norm.dtype == torch.bfloat16 and norm.is_contiguous() for norm in norms)
    return LayerOf(
        *(norm.data_ptr() for norm in norms),
        *(_linear(part, columns) for part, columns in zip(_dense(attention), widths, strict=True)),
        _linear(router.dense, hidden),
        sinks.data_ptr(),
        experts_of(layer.mlp.experts.weights, router.per_token),
        attention.sliding_window or 0,
    )


def _linear(part: Dense, columns: int) -> Any:
    return linear_of(part.weight, part.scales, part.bias, columns)
