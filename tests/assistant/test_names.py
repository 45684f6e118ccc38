"""Names that a function uses or makes for nothing are known, and so is what nobody can know."""

import ast
from collections.abc import Sequence

import pytest

from ossa.assistant.repair.apart import Apart, Written
from ossa.assistant.repair.functions import function_at
from ossa.assistant.repair.names import (
    Names,
    defined,
    has_foreign_parts,
    idle,
    imported,
    misplaced,
    module_names,
    unbound,
    used_attributes,
)

NESTED = (
    "import os as system\nLIMIT = 3\n\ndef outer(a):\n    kept = 1\n    def inner(b):\n"
    "        total += b\n        for i in a:\n            kept2 = [x for x in i if x < LIMIT]\n"
    "        return kept, kept2, oops, system\n    return inner\n"
)


def nodes(source: str) -> Sequence[ast.AST]:
    return list(ast.walk(ast.parse(source)))


def at(source: str, line: int) -> Written:
    function = function_at("a.py", source, line)
    assert function is not None
    written = Apart(source, function).written(source)
    assert written is not None
    return written


def test_unbound_names_are_those_that_nothing_around_gives_a_value() -> None:
    inner, outer = at(NESTED, 5), at(NESTED, 3)
    assert unbound(inner.nodes, inner.around) == {"total", "oops", "LIMIT", "system"}
    assert unbound(outer.nodes, outer.around) == {"total", "oops", "LIMIT", "system"}
    assert module_names(NESTED) == {"system", "LIMIT", "outer"}
    assert idle(inner.nodes) == {"total"} and idle(outer.nodes) == {"total"}


def test_pythons_own_functions_are_no_operands() -> None:
    source = "def f(a, max):\n    if len in a and a:\n        return sum + 1\n    return sorted(a, key=len)[max]\n"
    assert misplaced(nodes(source)) == {"len", "sum"}
    assert not misplaced(nodes("def f(a):\n    return max(a) > min(a) and isinstance(a, list)\n"))


def test_attributes_of_imported_things_are_not_known() -> None:
    first = "import math\n\nclass A:\n    def f(self):\n        return math.tau + self.x\n"
    source = f"{first}    def g(self, a):\n        a.b = 1\n"
    assert defined(source) == {"x", "b", "f", "g", "A"}
    assert used_attributes(at(source, 3).nodes, imported(nodes(source))) == {"x"}
    assert not has_foreign_parts(source)
    assert has_foreign_parts("import numpy\n") and has_foreign_parts("class A(Base): pass\n")


FILE = (
    "import math\n\nLIMIT = 3\n\ndef f(a):\n    kept = a.size\n    def g(b):\n"
    "        nonlocal kept\n        {}\n    return g\n"
)


@pytest.mark.parametrize(
    "line,suits",
    [
        ("kept = b", True),
        ("return a, LIMIT, kept, math.tau", True),
        ("return f(b)", True),
        ("return b.size + b.append", True),
        ("import re; return re.anything", True),
        ("return lost", False),
        ("lost += 1; return lost", False),
        ("other = b", False),
        ("_other = b", True),
        ("return b.elsewhere", False),
        ("return b.told", True),
        ("return len + b", False),
    ],
)
def test_what_is_written_anew_needs_nothing_that_is_not_there(line: str, suits: bool) -> None:
    before = at(FILE.format("return b"), 6)
    names = Names(FILE.format("return b"), "def test():\n    f(1).told\n", before.nodes)
    assert names.suit(at(FILE.format(line), 6)) is suits
