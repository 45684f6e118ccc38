import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ossa.assistant.diff import diff_file
from ossa.assistant.edits.engine import EditError, parse, paths, plan, safe_path
from ossa.assistant.text import join, lines_of

CALC = b"""import math


class Adder:
    def run(self, a, b):
        total = a - b
        return total


class Taker:
    def run(self, a, b):
        total = a - b
        return total


def area(r):
    return math.pi * r  # wrong
"""


def applied(text: str, files: Mapping[str, bytes]) -> dict[str, bytes | None]:
    return {path: edit.data for path, edit in plan(parse(text), files.get).items()}


def updated(body: str, data: bytes, path: str = "f.txt") -> bytes:
    result = applied(f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch", {path: data})[path]
    assert result is not None
    return result


def refusal(text: str, files: Mapping[str, bytes]) -> str:
    with pytest.raises(EditError) as caught:
        applied(text, files)
    return str(caught.value)


def refused(body: str, data: bytes, path: str = "f.txt") -> str:
    return refusal(f"*** Begin Patch\n*** Update File: {path}\n{body}\n*** End Patch", {path: data})


# Forms

V4A = "*** Begin Patch\n*** Update File: f.txt\n@@\n a\n-b\n+B\n*** End Patch"


@pytest.mark.parametrize(
    "text",
    [
        V4A,
        V4A + "\n",
        V4A.removesuffix("\n*** End Patch"),
        V4A.removeprefix("*** Begin Patch\n"),
        V4A.replace("\n", "\r\n"),
        f"Here it is:\n```\n{V4A}\n```\nDone.",
        "```diff\n" + V4A.removesuffix("\n*** End Patch") + "\n```",
        f"apply_patch <<'EOF'\n{V4A}\nEOF",
        "apply_patch <<'PATCH'\n" + V4A.removesuffix("\n*** End Patch") + "\nPATCH\n",
        json.dumps(V4A),
        json.dumps({"patch": V4A}),
        json.dumps({"input": V4A}),
        json.dumps({"cmd": ["apply_patch", V4A]}),
        json.dumps({"patch": json.dumps({"input": V4A})}),
        '{"patch": "' + V4A + '"}',
        '{"patch": "' + V4A.replace("\n", "\\n"),
        V4A.replace("File: f.txt", "File: ./f.txt"),
        V4A.replace("File: f.txt", "File: `f.txt`"),
        "--- a/f.txt\n+++ b/f.txt\n@@ -1,2 +1,2 @@\n a\n-b\n+B\n",
        "diff --git a/f.txt b/f.txt\nindex 1..2 100644\n--- a/f.txt\n+++ b/f.txt\n@@ -1,2 +1,2 @@ head\n a\n-b\n+B\n",
        "f.txt\n<<<<<<< SEARCH\na\nb\n=======\na\nB\n>>>>>>> REPLACE\n",
        "**`f.txt`**\n```\n<<<<<<< SEARCH\nb\n=======\nB\n>>>>>>> REPLACE\n```\n",
        json.dumps({"path": "f.txt", "old_string": "b", "new_string": "B"}),
        json.dumps({"path": "f.txt", "content": "a\nB\nc\n"}),
        "f.txt\n```\na\nB\nc\n```\n",
    ],
)
def test_any_form_is_understood(text: str) -> None:
    assert applied(text, {"f.txt": b"a\nb\nc\n"}) == {"f.txt": b"a\nB\nc\n"}


def test_a_patch_adds_deletes_and_moves() -> None:
    text = (
        "*** Begin Patch\n*** Add File: new/a.py\n+x = 1\n+\n+y = 2\n*** Delete File: old.py\n"
        "*** Update File: from.py\n*** Move to: to/here.py\n@@\n-a\n+b\n*** End Patch"
    )
    assert applied(text, {"old.py": b"x\n", "from.py": b"a\n"}) == {
        "new/a.py": b"x = 1\n\ny = 2\n",
        "old.py": None,
        "from.py": None,
        "to/here.py": b"b\n",
    }
    assert paths(text) == ["new/a.py", "old.py", "from.py"]
    assert paths("nothing of the kind") == []


def test_a_file_alone_can_be_moved_and_its_mode_goes_along() -> None:
    edits = plan(parse("*** Update File: a\n*** Move to: b"), {"a": b"x"}.get)
    assert (edits["a"].data, edits["b"].data, edits["b"].moved_from) == (None, b"x", "a")


def test_later_steps_see_what_earlier_ones_did() -> None:
    text = (
        "*** Begin Patch\n*** Update File: a\n@@\n-1\n+2\n*** Update File: a\n@@\n-2\n+3\n"
        "*** Delete File: b\n*** Add File: b\n+new\n*** End Patch"
    )
    assert applied(text, {"a": b"1\n", "b": b"old\n"}) == {"a": b"3\n", "b": b"new\n"}


def test_whole_files_in_fences() -> None:
    text = "I write it anew.\n\n**src/a.py**\n```python\nx = 1\n```\n\n### `b.md`\n````\n```\ncode\n```\n````\n"
    assert applied(text, {"src/a.py": b"\xef\xbb\xbfold\r\n"}) == {
        "src/a.py": b"\xef\xbb\xbfx = 1\r\n",
        "b.md": b"```\ncode\n```\n",
    }


# The place


def test_stacked_anchors_choose_the_place() -> None:
    body = "@@ class Taker:\n@@ def run\n-        total = a - b\n+        total = b - a"
    result = updated(body, CALC)
    assert result == CALC[:120] + CALC[120:].replace(b"a - b", b"b - a")
    assert result.count(b"a - b") == 1


def test_neighbours_in_order_choose_the_place() -> None:
    body = "@@\n class Taker:\n+    pass\n     def run(self, a, b):\n@@\n-        return total\n+        return -total"
    assert updated(body, CALC).endswith(b"return -total\n\n\ndef area(r):\n    return math.pi * r  # wrong\n")
    both = "@@\n-        total = a - b\n+        total = 1\n@@\n-        total = a - b\n+        total = 2"
    assert re.findall(rb"total = (.*)", updated(both, CALC)) == [b"1", b"2"]


def test_line_numbers_choose_among_equal_places_but_never_alone() -> None:
    body = "@@ -12,1 +12,1 @@\n-        total = a - b\n+        total = 0"
    assert updated(body, CALC).splitlines()[11] == b"        total = 0"
    assert "2 places" in refused(body.replace("-12", "-11"), CALC)


def test_the_end_of_the_file_chooses_the_place() -> None:
    assert updated("@@\n x\n+end\n*** End of File", b"x\ny\nx\n") == b"x\ny\nx\nend\n"
    assert updated("@@\n+end\n*** End of File", b"x\ny\n") == b"x\ny\nend\n"


def test_several_places_are_named_with_what_they_are_in() -> None:
    told = refused("@@\n-        total = a - b\n+        total = 0", CALC)
    assert "2 places: line 6 in `def run(self, a, b):`; line 12 in `def run(self, a, b):`" in told
    assert "@@" in told
    assert told.endswith("Nothing was changed.")


def test_new_lines_without_neighbours_are_refused() -> None:
    assert "line above" in refused("@@ def area(r):\n+    assert r", CALC)
    assert updated("@@\n+first", b"") == b"first\n"


def test_a_miss_shows_the_nearest_lines_that_are_there() -> None:
    told = refused("@@\n def area(radius):\n-    return math.pi * radius\n+    return math.pi * radius**2", CALC)
    assert "   16| def area(r):\n   17|     return math.pi * r  # wrong" in told

    assert "    1| a\n    2| b" in refused("@@\n a\n-B\n+c", b"a\nb\n")


def test_changes_of_the_same_lines_are_told_so() -> None:
    told = refused("@@\n a\n-b\n+B\n@@\n-b\n+C\n c", b"a\nb\nc\n")
    assert "change 2 of the patch is at line 2, where another change" in told


def test_what_is_there_already_is_said() -> None:
    assert "already, at line 1" in refused("@@\n a\n-b\n+c", b"a\nc\nd\n")


def test_trailing_blanks_do_not_hide_the_place_nor_come_in() -> None:
    assert updated("@@\n a   \n-b  \n+B  \n c\t", b"a\nb\nc\n") == b"a\nB\nc\n"
    assert updated("@@\n a\n-b\n+B  \n c", b"a  \nb \nc\n") == b"a  \nB  \nc\n"


def test_typographic_characters_do_not_hide_the_place_nor_come_in() -> None:
    data = b"say('a')  # it's - fine\nend\n"
    assert (
        updated("@@\n-say(‘a’)  # it’s – fine\n+say(‘b’)  # it’s – fine\n end", data)
        == b"say('b')  # it's - fine\nend\n"
    )
    typographic = "# “quoted”\nx = 1\n".encode()
    assert updated('@@\n # "quoted"\n-x = 1\n+x = 2', typographic) == "# “quoted”\nx = 2\n".encode()


@pytest.mark.parametrize(
    "body",
    [
        "@@\n def run(self, a, b):\n-    total = a - b\n+    if a:\n+        total = a + b\n     return total",
        "@@\n \tdef run(self, a, b):\n-\t\ttotal = a - b\n+\t\tif a:\n+\t\t\ttotal = a + b\n \t\treturn total",
        "@@\n      def run(self, a, b):\n-         total = a - b\n+         if a:\n+             total = a + b\n"
        "          return total",
    ],
    ids=["dedented", "tabs", "indented"],
)
def test_new_lines_are_indented_like_the_file(body: str) -> None:
    result = updated("@@ class Adder\n" + body, CALC)
    assert b"        if a:\n            total = a + b\n        return total\n" in result
    assert result.count(b"total = a - b") == 1


def test_spaces_become_tabs_in_a_file_of_tabs() -> None:
    assert updated("@@\n if x:\n-    a()\n+    b()\n+        c()", b"if x:\n\ta()\n") == b"if x:\n\tb()\n\t\tc()\n"


def test_tabs_become_spaces_in_a_file_of_spaces_even_without_an_indented_neighbour() -> None:
    data = b"def f():\n    pass\nx = 1\ny = 2\n"
    assert (
        updated("@@\n x = 1\n+def g():\n+\tpass\n y = 2", data)
        == b"def f():\n    pass\nx = 1\ndef g():\n    pass\ny = 2\n"
    )


def test_a_shift_that_does_not_suit_all_lines_is_refused() -> None:
    assert "indented otherwise" in refused("@@\n   if x:\n  a()\n+ b()", b"    if x:\n      a()\n")
    assert "cannot be moved along" in refused("@@\n-        a()\n+  b()", b"    a()\n")


def test_context_made_up_dropped_or_repeated_at_the_rim_is_left_out() -> None:
    data = b"one\ntwo\nthree\nfour\nfive\nsix\n"
    assert updated("@@\n zero\n two\n three\n-four\n+4\n five", data) == data.replace(b"four", b"4")
    assert updated("@@\n two\n two\n three\n+new\n four", data) == data.replace(b"three\n", b"three\nnew\n")


def test_a_line_dropped_beside_an_insertion_is_a_refusal() -> None:
    data = b"one\ntwo\nthree\nfour\nfive\nsix\n"
    refused("@@\n one\n two\n+new\n four\n five", data)
    told = refused("@@\n+new\n two\n three", data)
    assert "on one side only" in told


def test_context_without_its_sign_is_understood() -> None:
    assert (
        updated("@@\nif x:\n    a()\n-    b()\n+    c()", b"if x:\n    a()\n    b()\n") == b"if x:\n    a()\n    c()\n"
    )


def test_contexts_may_overlap() -> None:
    body = "@@\n a\n-b\n+B\n c\n d\n@@\n c\n d\n-e\n+E\n f"
    assert updated(body, b"a\nb\nc\nd\ne\nf\n") == b"a\nB\nc\nd\nE\nf\n"


# What the file keeps


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"a\r\nb\r\nc\r\n", b"a\r\nB\r\nx\r\nc\r\n"),
        (b"a\nb\r\nc\n", b"a\nB\r\nx\r\nc\n"),
        (b"a\r\nb\nc\r\n", b"a\r\nB\nx\nc\r\n"),
        (b"\xef\xbb\xbfa\nb\nc\n", b"\xef\xbb\xbfa\nB\nx\nc\n"),
        (b"a\nb\nc", b"a\nB\nx\nc"),
        (b"a\nb\n\xe9\xff", b"a\nB\nx\n\xe9\xff"),
        (b"a\nb\nc\n\x0c\x1d\xc2\x85\n", b"a\nB\nx\nc\n\x0c\x1d\xc2\x85\n"),
    ],
    ids=["crlf", "mixed 1", "mixed 2", "bom", "no newline", "not utf-8", "odd separators"],
)
def test_endings_and_bytes_stay(before: bytes, after: bytes) -> None:
    assert updated("@@\n a\n-b\n+B\n+x", before) == after


def test_the_end_of_the_file_stays_without_its_newline() -> None:
    assert updated("@@\n a\n-b\n+B", b"a\nb") == b"a\nB"
    assert updated("@@\n a\n b\n+c", b"a\nb") == b"a\nb\nc"
    assert updated("@@\n a\n-b", b"a\r\nb") == b"a"
    assert updated("@@\n a\n-b\n+B", b"a\nb\n") == b"a\nB\n"


def test_a_file_in_latin_1_takes_its_own_characters_and_no_others() -> None:
    assert updated("@@\n-é\n+è", b"\xe9\n") == b"\xe8\n"
    assert "LATIN-1" in refused("@@\n-é\n+→", b"\xe9\n")


def test_context_comes_from_the_file() -> None:
    assert updated("@@\n it’s\n-b\n+B", b"it's   \nb\n") == b"it's   \nB\n"


# Refusals


@pytest.mark.parametrize(
    "path",
    ["../x", "/etc/passwd", "a/../../x", ".git/config", "a/.GIT/x", "", "a/", ".", "a\0b", "a\nb", "\ud800", "x" * 300],
)
def test_paths_out_of_the_repository_are_refused(path: str) -> None:
    with pytest.raises(EditError):
        safe_path(path)


def test_absolute_paths_into_the_repository_are_understood() -> None:
    assert safe_path("/repo/src/a.py", Path("/repo")) == "src/a.py"
    with pytest.raises(EditError):
        safe_path("/repo/../etc/x", Path("/repo"))
    with pytest.raises(EditError):
        safe_path("/repository/x", Path("/repo"))


def test_a_wrong_path_is_answered_with_the_likely_one() -> None:
    with pytest.raises(EditError, match=r"Did you mean src/calc\.py"):
        plan(parse("*** Update File: calc.py\n@@\n-a\n+b"), lambda path: None, files=lambda: ["src/calc.py", "b.py"])


@pytest.mark.parametrize(
    ("text", "files", "told"),
    [
        ("hello", {}, "not a patch"),
        ("*** Begin Patch\n*** End Patch", {}, "not a patch"),
        ("*** Add File: a\n+x", {"a": b"y\n"}, "exists already"),
        ("*** Add File: a\n+x\ny", {}, "must begin with +"),
        ("*** Delete File: a", {}, "no file a"),
        ("*** Update File: a\n@@\n b", {"a": b"b\n"}, "changes nothing"),
        ("*** Update File: a\n@@\n-b\n+b", {"a": b"b\n"}, "changes nothing"),
        ("*** Update File: a\n@@\n-b\n+c", {"a": b"\0b\n"}, "binary"),
        ("*** Update File: a\n*** Move to: c\n@@\n-b\n+c", {"a": b"b\n", "c": b""}, "already"),
        ("*** Update File: a\n@@\n-b\n+c\n*** Bogus\n", {"a": b"b\n"}, "no marker"),
        ("a.py\n<<<<<<< SEARCH\nx\n", {"a.py": b"x\n"}, "lacks its `=======`"),
        ("<<<<<<< SEARCH\nx\n=======\ny\n>>>>>>> REPLACE", {}, "no line with its path"),
        ("a.py\n```\nx = 1\n", {}, "not closed"),
    ],
)
def test_refusals_say_why(text: str, files: dict[str, bytes], told: str) -> None:
    assert told in refusal(text, files)


@pytest.mark.parametrize(
    ("path", "before", "old", "new", "told"),
    [
        ("a.py", b"x = 1\n", "x = 1", "x = (", "line 1"),
        ("a.json", b'{"a": 1}\n', '{"a": 1}', '{"a": }', "line 1"),
        ("a.toml", b"a = 1\n", "a = 1", "a = ", "line 1"),
    ],
)
def test_what_parsed_must_go_on_parsing(path: str, before: bytes, old: str, new: str, told: str) -> None:
    body = f"@@\n-{old}\n+{new}"
    message = refused(body, before, path)
    assert "no longer parse" in message
    assert told in message
    broken = before + b"((\n"
    assert updated(body, broken, path) == broken.replace(old.encode(), new.encode())


# Properties

MARKERS = """@@|@@ x|@@ -1,2 +3,4 @@ y| a|-a|+a||*** End of File|*** Move to: b|```|f.py|<<<<<<< SEARCH|=======|
>>>>>>> REPLACE|--- a/f|+++ b/f|*** Add File: /x|*** Delete File: f|\\ No|{"patch": "a"""
PIECES = st.sampled_from([*V4A.split("\n"), *MARKERS.replace("\n", "").split("|"), "\ud800"])


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text()), max_size=25).map("\n".join)), st.binary())
@example('"' * 3 + "[" * 100_000, b"")
@example('{"a":' * 100_000, b"")
@example('{"patch": 1' + "0" * 5000 + "}", b"")
def test_any_text_is_a_plan_or_an_edit_error(text: str, data: bytes) -> None:
    try:
        result = plan(parse(text), lambda path: data if path in ("f", "f.txt", "f.py", "a") else None)
    except EditError as error:
        assert str(error)
    else:
        assert result
    paths(text)


@given(
    st.lists(st.sampled_from(["a", "b", "  c", "d ", "é", ""]), max_size=14),
    st.lists(st.sampled_from(["a", "b", "  c", "x", ""]), max_size=14),
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_patch_with_all_of_the_file_as_context_gives_the_new_file(old: list[str], new: list[str], end: str) -> None:
    before, after = ("".join(line + end for line in lines).encode() for lines in (old, new))
    change = diff_file("f", before, after)
    if not change or not any(line.strip() for line in old):
        return
    body: list[str] = ["@@"]
    at = 0
    for hunk in change.hunks:
        body += [" " + line for line in old[at : hunk.start]]
        body += ["-" + line.rstrip("\r\n") for line in hunk.before] + ["+" + line.rstrip("\r\n") for line in hunk.after]
        at = hunk.start + len(hunk.before)
    body += [" " + line for line in old[at:]]
    assert updated("\n".join(body), before) == after
    assert join(lines_of(after)) == after
