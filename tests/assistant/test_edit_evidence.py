"""Which of several places a patch means: told by what the file would become there, or not at all."""

import pytest

from ossa.assistant.edits.engine import EditError, parse, plan
from ossa.assistant.edits.evidence import only
from ossa.assistant.edits.faults import findings


def updated(body: str, source: str, path: str = "m.py") -> str:
    patch = parse(f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch")
    result = plan(patch, {path: source.encode()}.get)[path].data
    assert result is not None
    return result.decode()


def refused(body: str, source: str, path: str = "m.py") -> str:
    with pytest.raises(EditError) as caught:
        updated(body, source, path)
    return str(caught.value)


TWINS = "def one(a):\n    x = 1\n    return x\n\n\ndef two(b):\n    x = 1\n    return x\n"


@pytest.mark.parametrize("name", ["a", "b"])
def test_a_name_that_is_bound_at_one_place_only_tells_it(name: str) -> None:
    result = updated(f"@@\n     x = 1\n+    x += {name}\n     return x", TWINS)
    assert result == TWINS.replace(f"({name}):\n    x = 1\n", f"({name}):\n    x = 1\n    x += {name}\n")


@pytest.mark.parametrize("name", ["int()", "c"], ids=["bound at both", "bound at neither"])
def test_names_that_say_nothing_leave_it_open(name: str) -> None:
    assert "2 places" in refused(f"@@\n     x = 1\n+    x += {name}\n     return x", TWINS)


def test_a_name_that_another_change_of_the_patch_binds_tells_the_place() -> None:
    patch = "@@\n     x = 1\n+    x += c\n     return x\n@@\n-def three():\n+def three(c):\n     return one(c)"
    source = TWINS + "\n\ndef three():\n    return one(c)\n"
    assert "2 places" in refused(patch, source)
    patch = "@@\n-def one(a):\n+def one(a, c):\n@@\n     x = 1\n+    x += c\n     return x"
    assert updated(patch, TWINS) == TWINS.replace("(a):\n    x = 1\n", "(a, c):\n    x = 1\n    x += c\n")


def test_a_star_import_binds_nobody_knows_what() -> None:
    assert "2 places" in refused("@@\n     x = 1\n+    x += a\n     return x", "from os import *\n\n\n" + TWINS)


FAULTS = {
    "a method that is there": (
        "class A:\n    x = 1\n\n    def f(self): ...\n\n\nclass B:\n    x = 1\n\n",
        "    def g(self): ...\n\n    def h(self): ...\n",
        "@@\n     x = 1\n \n+    def f(self): ...\n+",
        "    def f(self): ...\n\n",
    ),
    "a method in a function": (
        "def f():\n    x = 1\n\n    return x\n\n\nclass B:\n    x = 1\n\n",
        "    y = 2\n    z = 3\n    w = 4\n",
        "@@\n     x = 1\n \n+    def g(self): ...\n+",
        "    def g(self): ...\n\n",
    ),
    "a method that comes into another class": (
        "class A:\n    x = (\n    )\n\n    def g(self): ...\n\n\nclass B:\n    x = (\n    )\n",
        "",
        "@@\n     )\n+\n+\n+class C:\n+    x = 1\n ",
        "\n\nclass C:\n    x = 1\n",
    ),
    "a base that comes later": (
        "A = (\n)\n\n\nclass B: ...\n\n\nC = (\n)\n",
        "",
        "@@\n )\n+\n+\n+class D(B): ...\n ",
        "\n\nclass D(B): ...\n",
    ),
    "a setter above its property": (
        "class A:\n    a = (\n    )\n\n    @property\n    def x(self): ...\n\n    b = (\n    )\n",
        "",
        "@@\n     )\n+\n+    @x.setter\n+    def x(self, value): ...\n ",
        "\n    @x.setter\n    def x(self, value): ...\n",
    ),
    "what a class uses above the file binds it": (
        "class A:\n    a = (\n    )\n\n\nC = 1\n\n\nclass B:\n    a = (\n    )\n",
        "",
        "@@\n     )\n+    b = C\n ",
        "    b = C\n",
    ),
    "a statement that is there": (
        "def f(x):\n    x.a()\n    x.b()\n\n\ndef g(x):\n    x.a()\n",
        "    x.c()\n    x.d()\n    x.e()\n",
        "@@\n     x.a()\n+    x.b()",
        "    x.b()\n",
    ),
}
"""What the file has before the place and behind it, the patch, and what comes in."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_that_the_other_place_spares_tells_the_place(name: str) -> None:
    above, below, patch, new = FAULTS[name]
    below += "\n\ny = 1\nz = 2\n"
    assert updated(patch, above + below) == above + new + below


def test_lines_that_would_never_be_reached_tell_the_place() -> None:
    above = "def f(x):\n    x(\n    )\n    return x\n\n\ndef g(x):\n    x(\n    )\n"
    patch = "@@\n     )\n+    return x.copy()\n "
    below = "\n\ny = 1\nz = 2\n"
    assert updated(patch, above.replace("    )\n    return x\n", "    )\n\n    return x\n") + below) == (
        above.replace("    )\n    return x\n", "    )\n\n    return x\n") + "    return x.copy()\n" + below
    )


def test_places_that_come_to_the_same_are_one() -> None:
    assert updated("@@\n-", "a\n\n\nb\n", "f.txt") == "a\n\nb\n"
    assert "2 places" in refused("@@\n-", "a\n\nb\n\nc\n", "f.txt")


def test_changes_alike_are_taken_in_their_order() -> None:
    source = "".join(f"begin {n}\n  same\n  end\n" for n in range(3))
    hunk = "@@\n   same\n+  new\n   end\n"
    assert updated((hunk * 3)[:-1], source, "f.txt") == source.replace("same\n", "same\n  new\n")
    assert "2 places" in refused((hunk * 2)[:-1], source, "f.txt")


@pytest.mark.parametrize("above", ["b = 1\n\n\n", ""], ids=["which is another's", "which is nobody's"])
def test_a_class_may_use_a_name_above_its_own_only_where_the_file_has_it(above: str) -> None:
    found = findings(f"{above}class A:\n    a = b\n    b = 2\n".encode())
    assert found is not None
    assert (("early", "", "b") in found.faults) is not above.startswith("b")


def test_what_cannot_be_read_decides_nothing() -> None:
    broken = b"def f(:\n"
    assert only("m.py", broken, [b"x = y\n", b"y = 1\nx = y\n"]) is None
    assert only("m.py", b"y = 1\n", [b"x = z\n", b"y = 1\nx = y\n"]) == 1
    assert only("m.py", b"y = 1\n", [None, b"y = (\n", b"y = 2\n", b"y = 2\n"]) == 2
    assert only("m.py", b"y = 1\n", [None, None]) is None


def test_lines_on_one_side_only_are_at_the_end_where_others_have_both() -> None:
    source = "a\nb\nc\nx\nd\ne\nf\nx\n"
    assert updated("@@\n b\n+new\n c\n@@\n x\n+last", source, "f.txt") == "a\nb\nnew\nc\nx\nd\ne\nf\nx\nlast\n"
    for other in ("@@\n-b\n+B", "@@\n a\n+new\n@@\n b\n+new\n c"):
        assert "places" in refused(f"{other}\n@@\n x\n+last", source, "f.txt")
    assert "2 places" in refused("@@\n x\n+last", source, "f.txt")


def test_a_line_at_the_margin_among_others_that_are_not_is_none_that_lost_its_indentation() -> None:
    source = "go(1, function () {\n  go(2, function () {\n    go(3)\n    })\n  })\n})\n"
    patch = "@@\n     go(3)\n     })\n+  go(4)\n })"
    assert "Nothing was changed" in refused(patch, source, "m.js")
