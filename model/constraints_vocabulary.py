"""A model's vocabulary in the form in which llguidance walks through it; making it is slow, so it is kept.

openai_harmony's encoding or a tokenizer ─► bytes of every token ─► LLTokenizer
"""

from collections.abc import Sequence
from dataclasses import dataclass

from llguidance import LLTokenizer, TokenizerWrapper
from openai_harmony import HarmonyEncoding
from tokenizers import Tokenizer

from ossa.model.harmony_reader import CONTROLS

_END_OF_TEXT = 199999


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All tokens of a model, and which of them end an answer in plain text."""

    tokens: LLTokenizer
    ends: frozenset[int]
    is_harmony: bool
    """Whether answers have headers and channels; else they are plain text up to an end token."""

    @property
    def size(self) -> int:
        """Tokens, as many as the model has logits."""
        return self.tokens.vocab_size


def of_harmony(encoding: HarmonyEncoding, size: int = CONTROLS.stop) -> Vocabulary:
    """The vocabulary of gpt-oss; `size` is how many logits the model has. Takes about a second."""
    tokens = LLTokenizer(TokenizerWrapper(_Harmony(encoding)), n_vocab=size)
    return Vocabulary(tokens, frozenset(), is_harmony=True)


def of_tokenizer(tokenizer: Tokenizer, ends: frozenset[int], size: int | None = None) -> Vocabulary:
    """The vocabulary of a model that writes plain text; `ends` are its stop tokens, `size` as many as it has logits."""
    tokens = LLTokenizer(tokenizer.to_str(), n_vocab=size, eos_token=sorted(ends))
    return Vocabulary(tokens, ends, is_harmony=False)


class _Harmony:
    """What llguidance asks of a tokenizer."""

    eos_token_id = _END_OF_TEXT
    bos_token_id = None

    def __init__(self, encoding: HarmonyEncoding) -> None:
        self._encoding = encoding
        decode = encoding._inner.decode_bytes
        self.tokens: Sequence[bytes] = [bytes(decode([token])) for token in range(CONTROLS.stop)]
        self.special_token_ids: Sequence[int] = CONTROLS

    def __call__(self, text: bytes) -> list[int]:
        return self._encoding.encode(text.decode(), disallowed_special=())
