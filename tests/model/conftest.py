"""The real models in this process and in float32, for tests of the loop itself."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from ossa.model import discover, llama, loading
from ossa.model.forward import ModuleForward
from ossa.model.gguf import GgufFile
from ossa.model.loading import Loaded


@pytest.fixture(scope="module")
def one_thread() -> None:
    """Two threads that wait for each other are slow where other programs run."""
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def gpt_oss(one_thread: None, tiny_gpt_oss_folder: Path) -> Loaded:
    """The tiny gpt-oss."""
    return loading.load(discover.from_path(tiny_gpt_oss_folder))


@pytest.fixture(scope="module")
def quick(one_thread: None, small_model_file: Path) -> Loaded:
    """The small model as users have it: what it writes may hang on how many tokens are computed together."""
    return loading.load(discover.from_path(small_model_file))


@pytest.fixture(scope="module")
def small(one_thread: None, small_model_file: Path) -> Loaded:
    """The small model, by transformers' module."""
    loaded = loading.load(discover.from_path(small_model_file))
    file = GgufFile(small_model_file)
    module = llama.build(file, llama.shape_of(file), torch.float32)
    return replace(loaded, forward=ModuleForward(module, loaded.device, is_ours=True), dtype=torch.float32)
