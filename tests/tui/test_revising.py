"""A hunk is written otherwise during the review, by the person or by the model, and the review comes again."""

import asyncio
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import Attempt, Notice, Proposed, Reviewed, Revised, TurnFinished, TurnStarted
from ossa.assistant.review import Decision, HunkEdit, Reroll
from ossa.assistant.verdict import Verdict
from ossa.tui.widgets.attempts import Attempts
from ossa.tui.widgets.editor import HunkEditor
from ossa.tui.widgets.hunk import HunkView
from ossa.tui.widgets.verdict import VerdictView

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage


def rewritten(proposed: Proposed, after: Sequence[str]) -> Proposed:
    """The same change with another second hunk."""
    calc, notes = proposed.change.files
    second = replace(calc.hunks[1], id="h2b", after=tuple(after))
    return Proposed(Change((replace(calc, hunks=(calc.hunks[0], second)), notes)), proposed.verdict)


def only(hunk: Hunk, path: str = "calc.py") -> Proposed:
    """A change of one hunk."""
    return Proposed(Change((FileChange(path, "modified", (hunk,)),)), Verdict("pytest", 1, 1))


def views(stage: "Stage") -> dict[str, HunkView]:
    return {view.hunk.id: view for view in stage.app.window.change.hunks}


async def editing(stage: "Stage") -> HunkEditor:
    """Press `e` and wait for the editor."""
    await stage.pilot.press("e")
    await stage.until(lambda: isinstance(stage.app.focused, HunkEditor), "the editor")
    return stage.app.window.change.query_one(HunkEditor)


async def test_an_edit_in_place_is_tested_and_shown_anew(open_window: "Open", proposed: Proposed) -> None:
    tested = asyncio.Event()
    again = rewritten(proposed, ["    # halves\n", "    return a / 2\n"])
    async with open_window([proposed, tested, again]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("a")
        editor = await editing(stage)
        assert editor.text == "    return a / 2\n" and editor.line_number_start == 6
        await stage.shows("✎ editing")
        await stage.pilot.press("end", "enter", *"b=1", "up", "home", "a")
        await stage.pilot.press("ctrl+s")
        await stage.until(lambda: stage.agent.answers)
        assert stage.agent.answers == [HunkEdit("h2", ("    areturn a / 2\n", "    b=1\n"))]
        await stage.shows("◦ testing your edit … · before:")
        assert "b=1" in stage.text and "✓ accepted" in stage.text
        assert stage.app.query_one(VerdictView).has_class("-old")
        tested.set()
        await stage.review()
        assert not stage.app.query_one(VerdictView).has_class("-old") and "before:" not in stage.text
        await stage.shows("✎ edited by you")
        change = stage.app.window.change
        assert [view.state for view in change.hunks] == ["accepted", "pending", "pending"] and change.current == 1
        await stage.pilot.press("A")
        await stage.until(lambda: stage.agent.decisions)
        assert [d.hunk for d in stage.agent.decisions[0] or ()] == ["h1", "h2b", "h3"]


@pytest.mark.parametrize(
    ("after", "keys", "expected"),
    [
        (("a\r\n", "b\r\n"), ["down", "x"], ("a\r\n", "xb\r\n")),
        (("a\n", "b"), ["down", "x"], ("a\n", "xb")),
        (("\tif a:\n", "\t\tb\n"), ["down", "end", "enter", "c", "tab"], ("\tif a:\n", "\t\tb\n", "\t\tc\t\n")),
    ],
    ids=["crlf", "no final newline", "tabs"],
)
async def test_an_edit_keeps_endings_and_tabs(
    open_window: "Open", after: tuple[str, ...], keys: list[str], expected: tuple[str, ...]
) -> None:
    async with open_window([only(Hunk("h", 1, ("old\n",), after))]) as stage:
        await stage.send("mend it")
        await stage.review()
        await editing(stage)
        await stage.pilot.press(*keys, "ctrl+s")
        await stage.until(lambda: stage.agent.answers)
        assert stage.agent.answers == [HunkEdit("h", expected)]


async def test_an_edit_without_a_change_and_one_that_is_left_change_nothing(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await editing(stage)
        await stage.pilot.press("ctrl+s")
        await stage.shows("The hunk is as it was.")
        await editing(stage)
        await stage.pilot.press("x", "escape")
        await stage.shows("Left without saving")
        change = stage.app.window.change
        assert change.phase == "reviewing" and change.has_focus and not stage.agent.answers
        assert (await editing(stage)).text == "x    return a + b\n"
        await stage.pilot.press("ctrl+z")
        assert stage.app.window.change.query_one(HunkEditor).text == "    return a + b\n"


async def test_letters_are_letters_while_a_hunk_is_edited(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        editor = await editing(stage)
        await stage.pilot.press(*"arAuRe!")
        assert editor.text.startswith("arAuRe!") and not stage.agent.answers
        shown = {binding.binding.description for binding in stage.app.screen.active_bindings.values()}
        assert "save, test" in shown and "accept" not in shown
        assert not stage.app.window.activity.hint


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (FileChange("a.py", "deleted", (Hunk("h", 0, ("a\n",), ()),)), "deletes the file"),
        (
            FileChange("a.png", "modified", (Hunk("h", 0, (), (), note="1 kB"),), binary=True),
            "binary file has no lines",
        ),
        (
            FileChange("a.sh", "modified", (Hunk("h", 0, (), (), note="mode 644 → 755"),), mode=0o755),
            "no lines to edit",
        ),
    ],
    ids=["deleted", "binary", "mode"],
)
async def test_what_cannot_be_edited_says_why(open_window: "Open", file: FileChange, why: str) -> None:
    async with open_window([Proposed(Change((file,)), Verdict("pytest", 1, 1))]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("e")
        await stage.shows(why)
        await stage.pilot.press("E")
        await stage.until(lambda: len(stage.app._notifications) == 2)
        assert not stage.agent.answers


async def test_the_persons_own_editor_writes_a_hunk(
    open_window: "Open", proposed: Proposed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "editor.py"
    script.write_text(
        "import sys\np = sys.argv[1]\ns = open(p).read()\nopen(p, 'w').write(s.replace('a + b', 'b + a'))\n"
    )
    monkeypatch.setenv("VISUAL", f"{sys.executable} {script}")
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("E")
        await stage.shows("This terminal cannot be left")
        stage.app.window.change.aside = nullcontext
        await stage.pilot.press("E")
        await stage.until(lambda: stage.agent.answers)
        assert stage.agent.answers == [HunkEdit("h1", ("    return b + a\n",))]


async def test_an_editor_that_fails_is_said(
    open_window: "Open", proposed: Proposed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUAL", "false")
    async with open_window([proposed]) as stage:
        stage.app.window.change.aside = nullcontext
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("E")
        await stage.shows("ended with exit code 1")
        assert stage.app.window.change.phase == "reviewing"


async def test_another_version_is_asked_for_with_a_reason(open_window: "Open", proposed: Proposed) -> None:
    again = rewritten(proposed, ["    return a // 2\n"])
    async with open_window([proposed, again]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("r", *"no", "enter", "R", *"whole", "enter")
        await stage.until(lambda: stage.agent.answers)
        assert stage.agent.answers == [Reroll("h2", "whole")]
        await stage.review()
        await stage.shows("✎ another version")
        assert views(stage)["h1"].state == "rejected" and views(stage)["h1"].reason == "no"
        await stage.pilot.press("A")
        await stage.until(lambda: stage.agent.decisions)
        assert stage.agent.decisions[0] == [Decision("h1", False, "no"), Decision("h2b", True), Decision("h3", True)]


async def test_how_far_another_version_is_can_be_seen_beside_the_hunk(open_window: "Open", proposed: Proposed) -> None:
    first, tried = (Attempt(n, 150, f"calc.py:{n} half", "return a", "still fails") for n in (7, 8))
    more = asyncio.Event()
    asked = Revised("h2", "calc.py", 6, "model", "whole")
    async with open_window([first, proposed, asked, tried, more, proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("n", "R", *"whole", "enter")
        await stage.shows("◦ attempt 8 of 150")
        assert "◦ asking the model" in stage.text
        heads = [str(view.head()).partition("\n")[0] for view in stage.app.query(Attempts)]
        assert heads == ["1 candidate tried", "Attempt 8 of at most 150"]
        more.set()
        await stage.review()


async def test_the_verdict_stays_old_where_an_edit_was_not_tested(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed, asyncio.Event()], [proposed], holds=proposed.change) as stage:
        await stage.send("mend it")
        await stage.review()
        await editing(stage)
        await stage.pilot.press("x", "ctrl+s")
        await stage.shows("◦ testing your edit … · before:")
        await stage.pilot.press("escape")
        await stage.shows("! not tested since your edit · before:")
        await stage.send("/review")
        await stage.review()
        assert not stage.app.query_one(VerdictView).has_class("-old")


async def test_asking_again_can_be_thought_better_of(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("R")
        await stage.shows("What is wrong with 1/3?")
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.window.change.has_focus)
        assert not stage.agent.answers and stage.app.window.change.phase == "reviewing"


async def test_a_new_version_that_does_not_come_leaves_the_change_as_it_was(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed, Notice("No other version came.")], [proposed], holds=proposed.change) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("a", "R", "enter")
        await stage.shows("No other version came.")
        await stage.until(lambda: stage.app.window.change.phase == "shown")
        assert [view.state for view in stage.app.window.change.hunks] == ["accepted", "pending", "pending"]
        await stage.send("/review")
        await stage.review()
        await stage.shows("1 of 3 decided")


async def test_an_edit_outlives_a_review_that_is_put_off(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed], [proposed], holds=proposed.change) as stage:
        await stage.send("mend it")
        await stage.review()
        await editing(stage)
        await stage.pilot.press("x")
        stage.app.window.change.put_off()
        await stage.until(lambda: stage.app.window.change.phase == "shown")
        assert not stage.app.window.change.query(HunkEditor)
        await stage.until(lambda: stage.app.window.status.state == "ready")
        await stage.send("/review")
        await stage.review()
        assert (await editing(stage)).text.startswith("x")


async def test_a_hunk_that_could_not_be_applied_is_not_shown_as_accepted(
    open_window: "Open", proposed: Proposed
) -> None:
    why = "calc.py has changed around line 6, so that hunk was left out."
    decided = tuple(Decision(hunk.id, True) for _, hunk in proposed.change.hunks)
    reviewed = Reviewed(decided, ("calc.py",), "c1", (why,), ("h2",))
    async with open_window([proposed, reviewed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("A")
        await stage.shows("! not applied")
        await stage.shows("applied, 1 not")
        assert [view.state for view in stage.app.window.change.hunks] == ["accepted", "refused", "accepted"]
        assert "calc.py has changed around line 6, so" in stage.text
        await stage.shows("2 accepted · 0 rejected · 1 not")


async def test_a_resumed_session_says_who_wrote_a_hunk(open_window: "Open", proposed: Proposed) -> None:
    again = rewritten(proposed, ["    return a // 2\n"])
    revised = Revised("h2", "calc.py", 6, "person")
    history = [TurnStarted("mend it"), proposed, revised, again, TurnFinished("proposed")]
    async with open_window([], history=history, holds=again.change) as stage:
        await stage.shows("✎ Edited by you: calc.py, line 6")
        await stage.until(lambda: views(stage)["h2b"].origin == "edited by you")
        assert not views(stage)["h1"].origin


@pytest.mark.parametrize("size", [(80, 24), (60, 16)])
async def test_a_hunk_is_edited_in_a_small_terminal(
    open_window: "Open", proposed: Proposed, size: tuple[int, int]
) -> None:
    async with open_window([proposed], size=size) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("n", "n")
        editor = await editing(stage)
        await stage.shows("# [bold]Notes")
        await stage.shows("^s save, test")
        assert editor.region.height >= 2
