"""Repositories for the benchmark of refactorings: released sources with their tests, and what the tests say of a copy.

sdist ─► unpacked, with an environment of its own ─► copies ─► files changed ─► tests ─► which passed
"""

import os
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree import ElementTree

from ossa.assistant.paths import cache_dir


class RefusedError(Exception):
    """The engine would not, or could not."""


_DOCUMENTS = (".rst", ".md", ".txt")


@dataclass(frozen=True)
class Project:
    """A released project."""

    name: str
    version: str
    source: str
    """The folder of what is refactored."""
    needs: tuple[str, ...]
    """What its tests need beside pytest."""
    tests: tuple[str, ...]

    @property
    def folder(self) -> Path:
        return cache_dir() / "benchmarks" / "refactor" / f"{self.name}-{self.version}"

    @cached_property
    def root(self) -> Path:
        """The unpacked sources."""
        if not (self.folder / "sources").is_dir():
            with tempfile.TemporaryDirectory() as place:
                pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:", "-d", place]
                subprocess.run([*pip, f"{self.name}=={self.version}"], check=True, capture_output=True)
                unpacked = Path(place) / "unpacked"
                shutil.unpack_archive(next(Path(place).glob("*.tar.gz")), unpacked)
                self.folder.mkdir(parents=True, exist_ok=True)
                shutil.move(next(unpacked.iterdir()), self.folder / "sources")
        return self.folder / "sources"

    @cached_property
    def python(self) -> Path:
        """The interpreter that runs the tests."""
        folder = self.folder / "venv"
        if not (folder / ".ready").exists():
            venv.create(folder, with_pip=True, clear=True)
            install = [folder / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
            subprocess.run([*install, "pytest<9", "pytest-timeout", *self.needs], check=True, capture_output=True)
            (folder / ".ready").touch()
        return folder / "bin" / "python"

    @property
    def packages(self) -> list[str]:
        """Where what it uses is installed."""
        return [str(place) for place in self.python.parent.parent.glob("lib/*/site-packages")]

    def files(self) -> dict[str, bytes]:
        """All files of text."""
        found = (path for path in self.root.rglob("*") if path.is_file() and not path.is_symlink())
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in found if _is_text(path)}

    def passed(self, changed: Mapping[str, bytes | None]) -> frozenset[str]:
        """The tests that pass with these files, of two trials where some are lost.

        Changes that differ in documents alone are tried once.
        """
        told = frozenset(one for one in changed.items() if not one[0].endswith(_DOCUMENTS))
        if told not in self._known:
            self._known[told] = self._tried(changed)
        return self._known[told]

    def _tried(self, changed: Mapping[str, bytes | None]) -> frozenset[str]:
        """Some tests fail at times by themselves, so what passes once passes; but of the sources both have to hold."""
        first = self._passed(changed)
        if not changed:
            return first & self._passed(changed)
        return first if first >= self.steady else first | self._passed(changed)

    @cached_property
    def steady(self) -> frozenset[str]:
        """The tests that pass with the sources as they are."""
        return self.passed({})

    @cached_property
    def _known(self) -> dict[frozenset[tuple[str, bytes | None]], frozenset[str]]:
        return {}

    def _passed(self, changed: Mapping[str, bytes | None]) -> frozenset[str]:
        with tempfile.TemporaryDirectory() as place:
            copy, report = Path(place) / "copy", Path(place) / "report.xml"
            shutil.copytree(self.root, copy, symlinks=True)
            for path, data in changed.items():
                if data is None:
                    (copy / path).unlink()
                else:
                    (copy / path).parent.mkdir(parents=True, exist_ok=True)
                    (copy / path).write_bytes(data)
            (temporary := Path(place) / "tmp").mkdir()  # some tests leave files there by which later runs would go
            env = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
            env["TMPDIR"] = str(temporary)
            options = [
                "-q",
                "-p",
                "no:cacheprovider",
                "--continue-on-collection-errors",
                "--timeout=60",
                f"--junitxml={report}",
                *self.tests,
            ]
            subprocess.run(
                [self.python, "-m", "pytest", *options], cwd=copy, env=env, capture_output=True, timeout=1800
            )
            return _passed(report)


def _is_text(path: Path) -> bool:
    return path.suffix in (".py", ".pyi", ".rst", ".md", ".toml", ".cfg", ".ini", ".txt")


def _passed(report: Path) -> frozenset[str]:
    if not report.exists():
        return frozenset()
    cases = ElementTree.parse(report).getroot().iter("testcase")
    return frozenset(f"{case.get('classname')}::{case.get('name')}" for case in cases if not len(case))


PROJECTS = (
    Project("flask", "3.1.3", "src/flask", ("flask", "asgiref", "python-dotenv"), ("tests",)),
    Project(
        "requests",
        "2.32.3",
        "src/requests",
        ("requests", "pytest-httpbin", "pytest-mock", "trustme"),
        ("tests/test_utils.py", "tests/test_structures.py", "tests/test_hooks.py", "tests/test_lowlevel.py"),
    ),
    Project("click", "8.5.1", "src/click", (), ("tests",)),
    Project("itsdangerous", "2.2.0", "src/itsdangerous", ("freezegun",), ("tests",)),
    Project("jinja2", "3.1.6", "src/jinja2", ("markupsafe", "trio"), ("tests",)),
    Project("marshmallow", "4.4.0", "src/marshmallow", ("simplejson",), ("tests",)),
    Project(
        "pytest",
        "9.2.0",
        "src/_pytest",
        ("attrs", "hypothesis", "xmlschema", "pygments", "requests", "mock"),
        ("testing/test_pathlib.py", "testing/test_mark.py", "testing/test_stash.py", "testing/test_nodes.py"),
    ),
)
