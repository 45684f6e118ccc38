"""Builds the kernels in C while ossa is installed; where that fails, ossa works without them and says so.

All else that setuptools is to know is in pyproject.toml.
"""

import runpy
import subprocess
from pathlib import Path
from typing import Any

from setuptools import setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py


class BuildWithKernels(build_py):
    """Modules and, beside them, the library."""

    def run(self) -> None:
        """Build; into the source folder, if that is what an editable installation runs."""
        super().run()
        compiler: dict[str, Any] = runpy.run_path("model/mxfp4/build.py")
        package = Path("model/mxfp4") if self.editable_mode else Path(self.build_lib, "ossa", "model", "mxfp4")
        try:
            compiler["build"](package / compiler["NAME"])
        except (OSError, subprocess.SubprocessError) as error:
            self.warn(f"ossa is installed without kernels for gpt-oss on a CPU, which is slow there: {error}")


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python: the library is called through ctypes."""

    def finalize_options(self) -> None:
        """Not one for all platforms."""
        super().finalize_options()
        self.root_is_pure = False

    def get_tag(self) -> tuple[str, str, str]:
        """Python, ABI and platform."""
        return "py3", "none", super().get_tag()[2]


setup(cmdclass={"build_py": BuildWithKernels, "bdist_wheel": PlatformWheel})
