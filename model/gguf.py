"""Reads GGUF files (version 3): what they say of the model, and their weights as torch tensors.

    file ─► mmap ─► GgufFile(metadata, tensors) ─► tensor(name) ─► dequantised values

Nothing in a file is believed: every count, size and offset is held against the file's length before it is used.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import contextlib
import ctypes
import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch

from ossa.model.base import ModelError

Value: TypeAlias = int | float | bool | str | list[Any]

_GROUP = 32  # values that share a scale in every quantised type below
_STRING, _ARRAY = 8, 9
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of one type lie in the file."""

    name: str
    values: int
    """Values in a block."""
    size: int
    """Bytes of a block."""


_KINDS = {
    0: _Kind("F32", 1, 4),
    1: _Kind("F16", 1, 2),
    2: _Kind("Q4_0", _GROUP, 18),
    3: _Kind("Q4_1", _GROUP, 20),
    8: _Kind("Q8_0", _GROUP, 34),
}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a tensor lies."""

    kind: _Kind
    shape: tuple[int, ...]
    """Rows first, as torch has it; the file has it the other way round."""
    start: int
    """Bytes from the beginning of the file."""
    size: int
    """Bytes."""


class Codes(NamedTuple):
    """A matrix in 4 bits: a value is its code times the scale of its group of 32, plus the least of the group."""

    values: torch.Tensor
    """uint8 below 16, `[rows, columns]`"""
    scale: torch.Tensor
    """float32, `[rows, columns / 32]`"""
    least: torch.Tensor
    """As `scale`."""

    def wide(self) -> torch.Tensor:
        """The values, float32."""
        groups = self.values.view(len(self.values), -1, _GROUP).float()
        return groups.mul_(self.scale[..., None]).add_(self.least[..., None]).view(self.values.shape)


class GgufFile:
    """A GGUF file whose header has been read and checked; the weights stay in the file until they are asked for."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            ModelError: it cannot be read, is no GGUF file of version 3, or is cut short or corrupt.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                # Copy-on-write, because torch wants memory that could be written to.
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {error}.") from error
        cursor = _Cursor(self._data, path)
        if cursor.take(4) != b"GGUF":
            raise ModelError(f"{path} is no GGUF file.")
        version, tensors, values = cursor.number("<I"), cursor.number("<Q"), cursor.number("<Q")
        if version != 3:
            raise ModelError(f"{path} is GGUF version {version}; ossa reads version 3.")
        self.metadata: dict[str, Value] = {}
        for _ in range(values):
            name = cursor.text()
            self.metadata[name] = cursor.value(cursor.number("<I"))
        places = [self._place(cursor) for _ in range(tensors)]
        alignment = self.metadata.get("general.alignment", 32)
        if not isinstance(alignment, int) or alignment <= 0:
            raise cursor.corrupt("its alignment is no positive number")
        base = -(-cursor.position // alignment) * alignment
        self._places = {name: _moved(place, base) for name, place in places}
        end = max((place.start + place.size for place in self._places.values()), default=0)
        if end > len(self._data):
            raise ModelError(
                f"{path} is cut short: it has {len(self._data):,} bytes of {end:,}; fetch it again, "
                "for example by `ossa models pull`."
            )

    @property
    def names(self) -> list[str]:
        """The names of its tensors."""
        return list(self._places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Rows first."""
        return self._places[name].shape

    def tensor(self, name: str) -> torch.Tensor:
        """Its values, dequantised: float32 (float16 for F16), of `shape(name)`; owns its memory."""
        place = self._places[name]
        if place.size == 0:
            return torch.empty(place.shape)
        return _DEQUANTISE[place.kind.name](self._blocks(place)).reshape(place.shape)

    def rows(self, name: str, numbers: torch.Tensor) -> torch.Tensor:
        """Some rows of a matrix, dequantised; the others are not even read."""
        place = self._places[name]
        blocks = self._blocks(place).view(place.shape[0], -1, place.kind.size)[numbers]
        return _DEQUANTISE[place.kind.name](blocks.view(-1, place.kind.size)).reshape(len(numbers), -1)

    def codes(self, name: str) -> Codes | None:
        """A matrix in its 4 bits; None where it lies in the file otherwise."""
        place = self._places[name]
        if place.kind.name not in ("Q4_0", "Q4_1") or len(place.shape) != 2:
            return None
        blocks, rows = self._blocks(place), place.shape[0]
        scale = _halves(blocks[:, :2]).view(rows, -1)
        if place.kind.name == "Q4_0":
            return Codes(_nibbles(blocks[:, 2:]).view(place.shape), scale, -8 * scale)
        return Codes(_nibbles(blocks[:, 4:]).view(place.shape), scale, _halves(blocks[:, 2:4]).view(rows, -1))

    def release(self) -> None:
        """Let the system take back the memory of what has been read; it is read again where needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._data.madvise(mmap.MADV_DONTNEED)
        with contextlib.suppress(AttributeError, OSError):
            # What reading them took, which C libraries other than GNU's give back by themselves.
            ctypes.CDLL(None).malloc_trim(0)

    def _blocks(self, place: _Place) -> torch.Tensor:
        raw = torch.frombuffer(self._data, dtype=torch.uint8, count=place.size, offset=place.start)
        return raw.view(-1, place.kind.size)

    def get(self, key: str, kind: type[Any], default: Value | None = None) -> Any:
        """A value of the metadata, of the type wanted.

        Raises:
            ModelError: it is missing without a default, or of another type.
        """
        value = self.metadata.get(key, default)
        if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
            return value
        raise ModelError(f"{self.path} does not say {key} as it should; it is not a model that ossa can run.")

    @staticmethod
    def _place(cursor: "_Cursor") -> tuple[str, _Place]:
        name = cursor.text()
        dimensions = cursor.number("<I")
        if dimensions > 4:
            raise cursor.corrupt(f"{name} has {dimensions} dimensions")
        shape = tuple(cursor.number("<Q") for _ in range(dimensions))
        number, offset = cursor.number("<I"), cursor.number("<Q")
        kind = _KINDS.get(number)
        if kind is None:
            known = ", ".join(k.name for k in _KINDS.values())
            raise ModelError(f"{cursor.path} holds weights of a type (number {number}) that is not one of {known}.")
        if not shape or shape[0] % kind.values:
            raise cursor.corrupt(f"{name} has rows that do not fill its blocks")
        return name, _Place(kind, shape[::-1], offset, math.prod(shape) // kind.values * kind.size)


class _Cursor:
    """Reads one thing after the other, and never beyond the end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self.path = path
        self.position = 0
        self._data = data

    def take(self, size: int) -> bytes:
        end = self.position + size
        if end > len(self._data):
            raise self.corrupt("its header ends too early")
        taken = self._data[self.position : end]
        self.position = end
        return taken

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def text(self) -> str:
        return self.take(self.number("<Q")).decode("utf-8", "surrogateescape")

    def value(self, kind: int) -> Value:
        if kind == _STRING:
            return self.text()
        if kind == _ARRAY:
            return self._array(self.number("<I"), self.number("<Q"))
        if kind in _NUMBERS:
            return self.number(_NUMBERS[kind])
        raise self.corrupt(f"it has a value of unknown type {kind}")

    def _array(self, kind: int, count: int) -> list[Any]:
        if kind == _STRING:
            return self._texts(count)
        if kind not in _NUMBERS:
            raise self.corrupt(f"it has a list of unknown type {kind}")
        form = _NUMBERS[kind]
        size = count * struct.calcsize(form)
        return [value for (value,) in struct.iter_unpack(form, self.take(size))]

    def _texts(self, count: int) -> list[Any]:
        """As `text`, for the tens of thousands of a vocabulary."""
        data, position, end = self._data, self.position, len(self._data)
        length = struct.Struct("<Q")
        found: list[str] = []
        for _ in range(count):
            begin = position + length.size
            if begin > end or (position := begin + length.unpack_from(data, position)[0]) > end:
                raise self.corrupt("its header ends too early")
            found.append(data[begin:position].decode("utf-8", "surrogateescape"))
        self.position = position
        return found

    def corrupt(self, what: str) -> ModelError:
        return ModelError(f"{self.path} is corrupt: {what}; fetch it again, for example by `ossa models pull`.")


def _moved(place: _Place, base: int) -> _Place:
    return _Place(place.kind, place.shape, base + place.start, place.size)


def _f32(blocks: torch.Tensor) -> torch.Tensor:
    return blocks.clone().view(torch.float32)


def _f16(blocks: torch.Tensor) -> torch.Tensor:
    return blocks.clone().view(torch.float16)


def _q4_0(blocks: torch.Tensor) -> torch.Tensor:
    return _nibbles(blocks[:, 2:]).float().sub_(8).mul_(_halves(blocks[:, :2]))


def _q4_1(blocks: torch.Tensor) -> torch.Tensor:
    scale, least = _halves(blocks[:, :4]).split(1, dim=1)
    return _nibbles(blocks[:, 4:]).float().mul_(scale).add_(least)


def _q8_0(blocks: torch.Tensor) -> torch.Tensor:
    return blocks[:, 2:].contiguous().view(torch.int8).float().mul_(_halves(blocks[:, :2]))


def _halves(pairs: torch.Tensor) -> torch.Tensor:
    # Blocks need not begin at an address that float16 may have, so their bytes are copied out first.
    return pairs.contiguous().view(torch.float16).float()


def _nibbles(packed: torch.Tensor) -> torch.Tensor:
    """Bytes `[n, 16]` to values `[n, 32]`: the low halves first, then the high ones."""
    values = torch.empty(len(packed), _GROUP, dtype=torch.uint8)
    values[:, : _GROUP // 2] = packed & 15
    values[:, _GROUP // 2 :] = packed >> 4
    return values


_DEQUANTISE = {"F32": _f32, "F16": _f16, "Q4_0": _q4_0, "Q4_1": _q4_1, "Q8_0": _q8_0}
