"""A function is parsed apart from its file: the same is taken and refused as if the whole file were looked at."""

import ast
import bisect
import copy
import inspect
import random
import shlex
import string
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.repair.apart import Apart, Written, normals
from ossa.assistant.repair.candidates import Candidate, Idea, Proposer
from ossa.assistant.repair.doubts import Doubts, by_heart, values
from ossa.assistant.repair.excerpt import Excerpt
from ossa.assistant.repair.functions import Function, function_at, functions, is_function
from ossa.assistant.repair.localise import Sources
from ossa.assistant.repair.names import Names
from ossa.assistant.repair.templates import edits
from ossa.assistant.verdict import TestResult
from ossa.model.scripted import ScriptedModel

Project = Callable[[dict[str, str]], Draft]
TEST = "def test_it():\n    assert it(7) == 49\n"
NOISE = (
    "", "", "\n", "\n\n", "\\\n", "\\", '"""', "'", "(", ")", "[", "#", ":", ";", "    ", "\t", "\n    ", "\n        ",
    "x", "self", " return ", "return 49", " == 49", "pass", "else:", "@x", "import os", "def g(): pass",
    "\ndef g(): pass\n", "nonlocal x", "global y", "\n    def h():\n        ", "break", "lost.thing",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Whole:
    """The whole file's tree, cut in two: the function that begins on a line, and what is around it."""

    own: Written
    rest: str
    normal: str

    @classmethod
    def of(cls, source: str, function: Function, outer: int) -> "Whole | None":
        try:
            tree = ast.parse(source)
        except (SyntaxError, ValueError):
            return None
        normal = ast.dump(tree)
        within = [node for node in ast.walk(tree) if is_function(node) and node.lineno == function.start + 1]
        around = [node for node in ast.walk(tree) if is_function(node) and node.lineno == outer + 1]
        if not within or not around:
            return None
        own = Written("", list(ast.walk(within[0])), list(ast.walk(around[0])))
        for node in ast.walk(tree):
            for block in (b for b in vars(node).values() if isinstance(b, list) and around[0] in b):
                block[block.index(around[0])] = ast.Pass()
        return cls(own, ast.dump(tree), normal)


class WholeFile:
    """The check as it would be if it took no short cut."""

    def __init__(self, source: str, function: Function) -> None:
        outer = min(f.start for f in functions("", source) if f.start <= function.start < f.end)
        self._function, self._outer = function, outer
        before = self._of(source)
        assert before is not None
        self._before, self._names = before, Names(source, TEST, before.own.nodes)

    def normal(self, source: str) -> str:
        """Of the whole file; empty where the candidate is refused."""
        after = self._of(source)
        if after is None or after.rest != self._before.rest or after.normal == self._before.normal:
            return ""
        texts = [ast.unparse(whole.own.nodes[0]) for whole in (self._before, after)]
        fits = self._names.suit(after.own) and not by_heart(texts[0], texts[1], values(TEST))
        whole = fits and not Doubts(self._before.own.nodes).cuts_off(after.own.nodes)
        return after.normal if whole else ""

    def _of(self, source: str) -> Whole | None:
        return Whole.of(source, self._function, self._outer)


def proposer(project: Project, source: str, function: Function) -> Proposer:
    draft = project({"a.py": source, "test_a.py": TEST})
    return Proposer(ScriptedModel(), function, Sources(draft), TestResult("test_a.py::test_it", "failed"))


def at(source: str, line: int) -> Function:
    function = function_at("a.py", source, line)
    assert function is not None
    return function


def changes(source: str, function: Function, seed: str) -> Iterator[tuple[int, int, str]]:
    """Slips undone and characters exchanged at random, of a function's body."""
    excerpt = Excerpt(source, function.start, function.end)
    body, pick = excerpt.offset(function.body), random.Random(seed)
    slips = [(edit.start, edit.end, edit.text) for edit in edits(excerpt.text) if edit.start >= body]
    yield from pick.sample(slips, min(len(slips), 15))
    for _ in range(45):
        start = pick.randrange(body, len(excerpt.text))
        yield start, min(start + pick.choice((0, 0, 1, 2, 5, 12, 40)), len(excerpt.text)), pick.choice(NOISE)


async def taken(
    project: Project, source: str, function: Function, found: Sequence[tuple[int, int, str]]
) -> list[Candidate]:
    ideas = [Idea("exchanged", start, end, text, 0.0) for start, end, text in found]
    return await proposer(project, source, function).candidates(ideas)


@pytest.mark.parametrize(
    "module,name",
    [
        (bisect, "insort_right"),
        (copy, "_deepcopy_tuple"),
        (copy, "_reconstruct"),
        (shlex, "push_source"),
        (shlex, "join"),
        (string, "capwords"),
        (string, "substitute"),
        (string, "convert"),
        (textwrap, "_split_chunks"),
        (textwrap, "prefixed_lines"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid escape")
async def test_the_same_is_taken_as_by_looking_at_the_whole_file(
    project: Project, module: ModuleType, name: str
) -> None:
    source = inspect.getsource(module)
    function = next(f for f in functions("a.py", source) if f.name == name)
    excerpt, whole = Excerpt(source, function.start, function.end), WholeFile(source, function)
    found = list(changes(source, function, name))
    texts = [excerpt.text[:start] + text + excerpt.text[end:] for start, end, text in found]
    expected = {new: normal for text in texts if (normal := whole.normal(new := excerpt.replaced(text)[0]))}
    candidates = await taken(project, source, function, found)
    assert {candidate.source for candidate in candidates} == set(expected)
    assert 10 < len(expected) < len(found)
    pairs = {(candidate.normal, expected[candidate.source]) for candidate in candidates}
    assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})


PLACES = {
    "function": ("", "", "\n\nX = 1\n"),
    "last": ("", "", ""),
    "followed at once": ("", "", "X = 1\n"),
    "method": ("class A:\n    ", "    ", "\n    def g(self):\n        return 1\n\nX = 1\n"),
    "method followed at once": ("class A:\n    x = 1\n    ", "    ", "    y = 2\n"),
    "decorated": ("class A:\n    @staticmethod\n    ", "    ", "    @property\n    def g(self):\n        return 1\n"),
    "in a try": ("try:\n    ", "    ", "except ImportError:\n    f = None\n"),
    "tabs": ("class A:\n\t", "\t", "\tX = 1\n"),
    "nested": ("def outer():\n    kept = 1\n    ", "    ", "    return f, kept\n"),
}
TEXT = 'def f(a, b):\n    """Of two."""\n    if a > b:\n        return a\n    kept = [a, b]\n    return kept\n'
BROKEN = {
    "a line that goes on": ("return kept\n", "return kept + \\\n"),
    "a text that goes on": ("return kept\n", 'return """kept\n'),
    "a bracket that goes on": ("return kept\n", "return (kept\n"),
    "an early end": ("    return kept\n", "return kept\n"),
    "another beside it": ("    return kept\n", "    return kept\ndef g():\n    return 1\n"),
    "a statement beside it": ("    return kept\n", "    return kept\nY = 1\n"),
    "a way that nothing leads to": ("    return kept\n", "    return kept\nelse:\n    pass\n"),
    "no indentation that was there": ("    return kept\n", "  return kept\n"),
    "a zero": ("return kept", "return kept\0"),
    "a line of another kind": ("return kept", "return kept\rX = 1"),
}


def exchanged(old: str, new: str) -> tuple[int, int, str]:
    start = TEXT.index(old)
    return start, start + len(old), new


def placed(where: str) -> tuple[str, Function]:
    above, margin, below = PLACES[where]
    source = above + TEXT.replace("\n", f"\n{margin}").removesuffix(margin) + below
    return source, next(f for f in functions("a.py", source) if f.name == "f")


@pytest.mark.parametrize("where", PLACES)
async def test_what_would_not_stay_one_function_is_refused_wherever_it_stands(project: Project, where: str) -> None:
    source, function = placed(where)
    excerpt, whole = Excerpt(source, function.start, function.end), WholeFile(source, function)
    texts = [TEXT.replace(old, new) for old, new in BROKEN.values()]
    expected = [new for text in texts if whole.normal(new := excerpt.replaced(text)[0])]
    assert bool(expected) == (where == "nested")  # what is beside it there is the outer function's
    found = [exchanged(*edit) for edit in BROKEN.values()]
    assert [candidate.source for candidate in await taken(project, source, function, found)] == expected


FORMS: dict[str, tuple[str, str]] = {
    "plain": ("\n", "\n"),
    "windows": ("\n", "\r\n"),
    "blank lines": ("\n\n", "\n  \n\n"),
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize("form", FORMS)
async def test_layout_makes_no_other_candidate_and_the_file_parses(project: Project, where: str, form: str) -> None:
    source = placed(where)[0].replace(*FORMS[form])
    function = next(f for f in functions("a.py", source) if f.name == "f")
    same = ["a >= b", "a>=b", "(a >= b)", "a >= \\\n        b", "(a  # one\n>= b)"]
    edited = [exchanged("a > b", text) for text in same]
    candidates = await taken(project, source, function, [*edited, exchanged("a > b", "a < b")])
    assert [len({candidate.normal for candidate in lot}) for lot in (candidates[:5], candidates)] == [1, 2]
    for candidate in candidates:
        ast.parse(candidate.source)
        assert normals("a.py", candidate.source) - normals("a.py", source) == {candidate.normal}


async def test_a_text_that_stands_further_left_changes_nothing(project: Project) -> None:
    source = 'class A:\n    def f(self, a):\n        kept = """\nleft"""\n        return a - len(kept)\n'
    function = at(source, 1)
    start = Excerpt(source, 1, function.end).text.index(" - ")
    found = [(start, start + 3, text) for text in (" + ", " (", "\n    + ", " - 49 == ", " - lost + ", " - a.pop + ")]
    candidates = await taken(project, source, function, found)
    assert [candidate.source for candidate in candidates] == [
        source.replace(" - ", " + "),
        source.replace(" - ", found[-1][2]),
    ]


def test_twins_are_told_apart_by_their_place_and_what_is_nested_is_not() -> None:
    second = "class B:\n    def f(self):\n        def g():\n            return 1\n        return g\n"
    source = f"class A:\n    def f(self):\n        return 1\n\n{second}\nclass C:\n    def f(self):\n        return 1\n"
    changed = source.replace("return 1", "return 2")
    found = [Apart(source, at(source, line)).written(changed) for line in (1, 5, 6, 11)]
    first, outer, inner, last = (written.normal if written else "" for written in found)
    assert inner == outer and len({"", first, outer, last}) == 4
    assert normals("a.py", changed) == {first, outer, last}
    assert normals("a.py", f"X = 1\n{changed}") == normals("a.py", changed)
    assert normals("b.py", changed).isdisjoint(normals("a.py", changed))


async def test_a_last_line_may_go_on_into_a_blank_one_and_into_no_other(project: Project) -> None:
    above = TEXT.rsplit("\n", 2)[0]
    rest = f"{above.replace('a > b', 'a < b')}\n    return kept \\\n"
    for below in ("\n\nX = 1\n", "\n", "X = 1\n", ""):
        apart = Apart(TEXT + below, at(TEXT + below, 0))
        assert (apart.written(rest + below) is not None) == parses(rest + below)
    source = rest + "\nX = 1\n"
    (candidate,) = await taken(project, source, at(source, 0), [exchanged("a > b", "a == b")])
    assert candidate.source == source.replace("a < b", "a == b")


def parses(source: str) -> bool:
    try:
        return bool(ast.parse(source))
    except SyntaxError:
        return False


async def test_nothing_is_proposed_where_python_counts_lines_otherwise(project: Project) -> None:
    source = "X = 1\rY = 2\n" + TEXT
    function = next(f for f in functions("a.py", source) if f.name == "f")
    assert await taken(project, source, function, [(0, 0, "# "), (0, 1, "x")]) == []
