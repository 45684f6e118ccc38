"""A text is weighed token by token, as the model would have sampled it."""

import math

import pytest

from ossa.model.base import Message, ModelError, Sampling, Text
from ossa.model.process import LocalModel

ASK = [Message("user", "Write a Python function that adds two numbers.")]
CODE = "def add(a, b):\n    return a - b\n"


def greedy(model: LocalModel, tokens: int) -> str:
    pieces = model.generate(ASK, sampling=Sampling(max_tokens=tokens))
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def test_what_the_model_itself_writes_is_the_likeliest(small_model: LocalModel) -> None:
    text = greedy(small_model, 24)
    weighed = small_model.weigh(ASK, text, others=5)
    assert "".join(text[token.start : token.end] for token in weighed) == text
    likeliest = sum(all(token.logprob >= other for _, other in token.others) for token in weighed)
    assert likeliest >= len(weighed) - 1  # the last token may be cut


def test_others_are_likelier_where_a_text_is_wrong(small_model: LocalModel) -> None:
    weighed = small_model.weigh(ASK, CODE)
    minus = next(token for token in weighed if CODE[token.start : token.end].strip() == "-")
    assert " +" in [text for text, _ in minus.others]
    assert all(0 <= math.exp(token.logprob) <= 1.0001 and len(token.others) <= 20 for token in weighed)


def test_weighing_does_not_disturb_what_is_generated(small_model: LocalModel) -> None:
    before = greedy(small_model, 12)
    first = small_model.weigh(ASK, CODE)
    assert greedy(small_model, 12) == before
    again = small_model.weigh(ASK, CODE)
    assert [t.start for t in again] == [t.start for t in first]
    assert all(abs(a.logprob - b.logprob) < 0.2 for a, b in zip(first, again, strict=True))


def test_gpt_oss_weighs_the_text_and_not_its_control_tokens(tiny_gpt_oss: LocalModel) -> None:
    weighed = tiny_gpt_oss.weigh(ASK, CODE, others=3)
    assert "".join(CODE[token.start : token.end] for token in weighed) == CODE
    assert all(text and "<|" not in text for token in weighed for text, _ in token.others)


def test_a_text_beyond_the_window_is_refused_with_figures(tiny_gpt_oss: LocalModel) -> None:
    with pytest.raises(ModelError, match="2,048"):
        tiny_gpt_oss.weigh(ASK, "word " * 3000)


def test_what_lies_before_the_text_may_be_long(tiny_gpt_oss: LocalModel) -> None:
    weighed = tiny_gpt_oss.weigh([Message("user", "a long story " * 300)], CODE, others=3)
    assert "".join(CODE[token.start : token.end] for token in weighed) == CODE
