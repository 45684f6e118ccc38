"""What can happen to gpt-oss's files before and while they are in use: a sentence each, and never a wrong answer."""

import json
import os
import resource
import shutil
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from ossa.model import discover
from ossa.model.base import Finished, Message, ModelError, Sampling
from ossa.model.link import Link
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.library import PATH, proven
from ossa.model.mxfp4.narrow import NarrowFolder
from ossa.model.mxfp4.specimen import make_random
from ossa.model.mxfp4.weights import padded
from ossa.model.process import LocalModel
from ossa.tests.waiting import LIMIT

ASK = [Message("user", "hi")]
FIRST = "model-00001-of-00003.safetensors"
EXPERTS = "model.layers.0.mlp.experts.gate_up_proj_blocks"


@pytest.fixture(scope="module")
def made(tiny_mxfp4_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two layers, and as few words as headers and control tokens need."""
    config = json.loads((tiny_mxfp4_folder / "config.json").read_text())
    config |= {"num_hidden_layers": 2, "layer_types": config["layer_types"][:2]}
    return make_random(tmp_path_factory.mktemp("made") / "model", config)


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(made, tmp_path / "model"))


@pytest.fixture
def model(folder: Path, tmp_path: Path) -> Iterator[LocalModel]:
    model = LocalModel(discover.from_path(folder), states=tmp_path / "states")
    yield model
    model.close()


def answer(model: LocalModel) -> str:
    *_, finished = model.generate(ASK, sampling=Sampling(max_tokens=3))
    assert isinstance(finished, Finished)
    return finished.reason


def with_header(file: Path, change: Callable[[str], str]) -> None:
    """The same file with another header."""
    content = file.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = change(content[8 : 8 + length].decode()).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + content[8 + length :])


def onto_another(text: str) -> str:
    """Two tensors of a size lie at the same place."""
    header: dict[str, Any] = json.loads(text)
    header["model.layers.0.post_attention_layernorm.weight"]["data_offsets"] = header[
        "model.layers.0.input_layernorm.weight"
    ]["data_offsets"]
    return json.dumps(header)


def twice(text: str) -> str:
    """A name has two places."""
    entry = json.dumps({"x": json.loads(text)["model.layers.0.self_attn.sinks"]})[1:-1].replace(
        '"x"', '"model.layers.0.self_attn.sinks"'
    )
    return text.rstrip()[:-1] + f", {entry}}}"


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "places overlap": (lambda file: with_header(file, onto_another), "does not lie where the one before it ends"),
    "a name twice": (lambda file: with_header(file, twice), "no safetensors file"),
    "bytes too many": (lambda file: file.open("ab").write(b"x" * 64), "longer than its header says"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_header_that_lies_is_refused(fault: str, folder: Path) -> None:
    spoil, said = FAULTS[fault]
    spoil(folder / FIRST)
    with pytest.raises(ModelError, match=said) as refusal:
        Checkpoint(folder)
    assert str(refusal.value).endswith("Fetch it again.")


def test_memory_that_was_given_back_comes_again(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    blocks = checkpoint.tensor(EXPERTS, torch.uint8, 6, 320, 3, 16)
    before = blocks.clone()
    checkpoint.release(EXPERTS)
    assert blocks.equal(before)


def test_reading_ahead_comes_to_an_end_with_all_of_it(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    names = [name for name in checkpoint.names if ".experts." in name]
    told = list(checkpoint.read_ahead(names))
    assert not told or told[-1] == (sum(checkpoint.size(name) for name in names),) * 2
    assert told == sorted(told)


def test_a_file_that_is_written_to_while_it_is_in_use_is_noticed(folder: Path) -> None:
    checkpoint = Checkpoint(folder)
    checkpoint.check()
    fresh = folder / "fresh"
    shutil.copy(folder / FIRST, fresh)
    fresh.replace(folder / FIRST)
    checkpoint.check()  # what is mapped is still the old one
    second = folder / "model-00002-of-00003.safetensors"
    with second.open("r+b") as file:
        file.truncate(second.stat().st_size - 10)
    with pytest.raises(ModelError, match="was changed while it was in use: model-00002"):
        checkpoint.check()


def test_how_far_loading_is_can_be_seen_and_a_changed_file_ends_the_process_not_the_talk(
    model: LocalModel, folder: Path
) -> None:
    seen, over = set[str](), threading.Event()

    def look() -> None:
        while not over.wait(0.001):
            seen.add(model.info.loading)

    watching = threading.Thread(target=look)
    watching.start()
    assert answer(model) == "length"
    over.set()
    watching.join()
    assert "its libraries" in seen
    assert not model.info.loading
    os.utime(folder / FIRST)
    with pytest.raises(ModelError, match="was changed while it was in use"):
        answer(model)
    assert not model.pid  # the next prompt starts another


def test_a_process_that_ends_by_a_file_cut_short_says_so() -> None:
    link = Link()
    os.kill(link.pid, signal.SIGBUS)
    with pytest.raises(ModelError, match="cut short, or its disk failed"):
        link.ask({"do": "ping"}).get(LIMIT)


@pytest.mark.skipif(not PATH.is_file(), reason="the kernels are not built: make setup")
def test_a_disk_without_room_for_layers_in_int8_costs_time_only(folder: Path, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    wide = {"layer": torch.randn(320, 320).bfloat16()}
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        made = NarrowFolder(tmp_path / "kept", folder).get(wide, proven(threads=1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert made["layer"].weight.shape == (320, padded(320))
    assert not [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
