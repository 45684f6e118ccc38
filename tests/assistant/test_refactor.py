"""Rename, move and change of a signature on small projects: what becomes of the files, what is left to a person."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.index.index import Index
from ossa.assistant.refactor.plan import Refactoring
from ossa.assistant.refactor.wish import Outcome, What, Wish
from ossa.assistant.refactor.worker import work

Do: TypeAlias = Callable[..., Outcome]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Works out a refactoring of these files; a definition is named as "path:name"."""

    def run(files: dict[str, str | bytes], what: What, symbol: str, to: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        path, _, name = symbol.partition(":")
        return work(tmp_path, {"files": list(files), "path": path, "name": name, "what": what, "to": to})

    return run


SHOP = {
    "src/shop/__init__.py": 'from .prices import total as total\n\n__all__ = ["total"]\n',
    "src/shop/prices.py": "def total(items):\n    return sum(items)\n\n\ndef shown(total):\n    return f'{total}'\n",
    "src/shop/till.py": (
        "import shop.prices as p\nfrom shop import prices\n\n\ndef bill(x):\n    return p.total(x) + prices.total(x)\n"
    ),
    "tests/test_shop.py": (
        "from unittest import mock\n\nimport shop\nfrom shop.prices import total as t\n\n\ndef test_it():\n"
        "    with mock.patch('shop.prices.total'):\n        assert shop.total\n    assert t([1]) == 1  # total\n"
    ),
    "docs/use.rst": "Call :func:`shop.prices.total`, the total of all.\n",
}


def text(outcome: Outcome, path: str) -> str:
    return outcome.files[path].decode()


def test_a_function_is_renamed_wherever_it_is_meant_and_nowhere_else(do: Do) -> None:
    done = do(SHOP, "rename", "src/shop/prices.py:total", "sum_up")
    assert text(done, "src/shop/__init__.py") == 'from .prices import sum_up as sum_up\n\n__all__ = ["sum_up"]\n'
    prices = text(done, "src/shop/prices.py")
    assert "def sum_up(items)" in prices and "def shown(total):\n    return f'{total}'" in prices
    assert "p.sum_up(x) + prices.sum_up(x)" in text(done, "src/shop/till.py")
    test = text(done, "tests/test_shop.py")
    assert (
        "import sum_up as t" in test and "'shop.prices.sum_up'" in test and "shop.sum_up" in test and "# total" in test
    )
    assert text(done, "docs/use.rst") == "Call :func:`shop.prices.sum_up`, the total of all.\n"
    assert done.left == [] and any("3 times" in note for note in done.notes)


def test_line_ends_encoding_and_byte_order_mark_stay(do: Do) -> None:
    files: dict[str, str | bytes] = {
        "a.py": b"\xef\xbb\xbfdef old():\r\n    return 'x'\r\n",
        "b.py": b"# -*- coding: latin-1 -*-\nfrom a import old\nNAME = '\xe9' + old()",
    }
    done = do(files, "rename", "a.py:old", "new")
    assert done.files["a.py"] == b"\xef\xbb\xbfdef new():\r\n    return 'x'\r\n"
    assert done.files["b.py"] == b"# -*- coding: latin-1 -*-\nfrom a import new\nNAME = '\xe9' + new()"


def test_annotations_in_quotes_and_conditional_imports_are_seen(do: Do) -> None:
    files = {
        "m.py": "class Box:\n    pass\n",
        "n.py": "from typing import TYPE_CHECKING, Optional, TypeVar\n\nT = TypeVar('T', bound='Box')\n"
        "if TYPE_CHECKING:\n    from m import Box\n\n\n"
        "def f(a: 'Box', b: 'Optional[Box]') -> 'list[Box]':\n    return [a]\n",
        "o.py": "try:\n    from m import Box\nexcept ImportError:\n    Box = None\n\nprint(Box)\n",
    }
    done = do(files, "rename", "m.py:Box", "Crate")
    assert "f(a: 'Crate', b: 'Optional[Crate]') -> 'list[Crate]'" in text(done, "n.py")
    assert "bound='Crate'" in text(done, "n.py")
    assert "from m import Crate as Box" in text(done, "o.py") and "print(Box)" in text(done, "o.py")


SHAPES = {
    "shapes.py": (
        "class Shape:\n    def area(self):\n        return 0\n\n\nclass Square(Shape):\n    def __init__(self, side):\n"
        "        self.side = side\n\n    def area(self):\n        return self.side**2 + super().area()\n\n\n"
        "class Field:\n    def area(self):\n        return 1\n"
    ),
    "conftest.py": (
        "import pytest\nfrom shapes import Square\n\n\n@pytest.fixture\ndef square():\n    return Square(2)\n"
    ),
    "test_shapes.py": (
        "from shapes import Field\n\n\ndef test_area(square):\n    assert square.area() == 4\n\n\n"
        "def test_field():\n    assert Field().area() == 1\n\n\n"
        "def test_any(thing=None):\n    assert thing is None or thing.area()\n"
    ),
}


def test_a_method_is_renamed_with_all_that_override_it_and_doubts_are_told(do: Do) -> None:
    done = do(SHAPES, "rename", "shapes.py:Square.area", "surface")
    shapes, test = text(done, "shapes.py"), text(done, "test_shapes.py")
    assert shapes.count("def surface") == 2 and "super().surface()" in shapes
    assert "class Field:\n    def area" in shapes
    assert "square.surface() == 4" in test and "Field().area()" in test and "thing.area()" in test
    assert [(one.path, one.line) for one in done.left] == [("test_shapes.py", 13)]


def test_the_only_method_of_a_name_is_renamed_where_the_class_is_not_known_too(do: Do) -> None:
    files = {**SHAPES, "use.py": "def show(thing):\n    return thing.outline(), getattr(thing, 'outline')\n"}
    files["shapes.py"] += "\n    def outline(self):\n        return ''\n"
    done = do(files, "rename", "shapes.py:Field.outline", "border")
    assert "thing.border()" in text(done, "use.py")
    assert [one.why for one in done.left] == ["a text that is the name"]


@pytest.mark.parametrize(
    ("symbol", "to", "why"),
    [
        ("m.py:one", "two", "has a two already"),
        ("m.py:one", "local", "means something else at m.py:6"),
        ("m.py:one", "class", "is no name in Python"),
        ("m.py:C.go", "stop", "has a stop already"),
        ("m.py:C.__init__", "begin", "Python itself looks for"),
    ],
)
def test_a_name_that_is_taken_or_none_is_refused(do: Do, symbol: str, to: str, why: str) -> None:
    source = "def one():\n    pass\ndef two():\n    local = 1\n    if local:\n        one()\n"
    source += "class C:\n    def __init__(self): ...\n    def go(self): ...\n    def stop(self): ...\n"
    done = do({"m.py": source}, "rename", symbol, to)
    assert why in done.problem and not done.files


MOVED = {
    "pkg/__init__.py": "from .a import helper, other\n",
    "pkg/a.py": (
        '"""A."""\nimport os\nfrom .base import Base\n\n__all__ = [\n    "helper",\n    "other",\n]\n\n\n'
        "# What it does.\ndef helper():\n    return os.sep, Base\n\n\ndef other():\n    return 1\n"
    ),
    "pkg/b.py": '"""B."""\n\n\ndef third():\n    return 3\n',
    "pkg/base.py": "class Base:\n    pass\n",
    "use.py": (
        "import pkg.a\nfrom pkg.a import (\n    helper,\n    other,\n)\n\nprint(helper(), pkg.a.helper(), other())\n"
    ),
}


def test_a_function_moves_with_its_imports_and_its_callers_follow(do: Do, tmp_path: Path) -> None:
    done = do(MOVED, "move", "pkg/a.py:helper", "pkg.b")
    assert "helper" not in text(done, "pkg/a.py") and text(done, "pkg/a.py").endswith("def other():\n    return 1\n")
    moved = text(done, "pkg/b.py")
    assert "import os\nfrom .base import Base\n" in moved or "from .base import Base\nimport os\n" in moved
    assert moved.endswith("# What it does.\ndef helper():\n    return os.sep, Base\n")
    assert text(done, "pkg/__init__.py") == "from .a import other\nfrom .b import helper\n"
    for path, data in done.files.items():
        (tmp_path / path).write_bytes(data)
    ran = subprocess.run(["python", "use.py"], cwd=tmp_path, capture_output=True, text=True)
    assert ran.stdout.startswith("('/', <class 'pkg.base.Base'>)"), ran.stderr


def test_a_move_to_where_it_was_imported_alone_leaves_one_definition(do: Do) -> None:
    files = {
        "low.py": "import os\n\n\ndef name():\n    return os.name\n",
        "high.py": "from low import name\n\n\ndef show():\n    return name()\n\n\nSHOWN = name()\n",
    }
    done = do(files, "move", "low.py:name", "high.py")
    high = text(done, "high.py")
    assert "from low" not in high and high.index("def name") < high.index("SHOWN") and "import os\n" in high


def test_what_is_imported_for_types_alone_stays_so_and_makes_no_circle(do: Do) -> None:
    low = (
        "from __future__ import annotations\n\nimport typing as t\n\nif t.TYPE_CHECKING:\n"
        "    from nowhere import Odd\n\n    from .base import Base\n\n\ndef low(a: Odd, b: Base) -> None: ...\n"
    )
    files = {"pkg/__init__.py": "", "pkg/base.py": "from .low import low\n\n\nclass Base: ...\n", "pkg/low.py": low}
    done = do(files, "move", "pkg/low.py:low", "pkg/new.py")
    assert text(done, "pkg/base.py").startswith("from .new import low\n")
    guarded = "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from .base import Base\n"
    guarded += "    from nowhere import Odd\n"
    assert text(done, "pkg/new.py").startswith(f"from __future__ import annotations\n{guarded}\n\ndef low(")
    there = {**files, "pkg/new.py": "from __future__ import annotations\n\nimport os\n\nHOME = os.sep\n"}
    assert guarded in text(do(there, "move", "pkg/low.py:low", "pkg/new.py"), "pkg/new.py")
    refused = do({**there, "pkg/new.py": "import os\n"}, "move", "pkg/low.py:low", "pkg/new.py")
    assert "from __future__ import annotations" in refused.problem


def test_a_new_module_has_the_line_ends_of_the_old_one(do: Do) -> None:
    done = do({"a.py": "import os\r\n\r\n\r\ndef f():\r\n    return os\r\n"}, "move", "a.py:f", "b.py")
    assert done.files["b.py"] == b"import os\r\n\r\n\r\ndef f():\r\n    return os\r\n"


def test_a_move_into_a_new_module_makes_it_and_one_into_a_circle_is_refused(do: Do) -> None:
    done = do(MOVED, "move", "pkg/a.py:helper", "pkg/fresh.py")
    assert text(done, "pkg/fresh.py").startswith("from .base import Base\nimport os\n\n\n# What it does.\ndef helper()")
    circle = {
        "x.py": "from y import low\n\n\ndef high(a=own()):\n    return low() + a\n\n\ndef own():\n    return 1\n",
        "y.py": "def low():\n    return 1\n",
    }
    circle["y.py"] = "import x\n\n\ndef low():\n    return x\n"
    problem = do(circle, "move", "x.py:high", "y.py").problem
    assert "import each other" in problem and "own is needed as y.py is loaded (x.py:4)" in problem


CALLS = {
    "f.py": "def send(url, data, timeout=3):\n    return url, data, timeout\n",
    "g.py": (
        "from f import send\n\nsend('u', 'd')\nsend('u', data='d', timeout=1)\nsend(\n    'u',\n    'd',\n    5,\n)\n"
        "send(*args)\nmap(send, [])\n"
    ),
}


def test_parameters_change_places_and_every_caller_with_them(do: Do) -> None:
    done = do(CALLS, "signature", "f.py:send", "(data, url, timeout=3)")
    assert text(done, "f.py").startswith("def send(data, url, timeout=3):")
    lines = text(done, "g.py")
    assert (
        "send('d', 'u')\nsend(data='d', url='u', timeout=1)\n" in lines or "send(url='u', data='d', timeout=1)" in lines
    )
    assert "send(\n    'd',\n    'u',\n    5,\n)" in lines
    assert [one.line for one in done.left] == [10, 11]


def test_a_parameter_is_renamed_taken_out_made_a_keyword_or_added(do: Do) -> None:
    done = do(CALLS, "signature", "f.py:send", "(url, body, timeout=3)")
    assert "return url, body, timeout" in text(done, "f.py") and "send('u', body='d', timeout=1)" in text(done, "g.py")
    done = do(CALLS, "signature", "f.py:send", "(url, data, *, timeout=3, retry=False)")
    assert "timeout=5," in text(done, "g.py") and "retry=False)" in text(done, "f.py")
    assert "timeout is still used" in do(CALLS, "signature", "f.py:send", "(url, data)").problem
    assert "has no default" in do(CALLS, "signature", "f.py:send", "(url, data, timeout=3, *, retry)").problem
    twice = {"f.py": CALLS["f.py"] * 2}
    assert "defined several times" in do(twice, "signature", "f.py:send", "(data, url, timeout=3)").problem
    assert "no list of parameters" in do(CALLS, "signature", "f.py:send", "(url, 3)").problem


def test_a_methods_signature_changes_in_what_overrides_it_too(do: Do) -> None:
    files = {
        "k.py": "class A:\n    def go(self, a: int, b):\n        return a, b\n\n\n"
        "class B(A):\n    def go(self, a: int, b):\n        return super().go(a, b)\n\n\n"
        "A().go(1, 2)\nA.go(A(), 1, 2)\n"
    }
    done = text(do(files, "signature", "k.py:A.go", "(b, a)"), "k.py")
    assert done.count("def go(self, b, a: int):") == 2 and "super().go(b, a)" in done
    assert "A().go(2, 1)\nA.go(A(), 2, 1)" in done


def test_a_method_that_others_call_by_its_name_is_not_renamed(do: Do) -> None:
    job = (
        "import threading\n\n\nclass Job(threading.Thread):\n    def run(self):\n        pass\n\n"
        "    def go(self):\n        pass\n"
    )
    assert "has run from threading.Thread, too" in do({"j.py": job}, "rename", "j.py:Job.run", "walk").problem
    done = do({"j.py": job}, "rename", "j.py:Job.go", "walk")
    assert "def walk" in text(done, "j.py") and done.notes == []
    unknown = do({"j.py": job.replace("threading", "elsewhere")}, "rename", "j.py:Job.go", "walk")
    assert "elsewhere.Thread, which is not in the repository" in unknown.notes[0]


def test_a_folder_of_a_package_needs_no_init(do: Do) -> None:
    files = {"p/__init__.py": "", "p/a.py": "class Old: ...\n", "p/q/b.py": "from ..a import Old\n\nX = Old\n"}
    assert text(do(files, "rename", "p/a.py:Old", "New"), "p/q/b.py") == "from ..a import New\n\nX = New\n"
    files["c.py"] = "from ..a import Old\n"
    left = do(files, "rename", "p/a.py:Old", "New").left
    assert [(one.path, one.why) for one in left] == [("c.py", "where this is imported from is not known")]


def test_a_file_that_is_no_python_is_left_and_told(do: Do) -> None:
    done = do({"a.py": "def old():\n    pass\n", "b.py": "print old()\n"}, "rename", "a.py:old", "new")
    assert list(done.files) == ["a.py"] and [one.path for one in done.left] == ["b.py"]


@pytest.fixture
def refactoring(project: Callable[[dict[str, str]], Draft], tmp_path: Path) -> Callable[[dict[str, str]], Refactoring]:
    """Opens a draft of these files, with an index."""

    def make(files: dict[str, str]) -> Refactoring:
        draft = project(files)
        index = Index(draft.root, draft.files, tmp_path / "index")
        index.refresh()
        return Refactoring(draft, index.named)

    return make


async def test_which_definition_is_meant_is_said_or_asked(
    refactoring: Callable[[dict[str, str]], Refactoring],
) -> None:
    one = refactoring(SHAPES)
    vague = await one.carry_out(Wish("rename", "area", "surface"))
    assert "may be shapes.py:Shape.area, shapes.py:Square.area" in vague.problem
    assert "Nothing named nowhere" in (await one.carry_out(Wish("rename", "nowhere", "x"))).problem
    assert "No definition stands" in (await one.carry_out(Wish("rename", "conftest.py:1", "x"))).problem
    done = await one.carry_out(Wish("rename", "shapes.py:15", "surface"))
    assert done.problem == "" and sorted(done.files) == ["shapes.py", "test_shapes.py"]


async def test_a_repositorys_settings_for_rope_are_never_run(
    refactoring: Callable[[dict[str, str]], Refactoring], tmp_path: Path
) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    one = refactoring({**SHAPES, ".ropeproject/config.py": trap, "sitecustomize.py": trap, "rope.py": trap})
    done = await one.carry_out(Wish("rename", "Square.area", "surface"))
    assert done.places and done.left and not (tmp_path / "sprung").exists()


async def test_other_languages_are_renamed_where_one_definition_has_the_name(
    refactoring: Callable[[dict[str, str]], Refactoring],
) -> None:
    one = refactoring(
        {
            "a.js": "// total of all\nexport function total(x) { return x; }\nexport const say = 'total';\n",
            "b.ts": "import { total } from './a';\nconsole.log(total(1), twice());\nfunction twice() {}\n",
            "c.js": "function twice() {}\n",
        }
    )
    done = await one.carry_out(Wish("rename", "total", "sum"))
    assert (
        done.files["a.js"].decode()
        == "// total of all\nexport function sum(x) { return x; }\nexport const say = 'total';\n"
    )
    assert "sum(1)" in done.files["b.ts"].decode()
    several = await one.carry_out(Wish("rename", "c.js:twice", "double"))
    assert "defined 2 times" in several.problem and len(several.left) == 3
