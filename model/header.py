"""The header of a GGUF file (version 3): what it says of the model, and where its weights lie. Needs no torch.

    file ─► mmap ─► Header(metadata, places) ─► get(key)

Nothing in a file is believed: every count, size and offset is held against the file's length before it is used.
Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

import math
import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from ossa.model.base import ModelError

Value: TypeAlias = int | float | bool | str | list[Any]

GROUP = 32
"""Values that share a scale in every quantised type below."""
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
    2: _Kind("Q4_0", GROUP, 18),
    3: _Kind("Q4_1", GROUP, 20),
    8: _Kind("Q8_0", GROUP, 34),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies."""

    kind: _Kind
    shape: tuple[int, ...]
    """Rows first, as torch has it; the file has it the other way round."""
    start: int
    """Bytes from the beginning of the file."""
    size: int
    """Bytes."""


class Header:
    """The header of a GGUF file, read and checked; the file stays open for whoever reads on."""

    def __init__(self, path: Path) -> None:
        """Read the header.

        Raises:
            ModelError: it cannot be read, is no GGUF file of version 3, or is cut short or corrupt.
        """
        self.path = path
        try:
            with path.open("rb") as file:
                # Copy-on-write, because torch wants memory that could be written to.
                self.data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError) as error:
            raise ModelError(f"{path} cannot be read: {error}.") from error
        cursor = _Cursor(self.data, path)
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
        self.places = {name: _moved(place, base) for name, place in places}
        end = max((place.start + place.size for place in self.places.values()), default=0)
        if end > len(self.data):
            raise ModelError(
                f"{path} is cut short: it has {len(self.data):,} bytes of {end:,}; fetch it again, "
                "for example by `ossa models pull`."
            )

    @property
    def names(self) -> list[str]:
        """The names of its tensors."""
        return list(self.places)

    def shape(self, name: str) -> tuple[int, ...]:
        """Rows first."""
        return self.places[name].shape

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
    def _place(cursor: "_Cursor") -> tuple[str, Place]:
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
        return name, Place(kind, shape[::-1], offset, math.prod(shape) // kind.values * kind.size)


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


def _moved(place: Place, base: int) -> Place:
    return Place(place.kind, place.shape, base + place.start, place.size)
