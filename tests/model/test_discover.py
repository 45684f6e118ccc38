"""Discovery: real files in real folders, as a user's disk may hold them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.model.base import ModelError
from ossa.model.catalog import GB, Entry, Repository, find
from ossa.model.discover import from_path, installed, named
from ossa.model.machine import Machine, this_machine
from ossa.model.packages import hub_cache
from ossa.model.plan import choose, fits

SMALL = Machine(ram=22 * GB)
LARGE = Machine(ram=64 * GB)


def sparse(path: Path, size: int) -> Path:
    """A file of that size that takes no room on the disk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def put_gguf(folder: Path) -> Path:
    file = find("smollm2-135m").files[0]
    path = sparse(folder / file.name, file.size)
    with path.open("r+b") as begin:
        begin.write(b"GGUF")
    return path


def put_gpt_oss(folder: Path, name: str = "gpt-oss-20b") -> Path:
    """A gpt-oss in all its size, with nothing in it."""
    shards = [file for file in find(name).files if file.name.endswith(".safetensors")]
    for file in shards:
        sparse(folder / file.name, file.size)
    (folder / "config.json").write_text(json.dumps({"model_type": "gpt_oss", "max_position_embeddings": 131072}))
    index = {"weight_map": {f"layer.{i}": file.name for i, file in enumerate(shards)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder


def in_hub(entry: Entry, commit: str = "") -> Path:
    assert isinstance(entry.source, Repository)
    repository = f"models--openai--{entry.name}"
    return hub_cache() / repository / "snapshots" / (commit or entry.source.commit)


@pytest.fixture(autouse=True)
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUGGINGFACE_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_nothing_on_disk_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="ossa models pull smollm2-135m"):
        choose(tmp_path / "models", SMALL)


def test_the_small_model_alone_is_chosen(tmp_path: Path) -> None:
    path = put_gguf(tmp_path / "models")
    found = choose(tmp_path / "models", SMALL)
    assert (found.name, found.path, found.family, found.window) == ("smollm2-135m", path, "gguf", 8192)
    assert found.why == "the best on disk that fits"


def test_the_better_one_is_passed_over_where_it_does_not_fit(tmp_path: Path) -> None:
    put_gguf(tmp_path / "models")
    put_gpt_oss(in_hub(find("gpt-oss-20b")))
    found = choose(tmp_path / "models", Machine(ram=8 * GB))
    assert found.name == "smollm2-135m"
    assert found.why == "gpt-oss-20b is on disk but needs 12 GB and 8.0 GB are free"


def test_the_better_one_is_taken_where_it_fits(tmp_path: Path) -> None:
    put_gguf(tmp_path / "models")
    folder = put_gpt_oss(in_hub(find("gpt-oss-20b")))
    found = choose(tmp_path / "models", LARGE)
    assert (found.name, found.path, found.family, found.window) == ("gpt-oss-20b", folder, "gpt-oss", 131_072)


def test_a_card_counts_when_mxfp4_stays_packed_on_it(tmp_path: Path) -> None:
    put_gpt_oss(in_hub(find("gpt-oss-20b")))
    found = choose(tmp_path / "models", Machine(ram=8 * GB, gpu=22 * GB, mxfp4=True))
    assert found.name == "gpt-oss-20b"
    refusal = fits(found, Machine(ram=8 * GB, gpu=22 * GB, mxfp4=False))
    assert refusal.startswith(
        "gpt-oss-20b needs 12 GB and 8.0 GB are free (on the GPU 42 GB and 22 GB; 14 GB would do with"
    )


def test_nothing_that_fits_is_said_with_the_figures(tmp_path: Path) -> None:
    put_gguf(tmp_path / "models")
    with pytest.raises(ModelError, match=r"smollm2-135m is on disk but needs 1\.3 GB and 0\.5 GB are free"):
        choose(tmp_path / "models", Machine(ram=GB // 2))


def test_an_unfinished_download_is_no_model(tmp_path: Path) -> None:
    folder = put_gpt_oss(in_hub(find("gpt-oss-20b")))
    (folder / "model-00001-of-00002.safetensors").unlink()
    assert installed(tmp_path / "models") == []
    with pytest.raises(ModelError, match=r"not complete: model-00001-of-00002\.safetensors is missing"):
        from_path(folder)


def test_another_commit_in_the_hub_cache_will_do(tmp_path: Path) -> None:
    folder = put_gpt_oss(in_hub(find("gpt-oss-120b"), "0" * 40), "gpt-oss-120b")
    assert [(m.name, m.path) for m in installed(tmp_path)] == [("gpt-oss-120b", folder)]


def test_a_folder_copied_by_hand_is_recognised(tmp_path: Path) -> None:
    folder = put_gpt_oss(tmp_path / "models" / "copied")
    assert [(m.name, m.path) for m in installed(tmp_path / "models")] == [("gpt-oss-20b", folder)]


def test_a_small_checkpoint_of_any_kind_is_taken_from_its_path(tmp_path: Path) -> None:
    sparse(tmp_path / "tiny" / "model.safetensors", 1_000_000)
    (tmp_path / "tiny" / "config.json").write_text('{"model_type": "llama", "max_position_embeddings": 4096}')
    found = from_path(tmp_path / "tiny")
    assert (found.name, found.family, found.window) == ("tiny", "transformers", 4096)
    assert 0 < found.memory < GB


@pytest.mark.parametrize(
    "config",
    ["{", "[]", '{"model_type": "gpt_oss", "max_position_embeddings": "many"}', '{"text_config": 3}', "\udc80"],
)
def test_a_config_of_nonsense_ends_in_a_sentence_or_a_guess(tmp_path: Path, config: str) -> None:
    sparse(tmp_path / "model.safetensors", 10)
    (tmp_path / "config.json").write_bytes(config.encode(errors="surrogateescape"))
    try:
        assert from_path(tmp_path).window > 0
    except ModelError as error:
        assert str(tmp_path) in str(error)


@pytest.mark.parametrize("index", ['{"weight_map": 3}', '{"weight_map": {"a": "../../etc/passwd"}}', "{}"])
def test_an_index_of_nonsense_is_refused(tmp_path: Path, index: str) -> None:
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors.index.json").write_text(index)
    with pytest.raises(ModelError, match="not complete"):
        from_path(tmp_path)


def test_a_path_without_a_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no model")
    for path, reason in [("notes.txt", "give a .gguf file"), ("", "give a .gguf file"), ("gone", "does not exist")]:
        with pytest.raises(ModelError, match=reason):
            from_path(tmp_path / path)


def test_the_hub_cache_is_where_huggingface_hub_has_it(tmp_path: Path) -> None:
    program = (
        "from huggingface_hub.constants import HF_HUB_CACHE; from ossa.model.packages import hub_cache; "
        "from pathlib import Path; assert Path(HF_HUB_CACHE) == hub_cache(), (HF_HUB_CACHE, hub_cache())"
    )
    home = {"HOME": str(tmp_path), "EXTRA": "x"}
    for variables in (
        {},
        {"XDG_CACHE_HOME": "/a/cache"},
        {"HF_HOME": "~/hf"},
        {"HF_HUB_CACHE": "/b/$EXTRA"},
        {"HUGGINGFACE_HUB_CACHE": "/c", "HF_HOME": "/d"},
    ):
        done = subprocess.run([sys.executable, "-c", program], env=home | variables, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_a_model_is_had_by_name_and_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put_gguf(tmp_path / "models")
    folder = put_gpt_oss(in_hub(find("gpt-oss-20b")))
    monkeypatch.chdir(tmp_path)
    for name in ("smollm2-135m", str(path), f"models/{path.name}"):
        assert named(name, tmp_path / "models").path == path
    for name in ("gpt-oss-20b", "openai/gpt-oss-20b", str(folder)):
        assert named(name, tmp_path / "models").path == folder
    assert named("gpt-oss-20b", tmp_path / "models").why == "as asked for"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("openai/gpt-oss-120b", "gpt-oss-120b is not on this machine: run `ossa models pull gpt-oss-120b`"),
        ("gpt-5", "ossa knows no model “gpt-5”"),
        ("./gone.gguf", "does not exist"),
    ],
)
def test_a_model_that_is_not_here_gets_a_sentence(tmp_path: Path, name: str, reason: str) -> None:
    with pytest.raises(ModelError, match=reason):
        named(name, tmp_path)


def test_this_machine_has_memory() -> None:
    machine = this_machine()
    assert machine.ram > 0
    assert machine.gpu >= 0
