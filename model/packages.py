"""Which parts of other packages are on this machine, looked up without importing any: torch takes seconds."""

import importlib.util
import os
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_KERNEL = "kernels-community--gpt-oss-triton-kernels"
_LEAST_TRITON = {"cuda": (3, 4), "xpu": (3, 5)}
_KERNELS = ((0, 18, 2), (0, 19))
"""The versions of the package that transformers takes, from and below."""


def hub_cache() -> Path:
    """Where huggingface_hub keeps what it fetches, by the variables that it obeys."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface"
    named = os.environ.get("HF_HUB_CACHE") or os.environ.get("HUGGINGFACE_HUB_CACHE")
    return Path(os.path.expandvars(named or Path(home) / "hub")).expanduser().absolute()


def torch_runs_on(card: str) -> bool:
    """Whether torch was built for such cards: `cuda`, `hip` or `xpu`."""
    found = importlib.util.find_spec("torch")
    folders = found.submodule_search_locations if found else None
    return any(any(Path(folder, "lib").glob(f"*torch_{card}.*")) for folder in folders or ())


def reads_straight() -> bool:
    """Whether the package is here by which transformers reads weights straight to a card, not through RAM."""
    return bool(version_of("accelerate"))


def keeps_mxfp4(card: str) -> bool:
    """Whether all is here that computes with gpt-oss's experts as they are; nothing of it is ever fetched."""
    is_new = version_of("triton") >= _LEAST_TRITON.get(card, (99,))
    return is_new and _KERNELS[0] <= version_of("kernels") < _KERNELS[1] and reads_straight() and _has_kernel()


def has_kernels() -> bool:
    """Whether our own were built when ossa was installed, for gpt-oss on a CPU; whether they work is proven later."""
    return (Path(__file__).parent / "mxfp4" / "kernels.so").is_file()


def _has_kernel() -> bool:
    cache = Path(os.environ.get("KERNELS_CACHE") or hub_cache())
    return any(any((cache / f"{kind}s--{_KERNEL}" / "snapshots").glob("*")) for kind in ("kernel", "model"))


def version_of(package: str) -> tuple[int, ...]:
    """The leading numbers of a package's version; none where it is not installed."""
    try:
        found = re.match(r"\d+(\.\d+)*", version(package))
    except PackageNotFoundError:
        return ()
    return tuple(int(part) for part in found[0].split(".")) if found else ()
