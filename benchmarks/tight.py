"""How gpt-oss-20b writes where little memory is free: a balloon takes the rest, and ossa runs beside it.

Random weights, as `ossa bench-model gpt-oss-20b --random` makes them; reads that the disk had to answer are counted.

    python benchmarks/tight.py [GIB_FREE]
"""

import subprocess
import sys
from pathlib import Path
from typing import Any

from ossa.assistant.paths import cache_dir
from ossa.model.machine import free_ram
from ossa.model.mxfp4.against import Course, ours

_PART = 64 << 20
_SPARE = 2 << 30
"""Bytes below which the balloon never goes, whatever is asked for."""
_BALLOON = """
import sys
held = []
for _ in range(int(sys.argv[1])):
    held.append(b"x" * int(sys.argv[2]))
print("full", flush=True)
sys.stdin.read()
"""


def balloon(size: int) -> "subprocess.Popen[str]":
    """A process that holds so many bytes until its input ends."""
    command = [sys.executable, "-c", _BALLOON, str(max(0, size) // _PART), str(_PART)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()
    return process


def measured(folder: Path, left: int) -> dict[str, Any]:
    """Our figures with so many bytes of RAM free."""
    holding = balloon(free_ram() - max(left, _SPARE))
    try:
        return {"free": free_ram(), **ours(Course(folder, cache_dir() / "layers", Path()))}
    finally:
        holding.kill()
        holding.wait()


def main(gib: float = 12) -> None:
    """Measure without and with the balloon, and print."""
    folder = cache_dir() / "benchmarks" / "gpt-oss-20b-random"
    if not folder.exists():
        raise SystemExit("There are no random weights: run `ossa bench-model gpt-oss-20b --random` first.")
    for left in (free_ram(), int(gib * 2**30)):
        found = measured(folder, left)
        print(
            f"{found['free'] / 2**30:.1f} GiB free: first token after {found['first_seconds']:.1f} s, "
            f"writes {found['writing']:.2f} tokens a second, {found['memory'] / 1e9:.1f} GB resident, "
            f"{found['faults']:.1f} reads from the disk a token",
            flush=True,
        )


if __name__ == "__main__":
    main(*map(float, sys.argv[1:2]))
