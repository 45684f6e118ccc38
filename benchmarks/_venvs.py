"""Python environments of other programs, made once in ossa's cache, so that none of them is a dependency of ossa's."""

from pathlib import Path

from ossa.assistant.paths import cache_dir
from ossa.model import environments
from ossa.model.environments import LLAMA_CPP

__all__ = ["LLAMA_CPP", "python_with"]


def python_with(name: str, requirement: str) -> Path:
    """The interpreter of the environment that has one package in a pinned version.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be had, for example without a network.
    """
    return environments.python_with(cache_dir() / "benchmarks" / name, requirement)
