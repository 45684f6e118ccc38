"""The native kernels: found, proven against torch, and called with tensors.

    kernels.so ─► Library (one set of kernels, one pool of threads) ─► prove() ─► Library, or a sentence why not

Called through ctypes, so it depends on no version of Python or torch. What the C code assumes of shapes is checked
here.
"""

import contextlib
import ctypes
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from ossa.model.mxfp4.build import NAME
from ossa.model.mxfp4.structures import AttentionOf, ShapeOf, Spent, experts_of, states_of
from ossa.model.mxfp4.weights import FINE, GROUP, ExpertWeights, Near, in_torch, padded, unpacked, unpacked_int8

PATH = Path(__file__).with_name(NAME)
LEVELS = (3, 2, 1)
"""The fastest first; 0 is plain C, slower than it is worth."""
EXACT_LEVELS = (2, 1)
"""Those that keep more of what goes into experts than bf16 does."""
_VERSION = 8
_TOLERANCE = 1e-2
"""Of a self-test, relative: weights in int8 make 5e-3 of it, all else a hundredth of that."""


class KernelsError(Exception):
    """The kernels can't be used; the text says why, as the end of a sentence."""


class Library:
    """One set of kernels with a pool of threads; may be used by several threads at once."""

    def __init__(self, path: Path, level: int, threads: int) -> None:
        """Open the library.

        Raises:
            KernelsError: it is not there, no library of this version, or the processor lacks what the level takes.
        """
        self._native = _opened(path)
        self._kernels = self._native.ossa_kernels(level)
        if not self._kernels:
            raise KernelsError("this processor has neither AVX2 nor NEON")
        self.name: str = self._native.ossa_kernels_name(self._kernels).decode()
        self.threads = threads
        self._pool = self._native.ossa_pool_open(threads)
        weakref.finalize(self, self._native.ossa_pool_close, self._pool)

    def experts(
        self, weights: ExpertWeights, x: torch.Tensor, chosen: torch.Tensor, shares: torch.Tensor
    ) -> torch.Tensor:
        """As `weights.in_torch`, with activations in 16 bits; float32."""
        x, shares, chosen = x.float().contiguous(), shares.float().contiguous(), chosen.long().contiguous()
        assert x.shape == (len(chosen), weights.hidden)
        assert shares.shape == chosen.shape
        described = experts_of(weights, chosen.shape[1])
        out = torch.empty_like(x)
        done = self._native.ossa_experts(
            self._pool, self._kernels, ctypes.byref(described), x.data_ptr(), len(x), chosen.data_ptr(),
            shares.data_ptr(), out.data_ptr(),
        )  # fmt: skip
        if done:
            raise MemoryError("can't allocate memory for the experts")
        return out

    def dense(
        self, weight: torch.Tensor, scales: torch.Tensor | None, bias: torch.Tensor | None, x: torch.Tensor
    ) -> torch.Tensor:
        """`x [tokens, columns]` times a weight as `pack` makes it, or in bf16 `[rows, columns]`; float32."""
        rows, columns = weight.shape
        x = x.float().contiguous()
        assert weight.is_contiguous()
        assert weight.dtype == (torch.bfloat16 if scales is None else torch.int8)
        assert columns == (x.shape[1] if scales is None else padded(x.shape[1]))
        assert rows % 2 == x.shape[1] % GROUP == 0
        out = x.new_empty(len(x), rows)
        optional = (None if part is None else part.data_ptr() for part in (scales, bias))
        if self._native.ossa_dense(
            self._pool,
            self._kernels,
            weight.data_ptr(),
            *optional,
            x.data_ptr(),
            len(x),
            rows,
            x.shape[1],
            out.data_ptr(),
        ):
            raise MemoryError("can't allocate memory for a dense layer")
        return out

    def layers(
        self,
        shape: ShapeOf,
        layers: Any,
        states: Any,
        x: torch.Tensor,
        known: int,
        turns: tuple[torch.Tensor, torch.Tensor],
        spent: Spent,
    ) -> None:
        """Some tokens through all layers, in place.

        Args:
            shape: of each layer.
            layers: an array of `LayerOf`.
            states: of as many `StatesOf`, with room for the tokens.
            x: float32 `[tokens, hidden]`.
            known: tokens before them.
            turns: cosines and sines of their places, float32 `[tokens, width / 2]`.
            spent: is added to.
        """
        tokens, hidden = x.shape
        assert hidden == shape.hidden
        assert len(layers) == len(states)
        assert all(0 < layer.experts.per_token <= layer.experts.experts for layer in layers)
        assert all(part.shape == (tokens, shape.width // 2) for part in turns)
        for part in (x, *turns):
            assert part.is_contiguous()
            assert part.dtype == torch.float32
        cosines, sines = (part.data_ptr() for part in turns)
        if self._native.ossa_layers(
            self._pool, self._kernels, ctypes.byref(shape), layers, states, len(layers), x.data_ptr(), tokens, known,
            cosines, sines, ctypes.byref(spent),
        ):  # fmt: skip
            raise MemoryError("can't allocate memory for the layers")

    def norm(self, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        """Each `[…, hidden]` of float32 divided by its root mean square, times a weight in bf16."""
        x = x.contiguous()
        assert x.dtype == torch.float32
        assert weight.dtype == torch.bfloat16
        assert weight.is_contiguous()
        assert weight.shape == x.shape[-1:]
        out, tokens = torch.empty_like(x), x.numel() // len(weight)
        self._native.ossa_norm(x.data_ptr(), weight.data_ptr(), tokens, len(weight), epsilon, out.data_ptr())
        return out

    def choose(self, scores: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Of float32 `[tokens, experts]` the best few of each token, and what these count."""
        assert scores.is_contiguous()
        assert scores.dtype == torch.float32
        tokens, experts = scores.shape
        chosen, shares = scores.new_empty(tokens, count, dtype=torch.int64), scores.new_empty(tokens, count)
        assert count <= experts
        self._native.ossa_choose(scores.data_ptr(), tokens, experts, count, chosen.data_ptr(), shares.data_ptr())
        return chosen, shares

    def pack(self, wide: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """A bf16 weight `[rows, columns]` as int8, filled up and in an order of the kernels, and its bf16 scales."""
        assert fits(wide)
        assert wide.dtype == torch.bfloat16
        narrow = torch.empty(len(wide), padded(wide.shape[1]), dtype=torch.int8)
        scales = wide.new_empty(len(wide), narrow.shape[1] // FINE)
        self._native.ossa_pack(
            self._pool, wide.contiguous().data_ptr(), *wide.shape, narrow.data_ptr(), scales.data_ptr()
        )
        return narrow, scales

    def pack_near(self, wide: torch.Tensor) -> Near:
        """A bf16 weight `[rows, columns]` in MXFP4."""
        assert fits(wide)
        assert wide.dtype == torch.bfloat16
        groups = wide.shape[1] // GROUP
        blocks = torch.empty(len(wide), groups, GROUP // 2, dtype=torch.uint8)
        near = Near(blocks, blocks.new_empty(len(wide), groups), torch.empty(len(wide)), torch.empty(len(wide)))
        places = (part.data_ptr() for part in near)
        self._native.ossa_pack_near(self._pool, wide.contiguous().data_ptr(), *wide.shape, *places)
        return near._replace(off=near.off.sqrt_())

    def near(self, weight: Near, x: torch.Tensor) -> torch.Tensor:
        """`x [columns]` times a weight as `pack_near` makes it; float32 `[rows]`."""
        rows, groups = weight.scales.shape
        x = x.float().contiguous()
        assert x.shape == (groups * GROUP,)
        assert weight.blocks.is_contiguous()
        assert weight.scales.is_contiguous()
        assert rows % 2 == 0
        out = x.new_empty(rows)
        if self._native.ossa_near(
            self._pool, self._kernels, weight.blocks.data_ptr(), weight.scales.data_ptr(), weight.lift.data_ptr(),
            x.data_ptr(), rows, len(x), out.data_ptr(),
        ):  # fmt: skip
            raise MemoryError("can't allocate memory for a dense layer")
        return out

    def rows(self, weight: torch.Tensor, scales: torch.Tensor, x: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """`x [columns]` times some rows of a weight as `pack` makes it, each just as `dense` computes it."""
        x, ids = x.float().contiguous(), ids.long().contiguous()
        assert weight.is_contiguous()
        assert weight.dtype == torch.int8
        assert weight.shape[1] == padded(len(x))
        assert not len(ids) or 0 <= int(ids.min()) <= int(ids.max()) < len(weight)
        out = x.new_empty(len(ids))
        if self._native.ossa_rows(
            self._pool, self._kernels, weight.data_ptr(), scales.data_ptr(), x.data_ptr(), len(x), ids.data_ptr(),
            len(ids), out.data_ptr(),
        ):  # fmt: skip
            raise MemoryError("can't allocate memory for a dense layer")
        return out

    def attend(
        self,
        query: torch.Tensor,
        states: tuple[torch.Tensor, torch.Tensor],
        sinks: torch.Tensor | None,
        scaling: float,
        window: int | None,
        common: tuple[torch.Tensor, torch.Tensor] | None = None,
    ) -> torch.Tensor:
        """Causal attention of one row's last tokens, `[1, heads, new, width]`, to float32 `[1, new, heads, width]`.

        Keys and values are halves, `[1, key heads, tokens, width]`; those in `common` come before the row's own.
        """
        _, heads, new, width = query.shape
        query, sinks = query.float().transpose(1, 2).contiguous(), None if sinks is None else sinks.float().contiguous()
        out, shared, own = torch.empty_like(query), common[0].shape[2] if common else 0, states[0].shape[2]
        pointers = (self._kernels, query.data_ptr(), None if sinks is None else sinks.data_ptr())
        places = (states_of(*(common or states)), states_of(*states), out.data_ptr())
        sizes = (heads, states[0].shape[1], new, shared, shared + own, width, window or 0)
        job = AttentionOf(*pointers, *places, *sizes, scaling)
        self._native.ossa_attend(self._pool, ctypes.byref(job))
        return out

    def attends(self, heads: int, key_heads: int, width: int) -> bool:
        """Whether `attend` computes with heads of that shape."""
        return bool(self._native.ossa_attends(heads, key_heads, width))

    def holds(self, values: torch.Tensor, byte: int) -> bool:
        """Whether one of these bytes is that one."""
        assert values.is_contiguous()
        assert values.dtype == torch.uint8
        return bool(self._native.ossa_holds(values.data_ptr(), values.numel(), byte))


def fits(weight: torch.Tensor) -> bool:
    """Whether the kernels can compute with a dense weight of that shape."""
    return weight.dim() == 2 and weight.shape[0] % 2 == 0 and weight.shape[1] % GROUP == 0


def proven(path: Path = PATH, threads: int | None = None, levels: Sequence[int] = LEVELS) -> Library:
    """The fastest kernels of this processor, among those of the levels, that compute what torch does.

    It takes some milliseconds.

    Raises:
        KernelsError: there are none.
    """
    wrong: list[str] = []
    for level in levels:
        with contextlib.suppress(KernelsError):
            library = Library(path, level, threads or torch.get_num_threads())
            if error := deviation(library):
                wrong.append(f"the kernels for {library.name} {error}")
            else:
                return library
    Library(path, levels[-1], 1)  # says why it can't be opened
    raise KernelsError(" and ".join(wrong))


def deviation(library: Library) -> str:
    """What its kernels compute wrong, as a part of a sentence; nothing where all is right."""
    numbers = torch.Generator().manual_seed(0)
    # An odd number of groups, so that each kernel has a rest; tokens for all ways of taking them together.
    hidden, inner = 5 * GROUP, 7 * GROUP
    weights = random_experts(3, hidden, inner, numbers)
    chosen = torch.tensor([[0, 1], [2, 0], [0, 2], [1, 0], [0, 1], [0, 2]]).repeat(8, 1)
    x = torch.randn(len(chosen), hidden, generator=numbers)
    shares = torch.rand(chosen.shape, generator=numbers)
    wide = torch.randn(2 * GROUP, hidden, generator=numbers).bfloat16()
    bias = torch.randn(2 * GROUP, generator=numbers).bfloat16()
    narrow, scales = library.pack(wide)
    near = library.pack_near(wide)
    exact = x @ wide.float().T + bias.float()
    pairs = {
        "the experts": (library.experts(weights, x, chosen, shares), in_torch(weights, x, chosen, shares)),
        "some experts": (library.experts(weights, x[:6], chosen[:6], shares[:6]),
                         in_torch(weights, x[:6], chosen[:6], shares[:6])),
        "one expert": (library.experts(weights, x[:1], chosen[:1], shares[:1]),
                       in_torch(weights, x[:1], chosen[:1], shares[:1])),
        "dense layers in bf16": (library.dense(wide, None, bias, x), exact),
        "dense layers in int8": (library.dense(narrow, scales, bias, x), exact),
        "dense layers of few": (library.dense(narrow, scales, bias, x[:6]), exact[:6]),
        "int8": (unpacked_int8(narrow, scales)[:, :hidden], wide.float()),
        "single rows": (library.rows(narrow, scales, x[0], torch.tensor([3, 0])), (x @ wide.float().T)[0, [3, 0]]),
        "rows that are near": (library.near(near, x[0]),
                               unpacked(near.blocks, near.scales, torch.float32) @ x[0] * near.lift),
        "norms": (library.norm(x, wide[0], 0.1), wide[0].float() * x * (x.square().mean(1, True) + 0.1).rsqrt()),
        "the choice of experts": (library.choose(exact, 5)[1], exact.topk(5).values.softmax(-1)),
        "attention": _attention(library, None, numbers),
        "attention in windows": _attention(library, 70, numbers),
    }  # fmt: skip
    wrong = [name for name, (found, wanted) in pairs.items() if not relative_error(found, wanted) < _TOLERANCE]
    return f"compute {wrong[0]} wrong" if wrong else ""


def _attention(library: Library, window: int | None, numbers: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Of five tokens over more states than two blocks have, by the kernels and by torch."""
    heads, key_heads, new, states, width = 4, 2, 5, 151, 32
    query = torch.randn(1, heads, new, width, generator=numbers)
    key, value = (torch.randn(1, key_heads, states, width, generator=numbers).half() for _ in range(2))
    sinks = torch.randn(heads, generator=numbers)
    back = torch.arange(states - new, states)[:, None] - torch.arange(states)
    hidden = (back < 0) | (back >= (window or states))
    wide_key, wide_value = (part.float().repeat_interleave(heads // key_heads, 1) for part in (key, value))
    scores = (query @ wide_key.transpose(2, 3) / width**0.5).masked_fill(hidden, -torch.inf)
    odds = torch.cat([scores, sinks.view(1, -1, 1, 1).expand(-1, -1, new, 1)], -1).softmax(-1)[..., :-1]
    found = library.attend(query, (key, value), sinks, width**-0.5, window)
    return found, (odds @ wide_value).transpose(1, 2)


def relative_error(found: torch.Tensor, wanted: torch.Tensor) -> float:
    """How far off, as a share of what is wanted; no number where one of them is none."""
    return float((found - wanted).norm() / wanted.norm())


def random_experts(experts: int, hidden: int, inner: int, numbers: torch.Generator) -> ExpertWeights:
    """Some to compute with, of the size that trained ones have."""

    def of(rows: int, columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        blocks = torch.randint(0, 256, (experts, rows, columns // GROUP, 16), dtype=torch.uint8, generator=numbers)
        scales = torch.randint(118, 123, blocks.shape[:3], dtype=torch.uint8, generator=numbers)
        return blocks, scales, torch.randn(experts, rows, generator=numbers).bfloat16() / 8

    return ExpertWeights(*of(2 * inner, hidden), *of(hidden, inner), alpha=1.702, limit=7.0)


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise KernelsError("they were not built when ossa was installed")
    try:
        native: Any = ctypes.CDLL(str(path))
        version = native.ossa_version()
    except (OSError, AttributeError) as error:
        raise KernelsError(f"{path.name} cannot be opened ({error})") from error
    if version != _VERSION:
        raise KernelsError(f"{path.name} is of version {version}, not {_VERSION}: install ossa again")
    pointer, number = ctypes.c_void_p, ctypes.c_int
    signatures = {
        "ossa_kernels": (pointer, [number]),
        "ossa_kernels_name": (ctypes.c_char_p, [pointer]),
        "ossa_pool_open": (pointer, [number]),
        "ossa_pool_close": (None, [pointer]),
        "ossa_experts": (number, [*[pointer] * 4, number, *[pointer] * 3]),
        "ossa_dense": (number, [*[pointer] * 6, number, number, number, pointer]),
        "ossa_layers": (number, [*[pointer] * 5, number, pointer, number, number, *[pointer] * 3]),
        "ossa_norm": (None, [pointer, pointer, number, number, ctypes.c_float, pointer]),
        "ossa_choose": (None, [pointer, number, number, number, pointer, pointer]),
        "ossa_pack": (None, [pointer, pointer, number, number, pointer, pointer]),
        "ossa_pack_near": (None, [pointer, pointer, number, number, *[pointer] * 4]),
        "ossa_near": (number, [*[pointer] * 6, number, number, pointer]),
        "ossa_rows": (number, [*[pointer] * 5, number, pointer, number, pointer]),
        "ossa_attend": (None, [pointer, pointer]),
        "ossa_attends": (number, [number, number, number]),
        "ossa_holds": (number, [pointer, ctypes.c_size_t, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(native, name)
        function.restype, function.argtypes = result, arguments
    return native
