"""The tokenizer that lies in a GGUF file, as one of the `tokenizers` library.

Header ─► tokenizer() ─► tokenizers.Tokenizer
"""

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from ossa.model.base import ModelError
from ossa.model.header import Header

_CONTROL, _USER_DEFINED = 3, 4


def tokenizer(file: Header) -> Tokenizer:
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


def stop_ids(file: Header) -> frozenset[int]:
    """The tokens at which an answer ends: any control token, because none belongs into one."""
    types = file.get("tokenizer.ggml.token_type", list)
    controls = {number for number, kind in enumerate(types) if kind == _CONTROL}
    return frozenset(controls | {file.get("tokenizer.ggml.eos_token_id", int)})
