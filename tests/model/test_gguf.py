"""The GGUF reader: against the real file, and against files that are cut, foreign, corrupt or made up."""

import struct
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ossa.model import llama, vocabulary
from ossa.model.base import ModelError
from ossa.model.gguf import GgufFile

F32, Q4_0, Q4_1, Q8_0 = 0, 2, 3, 8


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value.encode())) + value.encode()


def gguf(tensors: Iterable[tuple[str, tuple[int, ...], int, bytes]], values: dict[str, str] | None = None) -> bytes:
    """A small file: tensors with their dimensions as GGUF orders them, and texts as metadata."""
    infos, data = b"", b""
    tensors, values = list(tensors), values or {}
    for name, dimensions, kind, content in tensors:
        shape = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
        infos += text(name) + shape + struct.pack("<IQ", kind, len(data))
        data += content + b"\0" * (-len(content) % 32)
    head = struct.pack("<4sIQQ", b"GGUF", 3, len(tensors), len(values))
    head += b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in values.items()) + infos
    return head + b"\0" * (-len(head) % 32) + data


def half(value: float) -> bytes:
    return struct.pack("<e", value)


NIBBLES = bytes(low | (15 - low) << 4 for low in range(16))
VALUES = [*range(16), *range(15, -1, -1)]
SMALL = gguf(
    [
        ("plain", (2, 1), F32, struct.pack("<2f", 1.5, -2.0)),
        ("four", (32, 1), Q4_0, half(0.5) + NIBBLES),
        ("fours", (32, 2), Q4_1, 2 * (half(0.5) + half(-1.0) + NIBBLES)),
        ("eight", (32,), Q8_0, half(2.0) + bytes(range(240, 256)) + bytes(range(16))),
    ],
    {"general.architecture": "llama"},
)


def test_values_are_dequantised_by_the_formulas_of_the_format(tmp_path: Path) -> None:
    file = opened(tmp_path, SMALL)
    assert file.metadata == {"general.architecture": "llama"}
    assert file.tensor("plain").tolist() == [[1.5, -2.0]]
    assert file.tensor("four").tolist() == [[(value - 8) * 0.5 for value in VALUES]]
    assert file.tensor("fours").tolist() == 2 * [[value * 0.5 - 1 for value in VALUES]]
    assert file.tensor("eight").tolist() == [2.0 * value for value in [*range(-16, 0), *range(16)]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "cannot be read"),
        (b"PK\x03\x04" + bytes(100), "no GGUF file"),
        (b"GGUF" + struct.pack("<I", 2) + bytes(100), "version 2"),
        (SMALL[:60], "corrupt"),
        (SMALL[:-40], "cut short"),
        (struct.pack("<4sIQQ", b"GGUF", 3, 0, 2**60), "corrupt"),
        (gguf([("x", (33,), Q8_0, bytes(34))]), "corrupt"),
        (gguf([("x", (2**40, 2**20), F32, b"")]), "cut short"),
        (gguf([("x", (32,), 12, bytes(32))]), "not one of"),
    ],
)
def test_a_file_that_is_none_gets_a_sentence(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(ModelError, match=said):
        opened(tmp_path, content)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=4), st.integers(0, len(SMALL)))
def test_damage_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, int]], size: int
) -> None:
    content = bytearray(SMALL)
    for position, value in changes:
        content[position] = value
    path = tmp_path_factory.getbasetemp() / "damaged.gguf"
    path.write_bytes(content[:size] if size % 2 else content)
    try:
        file = GgufFile(path)
    except ModelError as error:
        assert str(path) in str(error)
    else:
        assert all(file.tensor(name).shape == file.shape(name) for name in file.names)


def test_another_architecture_is_refused_by_name(tmp_path: Path) -> None:
    file = opened(tmp_path, gguf([], {"general.architecture": "mamba"}))
    with pytest.raises(ModelError, match="mamba"):
        llama.build(file, llama.shape_of(file), torch.float32)


def test_the_small_model_predicts_code_as_its_makers_meant(small_model_file: Path) -> None:
    file = GgufFile(small_model_file)
    module = llama.build(file, llama.shape_of(file), torch.float32)
    source = Path(llama.__file__).read_text(encoding="utf-8")
    ids = torch.tensor([vocabulary.tokenizer(file).encode(source).ids[:400]])
    with torch.inference_mode():
        logits = module(input_ids=ids).logits[0]
    loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
    # Rows of queries or keys in a wrong order, or a wrong scale, give hundreds.
    assert loss.exp() < 25


def test_the_vocabulary_gives_back_any_text(small_model_file: Path) -> None:
    tokenizer = vocabulary.tokenizer(GgufFile(small_model_file))
    for sample in ("def f(x):\n\treturn x*2024\n", "naïve 漢字 🙂\r\n   \t end", "", "ﬁ\x00\x7f"):
        assert tokenizer.decode(tokenizer.encode(sample).ids) == sample
    assert tokenizer.encode("<|im_start|>").ids == [1]
    assert tokenizer.encode("2024").ids == [tokenizer.token_to_id(digit) for digit in "2024"]


def opened(folder: Path, content: bytes) -> GgufFile:
    path = folder / "model.gguf"
    path.write_bytes(content)
    return GgufFile(path)
