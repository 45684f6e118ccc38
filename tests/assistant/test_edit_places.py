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
