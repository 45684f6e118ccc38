"""Slips of hand are undone wherever they are in a function, and nothing else of it changes."""

import ast
from textwrap import dedent

import pytest

from ossa.assistant.repair.templates import edits

SLIPS = {
    "comparison": ("return a < b", "return a <= b"),
    "operator": ("return a - b", "return a + b"),
    "operands": ("return a - b", "return b - a"),
    "grouping": ("return a - b * c", "return (a - b) * c"),
    "and": ("return a and b", "return a or b"),
    "negation": ("if a:\n    return b", "if not (a):\n    return b"),
    "double negation": ("return not a", "return a"),
    "narrow condition": ("if a:\n    return b", "if a or not c:\n    return b"),
    "off by one": ("return a[b]", "return a[b + 1]"),
    "range": ("return range(a)", "return range(a + 1)"),
    "number": ("return a * 2", "return a * 3"),
    "truth": ("return True", "return False"),
    "name": ("return a + a", "return a + b"),
    "twin": ("return min(a, b)", "return max(a, b)"),
    "arguments": ("return a.f(b, c)", "return a.f(c, b)"),
    "missing argument": ("return f(a)", "return f(a, b)"),
    "needless call": ("return len(a)", "return a"),
    "missing call": ("return a", "return len(a)"),
    "slice": ("return a[1:]", "return a[:]"),
    "cut": ("return a", "return a[1:]"),
    "growth": ("a += b\nreturn a", "a -= b\nreturn a"),
    "target": ("a += 1\nreturn b", "b += 1\nreturn b"),
    "expression": ("if a:\n    return b.c\nreturn a", "if b.c:\n    return b.c\nreturn a"),
    "yield": ("yield a", "yield from a"),
    "membership": ("return a in b", "return a not in b"),
    "choice": ("return a if b else c", "return c if b else a"),
    "order": ("a = b\nb = c\nreturn a", "b = c\na = b\nreturn a"),
    "outside": ("for a in b:\n    c = a\n    return c", "for a in b:\n    c = a\nreturn c"),
    "inside": ("for a in b:\n    c = a\nb = c\nreturn c", "for a in b:\n    c = a\n    b = c\nreturn c"),
    "truth of a name": ("if a:\n    return True\nreturn b", "if a:\n    return not b\nreturn b"),
    "name for a number": ("return a[0]", "return a[b]"),
    "forgotten step": ("while a < b:\n    f(a)\nreturn c", "while a < b:\n    f(a)\n    a += 1\nreturn c"),
    "forgotten end": ("for a in b:\n    c.append(a)\nreturn c", "for a in b:\n    c.append(a)\nc.append(b)\nreturn c"),
    "forgotten counterpart": ("c.add(a)\nb.f()\nreturn a", "c.add(a)\nb.f()\nc.remove(a)\nreturn a"),
    "forgotten return": ("if a:\n    f(b)\nreturn c", "if a:\n    f(b)\n    return a\nreturn c"),
    "forgotten yield": ("for x in a:\n    yield x\nb.f()", "for x in a:\n    yield x\nb.f()\nyield b"),
    "forgotten case": ("return a[0] + f(a)", "if not a:\n    return None\nreturn a[0] + f(a)"),
    "needless": ("a = b\nreturn b", "pass\nreturn b"),
}


def function(body: str) -> str:
    lines = "".join(f"    {line}\n" for line in body.split("\n"))
    return f"def f(a, b, c):\n{lines}"


@pytest.mark.parametrize("name", SLIPS)
def test_a_slip_is_among_what_is_undone(name: str) -> None:
    wrong, right = map(function, SLIPS[name])
    wanted = ast.dump(ast.parse(right))
    found = [wrong[: edit.start] + edit.text + wrong[edit.end :] for edit in edits(wrong)]
    assert wanted in [ast.dump(ast.parse(text)) for text in found if parses(text)]


def test_each_is_there_once_changes_something_and_most_parse() -> None:
    text = dedent(
        '''
        def wähle(größen, *, k=1):
            """Größte zuerst."""
            gewählt = [g for g in größen if g > k and "ß" != g]  # ä
            while len(gewählt) > 3: gewählt.pop()
            try:
                return gewählt[:k], größen[0] // 2
            except (IndexError, ZeroDivisionError): return None
        '''
    ).lstrip()
    found = edits(text)
    assert len({(edit.start, edit.end, edit.text) for edit in found}) == len(found) > 100
    results = [text[: edit.start] + edit.text + text[edit.end :] for edit in found]
    assert text not in results
    assert sum(map(parses, results)) > 0.9 * len(results)


@pytest.mark.parametrize("text", ["", "x = 1\n", "def f(:\n", "class A:\n    def f(self):\n        pass\n"])
def test_what_is_no_function_has_none(text: str) -> None:
    assert edits(text) == []


def parses(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True
