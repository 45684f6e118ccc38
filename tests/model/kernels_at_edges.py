"""Runs every set of kernels of a library on memory between pages that may not be touched: one byte too far ends it.

python tests/model/kernels_at_edges.py LIBRARY     prints the sets that it ran; started by a test and by `make check`
"""

import ctypes
import mmap
import sys
from pathlib import Path

import torch

from ossa.model.mxfp4.library import KernelsError, Library, deviation, random_experts, relative_error
from ossa.model.mxfp4.weights import ExpertWeights, in_torch

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
    for groups, inner, tokens in ((1, 2, 1), (2, 3, 2), (3, 4, 3), (5, 5, 5), (4, 1, 40)):
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
        assert not library.has_nan(weights.down_scales)
        check_attention(library, at_end, tokens, 16 * groups, numbers)


def check_attention(library: Library, at_end: bool, new: int, width: int, numbers: torch.Generator) -> None:
    """States that fill blocks, or end within one, with a window that begins within one, and without."""
    for states in (new, new + 63, 130):
        query = between_guards(torch.randn(1, 6, new, width, generator=numbers), at_end)
        key, value = (
            between_guards(torch.randn(1, 2, states, width, generator=numbers).half(), at_end) for _ in range(2)
        )
        sinks = between_guards(torch.randn(6, generator=numbers), at_end)
        whole = library.attend(query, key, value, sinks, width**-0.5, None)
        assert whole.equal(library.attend(query, key, value, sinks, width**-0.5, states))
        alone = library.attend(query[:, :, -1:], key, value, sinks, width**-0.5, 17)
        assert alone.equal(library.attend(query, key, value, sinks, width**-0.5, 17)[:, -1:])


def main(path: Path) -> None:
    """All sets that this processor can run."""
    for level in range(3):
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
