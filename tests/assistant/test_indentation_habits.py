"""Where new lines that lost their indentation stand is told by what the patch still shows and what the file does."""

import re

import pytest

from ossa.assistant.edits.engine import parse, plan


def updated(path: str, text: str, body: str) -> str:
    patch = parse(f"*** Begin Patch\n*** Update File: {path}\n@@\n{body}*** End Patch")
    result = plan(patch, {path: text.encode()}.get)[path].data
    assert result is not None
    return result.decode()


def by_four(body: str) -> str:
    """Each line that is not blank less four blanks, as far as it has them."""
    return "".join(line[:1] + re.sub(r"^ {1,4}(?=.*\S)", "", line[1:]) for line in body.splitlines(keepends=True))


def by_hand(body: str) -> str:
    return "".join(line[1:] for line in body.splitlines(keepends=True) if line[0] != "-")


def before(body: str) -> str:
    return "".join(line[1:] for line in body.splitlines(keepends=True) if line[0] != "+")


TESTS = "def test_one():\n    x = 1\n    assert x\n\n\ndef test_two():\n    assert 2\n\n\n"
PYTHON = {
    "lines of blanks alone": (
        "",
        " class A:\n     def f(self):\n+        a = 1\n+        \n+        b = 2\n         return 1\n",
    ),
    "a definition below a function that nothing uses": (
        TESTS,
        " def test_three():\n     assert 3\n+\n+def test_four():\n+    assert 4\n \n \n"
        " def test_five():\n     assert 5\n",
    ),
    "a definition that its function uses": (
        TESTS,
        " def outer():\n     x = 3\n+\n+    def inner():\n+        return x\n+\n     return inner()\n",
    ),
    "entries of a docstring with their texts": (
        "",
        ' def f(a, b):\n     """Adds.\n \n+    Parameters\n+    ----------\n+    a : int\n+        One.\n+    b : int\n'
        '+        Other.\n+\n     Returns\n     -------\n     int\n     """\n     return a + b\n',
    ),
    "a comment at the end of a block": (
        "",
        " def f():\n     x = 1\n     return x\n+\n+    # Nothing more is done, as\n+    # nobody has asked for more.\n"
        " \n \n def g():\n",
    ),
    "a line of a row of such": (
        "",
        " if x:\n     REGISTRY.handlers[1] = one\n+    REGISTRY.handlers[2] = two\n \n \n class A:\n     pass\n",
    ),
    "a body in a string": (
        "",
        " S = '''\n f() {\n+    local a\n     local b\n }\n '''\n def f():\n     g(\n-        1)\n+        2)\n",
    ),
    "arguments that stand deeper than usual": (
        TESTS,
        " def test_three():\n     assert 3\n+\n+\n+def test_four():\n+    x = f(\n+            1,\n+            2,\n"
        "+        )\n"
        "+    assert x\n \n \n def test_five():\n     assert 5\n",
    ),
}


@pytest.mark.parametrize("name", PYTHON)
def test_python_stands_as_the_patch_shows_and_the_file_does(name: str) -> None:
    above, body = PYTHON[name]
    tail = "    pass\n" if body.endswith("def g():\n") else ""
    assert updated("m.py", above + before(body) + tail, by_four(body)) == above + by_hand(body) + tail


@pytest.mark.parametrize("blanks", [0, 4, 8, 12], ids=str)
def test_a_line_of_blanks_is_as_wide_as_its_neighbours_or_as_the_patch_has_it(blanks: int) -> None:
    text = "class A:\n    def f(self):\n        return 1\n"
    patch = f" class A:\n def f(self):\n+    a = 1\n+{' ' * blanks}\n+    b = 2\n     return 1\n"
    wide = 8 if blanks in (4, 8) else blanks
    assert f"a = 1\n{' ' * wide}\n        b" in updated("m.py", text, patch)


NEWS = "Version 1\n---------\n\n- fixed one\n  thing.\n- fixed another\n  thing.\n- fixed a third\n  thing, too.\n"
ENTRY = " Version 1\n ---------\n \n+- fixed a bug that made files\n+{}go away.\n - fixed one\n"


@pytest.mark.parametrize("path", ["CHANGES", "CHANGES.rst", "news.md"])
def test_an_item_goes_on_deeper_where_all_others_do(path: str) -> None:
    meant = updated(path, NEWS, ENTRY.format("  "))
    assert updated(path, NEWS, ENTRY.format("")) == meant
    assert "files\n  go away.\n- fixed one" in meant


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("news.md", NEWS.replace("- fixed one\n  thing.", "- fixed one\nthing.")),
        ("news.md", NEWS.replace("\n  thing", " thing")),
        ("news.yaml", NEWS),
    ],
    ids=["one that does not", "none that goes on", "no text"],
)
def test_an_item_stands_as_written_where_that_is_not_shown(path: str, text: str) -> None:
    first = text.splitlines(keepends=True)[3]
    patch = ENTRY.format("").replace(" - fixed one\n", " " + first)
    assert "files\ngo away.\n" in updated(path, text, patch)


def test_a_line_with_blanks_left_stands_deeper_than_the_others_by_as_much() -> None:
    text = "* one\n    * two\n    * three\n    * four\n\n* five\n"
    patch = " * two\n * three\n+* new that\n+  goes on\n * four\n"
    assert "    * new that\n      goes on\n" in updated("a.txt", text, patch)


def test_what_begins_something_else_below_an_item_stands_as_written() -> None:
    patch = ENTRY.format("# ")
    assert "files\n# go away.\n- fixed one" in updated("news.md", NEWS, patch)
