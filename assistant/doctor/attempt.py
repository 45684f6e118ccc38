"""One attempt to get out of a draft: a probe that runs inside, and how it is seen from outside whether it got out.

Attempt.probe ─► python in the draft ─► Completed + Stage ─► Attempt.escaped() ─► Outcome
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from ossa.assistant.doctor.stage import Stage
from ossa.assistant.draft import Command, Completed, Draft, DraftError, Limits

State: TypeAlias = Literal["held", "escaped", "not tried"]
Judge: TypeAlias = Callable[[Stage, Completed], bool]

GOT_OUT = "got out"
_TRIED = "tried"
"""What the probes print."""
_FEW = Limits(memory=160 << 20, processes=48, cpu=0.5, disk=64 << 20, output=4 << 20)
"""Low, so that it takes no time to reach them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    name: str
    state: State
    detail: str = ""
    """Why it was not tried, or what ended it."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something that a command in a draft must not be able to do."""

    name: str
    """What is tried, in a few words."""
    probe: str
    """A function of `probes.py`."""
    escaped: Judge
    """Whether it got out."""
    needs: str = ""
    """A listener or system call without which it cannot be tried here."""

    async def make(self, stage: Stage, draft: Draft) -> Outcome:
        """Try it."""
        parameters = stage.parameters()
        if self.needs and self.needs not in {*stage.listeners, *parameters["calls"]}:
            return Outcome(self.name, "not tried", f"this machine has no {self.needs}")
        return await self._run(stage, draft, Command(_program("probes.py", self.probe, json.dumps(parameters))))

    async def _run(self, stage: Stage, draft: Draft, command: Command) -> Outcome:
        try:
            done = await draft.run(command, scratch=True)
        except DraftError as error:
            return Outcome(self.name, "not tried", str(error))
        if self.escaped(stage, done):
            return Outcome(self.name, "escaped")
        if _TRIED not in done.output:
            return Outcome(self.name, "not tried", done.output.strip().rpartition("\n")[2] or "the probe did not start")
        return Outcome(self.name, "held", f"it {done.stopped}" if done.stopped else "")


@dataclass(frozen=True, slots=True)
class Excess(Attempt):
    """Using more than a command may; the probe is a function of `excesses.py`."""

    timeout: float = 6.0

    async def make(self, stage: Stage, draft: Draft) -> Outcome:
        argv = _program("excesses.py", self.probe, stage.canary[:6])
        return await self._run(stage, draft, Command(argv, timeout=self.timeout, limits=_FEW))


def touched(stage: Stage, _: Completed) -> bool:
    """A file outside has changed or come to be."""
    return not stage.is_whole() or stage.appeared()


def leaked(stage: Stage, done: Completed) -> bool:
    """It knows a secret."""
    return stage.canary in done.output


def claimed(_: Stage, done: Completed) -> bool:
    """It says so; where nobody else can know."""
    return GOT_OUT in done.output.splitlines()


def contacted(*names: str) -> Judge:
    """Someone outside was talked to."""
    return lambda stage, _: any(stage.contacted(name) for name in names if name in stage.listeners)


def outlived(stage: Stage, done: Completed) -> bool:
    """It ended by itself, or something of it runs on."""
    return not done.stopped or left_running(stage, done)


def left_running(stage: Stage, _: Completed) -> bool:
    """A process of it runs on."""
    return stage.is_running(f"left-{stage.canary[:6]}")


def _program(file: str, name: str, parameter: str) -> list[str]:
    """The probe as a command that needs nothing of ossa's inside."""
    return [sys.executable, "-I", "-c", Path(__file__).with_name(file).read_text("utf-8"), name, parameter]
