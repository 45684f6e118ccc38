"""The model's process is killed or hangs in the middle of the work: it is said, the chat lives, and it goes on.

`OSSA_SURVIVAL_ROUNDS=20 OSSA_SURVIVAL_SEED=1` kills it at as many more moments, drawn at random.
"""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from ossa.assistant.config import Config
from ossa.assistant.events import Answering, Event, Failure, Notice, TurnFinished
from ossa.assistant.review import Reviewer, Unattended
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model import discover
from ossa.model.base import LanguageModel
from ossa.model.process import LocalModel
from ossa.tests.waiting import LIMIT, freeze, until_async
from ossa.tui.app import OssaApp
from ossa.tui.demo import make_example
from ossa.tui.widgets.line import Line

ROUNDS = int(os.environ.get("OSSA_SURVIVAL_ROUNDS", "0"))
SEED = int(os.environ.get("OSSA_SURVIVAL_SEED", "1"))
BUGGY = "totals.get(entry.purpose) + entry.amount"

Moment = Callable[[Event], bool]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Everything that ossa keeps goes into the test's own folder."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The example with its failing tests."""
    return make_example(tmp_path)


def is_event(*kinds: type[Event]) -> Moment:
    return lambda event: isinstance(event, kinds)


def is_search(event: Event) -> bool:
    """The guided way now reads the functions that may be the cause."""
    return isinstance(event, Notice) and "Looking at" in event.text


def moments() -> Iterator[float]:
    """As many random parts of a whole as are asked for."""
    chance = random.Random(SEED)
    for number in range(ROUNDS):
        print(f"round {number} of seed {SEED}")
        yield chance.random()


@asynccontextmanager
async def bench(root: Path, model: LanguageModel) -> AsyncGenerator[Workbench]:
    def load(_: Config) -> LanguageModel:
        return model

    work = open_workbench(Options(root, seconds=300.0), load, Unattended())
    try:
        yield work
    finally:
        work.agent.cancel()
        await asyncio.to_thread(work.close)


async def played(events: AsyncIterator[Event], when: Moment, do: Callable[[], object]) -> list[Event]:
    """All events of a turn; at the first one that fits, something is done."""
    told: list[Event] = []
    done = False
    async for event in events:
        told.append(event)
        if not done and when(event):
            do()
            done = True
    return told


async def everything(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


def end(told: Sequence[Event]) -> str:
    assert isinstance(told[-1], TurnFinished)
    return told[-1].end


async def answers(work: Workbench) -> None:
    """The next prompt works: the model begins to answer, which is enough."""
    told = await played(work.agent.run("Say hello."), is_event(Answering), work.agent.cancel)
    assert any(isinstance(event, Answering) for event in told), told


def is_asked(model: LocalModel) -> bool:
    """Whether it owes an answer, or the weight of one."""
    return bool(model._link and any(replies.is_answer for replies in model._link._open.values()))


def kill(model: LocalModel) -> None:
    assert model.pid
    os.kill(model.pid, signal.SIGKILL)


async def test_a_killed_model_is_told_of_and_the_next_prompt_loads_it_again(
    project: Path, small_model_file: Path
) -> None:
    model = LocalModel(discover.from_path(small_model_file))
    async with bench(project, model) as work:

        async def kill_when(condition: Callable[[], object]) -> None:
            await until_async(condition)
            kill(model)

        def kill_when_asked() -> None:
            background.append(asyncio.create_task(kill_when(lambda: is_asked(model))))

        question = "Tell me a long story about a fox."
        background = [asyncio.create_task(kill_when(lambda: model.pid))]
        told = {"while it loads": await everything(work.agent.run(question))}
        told["while it writes"] = await played(work.agent.run(question), is_event(Answering), partial(kill, model))
        told["while it weighs"] = await played(work.agent.fix(), is_search, kill_when_asked)
        for name, events in told.items():
            failures = [event.text for event in events if isinstance(event, Failure)]
            assert end(events) == "failed" and len(failures) == 1, name
            assert "was killed" in failures[0] and "next prompt loads it again" in failures[0], name
        await answers(work)
        kill(model)
        await until_async(lambda: not model.pid)
        await answers(work)
        assert len([event for event in work.session.events() if isinstance(event, TurnFinished)]) == 5


@pytest.mark.timeout(600 + 60 * ROUNDS)
@pytest.mark.skipif(not ROUNDS, reason="random moments are tried when OSSA_SURVIVAL_ROUNDS says how many")
async def test_a_model_killed_at_any_moment_of_a_repair(project: Path, small_model_file: Path) -> None:
    model = LocalModel(discover.from_path(small_model_file))
    async with bench(project, model) as work:
        for number, part in enumerate(moments()):
            asyncio.get_running_loop().call_later(part * 10, lambda: kill(model) if model.pid else None)
            told = await everything(work.agent.run("Tell me about foxes.") if number % 3 == 0 else work.agent.fix())
            failures = [event.text for event in told if isinstance(event, Failure)]
            print(f"killed at {part * 10:.2f} s: {end(told)} {failures}")
            assert end(told) in ("failed", "proposed", "answered") and len(failures) == (end(told) == "failed")
            assert all("next prompt loads it again" in text for text in failures)
            assert BUGGY in (project / "pocket/book.py").read_text()
            await everything(work.agent.discard())


async def test_a_model_that_hangs_can_be_cancelled_and_the_next_prompt_works(
    project: Path, small_model_file: Path
) -> None:
    model = LocalModel(discover.from_path(small_model_file))
    async with bench(project, model) as work:
        await asyncio.to_thread(model.start)
        hung = model.pid

        async def hang() -> None:
            freeze(hung)
            await until_async(lambda: is_asked(model))
            work.agent.cancel()

        hanging: list[asyncio.Task[None]] = []
        told = await played(work.agent.fix(), is_search, lambda: hanging.append(asyncio.create_task(hang())))
        assert end(told) == "cancelled"
        await answers(work)
        assert model.pid not in (0, hung)


async def test_the_window_outlives_its_model(project: Path, small_model_file: Path) -> None:
    model = LocalModel(discover.from_path(small_model_file))

    def load(_: Config) -> LanguageModel:
        return model

    def open_it(reviewer: Reviewer) -> Workbench:
        return open_workbench(Options(project), load, reviewer)

    app = OssaApp(project, open_it)
    async with app.run_test(size=(120, 40)) as pilot:

        async def ask(text: str) -> None:
            app.window.prompt.focus()
            app.window.prompt.text = text
            await pilot.press("enter")

        async def shown(condition: Callable[[], object]) -> None:
            limit = time.monotonic() + LIMIT
            while not condition():
                assert time.monotonic() < limit
                await pilot.pause(0.01)

        def said(kind: str) -> list[str]:
            return [str(line.render()) for line in app.query(Line) if line.has_class(kind)]

        await shown(lambda: model.pid)
        kill(model)
        await shown(lambda: app.window.status.state == "no model")
        assert "was killed" in said("-failure")[0]
        for failures in (2, 3):
            await ask("Tell me a long story about a crow.")
            await shown(lambda: app.query("Answer"))
            kill(model)
            await shown(lambda n=failures: len(said("-failure")) == n and app.window.status.state != "working")
            assert len(said("-prompt")) == failures - 1
        await app.run_action("quit")
    assert model.pid == 0
