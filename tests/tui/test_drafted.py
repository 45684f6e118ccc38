"""While a turn changes files in the draft, they are seen as it leaves them; what a change adds is in the tree."""

import asyncio
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import Proposed, StepFinished, StepStarted
from ossa.assistant.verdict import Verdict
from ossa.tests.waiting import LIMIT
from ossa.tui.widgets.failing import FailingTests, More, TestName
from ossa.tui.widgets.verdict import VerdictView

if TYPE_CHECKING:
    from tests.tui.conftest import Drafted, Open, Stage

HELD = Change(
    (
        FileChange("calc.py", "modified", (Hunk("h1", 1, ("    return a - b\n",), ("    return a + b\n",)),)),
        FileChange("fresh/made.py", "added", (Hunk("h2", 0, (), ("y = 1\n",)),)),
    )
)


def draft(stage: "Stage") -> "Drafted":
    bench = stage.app.player.bench
    assert bench is not None
    return cast("Drafted", bench.draft)


async def test_a_file_is_seen_as_in_the_draft_while_a_turn_changes_it(open_window: "Open") -> None:
    wrote, over = asyncio.Event(), asyncio.Event()
    steps = [StepStarted("s1", "edit calc.py"), StepFinished("s1", True, "+1 −1")]
    async with open_window([wrote, *steps, over], size=(140, 40)) as stage:
        window = stage.app.window
        await window.show_file("calc.py", chosen=True)
        await stage.shows("return a - b")
        await stage.until(lambda: window.preview.lines.has_focus)
        assert "draft" not in window.preview.title.plain
        await stage.send("mend it")
        draft(stage).holds, draft(stage).files = HELD, {"calc.py": b"def add(a, b):\n    return a + b\n"}
        wrote.set()
        await stage.shows("± as in the draft")
        await stage.shows("return a + b")
        await stage.shows("calc.py ±")
        await stage.shows("▾ fresh ±")
        await stage.shows("made.py ±")
        window.preview.focus()
        await stage.pilot.press("d")
        await stage.shows("as in your files, not the draft")
        await stage.shows("return a - b")
        await stage.pilot.press("d")
        await stage.shows("return a + b")
        draft(stage).holds = Change()
        over.set()
        await stage.shows("return a - b")
        await stage.until(lambda: "±" not in stage.text and "made.py" not in stage.text)


async def test_a_draft_that_is_read_slowly_does_not_bring_back_what_the_person_left(open_window: "Open") -> None:
    asked, goes_on = threading.Event(), threading.Event()

    def slowly(_path: str) -> bytes:
        asked.set()
        assert goes_on.wait(LIMIT)
        return b"as in the draft\n"

    async with open_window([], size=(140, 40)) as stage:
        preview = stage.app.window.preview
        await preview.show("calc.py")
        preview.read_draft = slowly
        preview.renew(frozenset({"calc.py"}))
        assert await asyncio.to_thread(asked.wait, LIMIT)
        await preview.show("notes.md")
        goes_on.set()
        await stage.app.workers.wait_for_complete([worker for worker in stage.app.workers if worker.group == "again"])
        assert preview.path == "notes.md"


async def test_all_tests_of_a_verdict_can_be_seen(open_window: "Open", proposed: Proposed) -> None:
    many = tuple(f"test_calc.py::test_{n}" for n in range(210))
    verdict = Verdict("pytest", 210, 0, still_failing=many)
    script = [StepStarted("s1", "tests"), StepFinished("s1", False, "210 failed", failing=many)]
    async with open_window([*script, replace(proposed, verdict=verdict)], size=(140, 40)) as stage:
        await stage.send("mend it")
        await stage.review()
        view, listed = stage.app.query_one(VerdictView), stage.app.query_one(FailingTests)
        for place in (view, listed):
            assert len(place.query(TestName)) == 6
            place.query_one(More).focus()
            await stage.pilot.press("enter")
            await stage.until(lambda place=place: len(place.query(TestName)) == 206)
            assert stage.app.focused is place.query(TestName)[6]
            place.query_one(More).focus()
            await stage.pilot.press("space")
            await stage.until(lambda place=place: len(place.query(TestName)) == 210 and not place.query(More))
