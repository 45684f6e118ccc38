"""How much memory this machine has free, in RAM and on its card, and what can be run there: looked up without torch."""

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ossa.model import packages

Card: TypeAlias = Literal["cuda", "xpu", "mps"]
"""What computes beside the processor, as torch calls it: Nvidia's or AMD's, Intel's, Apple's."""

_ASK_TORCH = "import torch; print(max(torch.{0}.mem_get_info(n)[0] for n in range(torch.{0}.device_count())))"
_OF_APPLE = 0.7
"""Of all the memory of such a machine, how much Metal lets one program use on the card, about."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to run a model on."""

    ram: int
    """Bytes of RAM that are free, or would be if caches were dropped."""
    gpu: int = 0
    """Bytes free on the roomiest card, on Apple's a part of the RAM; 0 without one that can be used."""
    mxfp4: bool = False
    """Whether the packages are here that keep gpt-oss's experts in MXFP4 on the card."""
    card: Card = "cuda"
    """Its kind, where there is one."""
    straight: bool = False
    """Whether weights can be read straight to the card, not through RAM."""
    kernels: bool = True
    """Whether the kernels are here by which a CPU computes with experts in MXFP4; without them it is slow at it."""


def this_machine() -> Machine:
    """Look at the machine as it is now; takes up to some tenths of a second where there is a card."""
    ram = free_ram()
    if sys.platform == "darwin":
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        free = min(ram, int(total * _OF_APPLE)) if platform.machine() == "arm64" else 0
        return Machine(ram, free, card="mps", kernels=packages.has_kernels())
    if gpu := _nvidia() or _amd():
        return with_card(ram, "cuda", gpu)
    if gpu := _intel():
        return with_card(ram, "xpu", gpu)
    return Machine(ram, kernels=packages.has_kernels())


def with_card(ram: int, card: Card, gpu: int) -> Machine:
    """A machine with such a card, and the packages that are here."""
    return Machine(ram, gpu, packages.keeps_mxfp4(card), card, packages.reads_straight(), packages.has_kernels())


def is_out_of_memory(error: BaseException) -> bool:
    """Whether there was no room, in RAM, for which torch has no error of its own, or on a card."""
    named = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    return named or "allocate memory" in str(error)


def free_ram() -> int:
    """Bytes of RAM that are free, or would be if caches were dropped."""
    if sys.platform == "darwin":
        return of_vm_stat(_output("vm_stat"))
    free = _mem_available() or os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    # A container sees the memory of its host, but is killed at its own limit.
    with contextlib.suppress(OSError, ValueError):
        limit, used = (int(Path(f"/sys/fs/cgroup/memory.{name}").read_text()) for name in ("max", "current"))
        free = min(free, limit - used + _reclaimable())
    return free


def of_vm_stat(told: str) -> int:
    """The bytes that macOS's `vm_stat` tells of as free or soon so; 0 where it tells nothing."""
    size = re.search(r"page size of (\d+) bytes", told)
    pages = re.findall(r"^Pages (?:free|inactive|speculative|purgeable): +(\d+)", told, re.MULTILINE)
    return sum(map(int, pages)) * int(size[1]) if size else 0


def of_nvidia_smi(told: str) -> int:
    """The bytes free on the roomiest card, of what `nvidia-smi` tells in MiB a line; 0 where it tells no numbers."""
    lines = told.split()
    return max(map(int, lines), default=0) * 2**20 if all(line.isdecimal() for line in lines) else 0


def _mem_available() -> int:
    with contextlib.suppress(OSError), Path("/proc/meminfo").open() as lines:
        for line in lines:
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return 0


def _reclaimable() -> int:
    lines = Path("/sys/fs/cgroup/memory.stat").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("inactive_file "))


def _nvidia() -> int:
    told = _output("nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits")
    return of_nvidia_smi(told) if packages.torch_runs_on("cuda") else 0


def _amd() -> int:
    return _by_torch("cuda") if packages.torch_runs_on("hip") else 0


def _intel() -> int:
    return _by_torch("xpu") if packages.torch_runs_on("xpu") else 0


def _by_torch(card: Card) -> int:
    """What torch says, which takes it seconds; but nothing else knows of these cards everywhere."""
    told = _output(sys.executable, "-P", "-c", _ASK_TORCH.format(card), seconds=60).strip()
    return int(told) if told.isdecimal() else 0


def _output(program: str, *arguments: str, seconds: float = 10) -> str:
    """What a program prints; nothing where it is missing or fails."""
    path = shutil.which(program)
    command: Sequence[str] = [path or program, *arguments]
    try:
        return (
            subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=True).stdout if path else ""
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return ""
