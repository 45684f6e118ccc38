"""Patches under a constraint: those that apply can be written, the others can't, whatever the file looks like."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from openai_harmony import HarmonyEncoding, load_harmony_encoding

from ossa.assistant.edits.engine import parse, plan
from ossa.assistant.toolspecs import APPLY_PATCH
from ossa.model.constraints import Bounds, Constraint
from ossa.model.constraints_matcher import Constrainer, Matcher
from ossa.model.constraints_quotes import quotable
from ossa.model.constraints_vocabulary import of_harmony

PYTHON = """\
import os


def first(value):
    return value


class Thing:
    def one(self):
        return 1

    def two(self):
        return 1
"""
FILES = {"thing.py": PYTHON, "docs/words.txt": "é “quoted”\n\ttab \\ slash\n", "empty.txt": ""}
NEAR_END = "*** Update File: thing.py\n@@\n     def one(self):\n         return 1\n \n-    def two(self):\n"
HEADER = f"<|channel|>commentary to={APPLY_PATCH.name} <|constrain|>json<|message|>"


@pytest.fixture(scope="module")
def encoding() -> HarmonyEncoding:
    return load_harmony_encoding("HarmonyGptOss")


@pytest.fixture(scope="module")
def constrainer(encoding: HarmonyEncoding) -> Constrainer:
    return Constrainer(of_harmony(encoding))


def matcher(constrainer: Constrainer, files: Mapping[str, str], bounds: Bounds | None = None) -> Matcher:
    bounds = bounds or Bounds()
    constraint = Constraint(must_call=(APPLY_PATCH.name,), thinks=False, files=files, taken=("README",), bounds=bounds)
    return constrainer.matcher(constraint, [APPLY_PATCH])


def tokens_of(encoding: HarmonyEncoding, patch: str) -> list[int]:
    """A whole call with this patch between its first and last line."""
    arguments = json.dumps({"patch": f"*** Begin Patch\n{patch}*** End Patch"}, ensure_ascii=False)
    return encoding.encode(f"{HEADER}{arguments}<|call|>", allowed_special="all")


def apply(patch: str, files: Mapping[str, str]) -> None:
    plan(parse(patch), lambda path: files[path].encode() if path in files else None)


def text_of(encoding: HarmonyEncoding, tokens: Sequence[int]) -> str:
    return encoding.decode(tokens).partition("<|message|>")[2].removesuffix("<|call|>")


GOOD = {
    "a replaced line": "*** Update File: thing.py\n@@\n def first(value):\n-    return value\n+    return value + 1\n",
    "an anchor": "*** Update File: thing.py\n@@ class Thing:\n     def two(self):\n-        return 1\n+        pass\n",
    "the start of an anchor": "*** Update File: thing.py\n@@ class Thing\n-    def one(self):\n+    def eins(self):\n",
    "an indented anchor": "*** Update File: thing.py\n@@     def one(self):\n     def one(self):\n+        pass\n",
    "two hunks": "*** Update File: thing.py\n@@\n-import os\n+import sys\n@@\n-    return value\n+    return 0\n",
    "a blank line without its sign": "*** Update File: thing.py\n@@\n import os\n\n\n-def first(value):\n+def f(v):\n",
    "lines in front": "*** Update File: thing.py\n@@\n+import sys\n import os\n",
    "lines at the end": "*** Update File: thing.py\n@@\n     def two(self):\n         return 1\n+\n+    three = 3\n",
    "a line replaced near the end": f"{NEAR_END}+    def zwei(self):\n",
    "lines replaced by more near the end": f"{NEAR_END}+    def zwei(self):\n+        pass\n         return 1\n",
    "a line before the first": "*** Update File: docs/words.txt\n@@\n+\tfirst\n é “quoted”\n",
    "escaped lines": "*** Update File: docs/words.txt\n@@\n é “quoted”\n-\ttab \\ slash\n",
    "a file that was empty": "*** Update File: empty.txt\n@@\n+a\n+b\n",
    "several files": "*** Delete File: thing.py\n*** Add File: src/.new-1/a_b.py\n+x\n*** Delete File: empty.txt\n",
}
BAD = {
    "a line that is not there": "*** Update File: thing.py\n@@\n-import sys\n+import os\n",
    "lines that do not follow each other": "*** Update File: thing.py\n@@\n import os\n-def first(value):\n+x\n",
    "hunks out of order": "*** Update File: thing.py\n@@\n-    return value\n+    return 0\n@@\n-import os\n",
    "a place that is one of two": "*** Update File: thing.py\n@@\n-        return 1\n+        return 2\n",
    "a line replaced by more near the end, and nothing below": f"{NEAR_END}+    def zwei(self):\n+        pass\n",
    "blank lines alone": "*** Update File: thing.py\n@@\n \n \n+x\n",
    "a hunk below its place": "*** Update File: thing.py\n@@ class Thing:\n-import os\n",
    "a hunk out of the block of its anchor": "*** Update File: thing.py\n@@ def first\n-    def one(self):\n",
    "nothing changed": "*** Update File: thing.py\n@@\n import os\n",
    "a line replaced by itself": "*** Update File: thing.py\n@@\n-import os\n+import os\n",
    "a file twice": "*** Update File: thing.py\n@@\n-import os\n*** Delete File: thing.py\n",
    "an unknown file": "*** Update File: other.py\n@@\n+x\n",
    "a file that is there": "*** Add File: thing.py\n+x\n",
    "a file that is there, though not in view": "*** Add File: README\n+x\n",
    "a folder that is there": "*** Add File: docs\n+x\n",
    "a file below a file": "*** Add File: thing.py/x\n+x\n",
    "git's own folder": "*** Add File: sub/.Git/config\n+x\n",
    "a path that leads out": "*** Add File: ../x\n+x\n",
    "an absolute path": "*** Add File: /etc/x\n+x\n",
    "no step": "",
}


@pytest.mark.parametrize("patch", GOOD.values(), ids=GOOD.keys())
def test_what_applies_can_be_written(encoding: HarmonyEncoding, constrainer: Constrainer, patch: str) -> None:
    apply(f"*** Begin Patch\n{patch}*** End Patch", FILES)
    tokens, one = tokens_of(encoding, patch), matcher(constrainer, FILES)
    assert encoding.decode(tokens[: one.fits(tokens)]) == encoding.decode(tokens)


@pytest.mark.parametrize("patch", BAD.values(), ids=BAD.keys())
def test_what_does_not_apply_cannot_be_written(encoding: HarmonyEncoding, constrainer: Constrainer, patch: str) -> None:
    tokens, one = tokens_of(encoding, patch), matcher(constrainer, FILES)
    assert one.fits(tokens) < len(tokens)


LINES = st.sampled_from(
    ["a", "b", "", "  ", " c", "\td", "(e):", "f (x):", "é “x”", '"q" \\n', "+x", "-y", "@@", "*** End Patch", "x\x0cy"]
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    lines, newline = draw(st.lists(LINES, max_size=9)), draw(st.sampled_from(["\n", "\r\n"]))
    return newline.join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=texts(), seed=st.integers(0, 2**32))
@example(text="b\n c\na\n c\na\na", seed=43248)
@example(text="a\n c\n*** End Patch\na\na\na\na", seed=31492)
def test_whatever_is_written_to_whatever_file_applies(
    encoding: HarmonyEncoding, constrainer: Constrainer, text: str, seed: int
) -> None:
    files, random = {"a.txt": text}, np.random.default_rng(seed)
    one = matcher(constrainer, files, Bounds(path=6, line=3, lines=1))
    begin = encoding.encode(f'{HEADER}{{"patch": "*** Begin Patch\\n*** Update File: a.txt\\n@@', allowed_special="all")
    # Where it can't be updated, it can still be deleted.
    tokens = begin[: one.fits(begin)]
    for token in tokens:
        one.accept(token)
    while not one.ended:
        tokens.append(int(random.choice(one.allowed().nonzero()[0])))
        one.accept(tokens[-1])
    apply(text_of(encoding, tokens), files)


BLOCKS = st.sampled_from(
    ["a", "b:", "", " c:", "\td", "f (x):", "class A:", " class A(y):", "“a”:", ")", " ):", "{", "#k"]
)


@settings(deadline=None)
@given(lines=st.lists(BLOCKS, max_size=12))
@example(lines=["b", " c", "a", " c", "a", "a"])
def test_the_engine_accepts_every_place_in_the_reach_of_an_anchor(lines: list[str]) -> None:
    file = quotable("\n".join(lines), len(lines))
    for anchor in file.anchors if file else ():
        assert file and anchor.at <= anchor.last <= anchor.reach
        for start, needed in file.starts.items():
            if anchor.at <= start <= anchor.reach:
                hunk = "\n".join(f"-{line}" for line in file.lines[start : start + needed])
                for name in (anchor.stem, anchor.indent + anchor.stem + anchor.rest):
                    apply(
                        f"*** Begin Patch\n*** Update File: a\n@@ {name}\n{hunk}\n*** End Patch",
                        {"a": "\n".join(lines)},
                    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), moves=st.lists(st.tuples(st.integers(1, 8), st.integers(0, 8)), max_size=8))
def test_what_is_taken_back_never_was_and_trying_changes_nothing(
    encoding: HarmonyEncoding, constrainer: Constrainer, seed: int, moves: list[tuple[int, int]]
) -> None:
    random = np.random.default_rng(seed)
    one, written = matcher(constrainer, FILES, Bounds(path=6, line=6, lines=2)), list[int]()
    for forth, back in moves:
        for _ in range(forth):
            if not one.ended:
                written.append(int(random.choice(one.allowed().nonzero()[0])))
                one.accept(written[-1])
        back = min(back, len(written))
        one.rollback(back)
        del written[len(written) - back :]
    fresh = matcher(constrainer, FILES, Bounds(path=6, line=6, lines=2))
    assert fresh.fits(written) == len(written)
    assert fresh.fits([*written, 200006]) == len(written)
    for token in written:
        fresh.accept(token)
    assert (one.allowed() == fresh.allowed()).all()
    assert one.forced() == fresh.forced()
    assert one.ended == fresh.ended


@pytest.mark.parametrize("text", ["a\0b\n", "a\r\r\n", "a\udc80\n", "a" * 10_000, " \n \n", "same\n" * 200])
def test_a_file_of_which_nothing_can_be_quoted_surely_can_still_be_deleted(
    encoding: HarmonyEncoding, constrainer: Constrainer, text: str
) -> None:
    one = matcher(constrainer, {"a.bin": text})
    assert one.fits(tokens := tokens_of(encoding, "*** Delete File: a.bin\n")) == len(tokens)
    assert one.fits(tokens := tokens_of(encoding, "*** Update File: a.bin\n@@\n+x\n")) < len(tokens)


def test_lines_of_a_large_file_can_be_quoted_as_far_as_there_is_room(
    encoding: HarmonyEncoding, constrainer: Constrainer
) -> None:
    files = {"large.txt": "".join(f"line {number}\n" for number in range(30_000))}
    for number, fits in ((3, True), (11_000, True), (29_000, False)):
        tokens = tokens_of(encoding, f"*** Update File: large.txt\n@@\n-line {number}\n")
        assert (matcher(constrainer, files).fits(tokens) == len(tokens)) is fits
