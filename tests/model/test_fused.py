"""The small model's fast path computes what transformers' module computes in float32, up to rounding."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers.cache_utils import Cache

from ossa.model import codec, llama, vocabulary
from ossa.model.attention import Shared
from ossa.model.cache import empty, pairs, select
from ossa.model.fused import FusedLlama
from ossa.model.gguf import Codes, GgufFile
from ossa.model.int4 import Weight, works

TOKENS = 1500


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Two threads that wait for each other are slow where other programs run."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def file(small_model_file: Path) -> GgufFile:
    return GgufFile(small_model_file)


@pytest.fixture(scope="module")
def fused(file: GgufFile) -> FusedLlama:
    return FusedLlama(file, llama.shape_of(file), torch.bfloat16)


@pytest.fixture(scope="module")
def exact(file: GgufFile) -> Any:
    module = llama.build(file, llama.shape_of(file), torch.float32)
    module.set_attn_implementation("eager")
    return module


@pytest.fixture(scope="module")
def code(file: GgufFile) -> list[int]:
    """Code that is in no training data: our own."""
    folder = Path(codec.__file__).parent
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py"))[:8])
    return vocabulary.tokenizer(file).encode(text).ids[:TOKENS]


def loss(logits: torch.Tensor, tokens: list[int]) -> float:
    return float(torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(tokens[1:])))


def test_perplexity_on_code_is_that_of_float32(fused: FusedLlama, exact: Any, code: list[int]) -> None:
    assert len(code) == TOKENS
    states = empty()
    with torch.inference_mode():
        wanted = loss(torch.cat([read(exact, code[n : n + 250], states) for n in range(0, TOKENS, 250)]), code)
    states = empty()
    many = torch.cat([fused(torch.tensor([code[n : n + 250]]), states, 250)[0] for n in range(0, TOKENS, 250)])
    assert abs(math.exp(loss(many, code) - wanted) - 1) < 0.005
    # Through the kernels for few tokens, which have weights of 4 bits; fewer tokens, as it takes longer.
    part, states = code[:360], empty()
    few = torch.cat([fused(torch.tensor([part[n : n + 12]]), states, 12)[0] for n in range(0, 360, 12)])
    with torch.inference_mode():
        wanted = loss(exact(input_ids=torch.tensor([part]), use_cache=False).logits[0], part)
    assert abs(math.exp(loss(few, part) - wanted) - 1) < 0.02


def read(module: Any, tokens: list[int], states: Cache) -> torch.Tensor:
    return module(input_ids=torch.tensor([tokens]), past_key_values=states, use_cache=True).logits[0]


def test_one_token_after_the_other_is_the_same_as_all_at_once(fused: FusedLlama, exact: Any, code: list[int]) -> None:
    part = code[:40]
    states = empty()
    single = torch.cat([fused(torch.tensor([[token]]), states)[0] for token in part])
    with torch.inference_mode():
        wanted = exact(input_ids=torch.tensor([part]), use_cache=False).logits[0]
    likeliest = wanted.argmax(-1) == single.argmax(-1)
    assert likeliest.float().mean() > 0.85
    assert abs(loss(single, part) - loss(wanted, part)) < 0.05


def test_rows_share_states(fused: FusedLlama, code: list[int]) -> None:
    common, ends = code[:60], (code[60:64], code[100:102], code[200:207])
    states = empty()
    fused(torch.tensor([common]), states)
    layers = tuple(pairs(states))
    pads = torch.tensor([7 - len(end) for end in ends])
    shared = Shared(layers, pads, int(pads.max()))
    own = empty()
    ids = torch.tensor([[0] * (7 - len(end)) + end for end in ends])
    together = fused(ids, own, 1, shared)
    left = select(own, [0, 2])
    after = fused(torch.tensor([[5], [6]]), left, 1, Shared(layers, pads[[0, 2]], int(pads.max())))
    for row, end in enumerate(ends):
        states = empty()
        alone = fused(torch.tensor([common + end]), states)
        assert closeness(together[row, 0], alone[0, 0]) > 0.999
        if row != 1:
            assert closeness(after[row // 2, 0], fused(torch.tensor([[5 + row // 2]]), states)[0, 0]) > 0.999


def closeness(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(one, other, dim=0))


def test_the_kernels_pass_their_own_test() -> None:
    assert works(torch.bfloat16)


def test_a_matrix_of_an_odd_size_goes_without_the_kernel() -> None:
    codes = Codes(torch.randint(0, 16, (10, 64), dtype=torch.uint8), torch.ones(10, 2), torch.zeros(10, 2))
    weight = Weight(codes.wide().bfloat16(), codes)
    hidden = torch.randn(1, 64).bfloat16()
    assert torch.equal(weight(hidden), torch.nn.functional.linear(hidden, weight.wide))
