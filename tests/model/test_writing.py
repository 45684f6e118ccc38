"""Ways to write more than a token at a time, or under conditions: the text is what one token after the other gives."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from ossa.model.answer import Answer
from ossa.model.base import Continuation, Finished, Message, ModelError, Sampling, Text, Thought, ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.engine import Engine
from ossa.model.harmony import HarmonyCodec
from ossa.model.harmony_reader import CHANNEL, END, MESSAGE, START
from ossa.model.loading import Loaded
from ossa.model.lookup import Lookup

SOURCE = """def area(width, height):
    return width * height


def perimeter(width, height):
    return 2 * (width + height)


def describe(width, height):
    return f"{width} by {height}: area {area(width, height)}, perimeter {perimeter(width, height)}"
"""


class Plain(Lookup):
    """Never drafts anything."""

    def draft(self, room: int) -> list[int]:
        return []


def copied(loaded: Loaded, kind: type[Lookup], sampling: Sampling) -> Finished:
    ask = [Message("user", f"Repeat this program exactly:\n\n```python\n{SOURCE}```")]
    return finished(Engine(loaded, kind), ask, sampling)


@pytest.mark.parametrize("temperature", [0.0, 0.7])
def test_what_is_copied_is_what_would_have_been_written(small: Loaded, temperature: float) -> None:
    sampling = Sampling(begin="```python\ndef area", max_tokens=60, temperature=temperature, seed=3)
    with_lookup = copied(small, Lookup, sampling)
    assert with_lookup.message == copied(small, Plain, sampling).message
    assert with_lookup.usage.accepted_tokens > 20
    assert with_lookup.usage.accepted_tokens <= with_lookup.usage.drafted_tokens


def test_a_random_model_is_not_changed_by_drafts(gpt_oss: Loaded) -> None:
    sampling = Sampling(max_tokens=80)
    assert copied(gpt_oss, Lookup, sampling).message == copied(gpt_oss, Plain, sampling).message


def test_after_copying_the_next_turn_reuses_the_answer(small: Loaded) -> None:
    engine = Engine(small)
    ask = [Message("user", f"Repeat:\n{SOURCE}")]
    done = finished(engine, ask, Sampling(begin="def area", max_tokens=40))
    assert done.usage.accepted_tokens
    second = finished(engine, [*ask, done.message, Message("user", "Go on.")], Sampling(max_tokens=1))
    known = done.usage.prompt_tokens + done.usage.output_tokens
    assert known - 2 <= second.usage.reused_tokens <= known


@pytest.mark.parametrize("which", ["gpt_oss", "small"])
def test_answers_side_by_side_are_those_written_alone(which: str, request: pytest.FixtureRequest) -> None:
    loaded: Loaded = request.getfixturevalue(which)
    ask = [Message("user", "Write a function that doubles x.")]
    begins = ["def double(x):\n    return", "def double(x):", "x = 2\n", ""]
    sampling = Sampling(max_tokens=12, stop=("\n\n",))
    together = Engine(loaded).continue_all(ask, begins, sampling)
    assert len(together) == len(begins)
    for begin, answer in zip(begins, together, strict=True):
        alone = finished(Engine(loaded), ask, replace(sampling, begin=begin))
        assert (answer.text, answer.tokens) == (alone.message.text, alone.usage.output_tokens)
        assert answer.reason == alone.reason
        assert answer.logprob <= 0


def test_each_answer_has_its_own_chance_and_a_seed_repeats_all(small: Loaded) -> None:
    ask = [Message("user", "Say a word.")]
    sampling = Sampling(temperature=1.5, seed=1, max_tokens=6)
    first = Engine(small).continue_all(ask, ["A"] * 4, sampling)
    assert len({answer.text for answer in first}) > 1
    assert first == Engine(small).continue_all(ask, ["A"] * 4, sampling)


def test_answers_side_by_side_can_be_cut_off(gpt_oss: Loaded) -> None:
    asked = iter([False] * 8)
    ask = [Message("user", "hi")]
    cut: list[Continuation] = Engine(gpt_oss).continue_all(
        ask, ["", "a"], Sampling(max_tokens=50), lambda: next(asked, True)
    )
    assert {answer.reason for answer in cut} <= {"cancelled", "stop"}
    assert all(answer.tokens < 20 for answer in cut)
    with pytest.raises(ModelError, match="cancelled"):
        Engine(gpt_oss).continue_all(ask, ["a"], Sampling(), lambda: True)


def test_thinking_ends_at_its_budget_and_the_answer_begins(gpt_oss: Loaded) -> None:
    assert written(gpt_oss, Sampling(thinking=5), "one two three four five six seven") == (
        "one two three four five",
        "",
    )
    assert written(gpt_oss, Sampling(), "one two three") == ("one two three", "")


def test_thinking_can_be_ended_while_it_goes_on(gpt_oss: Loaded) -> None:
    asked = iter([False, False])
    assert written(gpt_oss, Sampling(), "one two three", lambda: next(asked, True)) == ("one two", "")


def written(
    loaded: Loaded, sampling: Sampling, thought: str, hurried: Callable[[], bool] = lambda: False
) -> tuple[str, str]:
    """What is thought and said by a model that only wants to think, until it has to answer."""
    codec = loaded.codec
    assert isinstance(codec, HarmonyCodec)
    answer = Answer(codec, sampling, hurried)
    pieces = [piece for token in (CHANNEL, *codec._plain("analysis"), MESSAGE) for piece in answer.feed(token)]
    for token in codec._plain(thought):
        if forced := answer.forced():
            assert forced == [END, START, *codec._plain("assistant"), CHANNEL, *codec._plain("final"), MESSAGE]
            pieces += [piece for each in forced for piece in answer.feed(each)]
            break
        pieces += answer.feed(token)
    said = "".join(piece.text for piece in pieces if isinstance(piece, Text))
    return "".join(piece.text for piece in pieces if isinstance(piece, Thought)), said


def test_a_random_model_calls_a_declared_tool_when_it_is_held_to_one(gpt_oss: Loaded) -> None:
    engine = Engine(gpt_oss)
    schema = {"type": "object", "properties": {"path": {"type": "string", "maxLength": 20}}, "required": ["path"]}
    tools = [ToolSpec("repo_browser.open_file", "Open a file.", {**schema, "additionalProperties": False})]
    constraint = Constraint(must_call=("repo_browser.open_file",), thinks=False)
    for seed in range(5):
        sampling = Sampling(temperature=1.0, seed=seed, max_tokens=120, constraint=constraint)
        done = list(engine.generate([Message("user", "hi")], tools, sampling))[-1]
        assert isinstance(done, Finished)
        assert done.reason == "tool_calls"
        (call,) = done.message.calls
        assert call.name == "repo_browser.open_file"
        assert list(json.loads(call.arguments)) == ["path"]


@pytest.mark.parametrize("budget", [0, 5, None])
def test_what_a_random_model_says_freely_is_well_formed_also_when_its_thinking_is_ended(
    gpt_oss: Loaded, budget: int | None
) -> None:
    engine = Engine(gpt_oss)
    tools = [ToolSpec("repo_browser.open_file", "Open a file.", {"type": "object", "properties": {}})]
    for seed in range(8):
        sampling = Sampling(temperature=1.0, seed=seed, max_tokens=60, thinking=budget, constraint=Constraint())
        pieces = list(engine.generate([Message("user", "hi")], tools, sampling))
        done = pieces[-1]
        assert isinstance(done, Finished)
        assert done.reason in ("stop", "tool_calls", "length")
        assert all(call.name == "repo_browser.open_file" for call in done.message.calls)


def test_a_grammar_holds_the_small_model_and_its_drafts(small: Loaded) -> None:
    engine = Engine(small)
    ask = [Message("user", "Is the sky blue? Answer yes or no. yes yes yes no no no")]
    constraint = Constraint(grammar='start: ("yes" | "no") (" yes" | " no"){3}')
    done = finished(engine, ask, Sampling(max_tokens=20, constraint=constraint))
    words = done.message.text.split()
    assert len(words) == 4
    assert set(words) <= {"yes", "no"}
    assert done.reason == "stop"


def finished(engine: Engine, messages: list[Message], sampling: Sampling) -> Finished:
    done = list(engine.generate(messages, sampling=sampling))[-1]
    assert isinstance(done, Finished)
    return done
