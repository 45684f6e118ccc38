"""Real models for all tests, each made or fetched once: the small model, and a tiny gpt-oss with random weights."""

import gc
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from ossa.assistant.paths import cache_dir
from ossa.model import catalog, discover, fetch
from ossa.model.process import LocalModel

# The same examples every time, and no limits on seconds; `--hypothesis-profile=search` looks for new ones.
settings.register_profile("search", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("same", settings.get_profile("search"), derandomize=True)
settings.load_profile("same")


@pytest.fixture(scope="session", autouse=True)
def seldom_collected() -> None:
    """Garbage is looked for as seldom as in a running ossa, which sets this, too."""
    gc.set_threshold(20_000, 10, 50)


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """What tests start hears all signals, whoever started the tests: a shell's background and `nohup` ignore some."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def no_plugins() -> None:
    """The tests' projects need none of the plugins that happen to be installed, which take most of pytest's start."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"


@pytest.fixture(scope="session")
def small_model_file() -> Path:
    """The small model's file where `ossa models pull` puts it; fetched if it is not there."""
    return fetch.pull(catalog.find("smollm2-135m"), cache_dir() / "models", _quietly)


def _quietly(_done: int, _total: int) -> None: ...


@pytest.fixture(scope="session")
def small_model(small_model_file: Path) -> Iterator[LocalModel]:
    """The small model, loaded in its process."""
    model = LocalModel(discover.from_path(small_model_file))
    model.start()
    yield model
    model.close()


@pytest.fixture(scope="session")
def tiny_gpt_oss_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint of gpt-oss's architecture and vocabulary: four narrow layers, random weights in float32."""
    import torch
    from transformers.models.gpt_oss.configuration_gpt_oss import GptOssConfig
    from transformers.models.gpt_oss.modeling_gpt_oss import GptOssForCausalLM

    torch.manual_seed(1)
    config = GptOssConfig(
        num_hidden_layers=4,
        num_local_experts=4,
        num_experts_per_tok=2,
        hidden_size=32,
        intermediate_size=32,
        head_dim=16,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=16,
        max_position_embeddings=2048,
        initializer_range=0.3,
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("tiny-gpt-oss")
    GptOssForCausalLM(config).float().save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_gpt_oss(tiny_gpt_oss_folder: Path) -> Iterator[LocalModel]:
    """The tiny gpt-oss, loaded in its process."""
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    model.start()
    yield model
    model.close()


@pytest.fixture(scope="session")
def tiny_mxfp4_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same architecture in the layout of the official files, experts in MXFP4 and all else in bf16."""
    from ossa.model.mxfp4.specimen import CONFIG_20B, make_random

    config = {
        **CONFIG_20B,
        "num_hidden_layers": 4,
        "layer_types": CONFIG_20B["layer_types"][:4],
        "num_local_experts": 6,
        "num_experts_per_tok": 2,
        "hidden_size": 96,
        "intermediate_size": 160,
        "head_dim": 16,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "sliding_window": 16,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
    }
    return make_random(tmp_path_factory.mktemp("mxfp4") / "tiny", config)


@pytest.fixture
def slip(tmp_path: Path) -> Path:
    """A repository with a slip of the hand, at which two tests fail; the first candidate mends it."""
    root = tmp_path / "slip"
    root.mkdir()
    (root / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    tests = ("self.assertEqual(add(1, 2), 3)", "self.assertEqual(add(2, 2), 4)")
    cases = "".join(f"\n    def test_{number}(self):\n        {text}\n" for number, text in enumerate(tests))
    head = "import unittest\nfrom calc import add\n\n\nclass AddTest(unittest.TestCase):"
    (root / "test_calc.py").write_text(head + cases)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    return root
