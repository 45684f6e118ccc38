"""The loop itself, in float32 and without a process: whatever was reused, the logits are those of a fresh start."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ossa.model import discover, loading
from ossa.model.base import Finished, Message, ModelError, Prefill, Sampling, Text
from ossa.model.engine import Engine
from ossa.model.forward import ModuleForward
from ossa.model.loading import Loaded

SLIDING = 16  # of the tiny gpt-oss


def test_a_second_turn_reads_only_what_is_new(gpt_oss: Loaded) -> None:
    engine = Engine(gpt_oss)
    ask = [Message("user", "one two three")]
    done = finished(engine, ask, Sampling(max_tokens=5))
    assert done.usage.reused_tokens == 0
    assert done.usage.prompt_tokens == engine.count(ask)
    assert (done.reason, done.usage.output_tokens) == ("length", 5)
    again = finished(engine, ask, Sampling(max_tokens=5))
    assert again.usage.reused_tokens == engine.count(ask) - 1
    assert again.message == done.message


def test_progress_of_reading_is_told(gpt_oss: Loaded) -> None:
    engine = Engine(gpt_oss)
    ask = [Message("user", "word " * 1200)]
    total = engine.count(ask)
    reading = [p for p in engine.generate(ask, sampling=Sampling(max_tokens=1)) if isinstance(p, Prefill)]
    assert [p.done for p in reading] == [0, 512, 1024, total]
    assert {p.total for p in reading} == {total}


@pytest.mark.parametrize("checks", [1, 3, 8])
def test_it_stops_wherever_it_is_told_and_goes_on_afterwards(gpt_oss: Loaded, checks: int) -> None:
    engine = Engine(gpt_oss)
    ask = [Message("user", "word " * 600)]
    calls = itertools.count()
    pieces = list(engine.generate(ask, sampling=Sampling(max_tokens=20), cancelled=lambda: next(calls) >= checks))
    assert isinstance(pieces[-1], Finished)
    assert pieces[-1].reason == "cancelled"
    assert finished(engine, ask, Sampling(max_tokens=4)).message == (
        finished(Engine(gpt_oss), ask, Sampling(max_tokens=4)).message
    )


def test_a_prompt_beyond_the_window_is_refused_with_the_figures(gpt_oss: Loaded) -> None:
    with pytest.raises(ModelError, match=r"3,\d\d\d tokens.*2,048"):
        list(Engine(gpt_oss).generate([Message("user", "word " * 3000)]))


def test_the_answer_ends_at_the_window(gpt_oss: Loaded) -> None:
    engine = Engine(gpt_oss)
    ask = [Message("user", "word " * 1960)]
    room = engine.window - engine.count(ask)
    done = finished(engine, ask, Sampling(max_tokens=10_000, temperature=1.0, seed=1))
    assert done.usage.output_tokens <= room
    assert done.reason != "length" or done.usage.output_tokens == room


def test_a_model_that_computes_nonsense_is_an_error_and_leaves_no_trace(tiny_gpt_oss_folder: Path) -> None:
    loaded = loading.load(discover.from_path(tiny_gpt_oss_folder))
    engine = Engine(loaded)
    assert isinstance(loaded.forward, ModuleForward)
    weight: torch.Tensor = loaded.forward.module.model.norm.weight
    sound = weight.detach().clone()
    ask = [Message("user", "hi")]
    before = finished(engine, ask, Sampling(max_tokens=3))
    weight.data.fill_(float("nan"))
    with pytest.raises(ModelError, match="no number"):
        list(engine.generate([Message("user", "hi, again")]))
    weight.data.copy_(sound)
    assert finished(engine, ask, Sampling(max_tokens=3)).message == before.message


def test_the_beginning_put_into_its_mouth_is_in_the_message_but_in_no_piece(small: Loaded) -> None:
    engine = Engine(small)
    ask = [Message("user", "Which is the capital of France?")]
    pieces = list(engine.generate(ask, sampling=Sampling(begin="The capital of France is", max_tokens=12, stop=(".",))))
    said = "".join(piece.text for piece in pieces if isinstance(piece, Text))
    assert said.startswith(" Paris")
    done = pieces[-1]
    assert isinstance(done, Finished)
    assert done.message.text == "The capital of France is" + said
    assert done.reason == "stop"


@pytest.mark.parametrize("which", ["gpt_oss", "small"])
def test_a_blank_at_the_end_of_the_beginning_comes_with_the_next_word(
    which: str, request: pytest.FixtureRequest
) -> None:
    begin = "def double(x):\n    "
    engine = Engine(request.getfixturevalue(which))
    done = finished(engine, [Message("user", "Double x.")], Sampling(begin=begin, max_tokens=6))
    assert done.message.text.startswith(begin)
    assert done.message.tokens[: -done.usage.output_tokens] == tuple(engine.loaded.codec.opening(begin[:-1]))
    if which == "small":
        assert done.message.text.startswith(begin + "return")


def test_the_next_turn_reuses_the_answer_as_it_was_sampled(small: Loaded) -> None:
    engine = Engine(small)
    ask = [Message("user", "Count to five.")]
    done = finished(engine, ask, Sampling(max_tokens=24))
    assert done.message.tokens
    second = finished(engine, [*ask, done.message, Message("user", "Go on.")], Sampling(max_tokens=1))
    known = engine.count(ask) + done.usage.output_tokens
    assert known - 2 <= second.usage.reused_tokens <= known


@pytest.mark.parametrize("damage", ["no shard", "half a shard", "no config", "other weights"])
def test_a_damaged_folder_is_an_error_in_a_sentence(tiny_gpt_oss_folder: Path, tmp_path: Path, damage: str) -> None:
    def copy(name: str, change: Callable[[bytes], bytes] = lambda content: content) -> None:
        (tmp_path / name).write_bytes(change((tiny_gpt_oss_folder / name).read_bytes()))

    found: Any = discover.from_path(tiny_gpt_oss_folder)
    copy("config.json", lambda content: content[: len(content) // 2] if damage == "no config" else content)
    if damage == "other weights":
        copy("model.safetensors", lambda content: content.replace(b"model.layers.3.", b"model.layers.9.", 1))
    elif damage != "no shard":
        copy("model.safetensors", lambda content: content[: len(content) // 2] if "half" in damage else content)
    with pytest.raises(ModelError, match=str(tmp_path)):
        loading.load(discover.Found(found.name, tmp_path, found.family, found.window, found.memory))


def finished(engine: Engine, messages: list[Message], sampling: Sampling) -> Finished:
    *_, last = engine.generate(messages, sampling=sampling)
    assert isinstance(last, Finished)
    return last
