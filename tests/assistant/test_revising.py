"""A hunk is edited or asked for again, in the middle of the review; the verdict is always of what is shown."""

import random
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, cast

import pytest

from ossa.assistant.change import Change, Hunk
from ossa.assistant.events import Event, Failure, Notice, Proposed, Revised, StepStarted
from ossa.assistant.review import Answer, Decision, HunkEdit, Reroll
from ossa.assistant.revision import mend, rewrite
from ossa.assistant.transcript import Transcript
from ossa.model.base import ModelError, ToolCall, Weighed
from ossa.model.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Reader

BODY = (
    "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n\n\n"
    "def half(a):\n    return a\n\n\ndef twice(a):\n    return a + a\n"
)
ADD = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
HALF = "*** Update File: calc.py\n@@ def half(a):\n-    return a\n+    return a // 2\n"
NEW = "*** Add File: notes.md\n+one\n+two\n"


def edit(*after: str, path: str = "calc.py", number: int = 0) -> Callable[[Change], Answer]:
    return lambda change: HunkEdit(hunks(change, path)[number].id, after)


def again(reason: str = "", path: str = "calc.py", number: int = 0) -> Callable[[Change], Answer]:
    return lambda change: Reroll(hunks(change, path)[number].id, reason)


def hunks(change: Change, path: str) -> list[Hunk]:
    return [hunk for file, hunk in change.hunks if file.path == path]


@pytest.fixture(autouse=True)
def three_functions(desk: "Desk") -> None:
    (desk.repo / "calc.py").write_text(BODY)


async def test_an_edited_hunk_is_proved_and_shown_anew_and_then_goes_in(desk: "Desk", reader: "type[Reader]") -> None:
    says = reader(edit("    total = a + b\n", "    return total\n"), desk.take)
    work = desk.open([desk.patch(ADD.replace("a + b", "a * b"), HALF), "Done.", "I see."], says, test="")
    events = await desk.play(work.agent.run("fix add"))
    assert desk.end(events) == "applied"
    first, second = desk.of(events, Proposed)
    assert first.verdict.still_failing and second.verdict.fixed == ("tests/test_calc.py::test_add",)
    assert hunks(first.change, "calc.py")[1].id == hunks(second.change, "calc.py")[1].id
    (revised,) = desk.of(events, Revised)
    assert (revised.path, revised.line, revised.by) == ("calc.py", 2, "person")
    assert events.index(first) < events.index(revised) < events.index(second)
    text = (desk.repo / "calc.py").read_text()
    assert "    total = a + b\n    return total\n\n\ndef sub" in text and "    return a // 2\n\n\ndef twice" in text
    await desk.play(work.agent.run("and now?"))
    told = desk.seen(work)[-1][-1].text
    assert "rewrote calc.py, line 2" in told and "total = a + b" in told and "- accepted calc.py, line 10" in told


async def test_the_original_lines_given_back_take_the_hunk_out(desk: "Desk", reader: "type[Reader]") -> None:
    says = reader(edit("    return a - b\n"), desk.take)
    events = await desk.play(desk.open([desk.patch(ADD, HALF), "Done."], says).agent.run("go"))
    assert desk.end(events) == "applied"
    assert [len(hunks(p.change, "calc.py")) for p in desk.of(events, Proposed)] == [2, 1]
    assert (desk.repo / "calc.py").read_text() == BODY.replace("    return a\n", "    return a // 2\n")


async def test_a_change_of_which_nothing_is_left_is_none(desk: "Desk", reader: "type[Reader]") -> None:
    work = desk.open([desk.patch(ADD), "Done."], reader(edit("    return a - b\n")))
    events = await desk.play(work.agent.run("go"))
    assert desk.end(events) == "no change" and not work.draft.change()


async def test_a_file_that_no_longer_parses_is_said_and_let_through(desk: "Desk", reader: "type[Reader]") -> None:
    says = reader(edit("    return (a\n"), edit("    return [a\n"))
    events = await desk.play(desk.open([desk.patch(ADD), "Done."], says).agent.run("go"))
    assert desk.end(events) == "proposed" and len(desk.of(events, Proposed)) == 3
    told = [e.text for e in desk.of(events, Notice)]
    assert len(told) == 2 and all("calc.py no longer parses" in text and "line 2" in text for text in told)


async def test_endings_are_those_of_the_file_and_no_two_lines_run_together(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    (desk.repo / "calc.py").write_bytes(BODY.replace("\n", "\r\n").encode())
    says = reader(edit("    c = a + b\n", "    return c"), edit("    return a / 2", number=1), desk.take)
    events = await desk.play(desk.open([desk.patch(ADD, HALF), "Done."], says).agent.run("go"))
    assert desk.end(events) == "applied"
    expected = BODY.replace("    return a - b\n", "    c = a + b\n    return c\n", 1).replace(
        "return a\n", "return a / 2\n"
    )
    assert (desk.repo / "calc.py").read_bytes() == expected.replace("\n", "\r\n").encode()


async def test_equal_hunks_keep_their_ids_when_one_of_them_is_edited(desk: "Desk", reader: "type[Reader]") -> None:
    (desk.repo / "calc.py").write_text("a = 1\nb = 0\nc = 0\nd = 0\n" * 3)
    work = desk.open(
        [[ToolCall("exec", '{"cmd": "sed -i s/1/2/ calc.py"}')], "Done."], says := reader(edit("x\n", "y\n"))
    )
    await desk.play(work.agent.run("go"))
    first, second = (hunks(change, "calc.py") for change, _ in says.shown)
    assert len({hunk.id for hunk in first}) == 3
    assert [hunk.id for hunk in first[1:]] == [hunk.id for hunk in second[1:]] and first[0].id != second[0].id


async def test_added_and_deleted_files_can_be_edited(desk: "Desk", reader: "type[Reader]") -> None:
    says = reader(edit("one\n", "three\n", path="notes.md"), edit("#!/bin/sh\n", "echo no\n", path="run.sh"), desk.take)
    work = desk.open([desk.patch(NEW, "*** Delete File: run.sh"), "Done."], says)
    assert desk.end(await desk.play(work.agent.run("go"))) == "applied"
    assert (desk.repo / "notes.md").read_text() == "one\nthree\n"
    assert (desk.repo / "run.sh").read_text() == "#!/bin/sh\necho no\n"
    assert (desk.repo / "run.sh").stat().st_mode & 0o777 == 0o755


async def test_a_deletion_taken_back_leaves_nothing_of_it(desk: "Desk", reader: "type[Reader]") -> None:
    says = reader(edit("#!/bin/sh\n", "echo run\n", path="run.sh"), edit(path="notes.md"))
    work = desk.open([desk.patch(NEW, "*** Delete File: run.sh"), "Done."], says)
    assert desk.end(await desk.play(work.agent.run("go"))) == "no change"
    assert not work.draft.change()


async def test_what_has_no_lines_is_not_edited_nor_asked_for_again(desk: "Desk", reader: "type[Reader]") -> None:
    line = "chmod +x calc.py; printf '\\0\\1' > b.bin; ln -s calc.py l.py"
    script = [[ToolCall("exec", f'{{"cmd": "{line}"}}'.replace("\\", "\\\\"))], "Done."]
    paths = ("calc.py", "b.bin", "l.py")
    says = reader(*(edit("x\n", path=p) for p in paths), *(again(path=p) for p in paths), lambda _: Reroll("none"))
    events = await desk.play(desk.open(script, says).agent.run("go"))
    told = " ".join(e.text for e in desk.of(events, Notice))
    assert desk.end(events) == "proposed" and len(desk.of(events, Proposed)) == 1
    assert told.count("a change of mode has no lines") == 2 and told.count("a binary file") == 2
    assert told.count("a symbolic link") == 2 and "no longer in the change" in told


async def test_an_edit_of_what_changed_meanwhile_is_refused(desk: "Desk", reader: "type[Reader]") -> None:
    def meddle(change: Change) -> Answer:
        work.draft.write("calc.py", b"other\n")
        return HunkEdit(hunks(change, "calc.py")[0].id, ("x\n",))

    work = desk.open([desk.patch(ADD), "Done."], reader(meddle))
    events = await desk.play(work.agent.run("go"))
    assert any("changed in the draft meanwhile" in e.text for e in desk.of(events, Notice))
    assert work.draft.read("calc.py") == b"other\n" and len(desk.of(events, Proposed)) == 2


async def test_esc_while_the_edit_is_proved_leaves_it_in_the_draft(desk: "Desk", reader: "type[Reader]") -> None:
    work = desk.open([desk.patch(ADD), "Done."], reader(edit("    return b + a\n")))
    revised: list[bool] = []

    def at(event: Event) -> bool:
        revised.append(isinstance(event, Revised))
        return any(revised) and isinstance(event, StepStarted)

    events = await desk.stop_at(work, work.agent.run("go"), at)
    assert desk.end(events) == "cancelled"
    assert b"return b + a" in (work.draft.read("calc.py") or b"")
    assert any("/review" in e.text for e in desk.of(events, Notice))


async def test_another_version_is_asked_for_and_what_else_was_done_is_put_back(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    better = ADD.replace("+    return a + b", "+    total = a + b\n+    return total")
    more = "*** Update File: calc.py\n@@ def twice(a):\n-    return a + a\n+    return 2 * a\n"
    other = "*** Update File: pkg/deep/one.py\n@@\n-ONE = 1\n+ONE = 2\n"
    script = [desk.patch(ADD, HALF, NEW), "Done.", desk.patch(better), desk.patch(more, other), "Otherwise.", "I see."]
    says = reader(again("too short"), desk.take)
    work = desk.open(script, says, test="")
    events = await desk.play(work.agent.run("fix add"))
    assert desk.end(events) == "applied"
    asked = desk.seen(work)[2][-1].text
    assert "too short" in asked and "+    return a + b" in asked and "calc.py at line 2" in asked
    (revised,) = desk.of(events, Revised)
    assert (revised.by, revised.reason) == ("model", "too short")
    first, second = (change for change, _ in says.shown)
    assert {h.id for _, h in first.hunks} & {h.id for _, h in second.hunks} == {
        hunks(first, "calc.py")[1].id,
        hunks(first, "notes.md")[0].id,
    }
    assert hunks(second, "calc.py")[0].after == ("    total = a + b\n", "    return total\n")
    assert says.shown[1][1].fixed
    (notice,) = [e for e in desk.of(events, Notice) if "put back" in e.text]
    assert "pkg/deep/one.py" in notice.text and "other lines of calc.py" in notice.text
    expected = BODY.replace("    return a - b\n", "    total = a + b\n    return total\n", 1)
    assert (desk.repo / "calc.py").read_text() == expected.replace("    return a\n", "    return a // 2\n")
    await desk.play(work.agent.run("and now?"))
    assert "put back" in desk.seen(work)[-1][-1].text


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (["No."], "no other version came"),
        ([ADD, "There."], "the same version came again"),
        ([HALF.replace("a // 2", "2 / a").replace("-    return a\n", "-    return a // 2\n"), "."], "no other version"),
        ([f"{ADD}{HALF}".replace("def sub", "def subtract"), "There."], ""),
        (["*** Delete File: calc.py", "Gone."], "no other version came"),
        (["*** Delete File: notes.md", "Gone."], "no other version came"),
    ],
)
async def test_without_another_version_the_old_one_comes_back(
    desk: "Desk", reader: "type[Reader]", answers: list[str], why: str
) -> None:
    script = [desk.patch(a) if a.startswith("***") else a for a in answers]
    says = reader(again())
    work = desk.open([desk.patch(ADD, HALF, NEW), "Done.", *script], says)
    events = await desk.play(work.agent.run("go"))
    first, last = says.shown[0][0], says.shown[-1][0]
    assert desk.end(events) == "proposed" and first == last == work.draft.change()
    assert len(desk.of(events, Proposed)) == 1
    assert any(why in e.text and "the old one stays" in e.text for e in desk.of(events, Notice))


async def test_a_version_that_reaches_into_another_hunk_is_not_taken(desk: "Desk", reader: "type[Reader]") -> None:
    (desk.repo / "calc.py").write_text("a = 1\nb = 2\nc = 3\n")
    both = "*** Update File: calc.py\n@@\n-a = 1\n+a = 10\n b = 2\n-c = 3\n+c = 30\n"
    over = "*** Update File: calc.py\n@@\n-a = 1\n-b = 2\n-c = 30\n+everything = 1\n"
    says = reader(again())
    work = desk.open([desk.patch(both), "Done.", desk.patch(over), "There."], says)
    await desk.play(work.agent.run("go"))
    assert says.shown[0][0] == says.shown[-1][0]
    assert work.draft.read("calc.py") == b"a = 10\nb = 2\nc = 30\n"


async def test_esc_while_the_model_writes_again_brings_the_old_version_back(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    script = [desk.patch(ADD, NEW), "Done.", [*desk.patch(HALF), ToolCall("exec", '{"cmd": "sleep 50"}')], "x"]
    work = desk.open(script, says := reader(again()))
    events = await desk.stop_at(
        work, work.agent.run("go"), lambda e: isinstance(e, StepStarted) and "sleep 50" in e.title
    )
    assert desk.end(events) == "cancelled" and work.draft.change() == says.shown[0][0]
    assert desk.of(events, Notice)[-1].text.endswith("asking again came to nothing, so the old version stays.")


@pytest.mark.parametrize("path", ["calc.py", "notes.md", "run.sh"])
async def test_killed_while_the_model_writes_again_the_old_version_is_back_when_resumed(
    desk: "Desk", reader: "type[Reader]", path: str
) -> None:
    script = [desk.patch(ADD, HALF, NEW, "*** Delete File: run.sh"), "Done.", "x"]
    work = desk.open(script, says := reader(again("no", path)))
    turn = work.agent.run("go")
    left, known = Change(), list[Event]()
    async for event in turn:
        if isinstance(event, Revised):
            left, known = work.draft.change(), list(work.session.events())
            break
    (shown, _), *_ = says.shown
    assert hunks(left, path) == hunks(shown, path)[1:]
    assert path in mend(work.draft, known) and work.draft.change() == shown
    assert not mend(work.draft, known), "it is brought back once"
    await cast("AsyncGenerator[Event]", turn).aclose()


async def test_a_model_that_is_lost_meanwhile_costs_nothing(desk: "Desk", reader: "type[Reader]") -> None:
    work = desk.open([desk.patch(ADD), "Done.", ModelError("The model was lost.")], says := reader(again(), desk.take))
    events = await desk.play(work.agent.run("go"))
    assert desk.end(events) == "applied" and Failure("The model was lost.") in events
    assert any("so the old version stays" in e.text for e in desk.of(events, Notice))
    assert says.shown[0] == says.shown[1] and "a + b" in (desk.repo / "calc.py").read_text()


async def test_another_version_of_an_added_file_is_the_whole_of_it(desk: "Desk", reader: "type[Reader]") -> None:
    script = [desk.patch(NEW, ADD), "Done.", desk.patch(NEW.replace("+two", "+three"), HALF), "There."]
    says = reader(again(path="notes.md"), desk.take)
    events = await desk.play(desk.open(script, says).agent.run("go"))
    assert desk.end(events) == "applied"
    assert (desk.repo / "notes.md").read_text() == "one\nthree\n"
    assert (desk.repo / "calc.py").read_text() == BODY.replace("a - b", "a + b", 1)


async def test_a_resumed_session_shows_the_model_the_same(desk: "Desk", reader: "type[Reader]") -> None:
    def leave(change: Change) -> Answer:
        return [Decision(hunk.id, False, "no, thanks") for hunk in hunks(change, "calc.py")]

    script = [desk.patch(ADD, NEW), "Done.", desk.patch(ADD.replace("a + b", "b + a")), "There.", "x"]
    work = desk.open(script, reader(again("swap them"), edit("three\n", path="notes.md"), leave))
    await desk.play(work.agent.run("go"))
    resumed = Transcript(work.session.events())
    assert resumed.messages == work.agent.transcript.messages and resumed.note == work.agent.transcript.note
    assert "rewrote notes.md" in resumed.note and "no, thanks" in resumed.note


def guesses(answer: str) -> tuple[Weighed, ...]:
    """It would rather have written another operator."""
    if (at := answer.find(" - b")) < 0:
        return ()
    return (Weighed(at, at + 2, -4.0, ((" +", -0.5), (" *", -1.1))),)


async def test_a_small_model_is_led_to_another_candidate(desk: "Desk", reader: "type[Reader]") -> None:
    (desk.repo / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (desk.repo / "tests/test_calc.py").write_text(
        "from calc import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    )
    work = desk.open([], says := reader(again(), desk.take), test="", calls_tools=False)
    assert isinstance(work.model, ScriptedModel)
    work.model.weights = guesses
    events = await desk.play(work.agent.fix())
    shown = [hunks(change, "calc.py")[0].after for change, _ in says.shown]
    assert shown == [("    return a + b\n",), ("    return a * b\n",)]
    assert all(verdict.proved for _, verdict in says.shown)
    assert desk.end(events) == "applied"


async def test_an_edit_goes_to_exactly_its_place_in_any_file(desk: "Desk") -> None:
    """Random files, changes and edits: all other lines, and all other hunks, are what they were."""
    work, draw = desk.open(), random.Random(7)
    for _ in range(40):
        lines = [draw.choice(["a\n", "b\n", "\n", f"{n}\n"]) for n in range(draw.randrange(1, 30))]
        (desk.repo / "some.txt").write_text("".join(lines))
        changed = [part for line in lines for part in draw.choice([[line]] * 4 + [["new\n"], [], [line, "more\n"]])]
        work.draft.write("some.txt", "".join(changed).encode())
        change = work.draft.change()
        if not change or change.files[0].kind != "modified":
            continue
        hunk = draw.choice(change.files[0].hunks)
        after = tuple(f"mine {n}\n" for n in range(draw.randrange(1, 4)))
        rewrite(work.draft, desk.repo, change, HunkEdit(hunk.id, after))
        for other in reversed(change.files[0].hunks):
            kept = lines[: other.start], lines[other.start + len(other.before) :]
            assert tuple(lines[other.start : other.start + len(other.before)]) == other.before
            lines = [*kept[0], *(after if other is hunk else other.after), *kept[1]]
        assert work.draft.read("some.txt") == "".join(lines).encode()
        now = {one.id for _, one in work.draft.change().hunks}
        assert {one.id for _, one in change.hunks} - {hunk.id} <= now
        work.draft.discard()
