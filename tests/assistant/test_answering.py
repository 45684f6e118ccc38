"""An answer whose last words are put otherwise: the tool calls that led to them stay, and are not made again."""

from typing import TYPE_CHECKING

from ossa.assistant.answering import said_before
from ossa.assistant.events import Answering, Composed, Proposed, Spoken, StepFinished, TurnStarted
from ossa.assistant.transcript import Transcript
from ossa.assistant.workbench import Workbench
from ossa.model.base import Message, Text, Thought, ToolCall, Usage

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

ADD = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
LOOK = [Thought("Let me see."), Text("I look."), ToolCall("repo_browser.open_file", '{"path": "calc.py"}')]


def shape(work: Workbench) -> list[str]:
    return [f"{m.role} {len(m.calls)}" for m in work.agent.transcript.messages]


async def test_the_calls_of_an_answer_stay_when_its_last_words_are_put_otherwise(desk: "Desk") -> None:
    work = desk.open([LOOK, desk.patch(ADD), [Thought("Well."), Text("It is worng.")], ", indeed."])
    await desk.play(work.agent.run("mend it"))
    before, said = work.agent.transcript.messages, said_before(work.session.events())
    await desk.play(work.agent.rewind(1, "conversation"))
    assert not work.agent.transcript.messages
    events = await desk.play(work.agent.amend("mend it", said, "It is right"))
    assert shape(work) == ["user 0", "assistant 1", "tool 0", "assistant 1", "tool 0", "assistant 0"]
    now = work.agent.transcript.messages
    assert now[:-1] == before[:-1] and now[-1].text == "It is right, indeed."
    assert [m.text for m in desk.seen(work)[-1]][-5:] == [m.text for m in now[:-1]]  # what the model was shown
    assert len(desk.of(events, Proposed)) == 1 and desk.end(events) == "proposed"  # the change is offered again
    resumed = Transcript(work.session.events())
    assert resumed.messages == now and resumed.read == work.agent.transcript.read
    again = await desk.play(work.agent.rewind(1, "conversation"))
    assert desk.end(again) == "answered" and not work.agent.transcript.messages


async def test_what_followed_the_last_words_is_said_anew(desk: "Desk") -> None:
    work = desk.open([LOOK, [Text("Now I patch."), *desk.patch(ADD)], ""])
    await desk.play(work.agent.run("mend it"))
    said = said_before(work.session.events())
    assert isinstance(said[-1], StepFinished)
    assert [e.message.text for e in said if isinstance(e, Spoken)] == ["I look."]


def test_only_the_last_prompt_that_stands_counts() -> None:
    asked = Composed(Message("user", "one"), (), 9, 99)
    call = Spoken(Message("assistant", "", (ToolCall("a", "{}"),)), Usage())
    called = [call, StepFinished("s", True, "", "", Message("tool", ""))]
    turn = [TurnStarted("one"), asked, *called, Answering("One."), Spoken(Message("assistant", "One."), Usage())]
    assert said_before(turn) == [asked, *called]
    assert said_before([*turn, TurnStarted("/test", True), StepFinished("t", True, "")]) == [asked, *called]
    assert said_before([*turn, TurnStarted("two"), asked, Answering("Two.")]) == []
    assert said_before([]) == [] == said_before([TurnStarted("/test", True)])
