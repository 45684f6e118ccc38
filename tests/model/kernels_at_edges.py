"""Runs every set of kernels of a library on memory between pages that may not be touched: one byte too far ends it.

python tests/model/kernels_at_edges.py LIBRARY     prints the sets that it ran; started by a test and by `make check`
"""

import ctypes
import mmap
import sys
from pathlib import Path

import torch

from ossa.model.mxfp4.library import KernelsError, Library, deviation, random_experts, relative_error
from ossa.model.mxfp4.structures import LayerOf, ShapeOf, Spent, StatesOf, experts_of, linear_of, states_of
from ossa.model.mxfp4.weights import ExpertWeights, Near, in_torch

_held: list[mmap.mmap] = []


def between_guards(values: torch.Tensor, at_end: bool) -> torch.Tensor:
    """A copy that ends where a forbidden page begins, or begins where one ends."""
    page = mmap.PAGESIZE
    pages = -(-values.nbytes // page)
    memory = mmap.mmap(-1, (pages + 2) * page)
    _held.append(memory)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    offset = page + (pages * page - values.nbytes if at_end else 0)
    copy = torch.frombuffer(memory, dtype=values.dtype, count=values.numel(), offset=offset).view(values.shape)
    copy.copy_(values)
    libc = ctypes.CDLL(None)
    for guard in (start, start + (pages + 1) * page):
        if libc.mprotect(ctypes.c_void_p(guard), ctypes.c_size_t(page), 0):
            raise OSError("mprotect failed")
    return copy


def check(library: Library, at_end: bool) -> None:
    """Run all kernels with rests of every size."""
    numbers = torch.Generator().manual_seed(0)
    for groups, inner, tokens in ((1, 2, 1), (2, 3, 2), (3, 4, 3), (5, 5, 5), (4, 1, 40), (1, 3, 200)):
        plain = random_experts(3, 32 * groups, 32 * inner, numbers)
        parts = (between_guards(part, at_end) for part in plain.tensors())
        weights = ExpertWeights(*parts, alpha=plain.alpha, limit=plain.limit)
        x = between_guards(torch.randn(tokens, 32 * groups, generator=numbers), at_end)
        chosen = torch.randint(0, 3, (tokens, 2), generator=numbers)
        shares = between_guards(torch.rand(tokens, 2, generator=numbers), at_end)
        found = library.experts(weights, x, between_guards(chosen, at_end), shares)
        assert relative_error(found, in_torch(plain, x, chosen, shares)) < 1e-2
        for rows in (2, 34):
            wide = between_guards(torch.randn(rows, 32 * groups, generator=numbers).bfloat16(), at_end)
            narrow, scales = (between_guards(part, at_end) for part in library.pack(wide))
            bias = between_guards(torch.randn(rows, generator=numbers).bfloat16(), at_end)
            wanted = x @ wide.float().T + bias.float()
            assert relative_error(library.dense(wide, None, bias, x), wanted) < 1e-2
            assert relative_error(library.dense(narrow, scales, bias, x), wanted) < 1e-2
            near = Near(*(between_guards(part, at_end) for part in library.pack_near(wide)))
            some = between_guards(torch.tensor([rows - 1, 0]), at_end)
            for token in x[:2]:
                alone = between_guards(token, at_end)
                every = library.dense(narrow, scales, None, alone[None])[0]
                assert library.rows(narrow, scales, alone, some).equal(every[some])
                assert ((library.near(near, alone) - every).abs() < 6 * near.off * alone.norm()).all()
        assert not library.holds(weights.down_scales, 255)
        check_layers(library, at_end, tokens, numbers, is_narrow=False)
        check_layers(library, at_end, tokens, numbers, is_narrow=True)
        check_attention(library, at_end, tokens, 16 * groups, numbers)


def check_attention(library: Library, at_end: bool, new: int, width: int, numbers: torch.Generator) -> None:
    """States that fill blocks, or end within one, with a window that begins within one, and without."""
    for states in (new, new + 63, 130):
        query = between_guards(torch.randn(1, 6, new, width, generator=numbers), at_end)
        key, value = (
            between_guards(torch.randn(1, 2, states, width, generator=numbers).half(), at_end) for _ in range(2)
        )
        sinks = between_guards(torch.randn(6, generator=numbers), at_end)
        scaling = width**-0.5
        whole = library.attend(query, (key, value), sinks, scaling, None)
        assert whole.equal(library.attend(query, (key, value), sinks, scaling, states))
        windowed = library.attend(query, (key, value), sinks, scaling, 17)
        assert library.attend(query[:, :, -1:], (key, value), sinks, scaling, 17).equal(windowed[:, -1:])
        for split in {1, 17, 64, states - new} & set(range(1, states - new + 1)):
            common, own = (
                tuple(between_guards(part, at_end) for part in (key[:, :, of], value[:, :, of]))
                for of in (slice(split), slice(split, None))
            )
            assert library.attend(query, (own[0], own[1]), sinks, scaling, None, (common[0], common[1])).equal(whole)
            assert library.attend(query, (own[0], own[1]), sinks, scaling, 17, (common[0], common[1])).equal(windowed)


def check_layers(library: Library, at_end: bool, tokens: int, numbers: torch.Generator, *, is_narrow: bool) -> None:
    """Two layers in one call, the second with a window, against what their parts make one by one."""
    hidden, heads, keys, width, known = 96, 4, 2, 32, 70
    many, few = heads * width, keys * width
    shapes = ((many, hidden), (few, hidden), (few, hidden), (hidden, many), (6, hidden))
    dense = [layer_of(library, at_end, shape, numbers, is_narrow and shape[0] != 6) for shape in shapes]
    norms = [between_guards(torch.rand(hidden, generator=numbers).bfloat16() + 1, at_end) for _ in range(2)]
    sinks = between_guards(torch.randn(heads, generator=numbers), at_end)
    plain = random_experts(6, hidden, 64, numbers)
    experts = ExpertWeights(*(between_guards(part, at_end) for part in plain.tensors()), alpha=1.702, limit=7.0)
    linears = [linear_of(*part, shape[1]) for part, shape in zip(dense, shapes, strict=True)]
    described = [
        LayerOf(*(norm.data_ptr() for norm in norms), *linears, sinks.data_ptr(), experts_of(experts, 2), window)
        for window in (0, 17)
    ]
    room = torch.randn(1, keys, known + tokens, width, generator=numbers).half()
    states = [between_guards(room, at_end) for _ in range(2)]
    x = between_guards(torch.randn(tokens, hidden, generator=numbers), at_end)
    angles = torch.rand(tokens, width // 2, generator=numbers)
    turns = (between_guards(angles.cos(), at_end), between_guards(angles.sin(), at_end))
    wanted, shape = x.clone(), ShapeOf(hidden, heads, keys, width, 1e-5, width**-0.5)
    for window in (None, 17):
        normed = library.norm(wanted, norms[0], 1e-5)
        query, key, value = (library.dense(*part, normed) for part in dense[:3])
        query, key, value = (part.view(1, tokens, -1, width).transpose(1, 2) for part in (query, key, value))
        for kept, new in zip(states, (turned(key, *turns), value), strict=True):
            kept[:, :, known:] = new.half()
        seen = library.attend(turned(query, *turns), (states[0], states[1]), sinks, width**-0.5, window)
        wanted = wanted + library.dense(*dense[3], seen.view(tokens, -1))
        normed = library.norm(wanted, norms[1], 1e-5)
        wanted = wanted + library.experts(experts, normed, *library.choose(library.dense(*dense[4], normed), 2))
    described_states = (StatesOf * 2)(*2 * [states_of(states[0], states[1])])
    library.layers(shape, (LayerOf * 2)(*described), described_states, x, known, turns, Spent())
    assert relative_error(x, wanted) < (1e-3 if is_narrow else 1e-5), relative_error(x, wanted)


def layer_of(
    library: Library, at_end: bool, shape: tuple[int, int], numbers: torch.Generator, is_narrow: bool
) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor]:
    """A dense layer: its weight, the scales where it is in int8, and its bias."""
    wide, bias = (torch.randn(size, generator=numbers).bfloat16() / 8 for size in (shape, shape[:1]))
    weight, scales = library.pack(wide) if is_narrow else (wide, None)
    guarded = None if scales is None else between_guards(scales, at_end)
    return between_guards(weight, at_end), guarded, between_guards(bias, at_end)


def turned(heads: torch.Tensor, cosines: torch.Tensor, sines: torch.Tensor) -> torch.Tensor:
    """Rotary embeddings of `[1, heads, tokens, width]`."""
    first, second = heads.chunk(2, -1)
    return torch.cat([first * cosines - second * sines, second * cosines + first * sines], -1)


def main(path: Path) -> None:
    """All sets that this processor can run."""
    for level in range(4):
        try:
            library = Library(path, level, 2)
        except KernelsError:
            continue
        assert not deviation(library), deviation(library)
        for at_end in (False, True):
            check(library, at_end)
        print(library.name, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
