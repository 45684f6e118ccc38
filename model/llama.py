"""A Llama model out of a GGUF file: what it says of itself, and transformers' module with its weights.

    GgufFile ─► shape_of() ─► Shape          GgufFile + Shape ─► build() ─► LlamaForCausalLM

transformers can read GGUF too, but parses such a file three times, which takes half a minute. On a CPU `fused` runs the
same weights faster; the module serves where that does not work, and as the measure of its numbers.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from ossa.model.base import ModelError
from ossa.model.gguf import GgufFile
from ossa.model.int4 import reordered

if TYPE_CHECKING:
    from transformers.models.llama.modeling_llama import LlamaForCausalLM

_PARTS = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_WHOLE = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}


@dataclass(frozen=True, slots=True)
class Shape:
    """The sizes of a Llama."""

    vocabulary: int
    width: int
    inner: int
    """Width within the feed-forward part."""
    layers: int
    heads: int
    key_heads: int
    head: int
    """Width of a head."""
    window: int
    epsilon: float
    theta: float
    """Base of the rotary embedding."""
    tied: bool
    """Whether the embeddings serve as the head too."""


def shape_of(file: GgufFile) -> Shape:
    """What the file says of the model.

    Raises:
        ModelError: it is of another architecture, or its weights are not those of what it describes.
    """
    architecture = file.get("general.architecture", str)
    if architecture != "llama" or "llama.expert_count" in file.metadata or "rope_freqs.weight" in file.names:
        raise ModelError(
            f"{file.path} is of an architecture ({architecture}) that ossa does not read from GGUF; "
            "take the model as a Hugging Face folder instead."
        )

    def said(key: str, kind: type[Any] = int, default: Any = None) -> Any:
        value = file.get(f"llama.{key}", kind, default)
        if value <= 0:
            raise ModelError(f"{file.path} is corrupt: llama.{key} is {value}.")
        return value

    heads, width = said("attention.head_count"), said("embedding_length")
    found = Shape(
        vocabulary=len(file.get("tokenizer.ggml.tokens", list)),
        width=width,
        inner=said("feed_forward_length"),
        layers=said("block_count"),
        heads=heads,
        key_heads=said("attention.head_count_kv", default=heads),
        head=said("attention.key_length", default=width // heads),
        window=said("context_length"),
        epsilon=said("attention.layer_norm_rms_epsilon", float),
        theta=said("rope.freq_base", float, 10000.0),
        tied="output.weight" not in file.names,
    )
    if found.layers * len(_PARTS) > len(file.names):
        raise ModelError(f"{file.path} lacks weights: it has too few for its {found.layers} layers.")
    _check(file, found)
    return found


def build(file: GgufFile, shape: Shape, dtype: torch.dtype) -> "LlamaForCausalLM":
    """The module on the CPU, its weights dequantised to `dtype`, ready to run."""
    # Imported here since it takes seconds, and `fused` does without.
    from transformers.models.llama.configuration_llama import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaForCausalLM, LlamaRotaryEmbedding

    from ossa.model import attention

    config = LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.key_heads,
        head_dim=shape.head,
        max_position_embeddings=shape.window,
        rms_norm_eps=shape.epsilon,
        rope_parameters={"rope_type": "default", "rope_theta": shape.theta},
        tie_word_embeddings=shape.tied,
    )
    with torch.device("meta"):
        module = LlamaForCausalLM(config)
    weights: dict[str, torch.Tensor] = {}
    for name in file.names:
        head = shape.head if name.endswith(("attn_q.weight", "attn_k.weight")) else 0
        weights[target(name)] = file.tensor(name)[reordered(file.shape(name)[0], head)].to(dtype)
    if shape.tied:
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    module.load_state_dict(weights, assign=True)
    # Its frequencies are no weights, so they were left on the meta device.
    module.model.rotary_emb = LlamaRotaryEmbedding(config)
    module.set_attn_implementation(attention.register())
    return module.eval()


def target(name: str) -> str:
    """The name in transformers of a weight of such a file."""
    if name in _WHOLE:
        return _WHOLE[name]
    _, number, part, _ = name.split(".")
    return f"model.layers.{number}.{_PARTS[part]}.weight"


def _check(file: GgufFile, shape: Shape) -> None:
    """Hold the names and sizes of the weights against the model that the file describes."""
    expected = _sizes(shape)
    for name in file.names:
        if expected.get(name) != file.shape(name):
            raise ModelError(f"{file.path} holds weights ({name}) that are not of the Llama model it describes.")
    if missing := sorted(expected.keys() - set(file.names)):
        raise ModelError(f"{file.path} lacks weights of the model it describes, {missing[0]} for one.")


def _sizes(shape: Shape) -> dict[str, tuple[int, ...]]:
    """Every weight by its name in the file."""
    width, inner, vocabulary = shape.width, shape.inner, shape.vocabulary
    queries, keys = shape.heads * shape.head, shape.key_heads * shape.head
    parts: dict[str, tuple[int, ...]] = {
        "attn_norm": (width,),
        "attn_q": (queries, width),
        "attn_k": (keys, width),
        "attn_v": (keys, width),
        "attn_output": (width, queries),
        "ffn_norm": (width,),
        "ffn_gate": (inner, width),
        "ffn_up": (inner, width),
        "ffn_down": (width, inner),
    }
    sizes = {f"blk.{number}.{part}.weight": size for number in range(shape.layers) for part, size in parts.items()}
    sizes |= {"token_embd.weight": (vocabulary, width), "output_norm.weight": (width,)}
    return sizes if shape.tied else {**sizes, "output.weight": (vocabulary, width)}
