"""LoRA adapters: what is computed with one is what `W + scale * B @ A` says, and what cannot be followed is refused."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM
from transformers.utils.quantization_config import Mxfp4Config

from ossa.model import discover, llama, loading, wire
from ossa.model.adapter import CONFIG, WEIGHTS, adapted
from ossa.model.base import Finished, Message, ModelError, Sampling
from ossa.model.cache import empty
from ossa.model.fused import FusedLlama
from ossa.model.gguf import GgufFile
from ossa.model.mxfp4.library import PATH
from ossa.model.process import LocalModel
from ossa.model.store import key_of

IDS = torch.arange(1000, 1040)[None]
PREFIX = "base_model.model."
EXPERTS = "model.layers.1.mlp.experts"


def put(folder: Path, tensors: dict[str, torch.Tensor], **settings: Any) -> Path:
    """An adapter as PEFT writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "bias": "none", "r": 4, "lora_alpha": 8, "lora_dropout": 0.05, "use_dora": False}
    (folder / CONFIG).write_text(json.dumps(config | {"base_model_name_or_path": "a/base"} | settings))
    save_file({PREFIX + name: tensor for name, tensor in tensors.items()}, folder / WEIGHTS, {"format": "pt"})
    return folder


def pair(module: str, width_in: int, width_out: int, rank: int = 4, size: float = 0.2) -> dict[str, torch.Tensor]:
    numbers = torch.Generator().manual_seed(width_in + 7 * width_out + rank)
    return {
        f"{module}.lora_A.weight": torch.randn(rank, width_in, generator=numbers) * size,
        f"{module}.lora_B.weight": torch.randn(width_out, rank, generator=numbers) * size,
    }


def product(tensors: dict[str, torch.Tensor], module: str) -> torch.Tensor:
    return tensors[f"{module}.lora_B.weight"] @ tensors[f"{module}.lora_A.weight"]


def of_experts(tensors: dict[str, torch.Tensor], module: str, experts: int = 4) -> torch.Tensor:
    """By the formula in PEFT's source."""
    down, up = tensors[f"{module}.lora_A.weight"], tensors[f"{module}.lora_B.weight"]
    down = down.reshape(experts, -1, down.shape[1])
    return torch.einsum("o r e, e r i -> e i o", up.reshape(len(up), -1, experts), down)


@pytest.fixture(scope="module")
def base(tiny_gpt_oss_folder: Path) -> discover.Found:
    return discover.from_path(tiny_gpt_oss_folder)


@pytest.fixture
def module(tiny_gpt_oss_folder: Path) -> Any:
    """The tiny gpt-oss by transformers alone."""
    return GptOssForCausalLM.from_pretrained(tiny_gpt_oss_folder, attn_implementation="eager").eval()


def logits(module: Any) -> torch.Tensor:
    with torch.inference_mode():
        return module(input_ids=IDS, use_cache=False).logits


def median_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """Of the tokens: one where two experts are equally good may go to the other, and is far off then."""
    return float(((found - wanted).norm(dim=-1) / wanted.norm(dim=-1)).median())


def computed(found: discover.Found) -> torch.Tensor:
    return loading.load(found).forward(IDS, empty(), IDS.shape[1])


def test_attention_router_and_experts_of_gpt_oss(base: discover.Found, module: Any, tmp_path: Path) -> None:
    query, output, router = (
        f"model.layers.{place}" for place in ("0.self_attn.q_proj", "2.self_attn.o_proj", "3.mlp.router")
    )
    # Of two weights in one module, PEFT gives the first the longer name.
    gate_up, down = f"{EXPERTS}.base_layer", EXPERTS
    tensors = pair(query, 32, 64) | pair(output, 64, 32, rank=2) | pair(router, 32, 4)
    tensors |= pair(gate_up, 32, 64, rank=12) | pair(down, 32, 32, rank=16)
    settings = {
        "target_parameters": ["mlp.experts.gate_up_proj", "mlp.experts.down_proj", "router.weight"],
        "rank_pattern": {"o_proj": 2, "gate_up_proj": 3},
        "alpha_pattern": {r"layers\.2\.self_attn\.o_proj": 32, "mlp.experts.gate_up_proj": 9},
    }
    before = logits(module)
    with torch.no_grad():
        layers = module.model.layers
        layers[0].self_attn.q_proj.weight += 8 / 4 * product(tensors, query)
        layers[2].self_attn.o_proj.weight += 32 / 2 * product(tensors, output)
        layers[3].mlp.router.weight += 8 / 4 * product(tensors, router)
        layers[1].mlp.experts.gate_up_proj += 9 / 3 * of_experts(tensors, gate_up)
        layers[1].mlp.experts.down_proj += 8 / 4 * of_experts(tensors, down)
    got = computed(adapted(base, put(tmp_path, tensors, **settings)))
    assert torch.allclose(got, logits(module), atol=1e-3, rtol=1e-4)
    assert not torch.allclose(got, before, atol=0.1)


def test_the_scale_may_go_by_the_root_of_the_rank(base: discover.Found, module: Any, tmp_path: Path) -> None:
    name = "model.layers.0.self_attn.q_proj"
    tensors = pair(name, 32, 64)
    with torch.no_grad():
        module.model.layers[0].self_attn.q_proj.weight += 8 / 2 * product(tensors, name)
    got = computed(adapted(base, put(tmp_path, tensors, use_rslora=True)))
    assert torch.allclose(got, logits(module), atol=1e-3, rtol=1e-4)


def test_the_small_model_keeps_its_4_bits_beside_an_adapter(small_model_file: Path, tmp_path: Path) -> None:
    file = GgufFile(small_model_file)
    shape = llama.shape_of(file)
    layer = "model.layers.3"
    tensors = pair(f"{layer}.self_attn.q_proj", 576, 576) | pair(f"{layer}.self_attn.v_proj", 576, 192)
    tensors |= pair(f"{layer}.mlp.up_proj", 576, 1536) | pair(f"{layer}.mlp.down_proj", 1536, 576)
    found = adapted(discover.from_path(small_model_file), put(tmp_path, tensors))
    whole: Any = llama.build(file, shape, torch.float32)
    plain = whole(input_ids=IDS).logits.detach()
    weights = dict(whole.named_parameters())
    with torch.no_grad():
        for name in {key.partition(".lora")[0] for key in tensors}:
            weights[f"{name}.weight"] += 8 / 4 * product(tensors, name)
    wanted = whole(input_ids=IDS).logits.detach()
    loaded = loading.load(found)
    assert isinstance(loaded.forward, FusedLlama)
    states = empty()
    few = [loaded.forward(part, states, part.shape[1]) for part in IDS.split(4, dim=1)]
    for got in (loaded.forward(IDS, empty(), IDS.shape[1]), torch.cat(few, dim=1)):
        assert float((got - wanted).norm()) < 0.2 * float((plain - wanted).norm())


@pytest.mark.skipif(not PATH.is_file(), reason="the kernels are not built: make setup")
@pytest.mark.parametrize("exact", [False, True])
def test_experts_of_gpt_oss_stay_in_mxfp4_beside_an_adapter(
    tiny_mxfp4_folder: Path, tmp_path: Path, exact: bool
) -> None:
    attention = "model.layers.{}.self_attn.{}_proj"
    tensors = pair(attention.format(0, "q"), 96, 64, size=0.1) | pair(attention.format(1, "k"), 96, 32, size=0.1)
    tensors |= pair(attention.format(2, "v"), 96, 32, size=0.1) | pair(attention.format(3, "o"), 64, 96, size=0.1)
    whole: Any = GptOssForCausalLM.from_pretrained(
        tiny_mxfp4_folder, attn_implementation="eager", quantization_config=Mxfp4Config(dequantize=True)
    )
    weights = dict(whole.float().eval().named_parameters())
    plain = logits(whole)[0]
    with torch.no_grad():
        for name in {key.partition(".lora")[0] for key in tensors}:
            weight = weights[f"{name}.weight"]
            weight.copy_((weight + 8 / 4 * product(tensors, name)).bfloat16())
    wanted = logits(whole)[0]
    base = replace(discover.from_path(tiny_mxfp4_folder), memory=10**15, exact=exact)
    assert base.packed_memory > 0
    loading.load(base, kept=tmp_path / "kept")
    found = adapted(base, put(tmp_path / "adapter", tensors))
    for _ in range(2):  # packed, and as it was kept
        got = loading.load(found, kept=tmp_path / "kept").forward(IDS, empty(), IDS.shape[1])[0]
        assert median_error(got, wanted) < (1e-3 if exact else 1.5e-2)
        assert median_error(got, plain) > 0.1
    assert len(list((tmp_path / "kept").rglob("*.safetensors"))) == (0 if exact else 2)
    other = adapted(base, put(tmp_path / "adapter", tensors, lora_alpha=0))
    got = loading.load(other, kept=tmp_path / "kept").forward(IDS, empty(), IDS.shape[1])[0]
    assert median_error(got, plain) < (1e-3 if exact else 1.5e-2)


def test_an_adapter_of_experts_takes_them_unpacked(base: discover.Found, tmp_path: Path) -> None:
    tensors = pair(EXPERTS, 32, 32, rank=16)
    folder = put(tmp_path, tensors, target_parameters=["mlp.experts.down_proj"])
    assert adapted(replace(base, packed_memory=10**9), folder).packed_memory == 0


def test_states_of_one_adapter_are_not_those_of_another(base: discover.Found, tmp_path: Path) -> None:
    loaded = loading.load(base)
    tensors = pair("model.layers.0.self_attn.q_proj", 32, 64)
    one, two = (adapted(base, put(tmp_path / f"{alpha}", tensors, lora_alpha=alpha)) for alpha in (8, 16))
    assert len({key_of(found, loaded) for found in (base, one, two)}) == 3
    assert wire.from_found(wire.found(one)) == one
    assert wire.from_found(wire.found(base)) == base


def test_the_process_answers_with_it(base: discover.Found, tmp_path: Path) -> None:
    tensors = pair("model.layers.0.self_attn.q_proj", 32, 64)
    model = LocalModel(adapted(base, put(tmp_path, tensors)))
    done = list(model.generate([Message("user", "hi")], sampling=Sampling(max_tokens=2)))[-1]
    assert isinstance(done, Finished)
    model.close()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"use_dora": True}, "use_dora"),
        ({"bias": "all"}, "biases"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"peft_type": "IA3"}, "IA3"),
        ({"init_lora_weights": "pissa_niter_4"}, "pissa"),
        ({"a_trick_of_tomorrow": 1}, "a_trick_of_tomorrow"),
        ({"lora_alpha": "much"}, "does not describe an adapter"),
        ({"alpha_pattern": 3}, "does not describe an adapter"),
    ],
)
def test_what_is_not_plain_lora_is_refused_before_loading(
    base: discover.Found, tmp_path: Path, settings: dict[str, Any], said: str
) -> None:
    put(tmp_path, pair("model.layers.0.self_attn.q_proj", 32, 64), **settings)
    with pytest.raises(ModelError, match=said):
        adapted(base, tmp_path)


def test_a_folder_without_an_adapter_is_refused(base: discover.Found, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="There is no adapter in"):
        adapted(base, tmp_path)
    (tmp_path / CONFIG).write_text("{")
    with pytest.raises(ModelError, match=f"{WEIGHTS} is missing"):
        adapted(base, tmp_path)
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80")
    with pytest.raises(ModelError, match="pickle"):
        adapted(base, tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"")
    with pytest.raises(ModelError, match="does not describe an adapter"):
        adapted(base, tmp_path)


Tensors = dict[str, torch.Tensor]
QUERY = "model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("tensors", "settings", "said"),
    [
        (pair("model.layers.9.self_attn.q_proj", 32, 64), {}, "does not have"),
        (pair("transformer.h.0.attn.c_attn", 32, 64), {}, r"for a/base\) does not fit"),
        (pair(QUERY, 64, 64), {}, r"\(4, 64\) and \(64, 4\), and the weight is \(64, 32\)"),
        (pair(EXPERTS, 32, 32, rank=2), {"target_parameters": ["experts.down_proj"]}, r"the weight is \(4, 32, 32\)"),
        (pair(EXPERTS, 32, 32), {"target_parameters": ["gate_up_proj", "down_proj"]}, "1 weights and names 2"),
        ({f"{QUERY}.lora_A.weight": torch.ones(4, 32)}, {}, "no pair of matrices"),
        ({"lm_head.weight": torch.ones(4, 32)}, {}, "supports changes of matrices only"),
        (pair(QUERY, 32, 64, size=float("nan")), {}, "no number"),
        (pair(QUERY, 32, 64), {"alpha_pattern": {"(": 1}}, "broken pattern"),
        ({}, {}, "changes nothing"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    base: discover.Found, tmp_path: Path, tensors: Tensors, settings: dict[str, Any], said: str
) -> None:
    found = adapted(base, put(tmp_path, tensors, **settings))
    with pytest.raises(ModelError, match=said) as refusal:
        loading.load(found)
    assert str(tmp_path) in str(refusal.value)


@pytest.mark.parametrize("kept", [slice(-9), slice(None, None, -1), slice(0)])
def test_a_damaged_adapter_is_an_error_in_a_sentence(base: discover.Found, tmp_path: Path, kept: slice) -> None:
    weights = put(tmp_path, pair(QUERY, 32, 64)) / WEIGHTS
    weights.write_bytes(weights.read_bytes()[kept])
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors cannot be read"):
        loading.load(replace(base, adapter=tmp_path))
