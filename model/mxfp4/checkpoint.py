"""The safetensors files of a checkpoint, mapped: nothing is read before it is used, nothing is copied.

    folder ─► index, headers ─► Checkpoint ─► tensor(name), a view into the file

Nothing in a file is believed: every name, type, shape and place is held against the index and the file's length first,
so that a truncated file, or one in another's place, is a sentence now and not a wrong answer later. What happens to a
file while it is mapped is seen by `check`.
Format: https://huggingface.co/docs/safetensors
"""

import json
import math
import mmap
import os
import struct
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch

from ossa.model.base import ModelError

_INDEX, _SINGLE = "model.safetensors.index.json", "model.safetensors"
_MOST = 100 << 20
"""Bytes of a header; those of gpt-oss have some ten thousand."""
_POPULATE = 22
"""Linux's MADV_POPULATE_READ, which Python has no name for: have the pages there, and come back when they are."""
_KINDS = {
    "U8": torch.uint8,
    "I8": torch.int8,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies."""

    file: Path
    dtype: torch.dtype
    shape: tuple[int, ...]
    start: int
    """Bytes from the beginning of the file."""

    @property
    def size(self) -> int:
        """Bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


class Checkpoint:
    """The tensors of a model, by name; those that are got live as long as they are held, and no longer."""

    def __init__(self, folder: Path) -> None:
        """Read and check all headers.

        Raises:
            ModelError: a file is missing, truncated, or not what the index says.
        """
        self._folder = folder
        self._maps: dict[Path, mmap.mmap] = {}
        self._seen: dict[Path, os.stat_result] = {}
        """What each file was when it was mapped."""
        self._places: dict[str, _Place] = {}
        for name, promised in sorted(self._files().items()):
            places = self._header(folder / name)
            if lacking := sorted(promised - places.keys()):
                raise self._error(f"{name} has no {lacking[0]}, though the index says so")
            self._places |= {tensor: place for tensor, place in places.items() if not promised or tensor in promised}

    def __contains__(self, name: str) -> bool:
        return name in self._places

    @property
    def names(self) -> list[str]:
        """Of all tensors."""
        return list(self._places)

    def size(self, name: str) -> int:
        """Bytes of a tensor."""
        return self._places[name].size

    def tensor(self, name: str, dtype: torch.dtype, *shape: int) -> torch.Tensor:
        """A view into the file, not to be written to.

        Raises:
            ModelError: it is missing, or of another type or shape.
        """
        place = self._places.get(name)
        if place is None:
            raise self._error(f"{name} is missing in its weights")
        if place.dtype != dtype or place.shape != shape:
            found, wanted = (f"{str(kind).removeprefix('torch.')} {list(size)}" for kind, size in
                             ((place.dtype, place.shape), (dtype, shape)))  # fmt: skip
            raise self._error(f"{name} is {found}, but should be {wanted}")
        mapped, count = self._maps[place.file], math.prod(shape)
        if place.start % dtype.itemsize:  # which the format allows, and processors don't all
            copied = bytearray(mapped[place.start : place.start + count * dtype.itemsize])
            return torch.frombuffer(copied, dtype=dtype).view(shape)
        with warnings.catch_warnings():
            # That it can't be written to is as it should be.
            warnings.filterwarnings("ignore", "The given buffer is not writable")
            return torch.frombuffer(mapped, dtype=dtype, count=count, offset=place.start).view(shape)

    def check(self) -> None:
        """Hold the files against what they were when they were mapped.

        Raises:
            ModelError: one was written to, or cut short; what is computed with it is of no use.
        """
        for path, seen in self._seen.items():
            if _is_rewritten(path, seen):
                raise ModelError(
                    f"The model in {self._folder} was changed while it was in use: {path.name} is another than the "
                    "one that was loaded, so nothing is answered with it. The next prompt loads it again."
                )

    def release(self, name: str) -> None:
        """Give back the memory of a tensor that is read for the last time; it comes again if it is needed."""
        self._advise(self._places[name], "MADV_DONTNEED")

    def expect_few(self, name: str) -> None:
        """Of a tensor only some rows are read, here and there: nothing around them is to be read with them."""
        self._advise(self._places[name], "MADV_RANDOM")

    def read_ahead(self, names: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Have tensors in memory before they are needed: bytes there and of all; nothing where the system can't."""
        places = [self._places[name] for name in names]
        total, done = sum(place.size for place in places), 0
        for place, following in zip_longest(places, places[1:]):
            if following:
                self._advise(following, "MADV_WILLNEED")
            if not self._advise(place, _POPULATE):
                return
            done += place.size
            yield done, total

    def _advise(self, place: _Place, advice: str | int) -> bool:
        """Tell the system of the pages that a tensor fills, or touches; whether it listens."""
        number = getattr(mmap, advice, None) if isinstance(advice, str) else advice
        start, end = place.start, place.start + place.size
        if advice == "MADV_DONTNEED":  # those at its ends have others' bytes, too
            start, end = -(-start // mmap.PAGESIZE) * mmap.PAGESIZE, end // mmap.PAGESIZE * mmap.PAGESIZE
        else:
            start = start // mmap.PAGESIZE * mmap.PAGESIZE
        if number is None or not hasattr(mmap.mmap, "madvise"):
            return False
        try:
            if end > start:
                self._maps[place.file].madvise(number, start, end - start)
        except OSError:
            return False
        return True

    def _files(self) -> dict[str, set[str]]:
        """Names of the files, each with the tensors that it should have; none for a file without an index."""
        index = self._folder / _INDEX
        if not index.is_file():
            return {_SINGLE: set()}
        try:
            said: dict[str, str] = json.loads(index.read_bytes())["weight_map"]
            files = {str(name): set[str]() for name in said.values()}
            for tensor, name in said.items():
                files[name].add(tensor)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._error(f"{_INDEX} cannot be read") from error
        if strange := [name for name in files if "/" in name or "\\" in name]:
            raise self._error(f"{_INDEX} names the file {strange[0]}")
        return files

    def _header(self, path: Path) -> dict[str, _Place]:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                (length,) = struct.unpack("<Q", file.read(8))
                if not 0 < length <= min(_MOST, size - 8):
                    raise ValueError("no header")
                header: dict[str, Any] = json.loads(file.read(length), object_pairs_hook=_once)
                self._seen[path] = os.fstat(file.fileno())
                self._maps[path] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            header.pop("__metadata__", None)
            places = {name: self._place(path, name, entry, 8 + length, size) for name, entry in header.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise self._error(f"{path.name} is missing, truncated or no safetensors file") from error
        end = 8 + length
        for name, place in sorted(places.items(), key=lambda pair: pair[1].start):
            if place.start != end:
                raise self._error(f"in {path.name}, {name} does not lie where the one before it ends")
            end += place.size
        if end != size:
            raise self._error(f"{path.name} is longer than its header says")
        return places

    def _place(self, path: Path, name: str, entry: dict[str, Any], begin: int, size: int) -> _Place:
        start, end = (int(offset) for offset in entry["data_offsets"])
        shape, dtype = tuple(int(length) for length in entry["shape"]), _KINDS[entry["dtype"]]
        if begin + end > size:
            raise self._error(f"{path.name} is truncated: it ends before {name} does")
        if min(start, *shape, 0) < 0 or end - start != math.prod(shape) * dtype.itemsize:
            raise ValueError("a place of another size than its tensor")
        return _Place(path, dtype, shape, begin + start)

    def _error(self, what: str) -> ModelError:
        return ModelError(f"The model in {self._folder} cannot be used: {what}. Fetch it again.")


def _is_rewritten(path: Path, seen: os.stat_result) -> bool:
    """Whether what is mapped has changed; one that took its name is another file, and does no harm."""
    try:
        now = path.stat()
    except OSError:
        return False
    is_same = (now.st_dev, now.st_ino) == (seen.st_dev, seen.st_ino)
    return is_same and (now.st_size, now.st_mtime_ns) != (seen.st_size, seen.st_mtime_ns)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object whose keys are all different."""
    if len(found := dict(pairs)) < len(pairs):
        raise ValueError("the same name twice")
    return found
