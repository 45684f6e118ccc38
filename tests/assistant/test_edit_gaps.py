"""A line of context that a patch lacks: put in from the file where new lines keep a certain place, else refused."""

import pytest

from ossa.assistant.edits.engine import EditError, parse, plan

LOOP = "def start():\n    while running:\n        count += 1\n        shut_down()\n        try:\n            go()\n"
PAIR = "a.py\n<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n"
IMPORTS = (
    "import os\n\nfrom a import signals\nfrom a.lists import Map\nfrom a.five import range\nfrom a.words import x\n"
)


def result(text: str, old: str) -> str:
    """What a.py becomes."""
    data = plan(parse(text), lambda path: old.encode() if path == "a.py" else None)["a.py"].data
    assert data is not None
    return data.decode()


def test_the_line_between_a_gap_and_new_lines_may_be_what_was_moved() -> None:
    """It is not told whether they come below what is missing or above it, with that line moved up."""
    old = LOOP.replace("        count += 1\n", "")
    new = old.replace("shut_down()\n", "shut_down()\n        if count:\n            wait(1)\n")
    with pytest.raises(EditError):
        result(PAIR.format(old, new), LOOP)


def test_two_lines_between_a_gap_and_new_lines_keep_their_place() -> None:
    old = LOOP.replace("        count += 1\n", "")
    new = old.replace("        try:\n", "        try:\n            wait(1)\n")
    assert result(PAIR.format(old, new), LOOP) == LOOP.replace("try:\n", "try:\n            wait(1)\n")


def patched(context: str, gone: str, come: str, below: str) -> str:
    return f"*** Begin Patch\n*** Update File: a.py\n@@\n {context}\n-{gone}\n+{come}\n {below}\n*** End Patch"


def test_an_import_beside_a_gap_among_imports_stands_by_its_name() -> None:
    text = patched(
        "from a import signals", "from a.lists import Map", "from a.utils import Map", "from a.words import x"
    )
    with pytest.raises(EditError):
        result(text, IMPORTS)


def test_what_is_no_import_takes_the_place_of_the_line_like_it() -> None:
    old = "limit = 1\nfirst = one(2)\nsecond = 3\nthird = 4\nfourth = 5\n"
    text = patched("limit = 1", "first = one(2)", "first = one(22)", "third = 4")
    assert result(text, old) == old.replace("one(2)", "one(22)")


HEAD = "from a import x\nimport b\nfrom c import y\nimport d\n\n\ndef f():\n    return b\n"


def test_above_what_is_searched_the_first_line_of_the_file_may_be_missing() -> None:
    """It is not told whether the new lines come below it or above, where diffs would have shown it between."""
    old = HEAD.split("\n", 1)[1]
    with pytest.raises(EditError):
        result(PAIR.format(old, "import d\n" + old.replace("import d\n", "")), HEAD)
    with pytest.raises(EditError):
        result(PAIR.format(old, old.replace("import b\n", "import b\nimport e\n")), HEAD)
    whole = HEAD.replace("import b\n", "import b\nimport e\n")
    assert result(PAIR.format(HEAD, whole), HEAD) == whole


def test_what_takes_the_place_of_the_second_line_needs_no_first_one() -> None:
    text = HEAD.replace("import b", "limit = 10")
    old = text.split("\n", 1)[1]
    block = PAIR.format(old, old.replace("10", "11"))
    assert result(block, text) == text.replace("10", "11")


def test_below_a_patch_the_last_line_of_the_file_may_be_missing() -> None:
    body = "     try:\n         go()\n     finally:\n-        a = 1\n-        b = 2\n+        stop()\n"
    text = f"*** Begin Patch\n*** Update File: a.py\n@@\n{body}*** End Patch"
    old = "def f():\n    try:\n        go()\n    finally:\n        a = 1\n        b = 2\n        c = 3\n"
    with pytest.raises(EditError):
        result(text, old)
    assert result(text.replace("stop()", "b = 3"), old) == old.replace("        a = 1\n        b = 2", "        b = 3")


def test_equal_lines_at_the_end_of_what_is_searched_do_not_put_it_at_the_end_of_the_file() -> None:
    """Which of them came in is open, so that the comparison says nothing of where context was."""
    twice = "    stop()\n    close()\n"
    old = f"def f():\n    a = 1\n{twice}\n\ndef g():\n    b = 1\n{twice}"
    block = "<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE\n"
    new = f"{twice}\n\ndef h():\n    c = 1\n    close()\n"
    text = "a.py\n" + block.format("    a = 1\n", "    a = 1\n    a = 2\n    a = 1\n") + block.format(twice, new)
    with pytest.raises(EditError):
        result(text, old)


def test_a_rewriting_from_the_first_line_on_may_lack_the_last_one() -> None:
    old = "use a;\n\nfn f() {\n    1\n}\n\nfn g() {\n    2\n}\n"
    body = "-use a;\n+use b;\n \n fn f() {\n-    1\n+    3\n }\n \n fn g() {\n     2\n"
    more = "+}\n+\n+fn h() {\n+    4\n+}\n"
    with pytest.raises(EditError):
        result(f"*** Begin Patch\n*** Update File: a.py\n@@\n{body}{more}*** End Patch", old)
    whole = f"{body} }}\n{more.split(chr(10), 1)[1]}"
    wanted = old.replace("use a", "use b").replace("1", "3") + "\nfn h() {\n    4\n}\n"
    assert result(f"*** Begin Patch\n*** Update File: a.py\n@@\n{whole}*** End Patch", old) == wanted
