"""Where a patch goes that says too little, too much or something wrong about it: the only place, or nowhere."""

import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

LETTERS = b"one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\n"


def updated(body: str, data: bytes, path: str = "f.txt") -> bytes:
    result = plan(parse(f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch"), {path: data}.get)[
        path
    ].data
    assert result is not None
    return result


def refused(body: str, data: bytes, path: str = "f.txt") -> str:
    with pytest.raises(EditError) as caught:
        updated(body, data, path)
    return str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        " one\n two\n two\n three\n-four\n+4\n five",
        " one\n two\n three\n-four\n+4\n five\n six\n six",
        " two\n two\n three\n-four\n+4",
    ],
    ids=["above", "below", "at the rim"],
)
def test_a_line_of_context_that_is_written_twice_does_no_harm(body: str) -> None:
    assert updated("@@\n" + body, LETTERS) == LETTERS.replace(b"four", b"4")


GAPS = {
    " one\n three\n-four\n+4\n five": LETTERS.replace(b"four", b"4"),
    " one\n two\n-four\n+4\n five": LETTERS.replace(b"four", b"4"),
    " two\n three\n-four\n six\n-seven\n+7\n eight": LETTERS.replace(b"four\n", b"").replace(b"seven", b"7"),
    " one\n two\n-three\n+3\n four\n six\n-seven\n+7\n eight": LETTERS.replace(b"three", b"3").replace(b"seven", b"7"),
}


@pytest.mark.parametrize("body", GAPS, ids=["within", "above the removed", "below the removed", "between two changes"])
def test_a_line_of_context_that_is_left_out_does_no_harm(body: str) -> None:
    assert updated("@@\n" + body, LETTERS) == GAPS[body]


@pytest.mark.parametrize(
    "body",
    [
        " one\n two\n three\n+new\n five\n six\n seven",
        " two\n three\n-four\n+new\n six\n seven",
        " two\n+new\n-four\n five\n six",
    ],
    ids=["alone", "below the removed", "above the removed"],
)
def test_a_line_left_out_where_lines_come_in_is_a_refusal(body: str) -> None:
    assert "not in the file" in refused("@@\n" + body, LETTERS)


def test_lines_for_fewer_near_the_end_need_the_line_below() -> None:
    body = "@@\n four\n five\n six\n-seven\n+7\n{}+nine"
    assert "on one side only" in refused(body.format(""), LETTERS)
    assert updated(body.format(" eight\n"), LETTERS) == LETTERS.replace(b"seven", b"7") + b"nine\n"
    assert updated("@@\n five\n six\n seven\n-eight\n+8\n+nine", LETTERS).endswith(b"seven\n8\nnine\n")
    assert updated("@@\n four\n five\n six\n-seven\n+7", LETTERS) == LETTERS.replace(b"seven", b"7")


def test_a_line_left_out_between_removed_ones_is_a_refusal() -> None:
    assert "not in the file" in refused("@@\n one\n-two\n-four\n five", LETTERS)


@pytest.mark.parametrize(
    ("search", "put"),
    [("b f(1) d", "b d"), ("a c f(1) d", "a c f(2) d"), ("c f(1) d .", "c f(2) g d .")],
    ids=["above a removed one", "above what is quoted", "below what is quoted"],
)
def test_a_line_left_out_of_what_is_searched_stays(search: str, put: str) -> None:
    before = ["a", "b", "c", "f(1)", "d", "e", "."]
    patch = "f.txt\n<<<<<<< SEARCH\n{}\n=======\n{}\n>>>>>>> REPLACE\n"
    result = plan(
        parse(patch.format(*(text.replace(" ", "\n") for text in (search, put)))),
        {"f.txt": "\n".join([*before, ""]).encode()}.get,
    )["f.txt"].data
    want = before.copy()
    want[3:4] = [word for word in put.split() if word not in before]
    assert result == "\n".join([*want, ""]).encode()


@pytest.mark.parametrize(
    ("data", "search", "put"),
    [
        ("one two three four", "one two four", "one two new three 4"),
        ("import ( one ) . end", "import ( one . end", "import ( one . two . end"),
        ("one two three four five", "one three four five", "one four new three five"),
        ("one two three four", "one two four", "one two new four"),
        ("a call(1) call(2) b c", "a call(2) b c", "a call(0) call(3) b c"),
        ("a one call(1) two b", "a call(1) two b", "a two call(2) b"),
        ("a b c f(1) d e", "a b f(1) d", "a b f(2) d"),
        ("a b c f(1) d e", "b f(1) d", "b f(2) g d"),
        ("a b c f(1) d e", "c f(1) e", "c g f(2) e"),
    ],
    ids=[
        *("more than go", "before a blank line", "moved", "between", "both alike", "moved and changed"),
        *("one changed", "with a line below", "with a line above"),
    ],
)
def test_a_line_left_out_beside_what_may_come_on_either_side_is_a_refusal(data: str, search: str, put: str) -> None:
    before, *texts = (text.replace(" ", "\n").replace(".", "") for text in (data, search, put))
    patch = f"f.txt\n<<<<<<< SEARCH\n{texts[0]}\n=======\n{texts[1]}\n>>>>>>> REPLACE\n"
    with pytest.raises(EditError, match="not in the file"):
        plan(parse(patch), {"f.txt": (before + "\n").encode()}.get)


def test_a_gap_that_fits_twice_is_a_refusal() -> None:
    data = b"a\nx\nb\nc\n.\na\ny\nb\nc\n"
    assert "2 places" in refused("@@\n a\n b\n-c\n+C", data)


def test_well_counted_line_numbers_place_lines_that_come_alone() -> None:
    body = "@@ -2,0 +3,1 @@\n+new\n@@ -6,1 +7,1 @@\n-six\n+6"
    assert updated(body, LETTERS) == LETTERS.replace(b"two\n", b"two\nnew\n").replace(b"six", b"6")
    assert updated("@@ -0,0 +1,1 @@\n+new", LETTERS) == b"new\n" + LETTERS


@pytest.mark.parametrize(
    "body",
    [
        "@@ -2,0 +3,2 @@\n+new\n@@ -6,1 +7,1 @@\n-six\n+6",
        "@@ -2,0 +4,1 @@\n+new\n@@ -6,1 +7,1 @@\n-six\n+6",
        "@@ -2,0 +3,1 @@\n+new\n@@\n-six\n+6",
        "@@ -99,0 +100,1 @@\n+new",
    ],
    ids=["count", "shift", "only some", "beyond the end"],
)
def test_miscounted_line_numbers_place_nothing(body: str) -> None:
    assert "line above and the line below" in refused(body, LETTERS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("import os\n", "FUTURE\n\nimport os\n"),
        ('"""Doc."""\n\nimport os\n', '"""Doc."""\n\nFUTURE\n\nimport os\n'),
        ("# mypy: strict\nimport os\n", "# mypy: strict\nFUTURE\n\nimport os\n"),
    ],
    ids=["first", "below the docstring", "below a comment"],
)
def test_a_future_import_has_one_place(before: str, after: str) -> None:
    line = "from __future__ import annotations"
    result = updated(f"@@\n+{line}\n+", before.encode(), "m.py")
    assert result.decode() == after.replace("FUTURE", line)


@pytest.mark.parametrize(
    "before",
    [
        '"""Doc."""\n\n# imports\nimport os\n',
        "from __future__ import division\nimport os\n",
        '"""Only a docstring."""\n',
        "# licence\n\n# imports\nimport os\n",
    ],
)
def test_a_future_import_without_one_place_is_a_refusal(before: str) -> None:
    assert "no line that tells" in refused("@@\n+from __future__ import annotations\n+", before.encode(), "m.py")


def test_what_parses_tells_equal_places_apart() -> None:
    data = b"def f(x):\n    y = [\n        x,\n    ]\n\n\ndef g(x):\n    y = (\n        x,\n    )\n    return y\n"
    result = updated("@@\n         x,\n+    ] + [\n+        x,", data, "m.py")
    assert result == data.replace(b"        x,\n    ]", b"        x,\n    ] + [\n        x,\n    ]")
    assert "2 places" in refused("@@\n         x,\n+        x,", data, "m.py")


def test_blank_context_is_a_place_when_the_order_leaves_only_one() -> None:
    data = b"a\n\nb\n\nc\n"
    assert updated("@@\n-a\n+A\n@@\n \n+new\n@@\n-b\n+B", data) == b"A\n\nnew\nB\n\nc\n"
    assert "2 places" in refused("@@\n \n+new", data)


def test_a_dash_beside_typographic_quotes_is_meant() -> None:
    body = "@@\n a = \u2018x\u2019\n+b = \u201cy\u201d  # \u2014\n c = 1"
    assert updated(body, b"a = 'x'\nc = 1\n", "m.py") == b"a = 'x'\nb = \"y\"  # \xe2\x80\x94\nc = 1\n"


def test_what_stands_by_chance_where_the_order_forbids_it_is_a_mistake() -> None:
    data = b"p\nx\n\n\ny\n\na\nb\nc\nd\n\nx\n\ny\n"
    body = "@@\n a\n-b\n+B\n c\n c\n d\n@@\n x\n+new\n \n \n y"
    assert updated(body, data) == data.replace(b"b", b"B").replace(b"x\n\ny", b"x\nnew\n\ny")


def test_a_block_that_stands_by_chance_out_of_order_is_a_refusal_where_others_have_mistakes() -> None:
    data = b"p\nx\n\n\ny\n\na\nb\nc\nd\n\nx\n\ny\n"

    def blocks(first: str) -> str:
        pairs = ((first, first.replace("b", "B")), ("x\n\n\ny\n", "x\nnew\n\n\ny\n"))
        return "\n".join(f"f.txt\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE" for old, new in pairs)

    assert b"p\nx\nnew\n" in (plan(parse(blocks("a\nb\nc\nd\n")), {"f.txt": data}.get)["f.txt"].data or b"")
    with pytest.raises(EditError, match="2 places"):
        plan(parse(blocks("a\nb\nc\nc\nd\n")), {"f.txt": data}.get)


@pytest.mark.parametrize("size", [1_000, 100_000])
def test_many_sections_that_fit_many_places_are_refused_soon(size: int) -> None:
    body = "\n".join(["@@\n-x\n+y"] * 3_000)
    assert "places" in refused(body, b"x\n" * size)


def test_a_long_section_that_is_nowhere_is_refused_soon() -> None:
    body = "\n".join(["@@", " a", *["-no such line"] * 40_000, " b"])
    assert "line" in refused(body, b"a\nb\n")


def test_a_dedented_patch_does_not_trust_what_looks_exact() -> None:
    data = b"x = 1\n\n\nclass A:\n    x = 1\n    y = 2\n"
    assert "2 places" in refused(
        "@@\n-x = 1\n+x = 3\n@@\n x = 1\n-y = 2\n+y = 4", data.replace(b"class", b"x = 0\nclass")
    )
    assert updated("@@\n class A:\n     x = 1\n-    y = 2\n+    y = 4", data).endswith(b"y = 4\n")


def test_an_anchor_may_be_the_first_line_of_the_context() -> None:
    data = b"def f():\n    a = 1\n\n\ndef g():\n    a = 1\n"
    assert updated("@@ def g():\n def g():\n-    a = 1\n+    a = 2", data) == data[:-2] + b"2\n"
    assert updated("@@ def g\n-    a = 1\n+    a = 2", data) == data[:-2] + b"2\n"


def test_repetition_beyond_telling_is_refused_soon() -> None:
    data = b"x\n" * 100_000
    body = "\n".join([" x"] * 2_000 + ["-x", "+y"] + [" x"] * 2_000)
    assert "places" in refused("@@ x\n" + body, data)


@pytest.mark.parametrize(
    ("new", "wanted"),
    [
        ("from a import (\n{}b,\n{}c,\n)", "from a import (\n    b,\n    c,\n)"),
        ("names = {{\n{}'b': f(\n{}    1\n{}),\n}}", "names = {\n    'b': f(\n        1\n    ),\n}"),
        ("from module import (b,\n                {}c)", "from module import (b,\n                    c)"),
    ],
    ids=["import", "nested", "below the bracket"],
)
def test_what_brackets_at_the_margin_hold_tells_that_indentation_was_lost(new: str, wanted: str) -> None:
    lost, kept = new.format(*[""] * 3), new.format(*["    "] * 3)
    data = b"import os\n\n\ndef f():\n    return os\n"
    for text in (lost, kept):
        body = "\n".join(f"+{line}" for line in text.split("\n"))
        result = updated(f"@@\n import os\n{body}\n \n \n def f():", data, "m.py")
        assert result.decode() == f"import os\n{wanted}\n\n\ndef f():\n    return os\n"


def test_what_brackets_hold_stays_at_the_margin_where_the_file_puts_it_there() -> None:
    data = b"A = (\n1,\n)\nB = 2\n"
    assert updated("@@\n A = (\n 1,\n )\n+C = (\n+3,\n+)\n B = 2", data, "m.py") == data.replace(
        b"B", b"C = (\n3,\n)\nB"
    )


def test_a_comment_right_below_the_head_of_a_dedented_class_is_in_it() -> None:
    body = "@@\n X = 1\n+\n+\n+class A:\n+# Why.\n+\n+def f(self):\n+    return X"
    wanted = "X = 1\n\n\nclass A:\n    # Why.\n\n    def f(self):\n        return X\n"
    assert updated(body, b"X = 1\n", "m.py").decode() == wanted


def test_the_nearest_lines_are_those_below_the_anchor() -> None:
    data = b"def f():\n    return 1\n\n\n\n\ndef g():\n    return 2\n\n\n\n\ndef h():\n    return 3\n"
    for anchor, line in (("f", 2), ("g", 8), ("h", 14)):
        told = refused(f"@@ def {anchor}():\n-    return 7\n+    return 8", data, "m.py")
        assert f"{line}|     return" in told and told.count("|     return") == 1
