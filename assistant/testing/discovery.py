"""How a project's tests are run: which runner it uses, and with which interpreter.

draft's files ─► style() ─► "pytest" · "either" · "none"
root ─► interpreters() ─► the first that passes PROBE in the draft's sandbox
"""

import configparser
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal, TypeAlias

from ossa.assistant.draft import Draft, DraftError

Style: TypeAlias = Literal["pytest", "either", "none"]

CONFIGURE = "Say how to run them with --test or in .ossa.toml."

PROBE = (
    "import sys, importlib.util as u; "
    "print(sys.executable); print('pytest' if u.find_spec('pytest') else 'plain'); "
    "sys.exit(sys.version_info < (3, 8))"
)
"""Program that tells where an interpreter really is, whether it has pytest, without importing it, and if it will do."""

_TEST_FILE = re.compile(r"(test_.*|.*_test)\.py")
_PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "conftest.py"})
_VENVS = (".venv", "venv", "env")


@dataclass(frozen=True, slots=True)
class Plan:
    """How the tests are run."""

    kind: Literal["command", "pytest", "unittest"]
    argv: tuple[str, ...]
    title: str
    """One line for the person: the command, or which runner with which interpreter."""


def style(draft: Draft) -> Style:
    """What the project's files ask for: pytest where it is configured, either runner where test files are all."""
    files = draft.files()
    names = {PurePosixPath(path).name for path in files}
    if names & _PYTEST_FILES or _configured(draft):
        return "pytest"
    return "either" if any(_TEST_FILE.fullmatch(name) for name in names) else "none"


def interpreters(root: Path) -> tuple[str, ...]:
    """The interpreters that may be the project's, likeliest first; one of its own leaves no other."""
    if own := environment(root):
        return (_python(own),)
    active = os.environ.get("VIRTUAL_ENV")
    found: Iterable[str | None] = [
        _python(Path(active)) if active else None,
        shutil.which("python3"),
        shutil.which("python"),
        sys.executable,
    ]
    return tuple(dict.fromkeys(path for path in found if path))


def environment(root: Path) -> Path | None:
    """The virtual environment inside the repository, if it has one that works on this platform."""
    return next((root / name for name in _VENVS if Path(_python(root / name)).exists()), None)


def _python(folder: Path) -> str:
    return str(folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python")


def _configured(draft: Draft) -> bool:
    """Whether a file that others share has a section for pytest; one that does not parse has none."""
    try:
        tools = tomllib.loads(_text(draft, "pyproject.toml")).get("tool", {})
        if isinstance(tools, dict) and "pytest" in tools:
            return True
    except (tomllib.TOMLDecodeError, RecursionError):
        pass
    return _has_section(_text(draft, "tox.ini"), "pytest") or _has_section(_text(draft, "setup.cfg"), "tool:pytest")


def _has_section(text: str, section: str) -> bool:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return False
    return parser.has_section(section)


def _text(draft: Draft, path: str) -> str:
    try:
        return (draft.read(path) or b"").decode("utf-8", "replace")
    except DraftError:
        return ""
