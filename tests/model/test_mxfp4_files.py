"""Files of gpt-oss that are not as they should be are refused in a sentence, before anything is computed with them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from ossa.model import discover, loading
from ossa.model.base import ModelError
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.specimen import make_random


def truncate(folder: Path) -> None:
    file = folder / "model-00002-of-00003.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def swap(folder: Path) -> None:
    one, two = (folder / f"model-0000{n}-of-00003.safetensors" for n in (1, 2))
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)


def rewrite_header(folder: Path, old: bytes, new: bytes) -> None:
    assert len(old) == len(new)
    changed = False
    for file in folder.glob("*.safetensors"):
        content = file.read_bytes()
        changed |= old in content
        file.write_bytes(content.replace(old, new))
    assert changed


def spoil_scales(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    name = "model.layers.2.mlp.experts.down_proj_scales"
    place = checkpoint._places[name]
    content = bytearray(place.file.read_bytes())
    content[place.start + 1000] = 255
    place.file.unlink()
    place.file.write_bytes(content)


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated": (truncate, "truncated"),
    "a shard missing": (lambda f: (f / "model-00003-of-00003.safetensors").unlink(), "is missing"),
    "shards swapped": (swap, "though the index says so"),
    "no header": (lambda f: (f / "model-00001-of-00003.safetensors").write_bytes(b"\xff" * 999), "no safetensors file"),
    "other blocks": (lambda f: rewrite_header(f, b"[6, 320, 3, 16]", b"[6, 16, 3, 320]"), "should be uint8"),
    "other types": (lambda f: rewrite_header(f, b'"dtype": "BF16"', b'"dtype": "F16" '), "should be bfloat16"),
    "a tensor missing": (lambda f: rewrite_header(f, b"layers.1.self_attn.sinks", b"layers.1.self_attn.sunks"), "no"),
    "other layout": (lambda f: [rewrite_header(f, b"proj_blocks", b"proj.blocks"), to_index(f)], "not laid out"),
    "scales": (spoil_scales, "scales of its experts in layer 2 are no numbers"),
    "another shape": (lambda f: reconfigure(f, hidden_size=128), "should be"),
    "odd widths": (lambda f: reconfigure(f, intermediate_size=150), "whole groups of 32"),
    "more experts than there are": (lambda f: reconfigure(f, num_experts_per_tok=7), "a token would take 7"),
    "fewer experts than none": (lambda f: reconfigure(f, num_experts_per_tok=-1), "a token would take -1"),
    "half of a head": (lambda f: reconfigure(f, partial_rotary_factor=0.5), "turned as a whole"),
}


def to_index(folder: Path) -> None:
    index = folder / "model.safetensors.index.json"
    index.write_text(index.read_text().replace("proj_blocks", "proj.blocks"))


def reconfigure(folder: Path, **changes: float) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("fault", FAULTS)
def test_files_that_are_not_as_they_should_be_are_refused_in_a_sentence(
    fault: str, narrow_folder: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for path in narrow_folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    found = discover.from_path(folder)
    spoil, said = FAULTS[fault]
    spoil(folder)
    with pytest.raises(ModelError, match=said) as refusal:
        loading.load(found)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


@pytest.fixture(scope="module")
def narrow_folder(tiny_mxfp4_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the tiny one, with few words, to be copied."""
    config = json.loads((tiny_mxfp4_folder / "config.json").read_text())
    return make_random(tmp_path_factory.mktemp("narrow") / "model", {**config, "vocab_size": 64})
