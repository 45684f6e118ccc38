"""Moves that take more along than what is named, or leave something: private helpers, and a name in the old place."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.refactor.asked import read
from ossa.assistant.refactor.wish import Outcome
from ossa.assistant.refactor.worker import work

Move: TypeAlias = Callable[..., Outcome]

HELPED = """import re

_WORD = re.compile("[a-z]+")


def _clean(text):
    return _deeper(text).strip()


def _deeper(text):
    return text.lower() if text else ""


def _counted(function):
    return function


def _shared(text):
    return text


class _Seen(dict):
    pass


@_counted
def f(text):
    seen = _Seen()
    return _WORD.findall(_clean(_shared(text))) + sorted(seen)


def g(text):
    return _shared(text)
"""


@pytest.fixture
def move(tmp_path: Path) -> Move:
    """Works out the move of `f` from a.py to b.py."""

    def run(*, keep: bool = False, to: str = "b.py", name: str = "f", **files: str) -> Outcome:
        given = {f"{module.replace('__', '/')}.py": text for module, text in files.items()}
        for path, text in given.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text)
        request = {"files": list(given), "path": "a.py", "name": name, "what": "move", "to": to, "keep": keep}
        copies = tmp_path.parent / f"{tmp_path.name}-copies"
        for path, text in given.items():
            (copies / path).parent.mkdir(parents=True, exist_ok=True)
            (copies / path).write_text(text)
        done = work(copies, request)
        for path, data in done.files.items():
            (tmp_path / path).write_bytes(data)
        return done

    return run


def ran(folder: Path, code: str) -> str:
    """What a program in the folder prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.mark.parametrize("b", ["X = 1\n", "import a\n\nX = a.g\n", None])
def test_private_helpers_that_nothing_else_names_go_along(move: Move, tmp_path: Path, b: str | None) -> None:
    files = {"a": HELPED, "use": "from a import f, g\n\nprint(f('One, two'), g('x'))\n"}
    done = move(**files, **({"b": b} if b else {}))
    assert not done.problem and not done.left
    old, new = (tmp_path / "a.py").read_text(), (tmp_path / "b.py").read_text()
    for name in ("_clean", "_deeper", "_counted", "_Seen"):
        assert f" {name}(" in new and name not in old
        assert f"{name}, which nothing else names, went along." in done.notes
    assert "def _shared" in old and "_WORD = " in old  # another one needs it; a constant
    assert "import _WORD, _shared" in new or ("import _WORD" in new and "import _shared" in new)
    assert ran(tmp_path, "import use") == "['one', 'two'] x\n"


@pytest.mark.parametrize(
    "more",
    [
        {"test_a": "import a\n\nassert a._clean(' X ') == 'x'\n"},
        {"test_a": "from unittest import mock\n\nmock.patch('a._clean')\n"},
        {"a": HELPED + "\n\n# What _clean leaves is a word.\n"},
    ],
)
def test_a_helper_that_something_else_names_stays_and_is_imported(
    move: Move, tmp_path: Path, more: dict[str, str]
) -> None:
    done = move(**{"a": HELPED, "b": "X = 1\n", **more})
    assert not done.problem
    old, new = (tmp_path / "a.py").read_text(), (tmp_path / "b.py").read_text()
    assert "def _clean" in old and "def _deeper" in old and "_clean" in new.partition("def f")[0]
    assert "def _Seen" not in old and "class _Seen" in new
    assert ran(tmp_path, "import b; print(b.f('One'))") == "['one']\n"


def test_an_import_that_would_have_to_wait_is_not_needed_where_the_helper_goes_along(
    move: Move, tmp_path: Path
) -> None:
    a = "def _half(n):\n    return n / 2\n\n\ndef f(n):\n    return _half(n)\n\n\nTWO = f(4)\n"
    done = move(a=a, b="X = 1\n")
    # The old module runs it as it is loaded, so it cannot be the one that waits.
    assert not done.problem and ran(tmp_path, "import a, b; print(a.TWO, b.f(2))") == "2.0 1.0\n"
    assert "import" not in (tmp_path / "b.py").read_text() and not [n for n in done.notes if "as it runs" in n]


USES = (
    "import a as old\nfrom a import f\n\n\ndef run():\n    import a as inner\n\n    return old.f() + inner.f() + f()\n"
)


def test_a_name_that_is_kept_can_be_imported_from_both(move: Move, tmp_path: Path) -> None:
    a = '__all__ = ["f", "h"]\n\n\ndef f():\n    return 1\n\n\ndef h():\n    return f()\n'
    done = move(keep=True, a=a, b="X = 1\n", use=USES, star="from a import *\n\nprint(f())\n")
    assert not done.problem and not done.left
    old = (tmp_path / "a.py").read_text()
    assert "from b import f as f\n" in old and '__all__ = ["f", "h"]' in old and "def f" not in old
    assert (tmp_path / "star.py").read_text().startswith("from a import *\n\nprint")
    assert "old.f" not in (tmp_path / "use.py").read_text()  # who can be changed is, all the same
    code = "import a, b, use, star; from a import f; print(f is b.f, a.h(), use.run())"
    assert ran(tmp_path, code) == "1\nTrue 1 3\n"


def test_an_import_of_the_module_by_another_name_follows(move: Move, tmp_path: Path) -> None:
    done = move(a="def f():\n    return 1\n\n\nK = 2\n", b="X = 1\n", use=f"{USES}\n\nK = old.K\n")
    assert not done.problem and not done.left
    assert ran(tmp_path, "import use; print(use.run(), use.K)") == "3 2\n"
    assert "old.f" not in (tmp_path / "use.py").read_text() and "inner.f" not in (tmp_path / "use.py").read_text()


def test_a_name_is_not_kept_where_that_closes_a_circle(move: Move) -> None:
    a = "K = 1\n\n\ndef f(n=K):\n    return n\n"
    assert not move(a=a, b="X = 1\n").problem
    assert "f is needed as a.py is loaded (a.py:4)" in move(keep=True, a=a, b="X = 1\n").problem
    assert "Of a module that moves" in move(keep=True, a=a, b="X = 1\n", name="").problem


def test_keep_is_typed_behind_the_module() -> None:
    wish = read("move", "a.f b.py --keep")
    assert (wish.symbol, wish.to, wish.keep, wish.title) == ("a.f", "b.py", True, "move a.f b.py --keep")
    assert not read("move", "a.f b.py").keep
    with pytest.raises(ValueError, match="/rename takes OLD NEW"):
        read("rename", "a b --keep")
