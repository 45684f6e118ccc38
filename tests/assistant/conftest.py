"""A small real repository, and a home of its own for whatever ossa keeps."""

import hashlib
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

Git: TypeAlias = Callable[..., str]
Fingerprint: TypeAlias = Callable[..., str]

FILES = {
    ".gitignore": "build/\n*.log\n",
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n",
    "pkg/__init__.py": "",
    "pkg/deep/one.py": "ONE = 1\n",
    "pkg/deep/two.py": "TWO = 2\n",
    "tests/test_calc.py": "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n",
}


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's configuration counts, and nothing is written to it."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "ossa"))
    for scope in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{scope}", os.devnull)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Ada")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "ada@example.org")


@pytest.fixture
def git(repo: Path) -> Git:
    """Runs git in the repository and gives what it prints."""

    def run(*arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=repo, capture_output=True, check=True)
        return os.fsdecode(done.stdout)

    return run


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A repository with one commit on `main`, a failing test, a script and a link."""
    root = tmp_path / "project"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    (root / "run.sh").write_text("#!/bin/sh\necho run\n")
    (root / "run.sh").chmod(0o755)
    (root / "link.py").symlink_to("calc.py")
    for arguments in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A repository without a commit."""
    root = tmp_path / "empty"
    subprocess.run(["git", "init", "-q", "-b", "main", str(root)], check=True)
    return root


@pytest.fixture
def fingerprint() -> Fingerprint:
    """A digest of all that is in a folder: names, types, modes, contents, and times where asked for."""

    def digest(root: Path, *, times: bool = True) -> str:
        total = hashlib.sha256()
        for path in sorted(root.rglob("*")):
            status = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            time = status.st_mtime_ns if times and not path.is_dir() else 0
            total.update(repr((os.fsencode(path), status.st_mode, time, hashlib.sha256(content).digest())).encode())
        return total.hexdigest()

    return digest
