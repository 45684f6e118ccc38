"""A token that is chosen by what is nearly known of its logits is the one that all of them would give."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ossa.model.base import ModelError, Sampling
from ossa.model.mxfp4.library import LEVELS, PATH, KernelsError, Library
from ossa.model.mxfp4.near import Head
from ossa.model.mxfp4.weights import column_of, unpacked_int8
from ossa.model.nearly import NearLogits
from ossa.model.sampling import Sampler

needs_kernels = pytest.mark.skipif(not PATH.is_file(), reason="the kernels are not built: make setup")
VOCABULARY, HIDDEN = 8192, 192

WAYS = [
    Sampling(),
    Sampling(top_p=0.9),
    Sampling(temperature=1.0, seed=3),
    Sampling(temperature=0.3, seed=4),
    Sampling(temperature=1.0, top_p=0.9, seed=5),
    Sampling(temperature=1.0, min_p=0.05, seed=6),
]
AMONG = [None, [5, 77, 4000], np.arange(VOCABULARY) % 3 != 1]


class Known:
    """Logits that are known, and nearly known as well; it counts those that had to be computed."""

    def __init__(self, logits: torch.Tensor, near: torch.Tensor, off: torch.Tensor) -> None:
        self.computed, self.logits = 0, logits
        self.nearly = NearLogits(near, off, self._exactly, lambda: self._exactly(torch.arange(len(logits))))

    def _exactly(self, ids: torch.Tensor) -> torch.Tensor:
        self.computed += len(ids)
        return self.logits[ids]


def known(numbers: torch.Generator) -> Known:
    logits = torch.randn(VOCABULARY, generator=numbers) * 3
    wrong = torch.rand(VOCABULARY, generator=numbers) * 2 - 1
    return Known(logits, logits + wrong * 0.4, torch.full_like(logits, 0.4))


@pytest.mark.parametrize("sampling", WAYS, ids=str)
@pytest.mark.parametrize("among", AMONG, ids=["all", "ids", "mask"])
def test_the_same_token_is_chosen(sampling: Sampling, among: list[int] | None) -> None:
    numbers = torch.Generator().manual_seed(0)
    exact, nearly = Sampler(sampling), Sampler(sampling)
    for _ in range(40):
        one = known(numbers)
        assert nearly(one.nearly, among) == exact(one.logits, among)


@pytest.mark.parametrize("sampling", WAYS[:4], ids=str)
def test_few_logits_have_to_be_computed(sampling: Sampling) -> None:
    numbers, sampler = torch.Generator().manual_seed(0), Sampler(sampling)
    many = [known(numbers) for _ in range(20)]
    for one in many:
        sampler(one.nearly)
    assert sum(one.computed for one in many) < 20 * VOCABULARY / 100


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_logit_that_is_no_number_is_said_wherever_it_is_found(bad: float) -> None:
    one = known(torch.Generator().manual_seed(0))
    one.logits[70] = bad
    with pytest.raises(ModelError, match="no number"):
        Sampler(Sampling())(NearLogits(one.logits, one.nearly.off, one.nearly.exactly, one.nearly.whole))
    one.nearly.off[70] = torch.inf
    with pytest.raises(ModelError, match="no number"):
        Sampler(Sampling())(one.nearly)


@pytest.mark.parametrize("among", AMONG, ids=["all", "ids", "mask"])
def test_a_logit_that_is_further_off_than_it_should_be_ends_no_answer(among: list[int] | None) -> None:
    logits = torch.arange(VOCABULARY).float()
    one = Known(logits, logits - 10, torch.full_like(logits, 0.4))
    assert Sampler(Sampling())(one.nearly, among) == Sampler(Sampling())(logits, among)


@needs_kernels
@pytest.mark.parametrize("level", [0, *LEVELS])
@pytest.mark.parametrize("outliers", [False, True])
def test_an_output_layer_knows_how_far_off_it_is(level: int, outliers: bool) -> None:
    try:
        library = Library(PATH, level, 2)
    except KernelsError:
        pytest.skip("not on this processor")
    numbers = torch.Generator().manual_seed(0)
    wide = torch.randn(VOCABULARY, HIDDEN, generator=numbers)
    if outliers:
        wide[:, 7] *= 20
    wide = (wide * torch.rand(VOCABULARY, 1, generator=numbers)).bfloat16()
    wide[5], wide[6] = 0, 1.5  # rows that MXFP4 knows exactly
    narrow, near = library.pack(wide), library.pack_near(wide)
    for _ in range(5):
        head, x = Head(*narrow, near, library), torch.randn(HIDDEN, generator=numbers)
        if outliers:
            x[7] = 30
        logits, nearly = head(x[None])[0], head.last(x)
        assert isinstance(nearly, NearLogits)
        assert ((nearly.near - logits).abs() <= nearly.off).all()
        assert nearly.exactly(torch.tensor([9, 4, 4])).equal(logits[[9, 4, 4]])
        assert nearly.whole().equal(logits)
        assert nearly.exactly(torch.arange(VOCABULARY // 2)).equal(logits[: VOCABULARY // 2])
        for sampling in WAYS:
            assert Sampler(sampling)(nearly) == Sampler(sampling)(logits)


@needs_kernels
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_what_lies_along_a_row_is_no_further_off(share: float) -> None:
    numbers, library = torch.Generator().manual_seed(0), Library(PATH, 1, 1)
    wide = torch.randn(512, HIDDEN, generator=numbers).bfloat16()
    head, over = Head(*library.pack(wide), library.pack_near(wide), library), list[float]()
    for row in range(0, 512, 4):
        x = wide[row].float() * share + torch.randn(HIDDEN, generator=numbers) * (1 - share)
        nearly = head.last(x)
        assert isinstance(nearly, NearLogits)
        over.append(float((nearly.near[row] - head(x[None])[0, row]) / nearly.off[row]))
    assert abs(sum(over) / len(over)) < 0.1
    assert max(map(abs, over)) < 1


@needs_kernels
def test_outliers_cost_no_exactness_and_few_logits() -> None:
    """As in trained models, where a few values of what goes in are most of it."""
    numbers, library = torch.Generator().manual_seed(0), Library(PATH, 1, 1)
    wide = torch.randn(VOCABULARY, HIDDEN, generator=numbers).bfloat16()
    narrow = library.pack(wide)
    columns = [column_of(*narrow, column) for column in range(HIDDEN)]
    assert torch.stack(columns, 1).equal(unpacked_int8(*narrow)[:, :HIDDEN])
    head, computed = Head(*narrow, library.pack_near(wide), library), list[int]()
    for _ in range(20):
        x = torch.randn(HIDDEN, generator=numbers)
        x[[3, 70, 71]] += torch.tensor([60.0, -20.0, 15.0])
        nearly = head.last(x)
        assert isinstance(nearly, NearLogits)

        def exactly(ids: torch.Tensor, nearly: NearLogits = nearly) -> torch.Tensor:
            computed.append(len(ids))
            return nearly.exactly(ids)

        assert Sampler(Sampling())(replace(nearly, exactly=exactly)) == int(head(x[None])[0].argmax())
    # Columns are read one with each token; from then on little is left to doubt.
    assert sum(computed[8:]) < VOCABULARY


@needs_kernels
def test_where_it_is_in_vain_all_logits_are_computed_for_a_while() -> None:
    numbers, library = torch.Generator().manual_seed(0), Library(PATH, 1, 1)
    wide = (
        torch.ones(VOCABULARY, HIDDEN).bfloat16() + torch.randn(VOCABULARY, HIDDEN, generator=numbers).bfloat16() / 90
    )
    head, kinds = Head(*library.pack(wide), library.pack_near(wide), library), list[bool]()
    for _ in range(300):
        x = torch.randn(HIDDEN, generator=numbers)
        logits = head.last(x)
        kinds.append(isinstance(logits, NearLogits))
        assert Sampler(Sampling())(logits) == int(head(x[None])[0].argmax())
    assert kinds[:4] == [True] * 4
    assert not any(kinds[4:200])
    assert any(kinds[200:])


@needs_kernels
def test_sampling_that_needs_all_logits_has_them_computed_at_once_for_a_while() -> None:
    numbers, library = torch.Generator().manual_seed(0), Library(PATH, 1, 1)
    wide = torch.randn(VOCABULARY, HIDDEN, generator=numbers).bfloat16()
    head, sampler = Head(*library.pack(wide), library.pack_near(wide), library), Sampler(WAYS[-1])
    kinds = list[bool]()
    for _ in range(20):
        logits = head.last(torch.randn(HIDDEN, generator=numbers))
        kinds.append(isinstance(logits, NearLogits))
        sampler(logits)
    assert kinds == [True] * 4 + [False] * 16


@needs_kernels
def test_weights_that_are_no_numbers_are_never_passed_over() -> None:
    numbers, library = torch.Generator().manual_seed(0), Library(PATH, 1, 1)
    wide = torch.randn(VOCABULARY, HIDDEN, generator=numbers).bfloat16()
    wide[300, 4] = float("nan")
    head = Head(*library.pack(wide), library.pack_near(wide), library)
    with pytest.raises(ModelError, match="no number"):
        Sampler(Sampling())(head.last(torch.randn(HIDDEN, generator=numbers)))
