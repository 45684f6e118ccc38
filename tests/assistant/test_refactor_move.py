"""Moves that would break something silently: each is done in full, refused by a sentence, or told."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.index.index import Index
from ossa.assistant.refactor.plan import Refactoring
from ossa.assistant.refactor.wish import Outcome, Wish
from ossa.assistant.refactor.worker import work

Make: TypeAlias = Callable[[dict[str, str]], tuple[Draft, Refactoring]]
Move: TypeAlias = Callable[..., Outcome]

PACKAGE = {"p/__init__.py": "", "p/a.py": "def f():\n    return 1\n", ".gitignore": "local*.py\n"}


@pytest.fixture
def make(project: Callable[[dict[str, str]], Draft], tmp_path: Path) -> Make:
    """Opens a draft of these files, with what refactors in it."""

    def opened(files: dict[str, str]) -> tuple[Draft, Refactoring]:
        draft = project(files)
        index = Index(draft.root, draft.files, tmp_path / "index")
        index.refresh()
        return draft, Refactoring(draft, index.named)

    return opened


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("p/local.py", "p/local.py is there already"),
        ("p/large.py", "p/large.py is there already"),
        ("p/local_new.py", "git ignores it"),
    ],
)
async def test_no_file_that_is_not_looked_at_is_written_over(make: Make, to: str, why: str) -> None:
    local, large = "KEPT = 1\n", "KEPT = 2\n" + "# more\n" * 200_000
    draft, refactoring = make({**PACKAGE, "p/local.py": local, "p/large.py": large})
    done = await refactoring.carry_out(Wish("move", "p/a.py:f", to))
    assert why in done.problem and draft.change().files == ()
    assert draft.read("p/local.py") == local.encode() and draft.read("p/large.py") == large.encode()
    assert draft.read("p/local_new.py") is None


async def test_letters_that_are_none_are_refused(make: Make) -> None:
    _, refactoring = make(PACKAGE)
    for symbol, to in (("f", "\udcff"), ("\udcff", "g"), ("f", "g\0")):
        assert "none in UTF-8" in (await refactoring.carry_out(Wish("rename", symbol, to))).problem


@pytest.fixture
def move(tmp_path: Path) -> Move:
    """Works out the move of `f` from a.py to b.py."""

    def run(a: str | bytes, b: str | bytes, to: str = "b.py", **more: str) -> Outcome:
        files = {"a.py": a, "b.py": b, **{f"{name}.py": text for name, text in more.items()}}
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        done = work(tmp_path, {"files": list(files), "path": "a.py", "name": "f", "what": "move", "to": to})
        for name, data in done.files.items():
            (tmp_path / name).write_bytes(data)
        return done

    return run


def ran(folder: Path, code: str) -> str:
    """What a program in the folder prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


OVERLOADS = (
    "from typing import overload\n\n\n@overload\ndef f(a: int) -> int: ...\n@overload\ndef f(a: str) -> str: ...\n"
    "def f(a):\n    return a\n"
)
TRIED = (
    "try:\n    import ujson as json\nexcept ImportError:\n    import json\n\n\ndef f(a):\n    return json.dumps(a)\n"
)
STATE = "count = 0\n\n\ndef set_to(n):\n    global count\n    count = n\n\n\ndef f():\n    return count\n"


@pytest.mark.parametrize(
    ("a", "b", "why"),
    [
        (
            "from datetime import datetime\n\n\ndef f():\n    return datetime.now()\n",
            "import datetime\n",
            "else in b.py",
        ),
        ("def f(x):\n    return open(x)\n", "from webbrowser import open\n", "Python's own in a.py"),
        ("def open():\n    return 1\n\n\ndef f():\n    return open()\n", "X = open\n", "Python's own at b.py:1"),
        (OVERLOADS, "X = 1\n", "defined several times"),
        ("if True:\n    def f():\n        return 1\n", "X = 1\n", "within another statement"),
        ("n = 0\n\n\ndef f():\n    global n\n    n += 1\n", "X = 1\n", "by a global statement"),
        (STATE, "X = 1\n", "set anew at a.py:5"),
        (TRIED, "X = 1\n", "under a condition"),
        (TRIED.partition("\n\n\n")[2], TRIED.partition("\n\n\n")[0] + "\n", ""),
        ("# -*- coding: cp1251 -*-\ndef f():\n    return 'Я'\n".encode("cp1251"), "X = 1\n", "is not UTF-8"),
        ("from os.path import *\n\n\ndef f():\n    return join('a')\n", "X = 1\n", "a star import in a.py"),
        ("def f():\n    return 1\n", "from a import f as g\n\nprint(g())\n", "import it by its own name first"),
        ("def f():\n    return 1\n", "from a import f; Y = 2\n", "shares its line"),
        ("def f():\n    return 1\n", "f = 2\n", "has a f already"),
    ],
)
def test_what_would_mean_something_else_is_refused(move: Move, a: str | bytes, b: str, why: str) -> None:
    done = move(a, b)
    assert why in done.problem and bool(done.files) != bool(why)


@pytest.mark.parametrize("b", ["", '"""Doc."""\n', '"""Doc."""', "import os\n", "from a import f\n"])
def test_imports_come_above_the_class_that_needs_them(move: Move, tmp_path: Path, b: str) -> None:
    done = move("class Base: ...\n\n\nclass f(Base):\n    pass\n", b)
    assert not done.problem and "\n\n\n\n" not in done.files["b.py"].decode().lstrip()
    assert "b.f" in ran(tmp_path, "import b; print(b.f)")


def test_who_had_it_by_a_star_imports_it_by_name(move: Move, tmp_path: Path) -> None:
    done = move("def f():\n    return 1\n", "X = 1\n", c="from a import *\n\nprint(f())\n", d="from c import *\n")
    assert done.files["c.py"].startswith(b"from a import *\nfrom b import f\n") and not done.left
    assert ran(tmp_path, "import d; print(d.f())") == "1\n1\n"


def test_all_imports_of_one_root_come_along(move: Move, tmp_path: Path) -> None:
    a = "import xml.dom.minidom\nimport xml.sax\n\n\ndef f():\n    return xml.dom.minidom.__name__\n"
    assert not move(a, "import xml.sax\n").problem
    assert ran(tmp_path, "import b; print(b.f())") == "xml.dom.minidom\n"


def test_annotations_stay_what_they_were(move: Move, tmp_path: Path) -> None:
    a = "from __future__ import annotations\n\n\nclass f:\n    def me(self) -> f:\n        return self\n"
    assert "add that first" in move(a, "class Data:\n    field: int\n").problem
    assert not move(a, '"""Doc."""\n\nimport os\n').problem
    assert "b.f" in ran(tmp_path, "import b; print(b.f)")


def test_a_script_has_it_before_it_runs(move: Move, tmp_path: Path) -> None:
    b = "from a import f\n\n\ndef main():\n    print(f())\n\n\nif __name__ == '__main__':\n    main()\n"
    assert not move("def f():\n    return 1\n", b).problem
    assert ran(tmp_path, "import runpy; runpy.run_path('b.py', run_name='__main__')") == "1\n"


def test_what_depends_on_the_file_or_replaces_a_name_is_told(move: Move) -> None:
    a = "import os\n\n\ndef f():\n    return os.stat(__file__)\n"
    done = move(a, "X = 1\n", c="import a\nfrom unittest import mock\n\nmock.patch('a.os')\na.f = None\n")
    assert "f uses __file__" in done.notes[0]
    assert sorted((one.path, one.line) for one in done.left) == [("c.py", 4), ("c.py", 5)]


def test_a_module_whose_name_is_taken_is_not_imported_over_it(move: Move) -> None:
    c = "import a\n\nfor b in [1]:\n    print(a.f())\n"
    assert "b means something else at c.py:4" in move("def f():\n    return 1\n", "X = 1\n", c=c).problem


def test_packages_that_are_loaded_on_the_way_and_circles_that_were_there_count(move: Move) -> None:
    way = {"q/__init__": "from q.c import C\n", "q/b": "X = 1\n", "q/c": "from d import D\n\nC = D\n"}
    done = move("def f():\n    return 1\n", "", "q/b.py", d="from a import f\n\nD = f()\n", **way)
    assert "import each other" in done.problem
    one, two = "import b\nfrom a import f\n\nclass C(f): ...\n", "import c\n"
    assert "import each other" in move("class f: ...\n", two, c=one).problem
    typed = one.replace("import b", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import X")
    assert "import each other" in move("class f: ...\n", f"{two}X = 1\n", c=typed).problem


def test_annotations_in_quotes_keep_their_name_and_all_loses_it(move: Move, tmp_path: Path) -> None:
    a = "__all__ = ['f', 'g']\n\n\nclass f: ...\n\n\ndef g(one: 'f') -> 'list[f]': ...\n"
    assert move(a, "X = 1\n").files["a.py"].startswith(b"from b import f\n\n\n__all__ = ['g']\n")
    assert ran(tmp_path, "import a, typing; print(typing.get_type_hints(a.g)['one'])") == "<class 'b.f'>\n"


def test_an_import_that_a_function_comes_to_need_makes_no_circle(move: Move) -> None:
    done = move("def f():\n    return 1\n", "from c import C\n", c="import a\n\n\ndef C():\n    return a.f()\n")
    assert "import each other" in done.problem


def test_another_name_of_the_module_is_told(move: Move) -> None:
    done = move("def f():\n    return 1\n", "X = 1\n", c="import a\n\nother = a\nother.f()\n")
    assert [one.line for one in done.left] == [4]


def test_a_module_that_cannot_be_is_refused(move: Move) -> None:
    for to, why in (
        ("class.py", "no name for a module"),
        ("p.py", "p is p/__init__.py already"),
        ("1-2.py", "by its name"),
    ):
        assert why in move("def f():\n    return 1\n", "", to, **{"p/__init__": "", "1-2": ""}).problem


def test_a_relative_import_within_leads_to_the_same(tmp_path: Path) -> None:
    files = {"p/__init__.py": "", "p/a.py": "def f():\n    from .c import K\n    return K\n", "p/s/__init__.py": ""}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    asked = {"files": list(files), "path": "p/a.py", "name": "f", "what": "move"}
    assert b"    from ..c import K\n" in work(tmp_path, {**asked, "to": "p/s/b.py"}).files["p/s/b.py"]
    assert b"    from .c import K\n" in work(tmp_path, {**asked, "to": "p/b.py"}).files["p/b.py"]


LOW = "import a\n\n\ndef low():\n    return a.g()\n"


@pytest.mark.parametrize(
    ("a", "prints"),
    [
        ("def f():\n    \"\"\"Doc.\"\"\"\n    # Why.\n    return own()\n\n\ndef own():\n    return 1\n", "b.f()"),
        ("class f:\n    def one(self):\n        return [own() for _ in 'a']\n\n    def two(self):\n"
         "        class K:\n            x = own()\n        return K.x\n\n\ndef own():\n    return 1\n",
         "b.f().one()[0] * b.f().two()"),
    ],
)  # fmt: skip
def test_an_import_that_would_make_a_circle_waits_until_the_function_runs(
    move: Move, tmp_path: Path, a: str, prints: str
) -> None:
    done = move(f"from b import low\n\n\n{a}\n\ndef g():\n    return low\n", "def low():\n    return 1\n")
    assert any("own is imported in b.py within" in note and "as it runs" in note for note in done.notes)
    assert not done.problem and "from a import own" in done.files["b.py"].decode()
    assert ran(tmp_path, f"import b; print({prints})") == ran(tmp_path, f"import a, b; print({prints})") == "1\n"


def test_the_old_module_imports_it_as_its_functions_run(move: Move, tmp_path: Path) -> None:
    a = "from __future__ import annotations\n\n\nclass f: ...\n\n\ndef g(x: f = None) -> f:\n    return x or f()\n"
    text = move(a, LOW).files["a.py"].decode()
    assert "if TYPE_CHECKING:\n    from b import f\n" in text and "-> f:\n    from b import f\n    return" in text
    assert ran(tmp_path, "import a, b; print(type(b.low()))") == "<class 'b.f'>\n"
    assert "f is needed as a.py is loaded (a.py:4)" in move("class f: ...\n\n\nclass g(f): ...\n", LOW).problem


def test_a_function_that_runs_while_its_module_is_loaded_cannot_wait(move: Move) -> None:
    a = "class f: ...\n\n\ndef g():\n    return f()\n\n\ndef h():\n    return g()\n\n\n"
    assert "f is needed as a.py is loaded (a.py:4)" in move(f"{a}X = h()\n", LOW).problem


@pytest.mark.parametrize("head", ["def f(): return own()\n", "@reads\ndef f(x: own): ...\n"])
def test_what_has_no_place_for_an_import_or_may_read_its_annotations_is_refused(move: Move, head: str) -> None:
    future = "from __future__ import annotations\n"
    a = f"{future}from b import low\ndef reads(x): return low\n\n\n{head}\n\nclass own: ...\n"
    assert "import each other" in move(a, f"{future}\ndef low(): ...\n").problem


async def test_a_helper_that_a_file_of_another_kind_names_stays(make: Make) -> None:
    a = "def _main():\n    return 1\n\n\ndef _other():\n    return 2\n\n\ndef f():\n    return _main() + _other()\n"
    draft, refactoring = make({"a.py": a, "b.py": "X = 1\n", "pyproject.toml": '[project.scripts]\nx = "a:_main"\n'})
    outcome = await refactoring.carry_out(Wish("move", "a.f", "b.py"))
    assert not outcome.problem and not outcome.left
    assert b"def _main" in (draft.read("a.py") or b"") and b"_other" not in (draft.read("a.py") or b"")
    assert b"import _main" in (draft.read("b.py") or b"")
