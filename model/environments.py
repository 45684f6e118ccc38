"""Python environments of other programs, made once in a folder of ossa's, so that none of them is a dependency.

name, requirements ─► FOLDER/name, a venv with just those ─► its interpreter
"""

import subprocess
import venv
from pathlib import Path

LLAMA_CPP = "xllamacpp==2026.10.11549"


def python_with(folder: Path, *requirements: str) -> Path:
    """The interpreter of the environment that has such packages, in pinned versions; made where it is not there.

    Raises:
        OSError, subprocess.CalledProcessError: it cannot be had, for example without a network.
    """
    python, ready = folder / "bin" / "python", folder / ".ready"
    wanted = "\n".join(requirements)
    if not ready.exists() or ready.read_text() != wanted:
        venv.create(folder, with_pip=True, clear=True)
        install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *requirements]
        subprocess.run(install, check=True, capture_output=True, text=True)
        ready.write_text(wanted)
    return python
