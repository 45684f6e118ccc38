"""gpt-oss on a CPU with experts in MXFP4: what it computes is what transformers computes of the same files."""

import json
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig
from transformers.cache_utils import Cache
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM
from transformers.utils.quantization_config import Mxfp4Config

from ossa.model import discover, loading
from ossa.model.attention import register
from ossa.model.base import Finished, Message, ModelError, Sampling
from ossa.model.cache import empty
from ossa.model.engine import Engine
from ossa.model.forward import ModuleForward
from ossa.model.loading import Loaded
from ossa.model.mxfp4.assembly import Options, assemble, states_of
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.library import (
    EXACT_LEVELS,
    LEVELS,
    PATH,
    KernelsError,
    Library,
    deviation,
    proven,
    random_experts,
    relative_error,
)
from ossa.model.mxfp4.specimen import make_random
from ossa.model.mxfp4.stack import StackForward
from ossa.model.mxfp4.weights import in_torch
from ossa.model.nearly import NearLogits
from ossa.model.sampling import Sampler

needs_kernels = pytest.mark.skipif(not PATH.is_file(), reason="the kernels are not built: make setup")
TOKENS = 60


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    """Two threads that wait for each other are slow where other programs run."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def reference(tiny_mxfp4_folder: Path) -> Any:
    """The same files, dequantised by transformers, in float32 and with its own attention."""
    module: Any = GptOssForCausalLM.from_pretrained(
        tiny_mxfp4_folder, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True)
    )
    return module.float().eval()


@pytest.fixture(scope="module")
def prompt() -> torch.Tensor:
    return torch.randint(0, 4000, (1, TOKENS), generator=torch.Generator().manual_seed(0))


def forward(folder: Path, options: Options) -> ModuleForward:
    module = assemble(folder, AutoConfig.from_pretrained(folder), options)
    module.set_attn_implementation(register())
    kept = states_of(options.library) if options.library else None
    return ModuleForward(module, torch.device("cpu"), is_ours=True, kept=kept)


def read(model: ModuleForward, tokens: torch.Tensor, chunk: int) -> torch.Tensor:
    """The logits behind every token, read in such steps."""
    states: Cache = empty()
    return torch.cat([model(part, states, chunk)[0] for part in tokens.split(chunk, 1)])


def fresh(module: Any, tokens: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return module(input_ids=tokens, use_cache=False).logits[0]


def median_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Of the tokens: one where two experts are equally good may go to the other, and is far off then."""
    return float(((found - wanted).norm(dim=-1) / wanted.norm(dim=-1)).median())


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@needs_kernels
def test_every_set_of_kernels_computes_what_torch_does(level: int) -> None:
    try:
        library = Library(PATH, level, 2)
    except KernelsError:
        pytest.skip("not on this processor")
    assert not deviation(library)


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@needs_kernels
def test_a_token_is_computed_the_same_among_however_many(level: int) -> None:
    try:
        library = Library(PATH, level, 2)
    except KernelsError:
        pytest.skip("not on this processor")
    numbers = torch.Generator().manual_seed(0)
    weights = random_experts(2, 5 * 32, 3 * 32, numbers)  # neither is a whole number of rounds
    wide, bias = (torch.randn(6, *size, generator=numbers).bfloat16() for size in ((5 * 32,), ()))
    narrow, scales = library.pack(wide)
    x, shares = torch.randn(120, 5 * 32, generator=numbers), torch.rand(120, 1, generator=numbers)
    chosen = torch.zeros(120, 1, dtype=torch.int64)
    each = range(len(x))
    alone = [library.experts(weights, x[n : n + 1], chosen[:1], shares[n : n + 1]) for n in each]
    for count in (*range(1, 24), 96, 97, len(x)):
        found = library.experts(weights, x[:count], chosen[:count], shares[:count])
        assert found.equal(torch.cat(alone[:count]))
    for weight in ((wide, None), (narrow, scales)):
        alone = [library.dense(*weight, bias, x[n : n + 1]) for n in each]
        for count in (*range(1, 24), 96, 97, len(x)):
            assert library.dense(*weight, bias, x[:count]).equal(torch.cat(alone[:count]))


@pytest.mark.parametrize("scale", [40, 100, 127, 150, 210])
@pytest.mark.parametrize("level", [0, 1, 2, 3])
@needs_kernels
def test_each_weight_counts_with_its_scale(level: int, scale: int) -> None:
    try:
        library = Library(PATH, level, 2)
    except KernelsError:
        pytest.skip("not on this processor")
    # Each of the sixteen weights alone, times what keeps products within float32.
    blocks = torch.zeros(1, 64, 1, 16, dtype=torch.uint8)
    blocks[0, :, 0, 0] = torch.arange(64) % 16
    plain = random_experts(1, 32, 32, torch.Generator().manual_seed(0))
    weights = replace(
        plain,
        gate_up=blocks,
        gate_up_scales=torch.full((1, 64, 1), scale, dtype=torch.uint8),
        gate_up_bias=torch.zeros_like(plain.gate_up_bias),
    )
    x = torch.zeros(20, 32)
    x[:, 0] = 2.0 ** (127 - scale)
    chosen, shares = torch.zeros(20, 1, dtype=torch.int64), torch.ones(20, 1)
    for count in (1, 20):
        found = library.experts(weights, x[:count], chosen[:count], shares[:count])
        wanted = in_torch(weights, x[:count], chosen[:count], shares[:count])
        assert torch.allclose(found, wanted, rtol=1e-2, atol=1e-2 * float(wanted.abs().max()))


@needs_kernels
def test_kernels_may_be_entered_by_several_threads_at_once() -> None:
    library = proven(threads=3)
    numbers = torch.Generator().manual_seed(0)
    weights = random_experts(4, 64, 96, numbers)
    x, chosen = torch.randn(9, 64, generator=numbers), torch.randint(0, 4, (9, 2), generator=numbers)
    shares = torch.rand(9, 2, generator=numbers)
    wanted = library.experts(weights, x, chosen, shares)
    wrong: list[int] = []

    def compute() -> None:
        wrong.extend(n for n in range(200) if not library.experts(weights, x, chosen, shares).equal(wanted))

    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@needs_kernels
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_no_number_stays_none(bad: float) -> None:
    numbers = torch.Generator().manual_seed(0)
    weights, x = random_experts(2, 96, 96, numbers), torch.randn(2, 96, generator=numbers)
    x[1, 40] = bad
    chosen, shares = torch.tensor([[0], [1]]), torch.ones(2, 1)
    out = proven().experts(weights, x, chosen, shares)
    assert out[1].isnan().all()
    assert relative_error(out[0], in_torch(weights, x[:1], chosen[:1], shares[:1])[0]) < 2e-2


@needs_kernels
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_stay_none_in_int8(bad: float) -> None:
    numbers, library = torch.Generator().manual_seed(0), proven()
    wide = torch.randn(4, 96, generator=numbers).bfloat16()
    wide[1, 40] = bad
    out = library.dense(*library.pack(wide), None, torch.randn(1, 96, generator=numbers))[0]
    assert out.isfinite().tolist() == [True, False, True, True]


def test_without_kernels_in_float32_it_is_transformers_to_the_last_bits(
    tiny_mxfp4_folder: Path, reference: Any, prompt: torch.Tensor
) -> None:
    model = forward(tiny_mxfp4_folder, Options(dtype=torch.float32))
    wanted = fresh(reference, prompt)
    for chunk in (7, TOKENS):
        assert torch.allclose(read(model, prompt, chunk), wanted, atol=1e-4, rtol=1e-4)


def test_without_kernels_in_bf16_it_is_near(tiny_mxfp4_folder: Path, reference: Any, prompt: torch.Tensor) -> None:
    model = forward(tiny_mxfp4_folder, Options())
    assert median_error(read(model, prompt, TOKENS), fresh(reference, prompt)) < 4e-2


def test_greedy_tokens_are_those_of_transformers(tiny_mxfp4_folder: Path, reference: Any, prompt: torch.Tensor) -> None:
    model, states = forward(tiny_mxfp4_folder, Options(dtype=torch.float32)), empty()
    theirs = reference.generate(prompt, max_new_tokens=24, do_sample=False, eos_token_id=-1)[0, TOKENS:].tolist()
    latest, ours = prompt, list[int]()
    for _ in theirs:
        ours.append(int(model(latest, states)[0, -1].argmax()))
        latest = torch.tensor([ours[-1:]])
    assert ours == theirs


@needs_kernels
@pytest.mark.parametrize("exact", [False, True])
def test_kernels_are_as_near_to_float32_as_said(
    tiny_mxfp4_folder: Path, reference: Any, prompt: torch.Tensor, exact: bool
) -> None:
    library = proven(levels=EXACT_LEVELS if exact else LEVELS)
    model = forward(tiny_mxfp4_folder, Options(library, exact=exact))
    found = read(model, prompt, TOKENS)
    assert median_error(found, fresh(reference, prompt)) < (1e-3 if exact else 1.5e-2)
    # Of each token the very same, however many are read at once.
    assert all(read(model, prompt, chunk).equal(found) for chunk in (1, 5))


@pytest.fixture(scope="module")
def loaded(tiny_mxfp4_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """As a person's machine loads it."""
    return loading.load(discover.from_path(tiny_mxfp4_folder), kept=tmp_path_factory.mktemp("kept"))


def behind(engine: Engine, tokens: Sequence[int]) -> torch.Tensor:
    """The logits behind a prompt, of which the engine reads what it does not know."""
    return engine._forward(tokens[engine.cache.rewind(tokens) :])[-1]


@needs_kernels
def test_with_kernels_what_is_reused_computes_what_is_read_anew(loaded: Loaded, prompt: torch.Tensor) -> None:
    first, second = prompt[0].tolist(), prompt[0].flip(0).tolist()
    engine = Engine(loaded)
    behind(engine, first)
    for tokens in (first[:30], first[:30] + second[:8], first, first + second, second):
        wanted = loaded.forward(torch.tensor([tokens]), empty())[0, -1]
        assert behind(engine, tokens).equal(wanted)


@needs_kernels
def test_layers_in_one_call_compute_what_transformers_module_does(loaded: Loaded, prompt: torch.Tensor) -> None:
    assert isinstance(loaded.forward, StackForward)
    module = ModuleForward(loaded.forward.module, loaded.device, is_ours=True, kept=torch.float16)
    wanted = read(module, prompt, TOKENS)
    assert relative_error(read(loaded.forward, prompt, 7), wanted) < 1e-4


@needs_kernels
def test_a_token_is_chosen_by_what_is_nearly_known_as_by_all_logits(loaded: Loaded, prompt: torch.Tensor) -> None:
    for sampling in (Sampling(), *(Sampling(temperature=1.0, seed=seed) for seed in range(5))):
        exact, nearly = Sampler(sampling), Sampler(sampling)
        for tokens in prompt.split(7, 1):
            found = loaded.forward.last(tokens, empty())
            assert isinstance(found, NearLogits)
            assert nearly(found) == exact(loaded.forward(tokens, empty())[0, -1])


def test_it_is_said_how_it_computes_and_it_answers(loaded: Loaded) -> None:
    assert loaded.where.startswith("on the CPU with experts in MXFP4")
    done = list(Engine(loaded).generate([Message("user", "hi")], sampling=Sampling(max_tokens=3)))[-1]
    assert isinstance(done, Finished)
    assert done.usage.output_tokens == 3
    assert done.usage.weights_bytes > 0


@needs_kernels
def test_layers_in_int8_are_made_once_and_again_where_they_are_damaged(
    tiny_mxfp4_folder: Path, tmp_path: Path, prompt: torch.Tensor
) -> None:
    options = Options(proven(), kept=tmp_path)
    wanted = forward(tiny_mxfp4_folder, options)(prompt, empty())
    (file,) = tmp_path.rglob("*.safetensors")
    made = file.stat().st_mtime_ns
    assert forward(tiny_mxfp4_folder, options)(prompt, empty()).equal(wanted)
    assert file.stat().st_mtime_ns == made
    content = file.read_bytes()
    for damaged in (content[:-10], b"", b"x" * 100):
        file.unlink()
        file.write_bytes(damaged)
        assert forward(tiny_mxfp4_folder, options)(prompt, empty()).equal(wanted)
        assert file.read_bytes() == content


@needs_kernels
@pytest.mark.parametrize("odd", [{"vocab_size": 65}, {"num_local_experts": 5}])
def test_what_the_kernels_are_not_made_for_is_computed_by_torch(
    odd: dict[str, int], tiny_mxfp4_folder: Path, tmp_path: Path
) -> None:
    config = json.loads((tiny_mxfp4_folder / "config.json").read_text())
    folder = make_random(tmp_path / "odd", {**config, "vocab_size": 64, **odd})
    tokens = torch.arange(TOKENS)[None]
    wanted = read(forward(folder, Options(dtype=torch.float32)), tokens, TOKENS)
    assert median_error(read(forward(folder, Options(proven())), tokens, TOKENS), wanted) < 2e-2


def test_nothing_is_read_ahead_where_there_is_no_room(tiny_mxfp4_folder: Path) -> None:
    assert not list(Checkpoint(tiny_mxfp4_folder).read_ahead([]))


def test_what_does_not_fit_is_refused_before_it_is_loaded(tiny_mxfp4_folder: Path) -> None:
    found = replace(discover.from_path(tiny_mxfp4_folder), memory=10**15, packed_memory=10**14)
    with pytest.raises(ModelError, match=r"needs 100000 GB and .* GB are free"):
        loading.load(found)


def test_kernels_that_are_missing_or_none_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(KernelsError, match="were not built"):
        proven(tmp_path / "kernels.so")
    (tmp_path / "kernels.so").write_bytes(b"no library")
    with pytest.raises(KernelsError, match="cannot be opened"):
        proven(tmp_path / "kernels.so")


@needs_kernels
def test_a_processor_without_any_of_the_levels_is_told_of() -> None:
    with pytest.raises(KernelsError, match="has neither AVX2 nor NEON"):
        proven(levels=(5, 4))
    assert proven(levels=(1,)).name != "plain C"


@needs_kernels
def test_states_that_are_no_numbers_are_not_hidden() -> None:
    library, numbers = proven(), torch.Generator().manual_seed(0)
    query = torch.randn(1, 4, 3, 32, generator=numbers)
    for bad in (float("nan"), float("inf")):
        for spoilt in (0, 1):
            states = [torch.randn(1, 2, 70, 32, generator=numbers).half() for _ in range(2)]
            states[spoilt][0, 1, 66, 5] = bad
            out = library.attend(query, (states[0], states[1]), None, 0.2, None)
            assert out[:, :, :2].isfinite().all()
            assert not out[:, :, 2:].isfinite().all(-1).any()
            assert not library.attend(query, (states[0], states[1]), None, 0.2, 2)[0, 0].isfinite().all()


@needs_kernels
def test_kernels_touch_nothing_beyond_their_memory() -> None:
    script = Path(__file__).with_name("kernels_at_edges.py")
    done = subprocess.run([sys.executable, script, PATH], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "plain C" in done.stdout


@needs_kernels
def test_kernels_that_compute_wrong_are_not_used(tmp_path: Path) -> None:
    content = spoilt = PATH.read_bytes()
    doubled = (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)
    halves = torch.tensor(doubled).bfloat16().div(2).view(torch.int16)
    # Each set of kernels has the values as a table, of bytes, words or bf16.
    for kind, table in (("b", doubled), ("h", doubled), ("h", halves.tolist())):
        values = struct.pack(f"<16{kind}", *table)
        spoilt = spoilt.replace(values, bytes(len(values)))
    assert spoilt != content
    (tmp_path / "kernels.so").write_bytes(spoilt)
    with pytest.raises(KernelsError, match="compute the experts wrong"):
        proven(tmp_path / "kernels.so")
