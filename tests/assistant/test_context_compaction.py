"""A full window is made to fit step by step; the person's words stay, nothing is lost, and all of it is said."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ossa.assistant.events import Compacted, Composed, Event, Notice, TurnFinished
from ossa.assistant.review import Unattended
from ossa.assistant.transcript import Transcript, view
from ossa.assistant.trim import essence
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Finished, Message, ModelError, Piece, Text, ToolCall, ToolSpec, Usage
from ossa.model.scripted import Answer, ScriptedModel
from ossa.tests.waiting import LIMIT

WINDOW = 3_000
WORDS = [f"The person says {word} in so many words." for word in ("one", "two", "three", "four", "five", "six")]


def opens(path: str, first: int = 1, last: int = 400) -> list[Piece]:
    return [ToolCall("repo_browser.open_file", json.dumps({"path": path, "line_start": first, "line_end": last}))]


def runs(command: str) -> list[Piece]:
    return [ToolCall("container.exec", json.dumps({"cmd": command}))]


@pytest.fixture
def start(repo: Path) -> Iterator[Callable[[ScriptedModel], Workbench]]:
    """Opens a workbench for a model."""
    opened: list[Workbench] = []

    def make(model: ScriptedModel, resume: str = "") -> Workbench:
        if opened and resume:
            opened.pop().close()
        opened.append(open_workbench(Options(repo, test="true", resume=resume), lambda _: model, Unattended()))
        return opened[-1]

    yield make
    for work in opened:
        work.close()


async def play(work: Workbench, prompt: str) -> list[Event]:
    return [event async for event in work.agent.run(prompt)]


def told(events: list[Event]) -> str:
    return " ".join(event.text for event in events if isinstance(event, Notice))


def fits(model: ScriptedModel) -> bool:
    return all(model.count(seen) <= WINDOW for seen in model.seen)


async def test_a_file_that_is_shown_again_gives_way_first(start: Callable[..., Workbench], repo: Path) -> None:
    (repo / "big.txt").write_text("ten words a line and a hundred lines of it here\n" * 130)
    model = ScriptedModel([opens("big.txt", 1, 90), opens("big.txt"), "Read."], window=WINDOW)
    events = await play(start(model), "read it")
    assert "1 file left out, as shown again later" in told(events) and "shortened" not in told(events)
    first, second = (m.text for m in model.seen[-1] if m.role == "tool")
    assert first == "(big.txt was shown here; it is shown again below.)" and second.count("\n") == 129


async def test_reasoning_of_earlier_turns_goes_before_anything_that_was_said(start: Callable[..., Workbench]) -> None:
    class Reasons(ScriptedModel):
        def count(self, messages: object, *, tools: object = ()) -> int:
            assert isinstance(messages, list | tuple)
            return super().count(messages) + sum(len(m.tokens) for m in messages if isinstance(m, Message))

    def thought(text: str) -> Answer:
        return [Finished("stop", Message("assistant", text, tokens=tuple(range(900))), Usage())]

    model = Reasons([thought("One."), thought("Two."), thought("Three."), thought("Four.")], window=WINDOW)
    work = start(model)
    notices = [told(await play(work, prompt)) for prompt in WORDS[:4]]
    assert "the reasoning of 2 earlier answers left out" in "".join(notices)
    assert [m.text for m in model.seen[-1] if m.role == "assistant"] == ["One.", "Two.", "Three."]


async def test_what_matters_of_a_result_stays(start: Callable[..., Workbench], repo: Path) -> None:
    noise = "\n".join(f"compiling module number {n} without any trouble at all" for n in range(80))
    (repo / "noise.txt").write_text(f"{noise}\nsrc/a.c:7: error: no such thing\n{noise}\nmake: stopped\n")
    model = ScriptedModel([runs("cat noise.txt"), "So.", "And so."], window=WINDOW)
    work = start(model)
    await play(work, "make it")
    events = await play(work, "word " * 1_400)
    assert "1 old tool result shortened" in told(events)
    (result,) = (m.text for m in model.seen[-1] if m.role == "tool")
    assert "src/a.c:7: error" in result and "make: stopped" in result and "characters left out" in result


async def test_the_persons_words_and_instructions_stay(start: Callable[..., Workbench], repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind to every reader.\n")
    answers: list[Answer | str] = [f"{n} " * 700 for n in range(5)]
    summary = "What was done: five answers."
    model = ScriptedModel([*answers[:3], summary, *answers[3:], summary, "Last."], window=WINDOW)
    work = start(model)
    events = [event for prompt in WORDS for event in await play(work, prompt)]
    assert "earlier answers and tool results summed up" in told(events) and fits(model)
    shown = [m.text for m in model.seen[-1]]
    assert "Be kind to every reader." in shown[1]
    for word in WORDS:
        assert sum(text.endswith(word) for text in shown) == 1
    assert summary in shown
    whole = Transcript(work.session.events())
    assert whole.messages == work.agent.transcript.messages and whole.replaced == work.agent.transcript.replaced
    assert [m.text for m in whole.messages if m.role == "assistant"][:5] == answers


async def test_a_resumed_session_is_compacted_as_the_running_one(start: Callable[..., Workbench]) -> None:
    model = ScriptedModel([*(f"{n} " * 900 for n in range(3)), "Sum.", "x", "y"], window=WINDOW)
    work = start(model)
    for prompt in WORDS[:4]:
        await play(work, prompt)
    running = work.agent.preview("and?")
    again = start(ScriptedModel(window=WINDOW), resume="latest")
    assert again.agent.preview("and?") == running


async def test_without_a_summary_answers_go_and_it_is_said(start: Callable[..., Workbench]) -> None:
    script: list[Answer | str] = [*(f"{n} " * 900 for n in range(3)), ModelError("It is tired."), "ok"]
    model = ScriptedModel(script, window=WINDOW)
    work = start(model)
    events = [event for prompt in WORDS[:4] for event in await play(work, prompt)]
    assert "left out, tool results included" in told(events)
    shown = [m.text for m in model.seen[-1]]
    assert all(any(text.endswith(word) for text in shown) for word in WORDS[:4])


async def test_whole_turns_go_last_of_all(start: Callable[..., Workbench]) -> None:
    model = ScriptedModel(["ok"] * 5, window=WINDOW)
    work = start(model)
    events = [event for n in range(4) for event in await play(work, f"{n} " * 800)]
    assert "old turn left out" in told(events) and fits(model)


async def test_esc_ends_a_summary_too(start: Callable[..., Workbench]) -> None:
    never, asked = threading.Event(), threading.Event()

    class Watched(ScriptedModel):
        def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
            if len(self.seen) == 3:
                asked.set()
            return super().count(messages, tools=tools)

    script: list[Answer | str] = [*(f"{n} " * 900 for n in range(2)), [never, Text("Sum.")], "ok"]
    model = Watched(script, window=WINDOW)
    work = start(model)
    for prompt in WORDS[:2]:
        await play(work, prompt)
    turn = asyncio.ensure_future(play(work, WORDS[2]))
    async with asyncio.timeout(LIMIT):
        assert await asyncio.to_thread(asked.wait, LIMIT)
        work.agent.cancel()
        events = await turn
    assert isinstance(events[-1], TurnFinished) and events[-1].end == "cancelled"
    assert not work.agent.transcript.replaced


async def test_what_the_person_keeps_stays_also_where_whole_turns_go(start: Callable[..., Workbench]) -> None:
    model = ScriptedModel(["ok"] * 5, window=WINDOW)
    work = start(model)
    await play(work, f"keep {'0 ' * 800}")
    _ = [event async for event in work.agent.adjust("pin", "m0")]
    for n in range(1, 4):
        await play(work, f"{n} " * 800)
    assert any("keep" in m.text for m in model.seen[-1]) and fits(model)


async def test_a_long_agents_file_is_cut_and_it_is_said_once(start: Callable[..., Workbench], repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Rule.\n" * 4_000)
    work = start(ScriptedModel(["ok", "ok"], window=20_000))
    assert "AGENTS.md is long" in told(await play(work, "one")) and not told(await play(work, "two"))


async def test_what_went_can_be_seen_and_brought_back(start: Callable[..., Workbench]) -> None:
    model = ScriptedModel([*(f"{n} " * 900 for n in range(3)), "Sum.", "x", "y", "z"], window=WINDOW)
    work = start(model)
    for prompt in WORDS[:4]:
        await play(work, prompt)
    gone = [part for part in work.agent.preview("and?").parts if part.state == "summed up"]
    assert gone and gone[0].saved > 0
    events = [event async for event in work.agent.adjust("restore", gone[0].id)]
    (compacted,) = [event for event in events if isinstance(event, Compacted)]
    assert all(change.part != gone[0].id for change in compacted.replaced)
    number = int(gone[0].id[1:])
    assert work.agent.transcript.messages[number].text in [m.text for m in view_of(work)]
    assert not [
        part for part in work.agent.preview("and?").parts if part.id == gone[0].id and part.state == "summed up"
    ]


def view_of(work: Workbench) -> list[Message]:
    transcript = work.agent.transcript
    return [message for _, message in view(transcript.entries, transcript.replaced)]


async def test_a_full_window_is_made_so_empty_that_the_next_turns_read_on(start: Callable[..., Workbench]) -> None:
    model = ScriptedModel([runs(f"seq {n} {n + 400}") if n % 2 else f"Seen {n}." for n in range(1, 40)], window=WINDOW)
    work = start(model)
    compacted = 0
    for n in range(16):
        events = await play(work, f"{n}, please")
        compacted += any(isinstance(event, Compacted) for event in events)
        composed = next(event for event in events if isinstance(event, Composed))
        assert composed.total <= WINDOW
    assert 0 < compacted < 8 and fits(model)


def test_the_essence_of_a_text_is_what_tells_of_trouble() -> None:
    lines = [f"line {n} of nothing" for n in range(100)]
    lines[50] = "E   assert 1 == 2"
    text = essence("\n".join(lines), 300)
    assert "assert 1 == 2" in text and text.startswith("line 0") and text.endswith("line 99 of nothing")
    assert essence("short", 300) == "short"
    assert len(essence("x" * 9_000, 300)) < 400 and len(essence("error\n" * 9_000, 300)) < 400
