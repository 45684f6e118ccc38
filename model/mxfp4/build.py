"""Compiles the kernels, by the C compiler in the package ziglang: at install, and by make where they have changed.

    native/*.c ─► zig cc ─► kernels.so, beside this file; or, as a library that ends at undefined behaviour, elsewhere

The standard library alone, as `setup.py` runs it before anything is installed. One compiler in one version, because
another one was seen to compile such code wrong.
"""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

SOURCES = Path(__file__).parent / "native"
NAME = "kernels.so"
SANITIZED = ("-O1", "-g", "-fsanitize=undefined", "-fno-sanitize-recover=all")
_FAST = ("-O3", "-fno-sanitize=all")
_MACHINES = {"x86_64": "x86_64", "AMD64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}


def target() -> str:
    """What zig calls this machine, with the oldest system of use; nothing where the kernels can't be built for it."""
    machine = _MACHINES.get(platform.machine(), "")
    if not machine:
        return ""
    if sys.platform == "linux":
        return f"{machine}-linux-gnu.2.17" if platform.libc_ver()[0] == "glibc" else f"{machine}-linux-musl"
    if sys.platform == "win32":
        return f"{machine}-windows-gnu"
    return f"{machine}-macos.11.0" if sys.platform == "darwin" else ""


def build(library: Path, options: Sequence[str] = _FAST, system: str = "") -> None:
    """Compile to `library`, which comes into its place whole.

    Raises:
        OSError: there is no compiler for this system, or it failed; the text says which.
    """
    system = system or target()
    if not system:
        raise OSError(f"the kernels are not written for {platform.system()} on {platform.machine()}")
    library.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        made = Path(folder) / NAME
        command = [
            # Without -P a `ziglang` that lies in the folder that the user is in would be run.
            *(sys.executable, "-P", "-m", "ziglang", "cc", "-target", system),
            *("-std=c11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-pthread", *options, "-o", str(made)),
            *(str(path) for path in sorted(SOURCES.glob("*.c"))),
        ]
        # Zig's own caches go with the folder: nothing is left in the user's home.
        caches = dict.fromkeys(("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR"), folder)
        done = subprocess.run(command, env={**os.environ, **caches}, capture_output=True, text=True, timeout=600)
        if done.returncode:
            told = done.stderr.strip().splitlines()
            raise OSError(told[-1] if told else f"the compiler ended with {done.returncode}")
        made.replace(library)


if __name__ == "__main__":
    try:
        if sys.argv[1:]:
            build(Path(sys.argv[1]), SANITIZED)
        else:
            build(Path(__file__).with_name(NAME))
    except OSError as problem:
        sys.exit(f"The kernels for gpt-oss on a CPU could not be built: {problem}.")
