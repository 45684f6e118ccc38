"""What is installed has all that lies in the packages' folders: grammars' queries, reporters, prompts, styles."""

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SETUPTOOLS: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
FOLDERS: dict[str, str] = SETUPTOOLS["package-dir"]
DATA: dict[str, list[str]] = SETUPTOOLS["package-data"]


def folder_of(package: str) -> Path:
    """Where a package lies: in its own folder, or below that of the nearest one that has one."""
    if package in FOLDERS:
        return ROOT / FOLDERS[package]
    parent, _, name = package.rpartition(".")
    return folder_of(parent) / name


def installed() -> set[Path]:
    """All files that a wheel has."""
    found: set[Path] = set()
    for package in SETUPTOOLS["packages"]:
        folder = folder_of(package)
        for pattern in ("*.py", *DATA.get(package, ())):
            found.update(path for path in folder.glob(pattern) if path.is_file())
    return found


def test_every_file_of_the_packages_is_installed() -> None:
    lying = {
        path
        for layer in ("tui", "assistant", "model")
        for path in (ROOT / layer).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".so"  # built, not written
    }
    assert {path.suffix for path in lying} >= {".py", ".mjs", ".cjs", ".scm", ".md", ".tcss"}
    assert not {str(path.relative_to(ROOT)) for path in lying - installed()}


def test_what_is_named_as_data_is_there() -> None:
    assert not [
        (p, pattern) for p, patterns in DATA.items() for pattern in patterns if not any(folder_of(p).glob(pattern))
    ]
