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
