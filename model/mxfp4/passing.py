"""Dense weights on their way to int8: each is read once, so its memory is given back as soon as the next is asked for.

checkpoint ─► Passing, as a mapping ─► narrow.NarrowFolder packs one after the other ─► how far it is
"""

from collections.abc import Callable, Iterator, Mapping

import torch

from ossa.model.mxfp4.checkpoint import Checkpoint


class Passing(Mapping[str, torch.Tensor]):
    """Weights by the names of their layers."""

    def __init__(self, wide: Mapping[str, torch.Tensor], checkpoint: Checkpoint, tell: Callable[[str], object]) -> None:
        """`tell` hears of each layer, the first time it is asked for."""
        self._wide, self._checkpoint, self._tell = wide, checkpoint, tell
        self._before = ""
        self._passed = 0

    def __getitem__(self, name: str) -> torch.Tensor:
        weight = self._wide[name]
        if self._before:
            # A tied output layer has no tensor of its own.
            tensor = f"{self._before}.weight"
            self._checkpoint.release(tensor if tensor in self._checkpoint else "model.embed_tokens.weight")
        self._before = name
        self._passed += 1
        if self._passed <= len(self._wide):
            self._tell(f"packing layer {self._passed} of {len(self._wide)}")
        return weight

    def __iter__(self) -> Iterator[str]:
        return iter(self._wide)

    def __len__(self) -> int:
        return len(self._wide)
