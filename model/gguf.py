"""Reads GGUF files (version 3): what they say of the model, and their weights as torch tensors.

file ─► Header ─► GgufFile(metadata, tensors) ─► tensor(name) ─► dequantised values
"""

import contextlib
import ctypes
import mmap
from typing import NamedTuple

import torch

from ossa.model.header import GROUP, Header, Place


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
        groups = self.values.view(len(self.values), -1, GROUP).float()
        return groups.mul_(self.scale[..., None]).add_(self.least[..., None]).view(self.values.shape)


class GgufFile(Header):
    """A GGUF file whose header has been read and checked; the weights stay in the file until they are asked for."""

    def tensor(self, name: str) -> torch.Tensor:
        """Its values, dequantised: float32 (float16 for F16), of `shape(name)`; owns its memory."""
        place = self.places[name]
        if place.size == 0:
            return torch.empty(place.shape)
        return _DEQUANTISE[place.kind.name](self._blocks(place)).reshape(place.shape)

    def rows(self, name: str, numbers: torch.Tensor) -> torch.Tensor:
        """Some rows of a matrix, dequantised; the others are not even read."""
        place = self.places[name]
        blocks = self._blocks(place).view(place.shape[0], -1, place.kind.size)[numbers]
        return _DEQUANTISE[place.kind.name](blocks.view(-1, place.kind.size)).reshape(len(numbers), -1)

    def codes(self, name: str) -> Codes | None:
        """A matrix in its 4 bits; None where it lies in the file otherwise."""
        place = self.places[name]
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
            self.data.madvise(mmap.MADV_DONTNEED)
        with contextlib.suppress(AttributeError, OSError):
            # What reading them took, which C libraries other than GNU's give back by themselves.
            ctypes.CDLL(None).malloc_trim(0)

    def _blocks(self, place: Place) -> torch.Tensor:
        raw = torch.frombuffer(self.data, dtype=torch.uint8, count=place.size, offset=place.start)
        return raw.view(-1, place.kind.size)


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
    values = torch.empty(len(packed), GROUP, dtype=torch.uint8)
    values[:, : GROUP // 2] = packed & 15
    values[:, GROUP // 2 :] = packed >> 4
    return values


_DEQUANTISE = {"F32": _f32, "F16": _f16, "Q4_0": _q4_0, "Q4_1": _q4_1, "Q8_0": _q8_0}
