"""The guided repair chooses: what mends all before what mends some, no answer learnt by heart, and nothing hangs it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.draft import Draft
from ossa.assistant.events import Attempt, Notice, Proposed
from ossa.assistant.repair.localise import Sources
from ossa.assistant.repair.localise_lines import likeliest_functions, suspects
from ossa.assistant.repair.supply import Part
from ossa.assistant.testing.runner import TestRunner
from ossa.assistant.workbench import Workbench
from ossa.model.base import Piece, Weighed
from ossa.model.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

pytestmark = pytest.mark.usefixtures("own_python")
CALC = "def add(a, b):\n    return a - b\n"


def liking(*others: str, there: str = " - b") -> Callable[[str], tuple[Weighed, ...]]:
    """A model that would rather have written these operators, the first by far."""

    def weigh(answer: str) -> tuple[Weighed, ...]:
        if (at := answer.find(there)) < 0:
            return ()
        return (Weighed(at, at + 2, -9.0, tuple((f" {other}", -0.1 * n - 0.1) for n, other in enumerate(others))),)

    return weigh


def prepare(repo: Path, tests: str, calc: str = CALC) -> None:
    (repo / "calc.py").write_text(calc)
    (repo / "tests/test_calc.py").write_text(f"from calc import *\n\n{tests}")


def guided(desk: "Desk", *others: str, there: str = " - b") -> Workbench:
    work = desk.open(test="", calls_tools=False)
    assert isinstance(work.model, ScriptedModel)
    work.model.weights = liking(*others, there=there)
    return work


TWO = "def test_two():\n    assert add(2, 2) == 4\n\n\ndef test_none():\n    assert add(0, 3) == 3\n"


async def test_what_mends_every_test_of_the_function_comes_before_what_mends_one(desk: "Desk", repo: Path) -> None:
    prepare(repo, TWO)
    work = guided(desk, "*", "+")
    events = await desk.play(work.agent.fix())
    good = [a for a in desk.of(events, Attempt) if a.ok]
    assert good[0].text == "return a * b" and "1 still failing" in good[0].outcome
    assert work.draft.read("calc.py") == b"def add(a, b):\n    return a + b\n"


async def test_a_test_that_never_ends_is_repaired_too(desk: "Desk", repo: Path) -> None:
    loop = "def count(n):\n    k = 0\n    while k < n:\n        k = k - 1\n    return k\n"
    prepare(repo, "def test_count():\n    assert count(3) == 3\n\n\ndef test_none():\n    assert count(0) == 0\n", loop)
    work = guided(desk, "*", "+", there=" - 1")
    events = await desk.play(work.agent.fix())
    first, *_ = desk.of(events, Attempt)
    assert "did not end within" in first.outcome
    assert any(a.ok and a.text == "k = k + 1" for a in desk.of(events, Attempt))
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.proved and offered.verdict.fixed == ("tests/test_calc.py::test_count",)


async def test_a_repair_that_does_less_says_so(desk: "Desk", repo: Path) -> None:
    calc = "def kept(items):\n    items.clear()\n    return items\n"
    prepare(repo, "def test_kept():\n    assert kept([2, 1]) == [2, 1]\n", calc)
    work = guided(desk, there="nowhere")
    events = await desk.play(work.agent.fix())
    assert any(a.ok and a.text == "pass" for a in desk.of(events, Attempt))
    assert any("it lost items.clear()" in e.text for e in desk.of(events, Notice))


@pytest.mark.parametrize("part", ["slips", "tokens"])
async def test_what_is_left_out_is_not_tried(desk: "Desk", repo: Path, part: Part) -> None:
    prepare(repo, "def test_add():\n    assert add(2, 2) == 5\n")
    work = guided(desk, "%")
    work.agent.repair.without = {part, "lines", "bodies"}
    events = await desk.play(work.agent.fix())
    tried = {a.text for a in desk.of(events, Attempt)}
    assert ("return b - a" in tried, "return a % b" in tried) == (part != "slips", True)


async def test_without_coverage_the_traceback_leads_to_the_function(project: Callable[[dict[str, str]], Draft]) -> None:
    draft = project({"calc.py": CALC, "test_calc.py": f"from calc import add\n\n\n{TWO}"})
    report = await TestRunner(draft.root).run(draft)
    found = likeliest_functions(suspects(report.failures[0], draft, Sources(draft)))
    assert [place.function.name for place in found] == ["add"]


async def test_a_large_model_goes_on_until_the_test_that_was_to_be_fixed_passes(desk: "Desk", repo: Path) -> None:
    prepare(repo, TWO)

    def patch(old: str, new: str) -> list[Piece]:
        return desk.patch(f"*** Update File: calc.py\n@@\n def add(a, b):\n-    return {old}\n+    return {new}\n")

    work = desk.open([patch("a - b", "a * b"), "Done.", patch("a * b", "a + b"), "Done."], test="")
    work.agent.repair.patches = 0
    events = await desk.play(work.agent.fix())
    assert any("1 still failing: asking the model to correct" in e.text for e in desk.of(events, Notice))
    assert work.draft.read("calc.py") == b"def add(a, b):\n    return a + b\n"
    assert desk.end(events) == "proposed"
