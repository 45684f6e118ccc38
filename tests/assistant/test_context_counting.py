"""Counts of single messages add up to that of the whole prompt, in the real formats, and are not asked for twice."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.assistant.context.counting import Counter
from ossa.assistant.toolspecs import EXEC, OPEN_FILE
from ossa.model.base import LanguageModel, Message, ModelError, ToolCall, ToolSpec
from ossa.model.process import LocalModel
from ossa.model.scripted import ScriptedModel

TEXTS = st.text("ab \n`<|>é語\udcff.0", max_size=30)
MESSAGES = st.one_of(
    st.builds(Message, st.just("user"), TEXTS),
    st.builds(Message, st.just("system"), TEXTS),
    st.builds(Message, st.just("tool"), TEXTS, tool=st.just("container.exec")),
    st.builds(Message, st.just("assistant"), TEXTS, st.lists(st.builds(ToolCall, st.just("a.b"), TEXTS)).map(tuple)),
    st.builds(Message, st.just("assistant"), TEXTS, tokens=st.lists(st.integers(0, 200_000), max_size=6).map(tuple)),
)


def agrees(model: LanguageModel, messages: Sequence[Message]) -> None:
    tools = (OPEN_FILE, EXEC)
    counter = Counter(model, tools)
    assert counter.total(messages) == model.count(messages, tools=tools)
    for end in range(1, len(messages) + 1):
        assert sum(counter.each(messages)[:end]) == model.count(messages[:end], tools=tools)


@settings(max_examples=40, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_in_gpt_oss_s_format(tiny_gpt_oss: LocalModel, messages: list[Message]) -> None:
    agrees(tiny_gpt_oss, [Message("system", "Be brief."), *messages])


@settings(max_examples=40, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_in_the_small_model_s_format(small_model: LocalModel, messages: list[Message]) -> None:
    agrees(small_model, [Message("system", "Be brief."), *messages])


class Asked(ScriptedModel):
    """Says how much it was asked to count."""

    def __init__(self, refuses: bool = False) -> None:
        super().__init__()
        self.counted, self.refuses = 0, refuses

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        roles = [m.role for m in messages]
        if self.refuses and any(a == b for a, b in pairwise(roles)):
            raise ModelError("Roles must alternate.")
        self.counted += sum(len(m.text) for m in messages)
        return super().count(messages, tools=tools) + (7 * len(messages) ** 2 if self.refuses else 0)


def test_what_was_counted_is_not_counted_again() -> None:
    model = Asked()
    counter = Counter(model)
    long = [Message("system", "s"), *(Message("user", f"{n} " * 5000) for n in range(20))]
    counter.total(long)
    before = model.counted
    total = counter.total([*long, Message("user", "one more")])
    assert model.counted - before < 30
    assert total == model.count([*long, Message("user", "one more")])


def test_a_format_that_is_no_sum_is_counted_whole() -> None:
    model = Asked(refuses=True)
    messages = [Message("system", "s"), Message("user", "a b"), Message("assistant", "c"), Message("user", "d")]
    each = Counter(model).each(messages)
    assert [sum(each[:n]) for n in (1, 2, 3, 4)] == [model.count(messages[:n]) for n in (1, 2, 3, 4)]
    twice = [*messages, replace(messages[-1], text="e f"), Message("assistant", "g")]
    with pytest.raises(ModelError):
        Counter(model).total(twice)
