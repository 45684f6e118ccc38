"""Folders as Hugging Face has them: gpt-oss with its experts in MXFP4, and any other model with a chat template."""

import json
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from ossa.model import discover, loading, vocabulary
from ossa.model.base import Finished, Message, Sampling
from ossa.model.engine import Engine
from ossa.model.forward import ModuleForward
from ossa.model.gguf import GgufFile

FP4 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.0, -0.5, -1, -1.5, -2, -3, -4, -6])
UNQUANTISED = ["model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens", "lm_head"]


def test_experts_in_mxfp4_are_loaded_as_the_numbers_they_stand_for(tiny_gpt_oss_folder: Path, tmp_path: Path) -> None:
    weights = load_file(tiny_gpt_oss_folder / "model.safetensors")
    numbers = torch.Generator().manual_seed(0)
    expected: dict[str, torch.Tensor] = {}
    for name in [name for name in weights if name.endswith(("gate_up_proj", "down_proj"))]:
        experts, inputs, outputs = weights.pop(name).shape
        blocks = torch.randint(0, 256, (experts, outputs, inputs // 32, 16), dtype=torch.uint8, generator=numbers)
        scales = torch.randint(120, 126, (experts, outputs, inputs // 32), dtype=torch.uint8, generator=numbers)
        weights |= {f"{name}_blocks": blocks, f"{name}_scales": scales}
        expected[name] = dequantised(blocks, scales)
    save_file(weights, tmp_path / "model.safetensors", {"format": "pt"})
    config = json.loads((tiny_gpt_oss_folder / "config.json").read_text())
    config |= {"quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": UNQUANTISED}}
    (tmp_path / "config.json").write_text(json.dumps(config | {"dtype": "bfloat16"}))
    # As on a machine where they can't stay as they are.
    loaded = loading.load(replace(discover.from_path(tmp_path), packed_memory=0))
    assert isinstance(loaded.forward, ModuleForward)
    state = loaded.forward.module.state_dict()
    assert expected
    for name, values in expected.items():
        assert torch.equal(state[name].float(), values)
    done = list(Engine(loaded).generate([Message("user", "hi")], sampling=Sampling(max_tokens=3)))[-1]
    assert isinstance(done, Finished)
    assert done.usage.output_tokens == 3


def dequantised(blocks: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """Bytes `[experts, outputs, groups, 16]` to `[experts, inputs, outputs]`; the low half of a byte comes first."""
    nibbles = torch.stack([blocks & 15, blocks >> 4], dim=-1).flatten(-2).int()
    values = FP4[nibbles] * torch.exp2(scales.float() - 127).unsqueeze(-1)
    return values.flatten(-2).transpose(1, 2)


def test_any_folder_with_a_chat_template_runs(small_model_file: Path, tmp_path: Path) -> None:
    file = GgufFile(small_model_file)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=vocabulary.tokenizer(file), eos_token="<|im_end|>")
    tokenizer.chat_template = file.get("tokenizer.chat_template", str)
    tokenizer.save_pretrained(tmp_path)
    config = LlamaConfig(
        vocab_size=49152, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    found = discover.from_path(tmp_path)
    assert found.family == "transformers"
    loaded = loading.load(found)
    assert 2 in loaded.codec.stop_ids
    ids = loaded.codec.prompt([Message("user", "<|im_end|>")], [], Sampling())
    # The template's system message, the user's, and the one that begins.
    assert (ids.count(1), ids.count(2)) == (3, 2)
    done = list(Engine(loaded).generate([Message("user", "hi")], sampling=Sampling(max_tokens=3)))[-1]
    assert isinstance(done, Finished)
    assert done.usage.output_tokens <= 3


def test_what_other_programs_take_of_the_processor_decides_no_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    processor, linear = torch.device("cpu"), torch.nn.functional.linear
    best, threads = loading.best_dtype(processor), torch.get_num_threads()

    def pushed_aside(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        if left.dtype == best:
            Event().wait(0.05)  # as long as others have their turn
        return linear(left, right)

    monkeypatch.setattr(torch.nn.functional, "linear", pushed_aside)
    assert loading.best_dtype(processor) == best
    assert torch.get_num_threads() == threads
