"""Asks the disk for a model's experts while Python still imports what is to run them. Needs no torch.

    folder ─► where experts lie in its safetensors files ─► a thread ─► the system's cache of files

Only a hint: nothing is told of a file that can't be read, as loading tells of it a little later.
"""

import contextlib
import ctypes
import json
import mmap
import struct
import sys
import threading
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

from ossa.model.machine import free_ram

_EXPERTS = ".experts."
_MOST = 100 << 20
"""Bytes of a header."""
_PIECE = 16 << 20
"""Bytes that are asked for at once: what Python itself has to read comes in between."""
_POPULATE = 22
"""Linux's MADV_POPULATE_READ: come back when the pages are there."""


def read_ahead(folder: Path) -> threading.Thread | None:
    """Begin to read the experts of a checkpoint, if there are any, as far as there is room for them."""
    if sys.platform != "linux":
        return None
    places: list[tuple[Path, int, int]] = []
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, struct.error):
        places = [place for file in sorted(folder.glob("*.safetensors")) for place in _places(file)]
    fitting = bisect_right(list(accumulate(size for _, _, size in places)), free_ram())
    if not fitting:
        return None
    thread = threading.Thread(target=_ask_for, args=(places[:fitting],), daemon=True)
    thread.start()
    return thread


def _places(file: Path) -> Iterator[tuple[Path, int, int]]:
    """File, beginning and bytes of its experts."""
    with file.open("rb") as opened:
        (length,) = struct.unpack("<Q", opened.read(8))
        if length > _MOST:
            return
        header: dict[str, Any] = json.loads(opened.read(length))
    for name, entry in header.items():
        if _EXPERTS in name:
            begin, end = (int(offset) for offset in entry["data_offsets"])
            yield file, 8 + length + begin, end - begin


def _ask_for(places: list[tuple[Path, int, int]]) -> None:
    """One piece after the other; without Python's lock, which `mmap.madvise` would keep."""
    libc = ctypes.CDLL(None)
    for path, begin, size in places:
        try:
            with path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        except (OSError, ValueError):
            return
        first, end = begin // mmap.PAGESIZE * mmap.PAGESIZE, min(begin + size, len(mapped))
        start = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
        for at in range(first, end, _PIECE):
            if libc.madvise(ctypes.c_void_p(start + at), ctypes.c_size_t(min(_PIECE, end - at)), _POPULATE):
                return
