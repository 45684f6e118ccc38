"""Renames that would change what a program does: each is refused with a sentence, or its place is left to a person."""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import pytest

from ossa.assistant.index.symbols import Symbol
from ossa.assistant.refactor import other, target
from ossa.assistant.refactor.dangling import dangling
from ossa.assistant.refactor.modules import Entity
from ossa.assistant.refactor.python import worked_out
from ossa.assistant.refactor.wish import Outcome, Refused, Target, Wish
from ossa.assistant.refactor.worker import work

Do: TypeAlias = Callable[[dict[str, str], str, str], Outcome]


@pytest.fixture
def do(tmp_path: Path) -> Do:
    """Renames in these files; a definition is named as "path:name"."""

    def run(files: dict[str, str], symbol: str, to: str) -> Outcome:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        path, _, name = symbol.partition(":")
        return work(tmp_path, {"files": list(files), "path": path, "name": name, "what": "rename", "to": to})

    return run


def text(outcome: Outcome, path: str) -> str:
    return outcome.files[path].decode()


def left(outcome: Outcome) -> list[tuple[str, int]]:
    return [(one.path, one.line) for one in outcome.left]


def test_a_worker_that_fails_says_why(tmp_path: Path) -> None:
    request = {"files": ["gone.py"], "path": "gone.py", "name": "f", "what": "rename", "to": "g", "seconds": 30}
    ran = subprocess.run(
        [sys.executable, "-m", "ossa.assistant.refactor.worker", str(tmp_path)],
        input=json.dumps(request).encode() + b"\n",
        capture_output=True,
        check=False,
    )
    assert "FileNotFoundError" in Outcome.unpacked(ran.stdout).problem


async def test_only_work_that_took_too_long_is_said_to_have_taken_too_long() -> None:
    files = {"a.py": b"def f(): ...\n" + b"f()\n" * 50_000}
    late = await worked_out(Wish("rename", "f", "g"), Target("a.py", "f", 1), files, (), 0.01)
    assert "within 0 seconds" in late.problem


def test_a_line_number_beyond_reason_and_a_file_that_is_not_changed_are_refused(do: Do) -> None:
    def nowhere(_name: str) -> Sequence[Symbol]:
        return ()

    with pytest.raises(Refused, match="No file has as many lines"):
        target.find("a.py:" + "9" * 5000, nowhere, lambda _: b"x = 1\n", ())
    assert "git ignores it" in do({"a.py": "x = 1\n"}, "local.py:f", "g").problem
    ignored = other.reworked(Wish("rename", "f", "g"), Target("local.js", "f", 1), {"a.js": b"f()\n"}, 1)
    assert "git ignores it" in ignored.problem


C = "class C:\n    def help(self) -> int:\n        return 1\n"
HAD = (
    "class C:\n    __slots__ = ('kept',)\n\n    def __init__(self):\n        self._value = 3\n\n"
    "    def help(self): ...\n"
)


@pytest.mark.parametrize(
    ("files", "symbol", "to", "why"),
    [
        ({"a.py": "def total(items):\n    return sum(items)\n"}, "a.py:total", "sum", "a.py:2 reads sum"),
        (
            {"a.py": "def total(x): ...\n", "b.py": "from a import total\n\nprint(total(1), len(''))\n"},
            "a.py:total",
            "len",
            "b.py:3 reads len",
        ),
        (
            {"a.py": "def total(x): ...\n", "b.py": "from a import *\n\nprint(len(''))\n"},
            "a.py:total",
            "len",
            "b.py:3 reads len",
        ),
        (
            {"a.py": "def total(x): ...\n", "b.py": "def f(x):\n    from a import total\n\n    return len(total(x))\n"},
            "a.py:total",
            "len",
            "b.py:4 reads len",
        ),
        (
            {"a.py": "def total(): ...\n", "c.py": "def whole(): ...\n", "b.py": "from c import *\nfrom a import *\n"},
            "a.py:total",
            "whole",
            "b.py has a whole already",
        ),
        (
            {"p/__init__.py": "from .x import total\n", "p/x.py": "def total(): ...\n", "p/whole.py": "V = 3\n"},
            "p/x.py:total",
            "whole",
            "p/__init__.py has a whole already",
        ),
        ({"a.py": HAD}, "a.py:C.help", "_value", "a.py:5 stores a _value"),
        ({"a.py": HAD}, "a.py:C.help", "kept", "C in a.py has a kept already"),
        ({"a.py": C}, "a.py:C.help", "__help", "mangles"),
        ({"a.py": C}, "a.py:C.help", "int", "a.py:2 reads int in the body of C"),
        ({"a.py": "def total(): ...\n\n\nclass K:\n    x = total()\n"}, "a.py:total", "__total", "mangles"),
        (
            {"a.py": "import threading\n\n\nclass T(threading.Thread):\n    def go(self): ...\n"},
            "a.py:T.go",
            "run",
            "run",
        ),
        ({"a.py": "import enum\n\n\nclass E(enum.Enum):\n    def go(self): ...\n"}, "a.py:E.go", "value", "from Enum"),
        ({"a.py": C}, "a.py:C.help", "class", "no name in Python"),
        ({"a.py": C}, "a.py:C.help", "\N{LATIN SMALL LIGATURE FI}x", "Python reads"),
    ],
)
def test_a_name_that_would_mean_something_else_is_refused(
    do: Do, files: dict[str, str], symbol: str, to: str, why: str
) -> None:
    done = do(files, symbol, to)
    assert why in done.problem and not done.files


def test_what_may_store_or_bring_the_new_name_is_left_to_a_person(do: Do) -> None:
    done = do({"a.py": C, "b.py": "def f(x):\n    x.aid = 1\n"}, "a.py:C.help", "aid")
    assert left(done) == [("b.py", 2)]
    done = do({"a.py": "from elsewhere import *\n\n\ndef total(): ...\n"}, "a.py:total", "whole")
    assert left(done) == [("a.py", 1)]


def test_a_private_member_is_renamed_within_its_own_class(do: Do) -> None:
    text_of_it = "class {}:\n    def __go(self): ...\n\n    def run(self):\n        self.__go()\n\n\n"
    done = do({"a.py": text_of_it.format("A") + text_of_it.format("B(A)")}, "a.py:A.__go", "__walk")
    assert text(done, "a.py") == text_of_it.replace("__go", "__walk").format("A") + text_of_it.format("B(A)")


def test_an_assignment_within_a_comprehension_binds_in_the_function_around(do: Do) -> None:
    function = "def f(y):\n    if any((total := x) > 1 for x in y):\n        return total\n"
    done = do({"a.py": f"def total(): ...\n\n\n{function}"}, "a.py:total", "whole")
    assert text(done, "a.py") == f"def whole(): ...\n\n\n{function}"


def test_a_name_that_a_class_binds_is_the_outer_one_before_that(do: Do) -> None:
    users = (
        "from a import total\n\n\nclass K:\n    total = staticmethod(total)\n    other = total\n\n\n"
        "class L:\n    if total:\n        total = 1\n\n\n"
        "class M:\n    @total\n    def total(self): ...\n"
    )
    done = do({"a.py": "def total(x): ...\n", "b.py": users}, "a.py:total", "whole")
    after = text(done, "b.py")
    assert "    total = staticmethod(whole)\n    other = total\n" in after and "    @whole\n    def total" in after
    assert left(done) == [("b.py", 10)]
    inner = "def go(): ...\n\n\nclass C:\n    first = go\n\n    def go(self): ...\n\n    again = go\n"
    done = do({"a.py": inner}, "a.py:C.go", "walk")
    assert "first = go\n" in text(done, "a.py") and "again = walk\n" in text(done, "a.py")


def test_patterns_handlers_and_imports_that_bind_the_name_are_renamed_or_left(do: Do) -> None:
    cases = "".join(f"    case {case}:\n        pass\n" for case in ("[3 as LIM]", "[*LIM]", "LIM"))
    body = f"LIM = 3\nmatch [4]:\n{cases}"
    done = do({"a.py": body + "print(LIM)\n"}, "a.py:LIM", "MAX")
    assert text(done, "a.py") == (body + "print(LIM)\n").replace("LIM", "MAX") and not done.left
    tried = "try:\n    from fast import total\nexcept ImportError as error:\n    def total(): ...\n"
    assert left(do({"a.py": tried}, "a.py:total", "whole")) == [("a.py", 2)]
    handled = "total = 1\ntry:\n    pass\nexcept OSError as total:\n    pass\n"
    assert left(do({"a.py": handled}, "a.py:total", "whole")) == [("a.py", 4)]


def elsewhere(files: dict[str, str], line: int, name: str, to: str) -> Outcome:
    """A rename in files that are not Python; the definition is in the first."""
    found = Target(next(iter(files)), name, line)
    return other.reworked(Wish("rename", name, to), found, {path: text.encode() for path, text in files.items()}, 1)


def test_in_other_languages_members_keys_parameters_and_local_names_are_left() -> None:
    files = {
        "a.js": "export function total(x) { return x; }\n",
        "b.js": "import { total } from './a';\nimport * as a from './a';\nconst o = { total: 1, total };\n"
        "function f(total) {\n  return total;\n}\nfunction g(data) {\n"
        "  return data.total + a.total(1) + total(2);\n}\n{\n  let total = 3;\n}\n",
    }
    done = elsewhere(files, 1, "total", "whole")
    assert text(done, "a.js") == "export function whole(x) { return x; }\n"
    after = text(done, "b.js")
    assert "import { whole }" in after and "{ total: 1, total: whole }" in after
    assert "return data.total + a.whole(1) + whole(2);" in after and "f(total) {\n  return total;" in after
    assert left(done) == [("b.js", 3), ("b.js", 4), ("b.js", 5), ("b.js", 8), ("b.js", 11)]


@pytest.mark.parametrize(
    ("files", "after"),
    [
        (
            {"sums/a.go": "package sums\n\nfunc Total(n int) int { return n }\n"},
            "package sums\n\nfunc Whole(n int) int { return n }\n",
        ),
        (
            {"a.rs": "\n\nfn Total(n: Total) -> u32 { crate::Total(2) }\n"},
            "\n\nfn Whole(n: Whole) -> u32 { crate::Whole(2) }\n",
        ),
        ({"a.c": "\n\nint Total(int n) { return Total(n); }\n"}, "\n\nint Whole(int n) { return Whole(n); }\n"),
    ],
)
def test_what_is_sure_in_other_languages_is_renamed(files: dict[str, str], after: str) -> None:
    done = elsewhere(files, 3, "Total", "Whole")
    assert text(done, next(iter(files))) == after and not done.left


def test_a_parameter_hides_the_name_in_all_of_its_function() -> None:
    kotlin = {"a.kt": "fun total(n: Int) = n\nfun f(total: Int) = total\n"}
    done = elsewhere(kotlin, 1, "total", "whole")
    assert text(done, "a.kt") == kotlin["a.kt"].replace("fun total", "fun whole") and len(done.left) == 2


def test_what_another_package_or_namespace_has_is_left() -> None:
    go = {
        "sums/a.go": "package sums\n\nfunc Total(n int) int { return n }\n",
        "b.go": 'package b\n\nimport "x/sums"\n\nvar n = sums.Total(1)\nvar m = other.Total(1)\n',
    }
    done = elsewhere(go, 3, "Total", "Whole")
    assert "sums.Whole(1)" in text(done, "b.go") and left(done) == [("b.go", 6)]
    c = {"a.cpp": "namespace sums {\nint total() { return 1; }\n}\nint n = sums::total() + std::total();\n"}
    done = elsewhere(c, 2, "total", "whole")
    assert "int whole()" in text(done, "a.cpp") and "sums::whole() + std::total()" in text(done, "a.cpp")
    assert left(done) == [("a.cpp", 4)]


def test_in_other_languages_keywords_and_members_of_unknown_objects_are_refused() -> None:
    method = {"a.ts": "class A {\n  total() {}\n  run() { this.total(); }\n}\n"}
    assert "keep for themselves" in elsewhere(method, 2, "A.total", "delete").problem
    assert "this.whole()" in text(elsewhere(method, 2, "A.total", "whole"), "a.ts")
    used = elsewhere({**method, "b.ts": "function f(x) { x.total(); }\n"}, 2, "A.total", "whole")
    assert "nothing tells" in used.problem and len(used.left) == 3
    another = {"b.ts": "class B {\n  run() { this.total = 1; }\n}\n"}
    assert "nothing tells" in elsewhere({**method, **another}, 2, "A.total", "whole").problem


def test_the_only_method_of_a_name_is_left_where_the_object_may_come_from_a_package(do: Do) -> None:
    files = {
        "a.py": "class Trainer:\n    def fit_all(self): ...\n",
        "b.py": "import sklearn\n\n\ndef g(model):\n    return model.fit_all()\n",
        "c.py": "import os\n\n\ndef g(model):\n    return model.fit_all()\n",
    }
    files["d.py"] = files["b.py"].replace("import sklearn", "from here.a import Trainer")
    done = do(files, "a.py:Trainer.fit_all", "train")
    assert "model.train()" in text(done, "d.py")
    assert left(done) == [("b.py", 5)] and "model.train()" in text(done, "c.py")


def test_classes_that_have_the_method_of_a_protocol_are_told(do: Do) -> None:
    shapes = "from typing import Protocol\n\n\nclass Shape(Protocol):\n    def area(self): ...\n\n\n"
    shapes += "class Square:\n    def area(self): ...\n"
    done = do({"a.py": shapes}, "a.py:Shape.area", "size")
    assert left(done) == [("a.py", 9)]
    assert left(do({"a.py": shapes}, "a.py:Square.area", "size")) == [("a.py", 5)]


def test_an_attribute_that_leads_nowhere_is_found() -> None:
    cls = "class A:\n    def new(self): ...\n\n\nclass B(A): ...\n\n\n"
    uses = "def use(a: A, b: B, any):\n    a.old()\n    b.old()\n    any.old()\n    A.old\n    a.new()\n"
    target = Entity("a.py", "A.old")
    gone = dangling({"a.py": (cls + uses).encode()}, target, "rename", "new")
    assert [(one.line, "no more" in one.why) for one in gone] == [(9, True), (10, True), (12, True)]
    kept = (cls + uses).replace("...\n\n\nclass B", "self.old = 1\n\n\nclass B").encode()
    elsewhere = (cls + uses).replace("class A:", "from out import X\n\n\nclass A(X):").encode()
    assert not dangling({"a.py": kept}, target, "rename", "new")
    assert not dangling({"a.py": elsewhere}, target, "rename", "new")


def test_what_is_in_a_container_has_the_class_of_its_annotation(do: Do) -> None:
    code = (
        "class A:\n    def go(self): ...\n\n\nclass Z:\n    def go(self): ...\n\n\nclass Shop:\n"
        "    def __init__(self):\n        self.all: dict[str, A] = {}\n\n"
        "    def run(self, more: 'list[Z]', some: list[A]):\n"
        "        self.all['x'].go()\n        some[0].go()\n        more[0].go()\n"
    )
    done = do({"a.py": code}, "a.py:A.go", "walk")
    assert "self.all['x'].walk()" in text(done, "a.py") and "some[0].walk()" in text(done, "a.py")
    assert "more[0].go()" in text(done, "a.py") and left(done) == [("a.py", 16)]


def test_what_a_loop_gives_has_the_class_of_what_is_in_the_collection(do: Do) -> None:
    code = (
        "class A:\n    def go(self): ...\n\n\nclass Z:\n    def go(self): ...\n\n\nclass Shop:\n"
        "    def __init__(self):\n        self.all: list[A] = []\n        self.by: dict[str, A] = {}\n\n"
        "    def run(self, more: list[Z], keyed: dict[A, Z]):\n"
        "        for go in self.all:\n            go.go()\n"
        "        print([a.go() for a in sorted(self.by.values())], [z.go() for z in more])\n"
        "        for key in keyed:\n            key.go()\n"
    )
    done = do({"a.py": code}, "a.py:A.go", "walk")
    assert "            go.walk()" in text(done, "a.py") and "[a.walk() for a in" in text(done, "a.py")
    assert "[z.go() for z in more]" in text(done, "a.py") and left(done) == [("a.py", 19)]


def test_a_name_that_loops_take_turns_with_may_be_of_another_class_in_the_next_one(do: Do) -> None:
    loops = "    for x in some:\n        x.go()\n    for x in more:\n        x.go()\n"
    code = "class A:\n    def go(self): ...\n\n\nclass Z:\n    def go(self): ...\n\n\n"
    done = do({"a.py": f"{code}def f(some: list[A], more):\n{loops}"}, "a.py:A.go", "walk")
    assert left(done) == [("a.py", 11), ("a.py", 13)] and text(done, "a.py").endswith(loops)
    done = do({"a.py": f"{code}def f(some: list[A], more: set[A]):\n{loops}"}, "a.py:A.go", "walk")
    assert not left(done) and text(done, "a.py").endswith(loops.replace("go", "walk"))


def test_a_text_that_is_a_methods_name_is_told_where_the_file_looks_for_attributes_by_texts(do: Do) -> None:
    code = "class A:\n    def put(self):\n        return 1\n"
    names = "from a import A\n\nNAMES = ['put', 'get']\n\n\ndef run():\n"
    files = {"a.py": code, "by.py": f"{names}    return [getattr(A(), name)() for name in NAMES]\n", "no.py": names}
    files["no.py"] += "    return [getattr(A(), 'other'), NAMES]\n"
    done = do(files, "a.py:A.put", "place")
    assert left(done) == [("by.py", 3)] and set(done.files) == {"a.py"}


def test_what_may_be_a_hook_is_told_of(do: Do) -> None:
    files = {"conftest.py": "import os\n\n\ndef pytest_configure(config):\n    os.nice(1)\n"}
    outcome = do(files, "conftest.py:pytest_configure", "configure")
    assert "def configure(config)" in text(outcome, "conftest.py")
    (left,) = outcome.left
    assert (left.path, left.line, left.text) == ("conftest.py", 4, "def pytest_configure(config):")
    assert "pytest calls hooks by names such as pytest_configure" in left.why
