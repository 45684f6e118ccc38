"""Python environments of other programs, made once in ossa's cache, so that none of them is a dependency of ossa's."""

import subprocess
import venv
from pathlib import Path

from ossa.assistant.paths import cache_dir

LLAMA_CPP = "xllamacpp==2026.10.11549"


def python_with(name: str, requirement: str) -> Path:
    """The interpreter of the environment that has one package in a pinned version.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be had, for example without a network.
    """
    folder = cache_dir() / "benchmarks" / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists() or ready.read_text() != requirement:
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", requirement]
        subprocess.run(install, check=True, capture_output=True, text=True)
        ready.write_text(requirement)
    return python
