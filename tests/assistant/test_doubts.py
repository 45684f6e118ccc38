"""What speaks against a candidate is told from its text: answers learnt by heart, and effects that are gone."""

import ast
from textwrap import indent

import pytest

from ossa.assistant.repair.doubts import Doubts, by_heart, taken_out, values

TEST = "def test_f():\n    assert f(7) == 49\n    assert f('word') == [3, 'x y']\n    assert f(0) is None\n"


def function(body: str) -> str:
    return f"def f(n):\n{indent(body, '    ')}\n"


BY_HEART = {
    "a case": ("return n", "if n == 7:\n    return n * n\nreturn n"),
    "a choice": ("return n", "return n * n if n == 7 else n"),
    "one of several": ("return n", "if n in (7, 8):\n    return n * n\nreturn n"),
    "a text": ("return n", "if 'word' == n:\n    return [n]\nreturn n"),
    "a table": ("return n", "return {7: n * n}.get(n, n)"),
    "a match": ("return n", "match n:\n    case 7:\n        return n * n\nreturn n"),
    "an answer": ("return n", "return 49"),
    "a whole answer": ("return n", "return [3, 'x y']"),
}
HONEST = {
    "another number": ("if n == 6:\n    return n\nreturn 0", "if n == 7:\n    return n\nreturn 0"),
    "another answer": ("return 48", "return 49"),
    "what is common": ("return n", "if n == 0:\n    return None\nreturn n"),
    "no value of the test": ("return n", "if n == 5:\n    return 6\nreturn n"),
    "a bound": ("return n < 8", "return n < 7"),
    "a computation": ("return n", "return n * 7"),
}


@pytest.mark.parametrize("name", BY_HEART)
def test_answers_learnt_by_heart_are_known(name: str) -> None:
    before, after = map(function, BY_HEART[name])
    assert by_heart(before, after, values(TEST))
    assert not by_heart(before, after, values("def test_f():\n    assert f(1000) == 2000\n"))


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_repair_may_use_a_value_of_the_test(name: str) -> None:
    before, after = map(function, HONEST[name])
    assert not by_heart(before, after, values(TEST))


@pytest.mark.parametrize(
    "before,after,lost",
    [
        ("n.sort()\nreturn n", "pass\nreturn n", "n.sort()"),
        ("n.sort()\nreturn n", "n\nreturn n", "n.sort()"),
        ("n.sort()\nreturn n", "n.reverse()\nreturn n", ""),
        ("n.sort()\nreturn n", "return n\nn.sort()\nreturn n", "n.sort()"),
        ("if n:\n    raise KeyError(n)\nreturn n", "return n", "raise KeyError(n)"),
        ("a = n\nreturn a", "return n", "a = n"),
        ("return n", "n += 1\nreturn n", ""),
        ("return n - 1", "return n + 1", ""),
    ],
)
def test_what_a_function_no_longer_does_is_named(before: str, after: str, lost: str) -> None:
    assert taken_out(function(before), function(after)) == lost


@pytest.mark.parametrize(
    ("after", "cut"),
    [
        ("if n:\n    return 1\nreturn n", False),
        ("return 1\nreturn n", True),
        ("for i in n:\n    continue\n    print(i)\nreturn n", True),
        ("while n:\n    n -= 1\n    break\nreturn n", False),
        ("raise ValueError\nreturn n", True),
    ],
)
def test_what_is_never_reached_is_told(after: str, cut: bool) -> None:
    nodes = [[*ast.walk(ast.parse(function(body)).body[0])] for body in ("return n", after)]
    assert Doubts(nodes[0]).cuts_off(nodes[1]) is cut
    assert not Doubts(nodes[1]).cuts_off(nodes[1])
