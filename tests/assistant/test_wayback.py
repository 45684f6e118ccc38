"""Back and forth: undo, redo and rewind of files, of the conversation, or of both, also in a resumed session."""

import asyncio
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.change import Change
from ossa.assistant.events import Failure, Notice, Redone, Rewound, Undone
from ossa.assistant.review import Answer, Decision
from ossa.assistant.timeline import Timeline
from ossa.assistant.transcript import Transcript
from ossa.assistant.wayback import What
from ossa.assistant.workbench import Workbench

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Reader

ADD = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
MORE = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a + b\n+    return b + a\n"
NEW = "*** Add File: notes.md\n+one\n"
ONE = "*** Update File: pkg/deep/one.py\n@@\n-ONE = 1\n+ONE = 10\n"
TWO = "*** Update File: pkg/deep/two.py\n@@\n-TWO = 2\n+TWO = 20\n"


def later(_: Change) -> Answer:
    return None


async def talk(desk: "Desk", work: Workbench, *prompts: str) -> None:
    for prompt in prompts:
        await desk.play(work.agent.run(prompt))


@pytest.fixture
async def three(desk: "Desk", reader: "type[Reader]") -> Workbench:
    """Three prompts, each with an accept; between them words that are no prompts."""
    script = [desk.patch(ADD), "One.", desk.patch(MORE, NEW), "Two.", desk.patch(ONE), "Three.", "Four."]
    work = desk.open(script, reader(*[desk.take] * 3))
    await talk(desk, work, "first")
    await desk.play(work.agent.test())
    await talk(desk, work, "second")
    await desk.play(work.agent.shell("echo hi"))
    await talk(desk, work, "third")
    return work


def text(desk: "Desk", path: str) -> str:
    place = desk.repo / path
    return place.read_text() if place.exists() else "none"


def asked(work: Workbench) -> list[str]:
    """The prompts that the model knows of."""
    return [m.text.rpartition("\n")[2] for m in work.agent.transcript.messages if m.role == "user"]


def same_when_resumed(work: Workbench) -> bool:
    resumed, timeline = Transcript(work.session.events()), Timeline(work.session.events())
    now = work.agent.transcript
    return (resumed.messages, resumed.note, [p.text for p in timeline.prompts]) == (now.messages, now.note, asked(work))


async def test_undo_and_redo_go_back_and_forth(desk: "Desk", three: Workbench) -> None:
    for _ in range(2):
        assert desk.of(await desk.play(three.agent.undo()), Undone)
    assert "a + b" in text(desk, "calc.py") and text(desk, "notes.md") == "none"
    (redone,) = desk.of(await desk.play(three.agent.redo()), Redone)
    assert set(redone.files) == {"calc.py", "notes.md"} and text(desk, "notes.md") == "one\n"
    assert not three.draft.change()
    await talk(desk, three, "and now?")
    told = desk.seen(three)[-1][-1].text
    assert told.count("took back") == 2 and "made the accept again" in told and "echo hi" not in told
    assert same_when_resumed(three)


async def test_a_redo_without_an_undo_is_a_sentence(desk: "Desk", three: Workbench) -> None:
    events = await desk.play(three.agent.redo())
    assert desk.end(events) == "failed" and "nothing to redo" in desk.of(events, Failure)[0].text


@pytest.mark.parametrize("turns", [1, 2, 3])
async def test_both_are_as_they_were_before_the_prompt(desk: "Desk", three: Workbench, turns: int) -> None:
    events = await desk.play(three.agent.rewind(turns))
    (rewound,) = desk.of(events, Rewound)
    assert desk.end(events) == "answered" and rewound.turns == turns and rewound.conversation
    assert rewound.prompt == ["third", "second", "first"][turns - 1] and len(rewound.checkpoints) == turns
    assert asked(three) == ["first", "second", "third"][: 3 - turns]
    assert text(desk, "pkg/deep/one.py") == "ONE = 1\n"
    assert text(desk, "notes.md") == ("one\n" if turns == 1 else "none")
    assert ("a - b" if turns == 3 else "a + b" if turns == 2 else "b + a") in text(desk, "calc.py").split("def sub")[0]
    assert not three.draft.change() and same_when_resumed(three)
    await desk.play(three.agent.redo())
    assert ("ONE = 10\n" if turns == 1 else "ONE = 1\n") == text(desk, "pkg/deep/one.py")


async def test_files_alone_and_the_model_is_told(desk: "Desk", three: Workbench) -> None:
    (rewound,) = desk.of(await desk.play(three.agent.rewind(2, "files")), Rewound)
    assert set(rewound.files) == {"calc.py", "notes.md", "pkg/deep/one.py"} and not rewound.conversation
    assert "a + b" in text(desk, "calc.py") and asked(three) == ["first", "second", "third"]
    assert "in the last 2 prompts: calc.py, notes.md, pkg/deep/one.py" in three.agent.transcript.note
    assert same_when_resumed(three)
    events = await desk.play(three.agent.rewind(2, "files"))
    assert desk.end(events) == "answered" and any("No file" in e.text for e in desk.of(events, Notice))
    await desk.play(three.agent.rewind(3, "both"))
    assert "a - b" in text(desk, "calc.py").split("def sub")[0] and asked(three) == [] and same_when_resumed(three)


async def test_the_conversation_alone_leaves_the_files(desk: "Desk", three: Workbench) -> None:
    (rewound,) = desk.of(await desk.play(three.agent.rewind(2, "conversation")), Rewound)
    assert rewound.files == () and rewound.checkpoints == () and rewound.conversation
    assert text(desk, "notes.md") == "one\n" and asked(three) == ["first"]
    note = three.agent.transcript.note
    assert "accepted calc.py, line 2" in note and "what was accepted since" in note and "echo hi" not in note
    assert same_when_resumed(three)
    await desk.play(three.agent.rewind(1))
    assert asked(three) == [] and "a - b" in text(desk, "calc.py") and text(desk, "notes.md") == "none"
    assert text(desk, "pkg/deep/one.py") == "ONE = 1\n"
    assert three.agent.transcript.messages == [] and same_when_resumed(three)


async def test_a_resumed_session_goes_back_as_well(desk: "Desk", three: Workbench) -> None:
    three.close()
    again = desk.open(["Again."], resume="latest")
    await desk.play(again.agent.rewind(2))
    assert asked(again) == ["first"] and text(desk, "notes.md") == "none"
    await talk(desk, again, "fourth")
    assert [m.role for m in desk.seen(again)[0]].count("user") == 2 and same_when_resumed(again)


@pytest.mark.parametrize("turns", [0, -1, 4, 1000])
async def test_there_is_no_way_back_by_more_prompts_than_there_are(desk: "Desk", three: Workbench, turns: int) -> None:
    events = await desk.play(three.agent.rewind(turns))
    assert desk.end(events) == "failed" and not desk.of(events, Rewound)
    assert "3 prompts" in desk.of(events, Failure)[0].text
    assert text(desk, "notes.md") == "one\n" and asked(three) == ["first", "second", "third"]


async def test_in_a_new_session_there_is_nothing_to_go_back_by(desk: "Desk") -> None:
    events = await desk.play(desk.open().agent.rewind())
    assert desk.end(events) == "failed" and "no prompt" in desk.of(events, Failure)[0].text


async def test_what_the_person_changed_since_is_in_the_way_and_shown(desk: "Desk", three: Workbench) -> None:
    (desk.repo / "notes.md").write_text("one\nmine\n")
    for events in (await desk.play(three.agent.rewind(2)), await desk.play(three.agent.rewind(3, "files"))):
        assert desk.end(events) == "failed" and not desk.of(events, Rewound)
        (failure,) = desk.of(events, Failure)
        assert "notes.md changed since" in failure.text and "+mine" in failure.diff
    assert asked(three) == ["first", "second", "third"] and "ONE = 10" in text(desk, "pkg/deep/one.py")
    assert desk.of(await desk.play(three.agent.rewind(2, "conversation")), Rewound)


async def test_what_came_into_the_draft_since_goes_and_what_waited_before_stays(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    script = [desk.patch(ADD, ONE), "One.", desk.patch(TWO, NEW), "Two.", "Three."]

    def some(change: Change) -> Answer:
        return [Decision(hunk.id, True) for file, hunk in change.hunks if file.path == "pkg/deep/two.py"]

    work = desk.open(script, reader(later, some))
    await talk(desk, work, "first", "second")
    waiting = [file.path for file in work.draft.change().files]
    assert waiting == ["calc.py", "notes.md", "pkg/deep/one.py"]
    events = await desk.play(work.agent.rewind(1))
    assert [file.path for file in work.draft.change().files] == ["calc.py", "pkg/deep/one.py"]
    assert any("come into the draft since" in e.text for e in desk.of(events, Notice))
    assert text(desk, "pkg/deep/two.py") == "TWO = 2\n"
    await desk.play(work.agent.rewind(1, "conversation"))
    assert work.draft.change()
    assert asked(work) == []


async def test_a_change_that_waits_is_discarded_with_its_prompt(desk: "Desk", reader: "type[Reader]") -> None:
    work = desk.open([desk.patch(ADD), "One.", desk.patch(ADD), "Two."], reader())
    await talk(desk, work, "first")
    await desk.play(work.agent.discard())
    await talk(desk, work, "second")
    assert work.draft.change()
    await desk.play(work.agent.rewind(1, "files"))
    assert not work.draft.change() and "discarded" in work.agent.transcript.note


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01, 0.03])
async def test_esc_does_not_stop_a_rewind_halfway(desk: "Desk", three: Workbench, delay: float) -> None:
    for n in range(50):
        asyncio.get_running_loop().call_later(delay + n / 1000, three.agent.cancel)
    events = await desk.play(three.agent.rewind(3))
    rewound = bool(desk.of(events, Rewound))
    assert desk.end(events) == ("answered" if rewound else "cancelled")
    assert (text(desk, "notes.md"), text(desk, "pkg/deep/one.py"), asked(three)) == (
        ("none", "ONE = 1\n", []) if rewound else ("one\n", "ONE = 10\n", ["first", "second", "third"])
    )


@pytest.mark.parametrize("what", ["files", "conversation", "both"])
async def test_prompts_are_those_to_the_model_alone(desk: "Desk", what: What) -> None:
    work = desk.open(["Hello."])
    await talk(desk, work, "only one")
    for turn in (work.agent.test(), work.agent.undo(), work.agent.redo(), work.agent.discard(), work.agent.review()):
        await desk.play(turn)
    await desk.play(work.agent.commit("no"))
    assert desk.end(await desk.play(work.agent.rewind(2, what))) == "failed"
    assert desk.end(await desk.play(work.agent.rewind(1, what))) == "answered"
    assert asked(work) == (["only one"] if what == "files" else [])
