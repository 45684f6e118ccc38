"""The kernels on this machine and, where there is an emulator, on others: each set computes what plain C does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ossa.model.mxfp4.build import SOURCES, target
from ossa.tests.waiting import LIMIT

PROGRAM = Path(__file__).with_name("kernels_alone.c")
CACHE = Path(__file__).parents[2] / "build" / "zig"
NATIVE = "this machine's"


def emulator(*names: str) -> str:
    return next((found for name in names if (found := shutil.which(name))), "")


@pytest.mark.parametrize(
    ("system", "runner", "sets"),
    [
        (target(), NATIVE, ()),
        ("aarch64-linux-musl", emulator("qemu-aarch64-static", "qemu-aarch64"), ("NEON",)),
        ("x86_64-windows-gnu", emulator("wine64", "wine"), ("AVX2",)),
    ],
    ids=["native", "ARM", "Windows"],
)
def test_every_set_of_kernels_computes_what_plain_c_does(
    system: str, runner: str, sets: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not system or not runner:
        pytest.skip("there is no compiler or no emulator for it")
    monkeypatch.setenv("WINEPREFIX", str(tmp_path / "wine"))
    for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"):
        monkeypatch.setenv(name, str(CACHE))  # another system's C library takes a minute to compile
    program = tmp_path / "kernels.exe"
    compiler = (sys.executable, "-P", "-m", "ziglang", "cc", "-target", system, "-std=c11", "-O1", "-pthread")
    sources = (f"-I{SOURCES}", PROGRAM, *sorted(SOURCES.glob("*.c")), "-lm", "-o", program)
    subprocess.run([*compiler, *sources], check=True, timeout=LIMIT, capture_output=True)
    command = [program] if runner == NATIVE else [runner, program]
    done = subprocess.run(command, check=False, timeout=LIMIT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert set(sets) <= set(done.stdout.splitlines())
