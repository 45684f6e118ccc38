"""Which models are on this machine: looked up on disk, without torch.

models folder + Hugging Face cache ─► installed() ─► Found ─► plan, which says what fits ─► engine
           --model PATH ─► named(), from_path() ─► Found ─► plan
"""

import contextlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from ossa.model.base import ModelError
from ossa.model.catalog import CATALOG, GB, Entry, Family, Repository, find
from ossa.model.packages import hub_cache

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
    packed_memory: int = 0
    """Bytes of RAM needed on a CPU where gpt-oss's experts stay in MXFP4; 0: they can't."""
    exact: bool = False
    """Whether its other layers are to stay bf16 there; int8 if not, which is faster."""


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
    quantised = config.get("quantization_config")
    stays = family == "gpt-oss" and isinstance(quantised, dict) and quantised.get("quant_method") == "mxfp4"
    return Found(
        path.name,
        path,
        family,
        window if isinstance(window, int) and window > 0 else _WINDOW_WHEN_UNSAID,
        int(size * growth) + GB // 2,
        gpu_memory=gpu,
        # Dense layers as int8, and of the embeddings a few rows.
        packed_memory=int(size * 0.88) + GB // 2 if stays else 0,
    )


def _known(entry: Entry, path: Path) -> Found:
    found = Found(entry.name, path, entry.family, entry.window, entry.memory)
    return replace(found, gpu_memory=entry.gpu_memory, packed_memory=entry.packed_memory)


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
