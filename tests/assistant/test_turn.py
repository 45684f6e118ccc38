"""Any work becomes events that end in TurnFinished, and every one is recorded before it is shown."""

import asyncio

from ossa.assistant.events import End, Event, Failure, Notice, TurnFinished, TurnStarted
from ossa.assistant.turn import Emit, Turns
from ossa.model.base import ModelError


async def test_events_are_recorded_before_they_are_seen() -> None:
    recorded: list[Event] = []

    def record(event: Event) -> str:
        recorded.append(event)
        return ""

    turns = Turns(record)

    async def work(emit: Emit) -> End:
        emit(Notice("one"))
        await asyncio.sleep(0)
        emit(Notice("two"))
        return "answered"

    seen = 0
    async for event in turns.play("hello", work):
        assert event in recorded
        seen += 1
    assert [type(e) for e in recorded] == [TurnStarted, Notice, Notice, TurnFinished]
    assert seen == 4
    assert not turns.busy


async def test_an_expected_error_is_told_as_it_is_and_a_defect_as_one() -> None:
    async def work(_: Emit) -> End:
        raise ModelError("The model is gone. Ask again.")

    async def defect(_: Emit) -> End:
        raise KeyError("x")

    turns = Turns(lambda _: "")
    events = [e async for e in turns.play("a", work)]
    assert Failure("The model is gone. Ask again.") in events
    assert isinstance(events[-1], TurnFinished) and events[-1].end == "failed"
    events = [e async for e in turns.play("b", defect)]
    assert any(isinstance(e, Failure) and "KeyError" in e.text for e in events)
    assert isinstance(events[-1], TurnFinished) and events[-1].end == "failed"


async def test_cancelling_ends_the_turn_and_the_next_one_works() -> None:
    turns = Turns(lambda _: "")
    cleaned: list[str] = []

    async def forever(emit: Emit) -> End:
        emit(Notice("waiting"))
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("yes")
        return "answered"

    ends: list[str] = []
    for _ in range(2):
        async for event in turns.play("a", forever):
            if isinstance(event, Notice):
                turns.cancel()
            if isinstance(event, TurnFinished):
                ends.append(event.end)
    assert ends == ["cancelled", "cancelled"] and cleaned == ["yes", "yes"]


async def test_two_turns_at_once_are_refused() -> None:
    turns = Turns(lambda _: "")
    go_on = asyncio.Event()

    async def wait(emit: Emit) -> End:
        emit(Notice("waiting"))
        await go_on.wait()
        return "answered"

    first = turns.play("a", wait)
    assert isinstance(await anext(first), TurnStarted)
    second = [e async for e in turns.play("b", wait)]
    assert isinstance(second[0], Failure) and "Esc" in second[0].text
    go_on.set()
    assert isinstance([e async for e in first][-1], TurnFinished)


async def test_a_log_that_cannot_be_written_is_told_once_and_the_turn_goes_on() -> None:
    turns = Turns(lambda _: "The disk is full.")

    async def work(emit: Emit) -> End:
        emit(Notice("one"))
        return "answered"

    events = [e async for e in turns.play("a", work)]
    assert events.count(Failure("The disk is full.")) == 1
    assert isinstance(events[-1], TurnFinished) and events[-1].end == "answered"
