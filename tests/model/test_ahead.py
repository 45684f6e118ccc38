"""A model's experts are asked for before anything else is ready; that a file is none of a model's does no harm."""

import sys
from pathlib import Path

import pytest

from ossa.model.ahead import _places, read_ahead
from ossa.tests.waiting import LIMIT

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="asks the system for pages as Linux does")


@needs_linux
def test_experts_of_all_files_are_read(tiny_mxfp4_folder: Path) -> None:
    places = [place for file in sorted(tiny_mxfp4_folder.glob("*.safetensors")) for place in _places(file)]
    assert len(places) == 4 * 6  # four layers; blocks, scales and bias of both parts
    assert all(0 < begin < begin + size <= file.stat().st_size for file, begin, size in places)
    thread = read_ahead(tiny_mxfp4_folder)
    assert thread
    thread.join(LIMIT)
    assert not thread.is_alive()


@needs_linux
def test_a_place_beyond_the_end_of_a_file_ends_it(tiny_mxfp4_folder: Path, tmp_path: Path) -> None:
    for file in tiny_mxfp4_folder.glob("*.safetensors"):
        (tmp_path / file.name).write_bytes(file.read_bytes()[:200_000])
    thread = read_ahead(tmp_path)
    assert thread
    thread.join(LIMIT)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    "content", [b"", b"short", b"\xff" * 99, b"\x02" + bytes(7) + b"[]", b"\x02" + bytes(7) + b"{}"]
)
def test_what_is_no_model_is_left_to_loading(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    assert read_ahead(tmp_path) is None
    assert read_ahead(tmp_path / "absent") is None
