"""A folder, a repository and a command line of its own for every test."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ossa.tests.acp.editing import make

HOST = Path(__file__).with_name("host.py")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sessions go into the test's own folder."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    return make(tmp_path / "calc")


@pytest.fixture
def command(tmp_path: Path) -> Callable[..., list[str]]:
    """The command line of an `ossa acp` whose model gives these answers."""

    def of(*answers: object) -> list[str]:
        script = tmp_path / "script.json"
        script.write_text(json.dumps(answers))
        return [sys.executable, "-P", str(HOST), str(script)]

    return of
