"""What every download needs: room on the disk, a program that is watched while it loads, a checksum at the end.

A download runs as a program of its own, so that Ctrl+C ends it at once and its libraries never enter our process.
"""

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, TypeAlias

from ossa.model.base import ModelError

Progress: TypeAlias = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, some times a second."""

_BLOCK = 1 << 20


def need_room(folder: Path, size: int) -> None:
    """Make sure that the disk of `folder`, which must exist, has `size` bytes free.

    Raises:
        ModelError: it has not; the text says how much is missing.
    """
    free = shutil.disk_usage(folder).free
    if free < size:
        raise ModelError(
            f"{folder} has {free / 1e9:.1f} GB free and {size / 1e9:.1f} GB are needed: make room, "
            "or move the models elsewhere with OSSA_HOME (ossa's own) or HF_HOME (those of the Hugging Face Hub)."
        )


def run(command: list[str], *, env: Mapping[str, str], cwd: Path, tick: Callable[[], None]) -> str:
    """Run a download to its end and call `tick` ten times a second; on any exception it is killed.

    `cwd` is a folder of ours: Python looks for modules there first, and a `pip.py` of the user's is not pip.

    Returns:
        Nothing when it went well, else what it gave as the reason.
    """
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, env={**os.environ, **env}, cwd=cwd, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            while process.poll() is None:
                tick()
                time.sleep(0.1)
        finally:
            process.kill()
            process.wait()
        if process.returncode == 0:
            return ""
        output.seek(0)
        return _reason(output.read().decode(errors="replace")) or f"it ended with {process.returncode}"


def on_disk(file: Path) -> int:
    """Bytes of a file that are really on the disk by now, whatever was reserved for it; 0 when it is gone."""
    try:
        status = file.stat()
    except OSError:
        return 0
    return min(status.st_size, status.st_blocks * 512)


def copy(source: IO[bytes], target: IO[bytes], limit: int) -> str:
    """Copy at most `limit` bytes and give back their sha256."""
    digest = hashlib.sha256()
    while limit > 0 and (block := source.read(min(_BLOCK, limit))):
        target.write(block)
        digest.update(block)
        limit -= len(block)
    return digest.hexdigest()


def sha256(path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """The checksum of a file; `advance` gets the bytes of every block read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            advance(len(block))
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make what was renamed within a folder outlast a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(output: str) -> str:
    if offline := re.search(r"Failed to establish a new connection: (?:\[Errno -?\d+\] )?([\w ]+)", output):
        return offline[1]
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return re.sub(r"^\[Errno -?\d+\] ", "", (errors or lines or [""])[-1]).rstrip(".")
