"""By what a large file is known again without reading it all."""

import hashlib
import os
from pathlib import Path

_EDGE = 1 << 20
"""Bytes at the beginning and the end that are looked at."""


def print_of(path: Path) -> str:
    """A hash of the file's size, time, beginning and end: to read 14 GB takes longer than what knowing it saves."""
    with path.open("rb") as file:
        status = os.fstat(file.fileno())
        digest = hashlib.sha256(f"{status.st_size} {status.st_mtime_ns}".encode())
        digest.update(file.read(_EDGE))
        file.seek(max(status.st_size - _EDGE, 0))
        digest.update(file.read(_EDGE))
    return digest.hexdigest()
