"""A first look at many variants of a file says what a trial of each says, and nothing where it cannot know."""

from collections.abc import Callable

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.testing.warm import WarmTests

SHAPES = """from functools import lru_cache

UNIT = 1


def area(width, height):
    return width + height


class Box:
    def __init__(self, width):
        self.width = width

    @property
    def volume(self):
        return self.width ** 2


@lru_cache
def cached(n):
    return n


def maker(step):
    def inner(n):
        return n + step
    return inner
"""
TESTS = """
import pytest
from shapes import Box, area, cached, maker

@pytest.mark.parametrize("w,h", [(2, 3), (2, 2)])
def test_area(w, h):
    assert area(w, h) == w * h

def test_volume():
    assert Box(2).volume == 8

def test_cached():
    assert cached(3) == 4

def test_maker():
    assert maker(2)(3) == 6
"""
Variant = tuple[str, str, str, str | None]
VARIANTS: dict[str, Variant] = {
    "mended": ("test_area[2-3]", "width + height", "width * height", "passed"),
    "still wrong": ("test_area[2-3]", "width + height", "width - height", "failed"),
    "raises": ("test_area[2-3]", "width + height", "[][width]", "failed"),
    "never ends": ("test_area[2-3]", "    return width +", "    while True: pass\n    return width +", "failed"),
    "ends the process": (
        "test_area[2-3]",
        "    return width +",
        "    import os; os._exit(0)\n    return width +",
        None,
    ),
    "no syntax": ("test_area[2-3]", "width + height", "width +", None),
    "a property": ("test_volume", "self.width ** 2", "self.width ** 3", "passed"),
    "decorated": ("test_cached", "    return n\n", "    return n + 1\n", "passed"),
    "an inner function": ("test_maker", "n + step", "n * step", "passed"),
    "other names bound": ("test_maker", "return n + step", "return n * 2", "passed"),
    "a new function": ("test_area[2-3]", "UNIT = 1", "def unit():\n    return 1", None),
    "nothing": ("test_area[2-3]", "UNIT", "UNIT", "failed"),
}


@pytest.fixture
def draft(project: Callable[[dict[str, str]], Draft], own_python: None) -> Draft:
    draft = project({"shapes.py": SHAPES, "test_shapes.py": TESTS})
    if draft.isolation.kind != "overlay":
        pytest.skip("needs bubblewrap with overlays")
    return draft


async def test_each_variant_is_told_from_the_others(draft: Draft) -> None:
    tests = TestRunner(draft.root)
    known = await tests.run(draft)
    found: dict[str, str | None] = {}
    async with WarmTests(tests, draft, known, width=1) as warm:
        for test in dict.fromkeys(test for test, _, _, _ in VARIANTS.values()):
            names = [name for name in VARIANTS if VARIANTS[name][0] == test]
            sources = [("shapes.py", SHAPES.replace(*VARIANTS[name][1:3])) for name in names]
            results = await warm.glance(sources, f"test_shapes.py::{test}")
            found |= {name: result and result.outcome for name, result in zip(names, results, strict=True)}
        assert warm.glances and not warm.why
    assert found == {name: outcome for name, (_, _, _, outcome) in VARIANTS.items()}
    assert not draft.change()


async def test_nothing_is_told_where_a_look_does_not_say_what_the_tests_say(draft: Draft) -> None:
    fickle = "import os\nSTARTED = os.getpid()\n\ndef test_fickle():\n    assert os.getpid() != STARTED\n"
    draft.write("test_shapes.py", fickle.encode())
    tests = TestRunner(draft.root)
    known = await tests.run(draft)
    async with WarmTests(tests, draft, known, width=1) as warm:
        assert await warm.glance([("shapes.py", SHAPES)], "test_shapes.py::test_fickle") == [None]
        assert (warm.why, warm.glances) == ("", False)
