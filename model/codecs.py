"""The codec of a model on disk, by its vocabulary alone: no weights are read, and for most no torch is loaded.

Found ─► known() ─► Known(codec, window): enough to count the tokens of a prompt, exactly as the model has them
"""

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ossa.model.base import ModelError
from ossa.model.codec import Codec
from ossa.model.discover import Found
from ossa.model.header import Header


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a model without its weights."""

    codec: Codec
    window: int
    """Tokens that prompt and answer may have together."""


def known(found: Found) -> Known:
    """Read the vocabulary, never touching a network.

    Raises:
        ModelError: its files are missing, damaged, or of a kind that cannot be run.
    """
    if found.family == "gguf":
        file = Header(found.path)
        window = file.get("llama.context_length", int, found.window)
        return Known(of_gguf(file), window if window > 0 else found.window)
    if found.family == "gpt-oss":
        return Known(of(found, None), found.window)
    try:
        from transformers import AutoConfig

        config: Any = AutoConfig.from_pretrained(found.path, local_files_only=True)
        return Known(of(found, config), window_of(found, config))
    except ModelError:
        raise
    except Exception as error:  # what damaged files make the libraries raise is of any kind
        raise ModelError(f"{found.path} cannot be loaded: {first_line(error)}.") from error


def of_gguf(file: Header) -> Codec:
    """The codec in a GGUF file."""
    from ossa.model import vocabulary
    from ossa.model.chatml import ChatCodec

    ends = vocabulary.stop_ids(file)
    return ChatCodec(vocabulary.tokenizer(file), file.get("tokenizer.chat_template", str), ends)


def of(found: Found, config: Any) -> Codec:
    """The codec of a model in a folder: gpt-oss's own, else as transformers reads it."""
    if found.family == "gpt-oss":
        from ossa.model.harmony import HarmonyCodec

        return HarmonyCodec()
    from transformers import AutoTokenizer

    from ossa.model.chatml import ChatCodec

    tokenizer: Any = AutoTokenizer.from_pretrained(found.path, local_files_only=True)
    if not isinstance(tokenizer.chat_template, str):
        raise ModelError(f"The model in {found.path} has no chat template: take one that was taught to converse.")
    ends: set[Any] = {tokenizer.eos_token_id}
    for said in (getattr(config, "eos_token_id", None), _ends_of_generation(found)):
        ends |= set(said) if isinstance(said, list) else {said}
    names = {key: str(value) for key, value in tokenizer.special_tokens_map.items() if isinstance(value, str)}
    return ChatCodec(tokenizer.backend_tokenizer, tokenizer.chat_template, frozenset(ends - {None}), names)


def window_of(found: Found, config: Any) -> int:
    """Tokens that prompt and answer may have together, as the model's config says."""
    return getattr(config.get_text_config(), "max_position_embeddings", found.window)


def first_line(error: Exception) -> str:
    """What an error says, in short."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _ends_of_generation(found: Found) -> Any:
    with suppress(OSError, ValueError, AttributeError):
        return json.loads((found.path / "generation_config.json").read_bytes()).get("eos_token_id")
    return None
