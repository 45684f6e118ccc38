"""The reasoning can be ended: now, by the person, or after a number of tokens that is set."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant import paths
from ossa.assistant.events import Answering, Event, Spoken, Thinking
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Sampling, Text, Thought, ToolCall
from ossa.model.constraints import Constraint
from ossa.model.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

LONG = [Thought("Well. "), threading.Event(), Thought("On the other hand. "), Text("42.")]


async def test_the_model_answers_when_it_is_told_to(desk: "Desk") -> None:
    call = [Thought("Look. "), ToolCall("exec", '{"cmd": "true"}')]
    work = desk.open([LONG, call, LONG, "Late."])
    events: list[Event] = []
    for _ in range(2):
        events.clear()
        async for event in work.agent.run("why?"):
            events.append(event)
            if isinstance(event, Thinking) and event.text == "Well. ":
                work.agent.answer_now()
        thoughts = [e.text for e in desk.of(events, Thinking)]
        assert "On the other hand. " not in thoughts and thoughts[-1] == "Well. "
        assert [e.text for e in desk.of(events, Answering)] == ["42."] and desk.end(events) == "answered"
    assert desk.of(events, Spoken)[-1].message.text == "42."


async def test_to_want_the_answer_when_there_is_none_on_its_way_does_nothing(desk: "Desk") -> None:
    work = desk.open(["One.", [Thought("Well. "), Text("Two.")]])
    work.agent.answer_now()
    assert desk.end(await desk.play(work.agent.run("one?"))) == "answered"
    work.agent.answer_now()
    events = await desk.play(work.agent.run("two?"))
    assert [e.text for e in desk.of(events, Thinking)] == ["Well. "], "an answer that is over is not the next one"


@pytest.mark.parametrize(
    ("configured", "asked", "budget"), [(0, None, None), (900, None, 900), (900, 50, 50), (900, 0, None)]
)
async def test_the_budget_of_reasoning_reaches_the_model(
    repo: Path, desk: "Desk", configured: int, asked: int | None, budget: int | None
) -> None:
    paths.config_dir().mkdir(parents=True, exist_ok=True)
    (paths.config_dir() / "config.toml").write_text(f"thinking = {configured}\n")
    model = ScriptedModel(["So."])
    work = open_workbench(Options(repo, test="true", thinking=asked), lambda _: model, Unattended())
    desk.opened.append(work)
    assert work.config.problems == ()
    await desk.play(work.agent.run("why?"))
    assert model.samplings == [replace(Sampling(temperature=1.0), thinking=budget, constraint=Constraint())]


@pytest.mark.parametrize("calls_tools", [True, False])
async def test_a_model_with_tools_is_held_to_calls_of_them(desk: "Desk", calls_tools: bool) -> None:
    work = desk.open(["Hi."], calls_tools=calls_tools)
    assert isinstance(work.model, ScriptedModel)
    assert desk.end(await desk.play(work.agent.run("hello"))) == "answered"
    assert [sampling.constraint for sampling in work.model.samplings] == [Constraint() if calls_tools else None]
