"""States on disk: what was read in one run need not be read again in the next.

    cache ─► save() ─► FOLDER/<key>-<number>.safetensors ─► load() ─► tails, mapped and copied only where a prompt fits

The key says all that the numbers depend on, so a file of another model, type or version is not even opened. A file
comes into its place whole; one that is damaged in spite of that is taken away.
"""

import contextlib
import hashlib
import json
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ossa.model import adapter
from ossa.model.cache import PrefixCache, Tail
from ossa.model.discover import Found
from ossa.model.loading import Loaded
from ossa.model.prints import print_of

_SUFFIX = ".safetensors"
_FORMAT = 1
FEWEST = 64
"""Tokens worth a file."""


class Store:
    """The states of one model in one folder."""

    def __init__(self, folder: Path, key: str, *, most: int = 1 << 30, kept: int = 2) -> None:
        """`most` is what all files in the folder may take, in bytes; `kept` how many of this key are loaded."""
        self._folder, self._key, self._most, self._kept = folder, key, most, kept
        self._saved: tuple[int, ...] = ()
        self._path = folder / f"{key}-{time.time_ns()}{_SUFFIX}"

    def load(self) -> list[Tail]:
        """What earlier runs have left, the latest last; its states are mapped from the files."""
        found = sorted(self._folder.glob(f"{self._key}-*{_SUFFIX}"))[-self._kept :]
        return [tail for path in found if (tail := _read(path))]

    def save(self, cache: PrefixCache) -> bool:
        """Write the live states, where they are others than the last time; False where that was not to be done.

        A disk that is full or read-only costs the next start some time, and nothing else.
        """
        tokens = tuple(cache.tokens)
        if len(tokens) < FEWEST or tokens == self._saved:
            return False
        layers = cache.layers()
        size = sum(part.nbytes for pair in layers for part in pair)
        if size > self._most:
            return False
        self._make_room(size)
        content = {"tokens": torch.tensor(tokens)}
        for number, pair in enumerate(layers):
            content |= {f"{number}.{name}": part.contiguous() for name, part in zip("kv", pair, strict=True)}
        fresh = self._path.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            save_file(content, fresh, {"format": str(_FORMAT), "layers": str(len(layers))})
            fresh.chmod(0o600)
            fresh.replace(self._path)
        except (OSError, SafetensorError):
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            return False
        self._saved = tokens
        return True

    def _make_room(self, size: int) -> None:
        """Take the oldest files away, until another one of so many bytes fits; what a kill left half written first."""
        with contextlib.suppress(OSError):
            files = [(path, path.stat()) for path in self._folder.iterdir() if path != self._path]
            files.sort(key=lambda file: (file[0].suffix == _SUFFIX, file[1].st_mtime))
            total = size + sum(status.st_size for _, status in files)
            for path, status in files:
                if total > self._most or (path.suffix != _SUFFIX and time.time() - status.st_mtime > 3600):
                    path.unlink()
                    total -= status.st_size


def key_of(found: Found, loaded: Loaded) -> str:
    """What the states depend on, as a short name: weights, type, way of computing, versions."""
    files = sorted(found.path.glob("*")) if found.path.is_dir() else [found.path]
    files += [found.adapter / name for name in (adapter.CONFIG, adapter.WEIGHTS)] if found.adapter else []
    weights = [print_of(path) for path in files if path.suffix in (".gguf", ".safetensors", ".json", ".bin")]
    way = [
        type(loaded.forward).__name__,
        loaded.how,
        str(loaded.dtype),
        loaded.device.type,
        torch.backends.cpu.get_cpu_capability(),
    ]
    versions = [version("torch"), version("transformers"), version("ossa")]
    return hashlib.sha256(json.dumps([_FORMAT, weights, way, versions]).encode()).hexdigest()[:24]


def _read(path: Path) -> Tail | None:
    try:
        with safe_open(path, framework="pt") as file:
            known = file.metadata() or {}
            tokens: Sequence[int] = file.get_tensor("tokens").tolist()
            numbers = range(int(known["layers"]))
            layers = tuple((file.get_tensor(f"{n}.k"), file.get_tensor(f"{n}.v")) for n in numbers)
        if known["format"] == str(_FORMAT) and all(part.shape[-2] == len(tokens) for pair in layers for part in pair):
            return Tail(tuple(tokens), 0, layers)
    except (OSError, SafetensorError, KeyError, ValueError, RuntimeError):
        pass
    with contextlib.suppress(OSError):
        path.unlink()
    return None
