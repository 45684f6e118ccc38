"""Matrices of 4 and 8 bits for a CPU: what a few tokens are multiplied with, since they wait for memory.

    GGUF blocks ─► codes, scales ─┬► packed for torch's 4-bit kernel     a few tokens
                                  └► 16 bits wide                         many

The kernel computes `(code - 8) * scale + zero` in groups of 32, which is just what a Q4_0 or Q4_1 block says. It is no
documented part of torch: `works` tries it, and without it the wide form serves for everything.
"""

import statistics
import time
from collections.abc import Sequence
from functools import cache

import torch
from torch.nn.functional import linear

from ossa.model.adapting import Beside
from ossa.model.gguf import Codes, GgufFile

FEW = 16
"""Tokens up to which the 4-bit kernel is the faster way."""
ALONE = 8
"""Tokens up to which it may be fastest on one thread."""
_GROUP = 32
_SLICE = 4096
"""Tokens of the vocabulary that are made wide at once: as much as a core's own memory holds."""
_ROWS = 16
"""The kernel takes matrices of such a number of rows only."""


class Weight:
    """One matrix `[out, in]`, or several with the same input as one."""

    def __init__(self, wide: torch.Tensor, codes: Codes | None = None) -> None:
        """`wide` are its values, `codes` the same in 4 bits, where there are any."""
        self.wide = wide
        self._packed: torch.Tensor | None = None
        self.beside: Beside | None = None
        """What an adapter adds to the product."""
        if codes is not None and len(wide) % _ROWS == 0 and works(wide.dtype):
            self._packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.values.int(), 2)
            zero = codes.least + 8 * codes.scale
            self._scales = torch.stack((codes.scale.t(), zero.t()), dim=-1).to(wide.dtype).contiguous()

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[tokens, in]` to `[tokens, out]`."""
        product = self._product(hidden)
        return product if self.beside is None else self.beside(product, hidden)

    def _product(self, hidden: torch.Tensor) -> torch.Tensor:
        if self._packed is None or len(hidden) > FEW:
            return linear(hidden, self.wide)
        return torch.ops.aten._weight_int4pack_mm_for_cpu(hidden, self._packed, _GROUP, self._scales)

    @property
    def size(self) -> int:
        """Bytes."""
        beside = self.beside.size if self.beside else 0
        return self.wide.nbytes + beside + (0 if self._packed is None else self._packed.nbytes + self._scales.nbytes)

    @classmethod
    def read(cls, file: GgufFile, names: Sequence[str], dtype: torch.dtype, heads: Sequence[int] = ()) -> "Weight":
        """The matrices of these names, one below the other.

        Args:
            file: that has them.
            names: of theirs.
            dtype: of the wide form.
            heads: for each, how wide the heads are whose rows the file has in another order; 0 for none.
        """
        wide: list[torch.Tensor] = []
        coded: list[Codes] = []
        for name, head in zip(names, heads or [0] * len(names), strict=True):
            codes = file.codes(name)
            order = reordered(file.shape(name)[0], head)
            if codes is None:
                wide.append(file.tensor(name)[order].to(dtype))
                continue
            codes = Codes(*(part[order] for part in codes))
            wide.append(codes.wide().to(dtype))
            coded.append(codes)
        joined = Codes(*(torch.cat(parts) for parts in zip(*coded, strict=True))) if len(coded) == len(wide) else None
        return cls(torch.cat(wide), joined)


class Head:
    """The matrix from the last hidden state to the vocabulary, in 8 bits a value and a scale a row."""

    def __init__(self, wide: torch.Tensor, dtype: torch.dtype) -> None:
        """`wide` is float32, `[vocabulary, in]`."""
        scale = wide.abs().amax(dim=1) / 127
        self._values = (wide / scale.clamp(min=1e-12)[:, None]).round_().to(torch.int8)
        self._scale = scale.to(dtype)

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """`[tokens, in]` to `[tokens, vocabulary]`."""
        if len(hidden) <= FEW:
            return torch.ops.aten._weight_int8pack_mm(hidden, self._values, self._scale)
        logits = hidden.new_empty(len(hidden), len(self._values))
        for begin in range(0, len(self._values), _SLICE):
            part = slice(begin, begin + _SLICE)
            logits[:, part] = linear(hidden, self._values[part].to(hidden.dtype)) * self._scale[part]
        return logits

    @property
    def size(self) -> int:
        """Bytes."""
        return self._values.nbytes + self._scale.nbytes


def reordered(rows: int, head: int) -> torch.Tensor | slice:
    """The order of rows that transformers has: GGUF pairs neighbours for the rotary embedding, it pairs the halves."""
    if not head:
        return slice(None)
    return torch.arange(rows).view(-1, head // 2, 2).transpose(1, 2).reshape(-1)


@cache
def works(dtype: torch.dtype) -> bool:
    """Whether both kernels are there and compute what they should."""
    codes = Codes(torch.randint(0, 16, (64, 64), dtype=torch.uint8), torch.rand(64, 2) + 0.5, torch.rand(64, 2) - 8)
    wide, hidden = codes.wide(), torch.randn(3, 64).to(dtype)
    try:
        packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.values.int(), 2)
        scales = torch.stack((codes.scale.t(), (codes.least + 8 * codes.scale).t()), dim=-1).to(dtype).contiguous()
        four = torch.ops.aten._weight_int4pack_mm_for_cpu(hidden, packed, _GROUP, scales)
        eight = Head(wide, dtype)(hidden)
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
    wanted = linear(hidden.float(), wide)
    return all(float((got.float() - wanted).norm() / wanted.norm()) < 0.03 for got in (four, eight))


def threads_for_few(weight: Weight) -> int:
    """How many threads are fastest for one token: measured, since waking some takes as long as a small product."""
    hidden = torch.zeros(1, weight.wide.shape[1], dtype=weight.wide.dtype)
    most = torch.get_num_threads()

    def seconds(threads: int) -> float:
        torch.set_num_threads(threads)
        taken: list[float] = []
        for _ in range(9):
            # As far apart as the products of two layers are.
            time.sleep(0.0001)
            begin = time.perf_counter()
            weight(hidden)
            taken.append(time.perf_counter() - begin)
        return statistics.median(taken)

    one, all_of_them = seconds(1), seconds(most)
    torch.set_num_threads(most)
    # A little faster is not worth it: beside other work, such as tests, waiting for each other gets much slower.
    return most if one > 1.5 * all_of_them else 1
