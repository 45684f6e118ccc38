"""The change on the screen: below each other or side by side, folded, gone through by keys, however long it is."""

from typing import TYPE_CHECKING

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.events import Proposed
from ossa.assistant.verdict import Said, Verdict
from ossa.tui.widgets.failing import FailingTest, TestName
from ossa.tui.widgets.hunkstrips import HunkStrips

if TYPE_CHECKING:
    from tests.tui.conftest import Open, Stage

BROKEN = Verdict(
    "pytest",
    1,
    3,
    fixed=("test_calc.py::test_add",),
    broken=("test_calc.py::test_half",),
    said=(Said("test_calc.py::test_half", "E assert 0.5 == 1\n[bold]x"), Said("test_calc.py::test_add", "E was 3")),
)


def many(files: int, hunks: int) -> Change:
    """A change of ten lines a hunk."""
    return Change(
        tuple(
            FileChange(
                f"f{file}.py",
                "modified",
                tuple(
                    Hunk(f"{file}-{n}", n * 20, ("a = b\n",) * 2, ("a = c\n",) * 2, ("x\n",) * 3, ("y\n",) * 3)
                    for n in range(hunks)
                ),
            )
            for file in range(files)
        )
    )


def drawn(stage: "Stage") -> int:
    return sum(strips.drawn for strips in stage.app.window.change.query(HunkStrips))


def coloured(stage: "Stage") -> int:
    return sum(view.lines.coloured for view in stage.app.window.change.hunks)


async def test_of_ten_thousand_lines_those_in_view_are_drawn_and_coloured(open_window: "Open") -> None:
    async with open_window([Proposed(many(50, 20), Verdict("pytest", 1, 1))], size=(120, 40)) as stage:
        await stage.send("write it")
        await stage.review()
        change = stage.app.window.change
        await stage.until(lambda: coloured(stage) and not change._colouring)
        assert len(change.hunks) == 1_000 and len(list(change.walk_children())) < 12
        assert drawn(stage) < 400 and coloured(stage) < 200
        before = drawn(stage)
        change.scroll_end(animate=False)
        await stage.shows("1000/1000")
        await stage.until(lambda: not change._colouring)
        assert drawn(stage) - before < 800 and coloured(stage) < 400


def beside(stage: "Stage") -> bool:
    return any("return a - b" in line and "return a + b" in line for line in stage.text.splitlines())


async def test_the_width_puts_old_beside_new_and_a_key_changes_that(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([proposed], size=(260, 40)) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.until(lambda: beside(stage))
        await stage.pilot.press("v")
        await stage.until(lambda: not beside(stage))
        await stage.pilot.resize_terminal(130, 40)
        await stage.pilot.press("v")
        await stage.until(lambda: beside(stage))


async def test_hunks_fold_one_by_one_all_at_once_and_when_they_are_decided(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed]) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("space")
        await stage.shows("▸ 1/3  line 2  +1 −1")
        assert "return a + b" not in stage.text and "return a / 2" in stage.text
        await stage.pilot.press("Z")
        await stage.shows("▸ 3/3")
        await stage.pilot.press("Z")
        await stage.shows("return a + b")
        strips = stage.app.window.change.query_one(HunkStrips)
        await stage.pilot.click(strips, offset=(5, 1))
        await stage.shows("▸ 1/3")
        await stage.pilot.press("Z", "Z", "a")
        await stage.shows("▸ 1/3")
        await stage.shows("✓ accepted")
        await stage.pilot.press("p", "u")
        await stage.shows("return a + b")
        assert not stage.agent.decisions


async def test_keys_go_from_file_to_file(open_window: "Open") -> None:
    async with open_window([Proposed(many(3, 4), Verdict("pytest", 1, 1))]) as stage:
        await stage.send("mend it")
        await stage.review()
        change = stage.app.window.change
        places: list[int] = []
        for key in ("N", "n", "N", "N", "P", "P", "n", "P"):
            await stage.pilot.press(key)
            places.append(change.current)
        assert places == [4, 5, 8, 8, 4, 0, 1, 0]


async def test_each_test_opens_what_it_said(open_window: "Open", proposed: Proposed) -> None:
    async with open_window([Proposed(proposed.change, BROKEN)], [], size=(80, 24)) as stage:
        await stage.send("mend it")
        await stage.review()
        await stage.pilot.press("tab")
        await stage.until(lambda: isinstance(stage.app.focused, FailingTest))
        await stage.pilot.press("enter")
        await stage.shows("E assert 0.5 == 1")
        assert "[bold]x" in stage.text and not stage.agent.decisions
        await stage.pilot.click(list(stage.app.query(TestName))[1])
        await stage.shows("E was 3")
        stage.app.window.change.focus()
        await stage.pilot.press("o")
        await stage.until(lambda: "E was 3" not in stage.text and "E assert" not in stage.text)
        await stage.pilot.press("tab", "f")
        await stage.until(lambda: "/fix test_calc.py::test_half" in stage.agent.asked)


async def test_the_change_alone_has_the_whole_width_until_one_leaves_it(
    open_window: "Open", proposed: Proposed
) -> None:
    async with open_window([proposed], size=(120, 30)) as stage:
        await stage.send("mend it")
        await stage.review()
        change = stage.app.window.change
        await stage.pilot.press("f3")
        await stage.until(lambda: change.size.width > 110 and beside(stage))
        await stage.pilot.press("f3")
        await stage.until(lambda: change.size.width < 60 and change.has_focus)
        await stage.pilot.press("f3", "slash")
        await stage.until(lambda: stage.app.window.prompt.has_focus and change.size.width < 60)
