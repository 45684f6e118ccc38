"""Functions and statements of a source, found without running it."""

from ossa.assistant.repair.functions import (
    attributes,
    calls,
    function_at,
    functions,
    has_foreign_parts,
    idle,
    misplaced,
    module_names,
    unbound,
)

SOURCE = '''\
import os

class Shop:
    @property
    def total(self):
        """Sum."""
        return sum(self.prices)

    def add(self, price, *,
            times=1):
        """Add."""
        for _ in range(times):
            if price > 0:
                self.prices.append(
                    price
                )
            else:
                raise ValueError(price)

        def inner():
            return 1
        return inner()
'''


def test_the_innermost_function_around_a_line() -> None:
    inner = function_at("shop.py", SOURCE, 20)
    assert inner is not None and inner.name == "inner"
    add = function_at("shop.py", SOURCE, 13)
    assert add is not None and (add.name, add.start, add.body, add.end) == ("add", 8, 11, 22)
    assert function_at("shop.py", SOURCE, 0) is None


def test_unbound_names_are_those_that_nothing_around_gives_a_value() -> None:
    source = (
        "import os as system\nLIMIT = 3\n\ndef outer(a):\n    kept = 1\n    def inner(b):\n"
        "        total += b\n        for i in a:\n            kept2 = [x for x in i if x < LIMIT]\n"
        "        return kept, kept2, oops, system\n    return inner\n"
    )
    assert unbound(source, 5) == {"total", "oops", "LIMIT", "system"}
    assert module_names(source) == {"system", "LIMIT", "outer"}
    assert unbound(source, 0) == set()
    assert idle(source, 5) == {"total"} and idle(source, 3) == {"total"}


def test_calls_are_named_by_their_last_part() -> None:
    assert set(calls(SOURCE, 0, 99)) == {"sum", "range", "append", "ValueError", "inner"}
    assert calls(SOURCE, 11, 12) == ["range"]


def test_a_source_that_does_not_parse_has_no_functions() -> None:
    assert functions("a.py", "def f(:\n") == []
    assert function_at("a.py", "def f():\0", 0) is None
    assert calls("x = (", 0, 9) == []


def test_pythons_own_functions_are_no_operands() -> None:
    source = "def f(a, max):\n    if len in a and a:\n        return sum + 1\n    return sorted(a, key=len)[max]\n"
    assert misplaced(source, 0) == {"len", "sum"}
    assert not misplaced("def f(a):\n    return max(a) > min(a) and isinstance(a, list)\n", 0)


def test_attributes_of_imported_things_are_not_known() -> None:
    first = "import math\n\nclass A:\n    def f(self):\n        return math.tau + self.x\n"
    source = f"{first}    def g(self, a):\n        a.b = 1\n"
    assert attributes(source) == {"x", "b", "f", "g", "A"}
    assert attributes(source, 3) == {"x"}
    assert not has_foreign_parts(source)
    assert has_foreign_parts("import numpy\n") and has_foreign_parts("class A(Base): pass\n")
