"""Which models are on this machine, and which of them fits: looked up on disk, without torch.

models folder + Hugging Face cache ─► installed() ─► choose() ─► Found ─► engine, which asks fits() first
                      --model PATH ─► from_path() ────────────► Found ─► engine
"""

import contextlib
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ossa.model.base import ModelError
from ossa.model.catalog import CATALOG, GB, Entry, Family, Repository, find
from ossa.model.machine import Machine, this_machine

_WINDOW_WHEN_UNSAID = 2048
_GGUF = b"GGUF"
"""The first bytes of such a file."""


@dataclass(frozen=True, slots=True)
class Found:
    """A model that lies complete on this machine."""

    name: str
    path: Path
    """A `.gguf` file, or a folder with `config.json` and safetensors."""
    family: Family
    window: int
    """Tokens that prompt and answer may have together."""
    memory: int
    """Bytes of RAM needed to run it, an estimate."""
    why: str = ""
    """Why this one: one plain line for the status bar."""
    gpu_memory: int = 0
    """Bytes needed on a CUDA card with the packages that keep MXFP4; 0: as many as in RAM."""
    adapter: Path | None = None
    """A folder with a LoRA adapter for it."""


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it fetches, by the variables that it obeys."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(named or Path(home) / "hub")).expanduser().absolute()


def snapshots(repository: Repository) -> list[Path]:
    """Folders in which the Hugging Face cache holds a commit of it, complete or not; the pinned commit first."""
    folder = hub_cache() / f"models--{repository.id.replace('/', '--')}" / "snapshots"
    found = [path for path in folder.glob("*") if path.is_dir()]
    return sorted(found, key=lambda path: (path.name != repository.commit, path.name))


def installed(models_dir: Path) -> list[Found]:
    """The complete models in ossa's own folder and those of the catalogue in the Hugging Face cache, the best first."""
    found: dict[str, Found] = {}
    for entry in CATALOG:
        if isinstance(entry.source, Repository):
            for path in snapshots(entry.source):
                with contextlib.suppress(ModelError):
                    found.setdefault(entry.name, replace(from_path(path), name=entry.name))
    for path in sorted(models_dir.glob("[!.]*")):
        with contextlib.suppress(ModelError):
            model = from_path(path)
            found.setdefault(model.name, model)
    return sorted(found.values(), key=lambda model: (model.family == "gpt-oss", model.memory), reverse=True)


def choose(models_dir: Path, machine: Machine | None = None) -> Found:
    """The best model on disk that fits the machine's free memory, with the reason in `why`.

    Raises:
        ModelError: there is none, or none fits; the text says what to do.
    """
    machine = machine or this_machine()
    models = installed(models_dir)
    if not models:
        raise ModelError(
            "No model is on this machine: run `ossa models pull smollm2-135m`, or name one by `--model PATH`."
        )
    better = ""
    for model in models:
        shortage = _shortage(model, machine)
        if not shortage:
            return replace(model, why=better or "the best on disk that fits")
        better = f"{model.name} is on disk but {shortage}"
    raise ModelError(f"No model on this machine fits it: {better}. Close other programs, or pull a smaller model.")


def named(name: str, models_dir: Path) -> Found:
    """The model that the user asks for, by its name or by its path.

    Raises:
        ModelError: it is not on this machine, or no model at all; the text says what to do.
    """
    short = name.strip().lower().removeprefix("openai/")
    for model in installed(models_dir):
        if model.name.lower() == short:
            return replace(model, why="as asked for")
    if Path(name).expanduser().exists():
        model = from_path(Path(name))
        return replace(model, why="as asked for")
    if "/" in name and not name.lower().startswith("openai/"):
        return from_path(Path(name))
    raise ModelError(f"{find(name).name} is not on this machine: run `ossa models pull {short}`.")


def fits(model: Found, machine: Machine | None = None) -> str:
    """Nothing when it fits the free memory of the machine, else the sentence that says why not, with the figures."""
    shortage = _shortage(model, machine or this_machine())
    return f"{model.name} {shortage}: close other programs, or take a smaller model." if shortage else ""


def from_path(path: Path) -> Found:
    """The model in a `.gguf` file or in a folder with `config.json` and safetensors.

    Raises:
        ModelError: there is none, or parts of it are missing.
    """
    path = path.expanduser().absolute()
    if path.suffix == ".gguf" and path.is_file():
        return _gguf(path)
    if (path / "config.json").is_file():
        return _folder(path)
    if not path.exists():
        raise ModelError(f"There is no model at {path}: it does not exist.")
    raise ModelError(f"There is no model at {path}: give a .gguf file, or a folder with config.json and safetensors.")


def _gguf(path: Path) -> Found:
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            begins = file.read(len(_GGUF))
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}.") from error
    if begins != _GGUF:
        raise ModelError(f"{path} is no GGUF file; fetch it again, for example by `ossa models pull`.")
    known = next((entry for entry in CATALOG if entry.family == "gguf" and entry.size == size), None)
    if known:
        return _known(known, path)
    # Most are of 4 to 5 bits a weight, and are run in 32, beside half a gigabyte of libraries.
    return Found(path.stem, path, "gguf", _WINDOW_WHEN_UNSAID, size * 7 + GB // 2)


def _folder(path: Path) -> Found:
    config = _json(path / "config.json")
    size = sum(file.stat().st_size for file in _shards(path))
    known = next((entry for entry in CATALOG if entry.weights == size), None)
    if known:
        return _known(known, path)
    family: Family = "gpt-oss" if config.get("model_type") == "gpt_oss" else "transformers"
    # A language model within a larger one has its figures one level down.
    inner = {**config, **config.get("text_config", {})} if isinstance(config.get("text_config"), dict) else config
    window = inner.get("max_position_embeddings")
    # 4-bit weights that are dequantised to bf16 grow by 3.6 at most.
    growth = 3.6 if "quantization_config" in config else 1.1
    gpu = int(size * 1.1) if family == "gpt-oss" else 0
    return Found(
        path.name,
        path,
        family,
        window if isinstance(window, int) and window > 0 else _WINDOW_WHEN_UNSAID,
        int(size * growth) + GB // 2,
        gpu_memory=gpu,
    )


def _known(entry: Entry, path: Path) -> Found:
    return Found(entry.name, path, entry.family, entry.window, entry.memory, gpu_memory=entry.gpu_memory)


def _shards(folder: Path) -> list[Path]:
    index = folder / "model.safetensors.index.json"
    names = {"model.safetensors"}
    if index.is_file():
        weights = _json(index).get("weight_map")
        names = {str(name) for name in cast("dict[str, Any]", weights).values()} if isinstance(weights, dict) else set()
    missing = sorted(name for name in names if "/" in name or not (folder / name).is_file())
    if missing or not names:
        raise ModelError(f"The model in {folder} is not complete: {', '.join(missing) or 'its weights'} is missing.")
    return [folder / name for name in names]


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read: {error}.") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} does not describe a model.")
    return cast("dict[str, Any]", content)


def _shortage(model: Found, machine: Machine) -> str:
    on_card = model.gpu_memory if model.gpu_memory and machine.mxfp4 else model.memory
    if model.memory <= machine.ram or on_card <= machine.gpu:
        return ""
    text = f"needs {_gb(model.memory)} and {_gb(machine.ram)} are free"
    return f"{text} (on the card {_gb(on_card)} and {_gb(machine.gpu)})" if machine.gpu else text


def _gb(size: int) -> str:
    return f"{size / GB:.0f} GB" if size >= 10 * GB else f"{size / GB:.1f} GB"
