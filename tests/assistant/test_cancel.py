"""Esc at any moment ends the turn at once, the draft is as the last step left it, and the files are untouched.

`OSSA_SURVIVAL_ROUNDS=20 OSSA_SURVIVAL_SEED=1` presses it at as many more moments, drawn at random.
"""

import asyncio
import json
import os
import random
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import contextmanager
from itertools import chain, repeat
from pathlib import Path

import pytest

from ossa.assistant.events import (
    Attempt,
    Event,
    Failure,
    StepFinished,
    StepOutput,
    StepStarted,
    TurnFinished,
    TurnStarted,
)
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Piece, Text, ToolCall, Weighed
from ossa.model.scripted import Answer, ScriptedModel
from ossa.tests.waiting import LIMIT

ROUNDS = int(os.environ.get("OSSA_SURVIVAL_ROUNDS", "0"))
SEED = int(os.environ.get("OSSA_SURVIVAL_SEED", "1"))
SECONDS_TO_CANCEL = 2.0
"""Where it is pressed at random moments, which is tried by hand only."""
PATCH = "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End Patch"


@contextmanager
def bench(repo: Path, model: ScriptedModel) -> Generator[Workbench]:
    work = open_workbench(Options(repo, seconds=300), lambda _: model, Unattended())
    yield work
    work.close()


def exec_call(line: str) -> ToolCall:
    return ToolCall("container.exec", json.dumps({"cmd": line, "timeout": 60}))


def patch_call() -> ToolCall:
    return ToolCall("repo_browser.apply_patch", json.dumps({"patch": PATCH}))


def busy_turn(nap: float = 900) -> list[Answer | str]:
    """Edits, commands that print, leave files and wait so many seconds, and words."""
    first: list[Piece] = [patch_call(), exec_call(f"echo one > one.txt; echo ready; sleep {nap}; echo two > two.txt")]
    return [
        first,
        [exec_call(f"rm calc.py; git checkout -q -- calc.py; sleep {nap}")],
        [Text("Done. ") for _ in range(20)],
    ]


async def cancelled(work: Workbench, events: AsyncIterator[Event], when: Callable[[Event], bool] | float) -> float:
    """Cancel a turn at an event, or so many seconds after its start; how long it took to end."""
    pressed = [time.monotonic() + 1e6]
    pressing: list[asyncio.TimerHandle] = []

    def press() -> None:
        pressed[0] = time.monotonic()
        work.agent.cancel()
        work.agent.cancel()  # people press Esc twice

    told: list[Event] = []
    async for event in events:
        if isinstance(when, float) and isinstance(event, TurnStarted):
            pressing.append(asyncio.get_running_loop().call_later(when, press))
        elif callable(when) and pressed[0] > time.monotonic() and when(event):
            press()
        told.append(event)
    for handle in pressing:
        handle.cancel()
    assert isinstance(told[-1], TurnFinished)
    assert told[-1].end == "cancelled" or isinstance(when, float)
    return max(0.0, time.monotonic() - pressed[0])


async def goes_on(work: Workbench) -> None:
    """The draft is at rest and whole: it can be read, written, run in and thrown away, and the next turn works."""
    async with asyncio.timeout(LIMIT):
        work.draft.write("probe.txt", b"x")
        assert "probe.txt" in [file.path for file in work.draft.change().files]
        events = [event async for event in work.agent.discard()]
        assert isinstance(events[-1], TurnFinished) and events[-1].end == "answered"
        assert not work.draft.change()


@pytest.mark.parametrize("kind", [TurnStarted, StepStarted, StepFinished, StepOutput])
async def test_a_turn_with_tools(kind: type[Event], repo: Path, fingerprint: Callable[..., str]) -> None:
    before = fingerprint(repo)
    with bench(repo, ScriptedModel(busy_turn())) as work:
        await cancelled(work, work.agent.run("mend it"), lambda event: isinstance(event, kind))
        left = {file.path for file in work.draft.change().files}
        assert left == (set() if kind is TurnStarted else left & {"calc.py", "one.txt"})
        await goes_on(work)
    assert fingerprint(repo) == before


def guesses(answer: str) -> tuple[Weighed, ...]:
    """A model that has many ideas, none of them right."""
    at = answer.index(" - b")
    others = tuple((f" {word}", -float(rank)) for rank, word in enumerate(("%", "*", "//", "**", "<", ">", "==")))
    return (Weighed(at, at + 2, -40.0, others),)


def slow_tests(repo: Path) -> None:
    """Tests that take long enough for Esc to come while a candidate is tried."""
    (repo / "conftest.py").write_text("import time\n\ntime.sleep(0.3)\n")


async def test_a_candidate_on_trial_does_not_stay(repo: Path, fingerprint: Callable[..., str]) -> None:
    slow_tests(repo)
    (repo / "tests/test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == ''\n")
    before = fingerprint(repo)
    model = ScriptedModel(repeat("0"), calls_tools=False)
    model.weights = guesses
    with bench(repo, model) as work:
        await cancelled(work, work.agent.fix(), lambda event: isinstance(event, Attempt))
        assert not work.draft.change()
        await goes_on(work)
    assert fingerprint(repo) == before


@pytest.mark.timeout(600 + 20 * ROUNDS)
@pytest.mark.skipif(not ROUNDS, reason="random moments are tried when OSSA_SURVIVAL_ROUNDS says how many")
async def test_at_any_moment(repo: Path, fingerprint: Callable[..., str]) -> None:
    slow_tests(repo)
    before, chance, longest = fingerprint(repo), random.Random(SEED), 0.0
    for number in range(ROUNDS):
        at, guided = chance.uniform(0, 3), number % 2 == 1
        model = ScriptedModel(repeat("0") if guided else busy_turn(0.3), calls_tools=not guided)
        model.weights = guesses
        with bench(repo, model) as work:
            took = await cancelled(work, work.agent.fix() if guided else work.agent.run("mend it"), at)
            longest = max(took, longest)
            assert took < SECONDS_TO_CANCEL, (number, at)
            assert not (guided and work.draft.change()), (number, at)
            await goes_on(work)
        assert fingerprint(repo) == before, (number, at)
    print(f"{ROUNDS} rounds of seed {SEED}: the slowest took {longest:.2f} s")


GIT = [
    "add -A",
    "commit -qm x",
    "stash -q",
    "checkout -q -b other",
    "branch -D main",
    "gc -q",
    "config a.b c",
    "rm -q run.sh",
]
WRITING_TEST = """\
from pathlib import Path


def test_writes():
    Path("calc.py").write_text("gone")
    Path("made/by").mkdir(parents=True)
    Path("run.sh").unlink()
"""
HARM = [
    "echo x >> calc.py; touch -d 2001-01-01 pkg/__init__.py",
    "rm -rf pkg tests; mkdir pkg; ln -s /etc pkg/deep",
    "chmod -R a-w,u+x . ; chmod 000 run.sh; chmod u+rwx . ; mv link.py other.py",
    *(f"echo {number} > new{number}.txt; git {command}" for number, command in enumerate(GIT)),
    "rm -rf .git; git init -q .",
]


def times(root: Path) -> dict[Path, int]:
    """When each folder was last changed."""
    return {path: path.stat().st_mtime_ns for path in (root, *root.rglob("*")) if path.is_dir()}


async def test_whatever_a_turn_does_the_working_tree_is_the_same_to_the_byte(
    repo: Path, git: Callable[..., str], fingerprint: Callable[..., str]
) -> None:
    (repo / "tests" / "test_writes.py").write_text(WRITING_TEST)
    (repo / "calc.py").write_text("def add(a, b):\n    return a - b  # mine\n")
    git("add", "calc.py")
    os.utime(repo / "pkg" / "__init__.py")  # so that git would like to refresh its index
    before, folders = fingerprint(repo), times(repo)
    harm: list[Answer | str] = [[exec_call(line)] for line in HARM]
    with bench(repo, ScriptedModel(chain(harm, repeat("Done.")))) as work:
        events = [event async for event in work.agent.run("do your worst")]
        assert len([event for event in events if isinstance(event, StepFinished) and event.result]) == len(HARM)
        assert {file.path for file in work.draft.change().files} >= {"calc.py", "tests/test_calc.py", "new0.txt"}
        assert fingerprint(repo) == before
        for turn in (work.agent.test(), work.agent.discard(), work.agent.test(), work.agent.run("and now?")):
            events = [event async for event in turn]
            assert not [event for event in events if isinstance(event, Failure)]
            assert fingerprint(repo) == before
    assert times(repo) == folders
    git("fsck", "--strict")
