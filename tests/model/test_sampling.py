"""Choosing tokens, and ending at stop texts."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ossa.model.base import ModelError, Sampling
from ossa.model.sampling import Sampler
from ossa.model.stops import Stops

LOGITS = torch.tensor([0.0, 3.0, 1.0, 2.5])


def test_without_temperature_it_takes_the_likeliest() -> None:
    assert Sampler(Sampling())(LOGITS) == 1


def test_a_seed_repeats_the_choices_and_another_one_changes_them() -> None:
    def choices(seed: int) -> list[int]:
        sampler = Sampler(Sampling(temperature=1.0, seed=seed))
        return [sampler(LOGITS) for _ in range(50)]

    assert choices(1) == choices(1) != choices(2)


def test_top_p_leaves_out_the_unlikely() -> None:
    sampler = Sampler(Sampling(temperature=1.0, top_p=0.8, seed=0))
    assert {sampler(LOGITS) for _ in range(300)} == {1, 3}
    least = Sampler(Sampling(temperature=5.0, top_p=0.0, seed=0))
    assert {least(LOGITS) for _ in range(20)} == {1}


def test_a_tiny_temperature_is_no_division_by_zero() -> None:
    assert Sampler(Sampling(temperature=1e-30, seed=0))(LOGITS * 1e20) == 1


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nonsense_of_the_model_is_said(bad: float) -> None:
    with pytest.raises(ModelError, match="no number"):
        Sampler(Sampling())(torch.tensor([0.0, bad]))


@given(st.lists(st.text("abc", max_size=3), max_size=12), st.lists(st.text("abc", min_size=1, max_size=4), max_size=3))
def test_stop_texts_are_found_across_parts(parts: list[str], stops: list[str]) -> None:
    filter_ = Stops(stops)
    shown = "".join([filter_.feed(part) for part in parts])
    shown += filter_.flush()
    text = "".join(parts)
    ends = [text.find(stop) for stop in stops if stop in text]
    assert filter_.hit == bool(ends)
    assert text.startswith(shown)
    if not ends:
        assert shown == text
    else:
        assert not any(stop in shown for stop in stops)
