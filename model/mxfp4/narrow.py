"""Dense layers as int8, and one of them in MXFP4 too: made of a checkpoint's bf16 once, and kept on the disk.

    checkpoint, adapter ─► the kernels pack each layer ─► FOLDER/<print of both>.safetensors ─► mapped, as weights are

Mapped even when just made, so that the system can take the memory back where it is short of it. A file that is damaged
is made again; a disk that is full costs the next start some seconds.
"""

import contextlib
import hashlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file

from ossa.model.adapter import CONFIG, WEIGHTS
from ossa.model.adapting import Delta, with_delta
from ossa.model.base import ModelError
from ossa.model.mxfp4.checkpoint import Checkpoint
from ossa.model.mxfp4.library import Library
from ossa.model.mxfp4.weights import FINE, GROUP, Near, padded
from ossa.model.prints import print_of

_FORMAT = 7
_KEPT = 2
"""Models whose layers stay on the disk."""


class Narrow(NamedTuple):
    """A weight as int8."""

    weight: torch.Tensor
    """`[rows, padded columns]`"""
    scales: torch.Tensor
    """bf16 `[rows, padded columns / 16]`"""
    near: Near | None = None
    """It once more, where few of its rows matter."""

    def parts(self, name: str) -> dict[str, torch.Tensor]:
        """All there is, by names."""
        near = {} if self.near is None else dict(zip(_near_names(name), self.near, strict=True))
        return {name: self.weight, f"{name}.scales": self.scales, **near}


class NarrowFolder:
    """Where layers of checkpoints are kept as int8."""

    def __init__(self, folder: Path | None, checkpoint: Path, adapter: Path | None = None) -> None:
        """`folder` is made when there is something to keep; without one nothing is. An adapter makes layers others."""
        files = sorted(checkpoint.glob("*.safetensors"))
        if adapter:
            files += [adapter / CONFIG, adapter / WEIGHTS]
        key = hashlib.sha256(f"{_FORMAT} {[print_of(file) for file in files]}".encode()).hexdigest()[:24]
        self._path = folder / key / "model.safetensors" if folder else None
        self.kept: Checkpoint | None = None
        """The file that the layers are mapped from, once they are."""

    @property
    def is_there(self) -> bool:
        """Whether the checkpoint has been through here before."""
        return self._path is not None and self._path.is_file()

    def get(
        self,
        wide: Mapping[str, torch.Tensor],
        library: Library,
        nearly: str = "",
        changed: Mapping[str, Delta] = MappingProxyType({}),
    ) -> dict[str, Narrow]:
        """The layers as int8.

        Args:
            wide: has them in bf16.
            library: packs them.
            nearly: the one that is wanted in MXFP4 too.
            changed: what the adapter adds to them.
        """
        if found := self._mapped(wide, nearly):
            return found
        made = {
            name: _packed(with_delta(weight, changed.get(name)), library, also_nearly=name == nearly)
            for name, weight in wide.items()
        }
        if self._path is None or not self._keep(self._path, made):
            return made
        return self._mapped(wide, nearly) or made

    def _mapped(self, wide: Mapping[str, torch.Tensor], nearly: str) -> dict[str, Narrow]:
        if not self._path or not self.is_there:
            return {}
        try:
            kept = Checkpoint(self._path.parent)
            found = {
                name: Narrow(
                    kept.tensor(name, torch.int8, len(weight), padded(weight.shape[1])),
                    kept.tensor(f"{name}.scales", torch.bfloat16, len(weight), padded(weight.shape[1]) // FINE),
                    _near(kept, name, *weight.shape) if name == nearly else None,
                )
                for name, weight in wide.items()
            }
            self.kept = kept
            return found
        except ModelError:
            with contextlib.suppress(OSError):
                self._path.unlink()
            return {}

    def _keep(self, path: Path, made: Mapping[str, Narrow]) -> bool:
        content = {part: tensor for name, layer in made.items() for part, tensor in layer.parts(name).items()}
        fresh = path.with_suffix(".new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._make_room(path.parent)
            save_file(content, fresh)
            fresh.replace(path)
        except (OSError, SafetensorError):
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            return False
        return True

    def _make_room(self, own: Path) -> None:
        others = [path for path in own.parent.iterdir() if path != own and path.is_dir()]
        others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
        for old in others[_KEPT - 1 :]:
            for file in old.iterdir():
                file.unlink()
            old.rmdir()


def _packed(wide: torch.Tensor, library: Library, *, also_nearly: bool) -> Narrow:
    return Narrow(*library.pack(wide), library.pack_near(wide) if also_nearly else None)


def _near_names(name: str) -> tuple[str, str, str, str]:
    return f"{name}.near", f"{name}.near.scales", f"{name}.near.lift", f"{name}.near.off"


def _near(kept: Checkpoint, name: str, rows: int, columns: int) -> Near:
    groups, (blocks, scales, lift, off) = columns // GROUP, _near_names(name)
    return Near(
        kept.tensor(blocks, torch.uint8, rows, groups, GROUP // 2),
        kept.tensor(scales, torch.uint8, rows, groups),
        kept.tensor(lift, torch.float32, rows),
        kept.tensor(off, torch.float32, rows),
    )
