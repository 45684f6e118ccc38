"""How much memory this machine has free, in RAM and on its CUDA card: read without torch."""

import contextlib
import importlib.util
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to run a model on."""

    ram: int
    """Bytes of RAM that are free, or would be if caches were dropped."""
    gpu: int = 0
    """Bytes free on the roomiest CUDA card; 0 without one."""
    mxfp4: bool = False
    """Whether the packages are here that keep gpt-oss's experts in MXFP4 on the card."""


def this_machine() -> Machine:
    """Look at the machine as it is now; takes up to some tenths of a second where there is a card."""
    gpu = _gpu()
    return Machine(_ram(), gpu, bool(gpu) and _has_mxfp4())


def _ram() -> int:
    free = _mem_available() or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A container sees the memory of its host, but is killed at its own limit.
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, limit - used + _reclaimable())
    return free


def _mem_available() -> int:
    with contextlib.suppress(OSError), Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def _reclaimable() -> int:
    lines = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def _gpu() -> int:
    program = shutil.which("nvidia-smi")
    if not program:
        return 0
    query = [program, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
        return max((int(line) for line in answer.split()), default=0) * 2**20
    except (OSError, subprocess.SubprocessError, ValueError):
        return 0


def _has_mxfp4() -> bool:
    return all(importlib.util.find_spec(name) for name in ("triton", "kernels", "accelerate"))
