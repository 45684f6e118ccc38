"""Functions and statements of a source, found without running it."""

from ossa.assistant.repair.functions import calls, function_at, functions, outermost

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


def test_the_outermost_functions_of_a_file_in_order() -> None:
    assert [function.name for function in outermost("shop.py", SOURCE)] == ["total", "add"]


def test_calls_are_named_by_their_last_part() -> None:
    assert set(calls(SOURCE, 0, 99)) == {"sum", "range", "append", "ValueError", "inner"}
    assert calls(SOURCE, 11, 12) == ["range"]


def test_a_source_that_does_not_parse_has_no_functions() -> None:
    assert functions("a.py", "def f(:\n") == []
    assert function_at("a.py", "def f():\0", 0) is None
    assert calls("x = (", 0, 9) == []
