import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

TWO = b"def add(\n    a, b\n):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n\n\nif TEST:\n    x = 1\n"


def updated(body: str) -> bytes:
    edit = plan(parse(f"*** Begin Patch\n*** Update File: f.txt\n{body}\n*** End Patch"), {"f.txt": TWO}.get)["f.txt"]
    assert edit.data is not None
    return edit.data


@pytest.mark.parametrize(
    ("anchors", "line"),
    [
        ("@@ def add(", "    return a - b"),
        ("@@ def mul(a, b):", "    return a - b"),
        ("@@ def sub", "    return a + b"),
        ("@@ def add(\n@@ return", "    return a - b"),
        ("@@ def sub(a, b):", "    x = 1"),
    ],
)
def test_lines_in_another_block_than_the_anchor_says_are_a_refusal(anchors: str, line: str) -> None:
    with pytest.raises(EditError) as caught:
        updated(f"{anchors}\n-{line}\n+{line}0")
    assert "says. They stand at line" in str(caught.value)


def test_a_head_of_several_lines_is_an_anchor() -> None:
    assert b"a + b0" in updated("@@ def add(\n-    return a + b\n+    return a + b0")


def test_a_heading_with_right_numbers_may_be_of_the_block_before() -> None:
    body = "@@ -9,3 +9,3 @@ def sub(a, b):\n \n \n-if TEST:\n+if TESTS:"
    assert b"if TESTS:\n    x = 1" in updated(body)
