"""A real repository and a window over it, whose agent plays scripted events and asks as the real one does."""

import asyncio
import subprocess
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import pytest
from textual.pilot import Pilot

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.context.ledger import Ledger
from ossa.assistant.context.parts import Action, Part
from ossa.assistant.draft import Isolation
from ossa.assistant.events import (
    Adjusted,
    Committed,
    End,
    Event,
    Failure,
    Proposed,
    Ran,
    Redone,
    Reviewed,
    Rewound,
    StepFinished,
    StepStarted,
    TurnFinished,
    TurnStarted,
    Undone,
)
from ossa.assistant.repository import Repository
from ossa.assistant.review import Answer, Choose, Decision, HunkEdit, Reroll, Reviewer
from ossa.assistant.session import Session
from ossa.assistant.transcript import Transcript
from ossa.assistant.verdict import Verdict
from ossa.assistant.watch import Watcher
from ossa.model.scripted import ScriptedModel
from ossa.tests.waiting import LIMIT
from ossa.tui.app import OssaApp

if TYPE_CHECKING:
    from ossa.assistant.workbench import Workbench

Script: TypeAlias = Sequence[Event | asyncio.Event]
"""What a turn tells; an `asyncio.Event` in it is waited for."""

CALC = "def add(a, b):\n    return a - b\n\n\ndef half(a):\n    return a\n"
CHANGE = Change(
    (
        FileChange(
            "calc.py",
            "modified",
            (
                Hunk("h1", 1, ("    return a - b\n",), ("    return a + b\n",), ("def add(a, b):\n",), ("\n", "\n")),
                Hunk("h2", 5, ("    return a\n",), ("    return a / 2\n",), ("def half(a):\n",)),
            ),
        ),
        FileChange("notes.md", "added", (Hunk("h3", 0, (), ("# [bold]Notes[/bold]\n",)),)),
    )
)
VERDICT = Verdict("pytest", 2, 2, fixed=("test_calc.py::test_add",))


@dataclass
class ScriptedAgent:
    """Plays one script after the other; a `Proposed` in it is put to the reviewer.

    After a `HunkEdit`, `Reroll` or `Choose` the script goes on, and so does the turn, with its next `Proposed`.
    """

    reviewer: Reviewer
    scripts: list[Script]
    asked: list[str] = field(default_factory=list[str])
    decisions: list[Sequence[Decision] | None] = field(default_factory=list[Sequence[Decision] | None])
    answers: list[Answer] = field(default_factory=list[Answer])
    hurried: int = 0
    """How often it was told to come to its answer."""
    adjusted: list[tuple[str, str, int]] = field(default_factory=list[tuple[str, str, int]])
    """What was asked of which part of the context."""
    refuses: str = ""
    """Why it does not."""
    back_fails: str = ""
    """Why there is no way back."""
    begun: list[str] = field(default_factory=list[str])
    """With what answers were to begin."""
    viewing: str = ""
    cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    transcript: Transcript = field(default_factory=Transcript)
    """Sees what was adjusted."""

    def run(self, prompt: str, attached: Sequence[object] = (), begin: str = "") -> AsyncIterator[Event]:
        self.begun += [begin] if begin else []
        return self._play(prompt, self.scripts.pop(0) if self.scripts else ())

    def fix(self, hint: str = "") -> AsyncIterator[Event]:
        return self.run(f"/fix {hint}".strip())

    def test(self) -> AsyncIterator[Event]:
        return self.run("/test")

    def review(self) -> AsyncIterator[Event]:
        return self.run("/review")

    def redo(self) -> AsyncIterator[Event]:
        return self._play("/redo", [Redone(("calc.py",), "c1")], command=True)

    def rewind(self, turns: int, what: str) -> AsyncIterator[Event]:
        if self.back_fails:
            return self._play(f"/rewind {turns} {what}", [Failure(self.back_fails)], command=True, end="failed")
        back = Rewound(turns, ("calc.py",), ("c1",), what != "files", "mend it")
        return self._play(f"/rewind {turns} {what}", [back], command=True)

    def commit(self, message: str) -> AsyncIterator[Event]:
        committed = Committed("abc1234567", message or "Add adds\n\nMore.", ("calc.py",))
        return self._play(f"/commit {message}".strip(), [committed], command=True)

    def shell(self, line: str) -> AsyncIterator[Event]:
        ran: Script = [
            StepStarted("shell", f"! {line}"),
            StepFinished("shell", True, "exit 0", "out"),
            Ran(line, 0, "out"),
        ]
        return self._play(f"!{line}", ran, command=True)

    def undo(self) -> AsyncIterator[Event]:
        return self._play("/undo", [Undone(("calc.py",), "c1")], command=True)

    def discard(self) -> AsyncIterator[Event]:
        return self.run("/discard")

    def preview(self, prompt: str) -> Ledger:
        return Ledger((Part("prompt", len(prompt), "new", "prompt"),), len(prompt), 8192, 2048, len(prompt))

    def adjust(self, action: Action, part: str, limit: int = 0) -> AsyncIterator[Event]:
        self.adjusted.append((action, part, limit))
        self.transcript.see(Adjusted(part, action, limit))
        adjusted: Script = [Failure(self.refuses)] if self.refuses else [Adjusted(part, action, limit)]
        return self._play(f"/{action} {part}", adjusted, command=True)

    def answer_now(self) -> None:
        self.hurried += 1

    def cancel(self) -> None:
        self.cancelled.set()

    async def _play(
        self, prompt: str, script: Script, *, command: bool = False, end: End = "answered"
    ) -> AsyncIterator[Event]:
        self.asked.append(prompt)
        self.cancelled.clear()
        yield TurnStarted(prompt, command)
        for event in script:
            if isinstance(event, asyncio.Event):
                waiting = {asyncio.ensure_future(event.wait()), asyncio.ensure_future(self.cancelled.wait())}
                _, pending = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                for task in pending:
                    task.cancel()
                if self.cancelled.is_set():
                    end = "cancelled"
                    break
                continue
            yield event
            if isinstance(event, Proposed):
                decided = await self.reviewer.review(event.change, event.verdict, event.alternatives)
                self.answers.append(decided)
                if isinstance(decided, HunkEdit | Reroll | Choose):
                    continue
                self.decisions.append(decided)
                end = "proposed"
                if decided is not None:
                    accepted = any(decision.accepted for decision in decided)
                    end = "applied" if accepted else "rejected"
                    yield Reviewed(tuple(decided), ("calc.py",) * accepted, "c1" * accepted)
        yield TurnFinished(end, 0.1)


@dataclass
class Stage:
    """A running window, and what it plays with."""

    app: OssaApp
    pilot: Pilot[Any]
    agent: ScriptedAgent = field(init=False)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def until(self, met: Callable[[], object], what: str = "") -> None:
        """Wait for a condition."""
        end = time.monotonic() + LIMIT
        while not met():
            assert time.monotonic() < end, f"{what or met} did not come; on the screen:\n{self.text}"
            await self.pilot.pause(0.01)

    async def shows(self, text: str) -> None:
        """Wait until a text is on the screen."""
        await self.until(lambda: text in self.text, repr(text))

    async def send(self, prompt: str) -> None:
        """Type a prompt and send it."""
        self.app.window.prompt.focus()
        self.app.window.prompt.text = prompt
        await self.pilot.press("enter")

    async def review(self) -> None:
        """Wait until keys may decide on a change."""
        change = self.app.window.change
        await self.until(lambda: change.phase == "reviewing" and change.armed and change.has_focus, "the review")


Open: TypeAlias = "Callable[..., AbstractAsyncContextManager[Stage]]"
MakeStage: TypeAlias = "Callable[..., AbstractAsyncContextManager[Stage]]"


@asynccontextmanager
async def staged(app: OssaApp, size: tuple[int, int] = (120, 40)) -> AsyncGenerator[Stage]:
    """Run a window until everything in it has started."""
    async with app.run_test(size=size, notifications=True) as pilot:
        cast("Any", pilot)._wait_for_screen = partial(pilot._wait_for_screen, LIMIT)  # Textual's own is 30 seconds
        stage = Stage(app, pilot)
        await stage.until(lambda: app.window.status.state in ("ready", "not started"), "the start")
        yield stage


@pytest.fixture
def make_stage() -> MakeStage:
    """Runs any window: `async with make_stage(app) as stage`."""
    return staged


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a clean, a modified, an untracked and an ignored file."""
    root = tmp_path / "calc"
    (root / "lib").mkdir(parents=True)
    (root / "build").mkdir()
    (root / "calc.py").write_text(CALC)
    (root / "lib/deep.py").write_text("x = 1\n")
    (root / "build/out.o").write_text("0")
    (root / ".gitignore").write_text("build/\n")
    git = ["git", "-C", str(root), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q", "-b", "trunk"], ["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True)
    (root / "lib/deep.py").write_text("x = 2\n")
    (root / "new.txt").write_text("new\n")
    return root


@pytest.fixture
def proposed() -> Proposed:
    """A change of three hunks in two files, which the tests have proved."""
    return Proposed(CHANGE, VERDICT)


@pytest.fixture
def open_window(repository: Path) -> Open:
    """Opens a window over the repository: `async with open_window(script, …, size=…, history=…) as stage`.

    `holds` is the change that its draft holds all the time.
    """

    @asynccontextmanager
    async def opened(
        *scripts: Script,
        size: tuple[int, int] = (120, 40),
        history: Sequence[Event] = (),
        failure: Exception | None = None,
        holds: Change | None = None,
        config_folder: Path | None = None,
    ) -> AsyncGenerator[Stage]:
        agents: list[ScriptedAgent] = []

        def open_workbench(reviewer: Reviewer) -> "Workbench":
            agents.append(ScriptedAgent(reviewer, list(scripts)))
            if failure is not None:
                raise failure
            return cast("Workbench", Bench(repository, agents[0], tuple(history), holds or Change()))

        async with staged(OssaApp(repository, open_workbench, "", config_folder), size) as stage:
            stage.agent = agents[0]
            yield stage

    return opened


class Bench:
    """A workbench of real and scripted parts."""

    def __init__(self, root: Path, agent: ScriptedAgent, history: tuple[Event, ...], holds: Change) -> None:
        self.root, self.agent, self.history = root, agent, history
        self.repository = Repository.open(root)
        self.finder = Unread()
        self.watcher = Watcher(root)
        self.model = ScriptedModel()
        self.draft = Drafted(holds)
        self.session = Session.create(root.parent / "sessions", root, "scripted")
        self.notices = ()
        self.tests = None
        self.closed = False

    def close(self) -> None:
        self.closed = True


class Unread:
    """A finder, and its index, that have read nothing, or so many files."""

    problem = ""
    progress: tuple[int, int] = (0, 0)

    @property
    def index(self) -> "Unread":
        return self

    def start(self) -> "Unread":
        return self

    def settle(self, seconds: float) -> bool:
        return self.progress[0] == self.progress[1]

    def generation(self) -> int:
        return 0

    def names(self) -> list[str]:
        return []


class Drafted:
    isolation = Isolation("overlay", True, "confined by bubblewrap")

    def __init__(self, holds: Change) -> None:
        self.holds = holds
        self.files: dict[str, bytes] = {}

    def change(self) -> Change:
        return self.holds

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)
