"""Which interpreters may be a project's: those that it has made for itself, wherever its tools keep them.

repository ─► own() ─► .venv, venv, env, $UV_PROJECT_ENVIRONMENT, those of tox and nox, a conda environment of its name
Poetry's, Pipenv's, Hatch's, PDM's files ─► asked() ─► what to ask the tool itself, in the draft's sandbox
else ─► common(): the active one, those on PATH, ossa's own
"""

import os
import re
import shutil
import sys
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

_VENVS = (".venv", "venv", "env")
_TESTING = (".tox", ".nox")
"""Where tools keep an environment for each sort of test."""
_TESTS = re.compile(r"(py|test|unit)")
_CONDA_FILES = ("environment.yml", "environment.yaml", "conda.yml")
Question = tuple[str, ...]


def own(root: Path) -> tuple[str, ...]:
    """The interpreters of the environments that belong to a repository, by where they are, likeliest first."""
    configured = os.environ.get("UV_PROJECT_ENVIRONMENT")
    folders = [*([root / configured] if configured else ()), *(root / name for name in _VENVS)]
    folders += [folder for name in _TESTING for folder in _inside(root / name) if _TESTS.match(folder.name)]
    folders += _conda(root)
    return tuple(dict.fromkeys(python(folder) for folder in folders if Path(python(folder)).exists()))


def environment(root: Path) -> Path | None:
    """The virtual environment inside the repository, if it has one that works on this platform."""
    return next((root / name for name in _VENVS if Path(python(root / name)).exists()), None)


def of_interpreter(interpreter: str) -> Path | None:
    """The virtual environment that an interpreter belongs to."""
    folder = Path(interpreter).parent.parent
    return folder if (folder / "pyvenv.cfg").exists() else None


def asked(files: Collection[str], read: Callable[[str], str]) -> Iterator[Question]:
    """Commands that print where a tool keeps the project's environment or its interpreter, of tools that are here."""
    tools = _tools(read("pyproject.toml") if "pyproject.toml" in files else "")
    questions: list[tuple[bool, Question]] = [
        ("poetry.lock" in files or "poetry" in tools, ("poetry", "env", "info", "--executable")),
        ("Pipfile" in files, ("pipenv", "--py")),
        ("pdm.lock" in files or "pdm" in tools, ("pdm", "info", "--python")),
        ("hatch.toml" in files or "hatch" in tools, ("hatch", "env", "find", "hatch-test")),
        ("hatch.toml" in files or "hatch" in tools, ("hatch", "env", "find", "default")),
    ]
    return (question for wanted, question in questions if wanted and shutil.which(question[0]))


def answered(output: str) -> tuple[str, ...]:
    """The interpreters that such a command's output names, by their own path or by that of their environment."""
    found: list[str] = []
    for line in output.splitlines()[-20:]:
        path = Path(line.strip())
        if path.is_absolute() and len(line) < 4000:
            inside = python(path)
            found += [name for name in (inside, str(path)) if _is_program(name)]
    return tuple(dict.fromkeys(found))


def common() -> tuple[str, ...]:
    """The interpreters that anyone's tests may be run with."""
    active = os.environ.get("VIRTUAL_ENV") or os.environ.get("CONDA_PREFIX")
    found: Iterable[str | None] = [
        python(Path(active)) if active else None,
        shutil.which("python3"),
        shutil.which("python"),
        sys.executable,
    ]
    return tuple(dict.fromkeys(path for path in found if path))


def python(folder: Path) -> str:
    """The interpreter of a virtual environment."""
    return str(folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python")


def _conda(root: Path) -> list[Path]:
    """The conda environments that have the name in the repository's environment file; conda keeps a list of all."""
    text = next((_text(root / name) for name in _CONDA_FILES if (root / name).is_file()), "")
    name = re.search(r"^name:\s*[\"']?([\w.-]+)", text, re.MULTILINE)
    if not name:
        return []
    known = _text(Path.home() / ".conda" / "environments.txt").splitlines()
    return [path for line in known if (path := Path(line.strip())).name == name[1] and path.is_absolute()]


def _inside(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir(), reverse=True)
    except OSError:
        return []


def _is_program(path: str) -> bool:
    try:
        return Path(path).is_file() and os.access(path, os.X_OK)
    except (OSError, ValueError):
        return False


def _tools(text: str) -> Collection[str]:
    try:
        tools: Any = tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    return cast("dict[str, Any]", tools) if isinstance(tools, dict) else ()


def _text(path: Path) -> str:
    try:
        return path.read_bytes()[: 1 << 20].decode("utf-8", "replace")
    except OSError:
        return ""
