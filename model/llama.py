"""A Llama model out of a GGUF file: the transformers module with its weights, and the tokenizer.

    GgufFile ─► build() ─► LlamaForCausalLM          GgufFile ─► tokenizer() ─► tokenizers.Tokenizer

transformers can read GGUF too, but parses such a file three times, which takes half a minute.
"""

from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM, LlamaRotaryEmbedding

from ossa.model import attention
from ossa.model.base import ModelError
from ossa.model.gguf import GgufFile

_CONTROL, _USER_DEFINED = 3, 4
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


def build(file: GgufFile, dtype: torch.dtype) -> LlamaForCausalLM:
    """The module on the CPU, its weights dequantised to `dtype`, ready to run.

    Raises:
        ModelError: it is of another architecture, or its weights do not fit what it says of itself.
    """
    config = _config(file)
    with torch.device("meta"):
        module = LlamaForCausalLM(config)
    expected = module.state_dict()
    weights: dict[str, torch.Tensor] = {}
    for name in file.names:
        target = _target(file, name)
        if target not in expected or expected[target].shape != file.shape(name):
            raise ModelError(f"{file.path} holds weights ({name}) that are not of the Llama model it describes.")
        values = file.tensor(name)
        if name.endswith(("attn_q.weight", "attn_k.weight")):
            values = _unpermuted(values, config.head_dim or 0)
        weights[target] = values.to(dtype)
    if config.tie_word_embeddings:
        weights["lm_head.weight"] = weights.get("model.embed_tokens.weight", torch.empty(0))
    missing = sorted(expected.keys() - weights.keys())
    if missing:
        raise ModelError(f"{file.path} lacks weights of the model it describes, {missing[0]} for one.")
    module.load_state_dict(weights, assign=True)
    # Its frequencies are no weights, so they were left on the meta device.
    module.model.rotary_emb = LlamaRotaryEmbedding(config)
    module.set_attn_implementation(attention.register())
    return module.eval()


def tokenizer(file: GgufFile) -> Tokenizer:
    """The byte-level BPE tokenizer; control tokens are single ids, unless `encode_special_tokens` is set.

    Raises:
        ModelError: its vocabulary is of a kind that ossa does not read.
    """
    kind, pre = file.get("tokenizer.ggml.model", str), file.get("tokenizer.ggml.pre", str, "default")
    if kind != "gpt2" or pre not in ("smollm", "gpt-2"):
        raise ModelError(
            f"{file.path} has a vocabulary of the kind {kind}/{pre}, which ossa does not read; "
            "take the model as a Hugging Face folder instead."
        )
    tokens = file.get("tokenizer.ggml.tokens", list)
    types = file.get("tokenizer.ggml.token_type", list)
    merges = [tuple(merge.split(" ", 1)) for merge in file.get("tokenizer.ggml.merges", list)]
    try:
        result = Tokenizer(models.BPE({token: number for number, token in enumerate(tokens)}, merges))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{file.path} is corrupt: its vocabulary makes no sense ({error}).") from error
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    digits = pre_tokenizers.Digits(individual_digits=True)
    result.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level]) if pre == "smollm" else byte_level
    result.decoder = decoders.ByteLevel()
    pairs = list(zip(tokens, types, strict=False))
    result.add_special_tokens([AddedToken(t, special=True, normalized=False) for t, kind in pairs if kind == _CONTROL])
    result.add_tokens([AddedToken(t, normalized=False) for t, kind in pairs if kind == _USER_DEFINED])
    return result


def stop_ids(file: GgufFile) -> frozenset[int]:
    """The tokens at which an answer ends: any control token, because none belongs into one."""
    types = file.get("tokenizer.ggml.token_type", list)
    controls = {number for number, kind in enumerate(types) if kind == _CONTROL}
    return frozenset(controls | {file.get("tokenizer.ggml.eos_token_id", int)})


def _config(file: GgufFile) -> LlamaConfig:
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
    config = LlamaConfig(
        vocab_size=len(file.get("tokenizer.ggml.tokens", list)),
        hidden_size=width,
        intermediate_size=said("feed_forward_length"),
        num_hidden_layers=said("block_count"),
        num_attention_heads=heads,
        num_key_value_heads=said("attention.head_count_kv", default=heads),
        head_dim=said("attention.key_length", default=width // heads),
        max_position_embeddings=said("context_length"),
        rms_norm_eps=said("attention.layer_norm_rms_epsilon", float),
        rope_parameters={"rope_type": "default", "rope_theta": said("rope.freq_base", float, 10000.0)},
        tie_word_embeddings="output.weight" not in file.names,
    )
    if config.num_hidden_layers * len(_PARTS) > len(file.names):
        raise ModelError(f"{file.path} lacks weights: it has too few for its {config.num_hidden_layers} layers.")
    return config


def _target(file: GgufFile, name: str) -> str:
    if name in _WHOLE:
        return _WHOLE[name]
    match name.split("."):
        case ["blk", number, part, "weight"] if part in _PARTS:
            return f"model.layers.{number}.{_PARTS[part]}.weight"
        case _:
            raise ModelError(f"{file.path} holds weights ({name}) that ossa does not know.")


def _unpermuted(weight: torch.Tensor, head_dim: int) -> torch.Tensor:
    # GGUF pairs neighbouring rows for the rotary embedding, transformers the two halves of a head.
    pairs = weight.view(-1, head_dim // 2, 2, weight.shape[1])
    return pairs.transpose(1, 2).reshape(weight.shape)
