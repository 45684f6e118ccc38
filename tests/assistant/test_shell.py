"""A person's own command runs in the working tree, as they would run it, and ends when they say so."""

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ossa.assistant.events import Failure, Ran, StepFinished, StepOutput, StepStarted
from ossa.assistant.transcript import Transcript

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk

TIDY = """\
import pathlib, signal, sys

def tidy(*_):
    pathlib.Path("said").write_text("bye\\n")
    sys.exit()

signal.signal(signal.SIGTERM, tidy)  # a shell could not, where we were started with this signal ignored
print("ready", flush=True)
signal.pause()
"""


async def test_it_runs_in_the_working_tree_with_the_persons_environment(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_TOKEN", "secret of mine")
    work = desk.open(["I see."])
    events = await desk.play(work.agent.shell("pwd; echo $MY_TOKEN > mine.txt; cat; echo err >&2; exit 3"))
    assert desk.end(events) == "answered"
    (ran,) = desk.of(events, Ran)
    assert ran.exit_code == 3 and ran.output == f"{desk.repo}\nerr\n"
    assert (desk.repo / "mine.txt").read_text() == "secret of mine\n"
    (started,), (finished,) = desk.of(events, StepStarted), desk.of(events, StepFinished)
    assert started.title == "! pwd; echo $MY_TOKEN > mine.txt; cat; echo err >&2; exit 3"
    assert not finished.ok and finished.summary.startswith("exit 3") and finished.output == ran.output
    assert "".join(e.text for e in desk.of(events, StepOutput)) == ran.output
    await desk.play(work.agent.run("well?"))
    told = desk.seen(work)[0][-1].text
    assert "(exit 3)" in told and "err" in told
    assert [m.text for m in Transcript(work.session.events()).messages] == [
        m.text for m in work.agent.transcript.messages
    ]


async def test_the_persons_shell_is_used_where_there_is_one(
    desk: "Desk", monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mine = tmp_path / "mysh"
    mine.write_text('#!/bin/sh\necho "mine: $2"\n')
    mine.chmod(0o755)
    work = desk.open()
    for shell, expected in ((str(mine), "mine: echo hi\n"), ("/no/such/shell", "hi\n"), ("", "hi\n")):
        monkeypatch.setenv("SHELL", shell)
        (ran,) = desk.of(await desk.play(work.agent.shell("echo hi")), Ran)
        assert ran.output == expected


async def test_what_it_prints_is_bounded(desk: "Desk") -> None:
    work = desk.open(["I see."])
    events = await desk.play(work.agent.shell("yes 0123456789 | head -c 5000000; echo end"))
    (finished,), (ran,) = desk.of(events, StepFinished), desk.of(events, Ran)
    assert len(finished.output) < 1_100_000 and finished.output.endswith("end\n")
    assert len(ran.output) < 13_000 and len(work.agent.transcript.note) < 3_000


async def test_an_empty_line_is_none(desk: "Desk") -> None:
    events = await desk.play(desk.open().agent.shell("  "))
    assert desk.end(events) == "failed" and desk.of(events, Failure) and not desk.of(events, Ran)


async def test_esc_ends_it_with_all_that_it_started(desk: "Desk") -> None:
    work = desk.open()
    line = "trap '' TERM; sh -c \"trap '' TERM; echo $$ > kid; sleep 60\" & echo started; wait; sleep 60"
    events = await desk.stop_at(work, work.agent.shell(line), lambda e: isinstance(e, StepOutput))
    assert desk.end(events) == "cancelled"
    (ran,), (finished,) = desk.of(events, Ran), desk.of(events, StepFinished)
    assert ran.output == "started\n" and ran.exit_code < 0 and finished.summary == "stopped"
    assert not working_in(desk.repo)


async def test_a_program_that_tidies_up_when_it_is_stopped_may_do_so(desk: "Desk") -> None:
    work = desk.open()
    (desk.repo / "tidy.py").write_text(TIDY)
    line = f"{sys.executable} tidy.py"
    await desk.stop_at(work, work.agent.shell(line), lambda e: isinstance(e, StepOutput))
    assert (desk.repo / "said").read_text() == "bye\n"


async def test_what_it_leaves_in_the_background_ends_with_it(desk: "Desk") -> None:
    line = "sleep 60 >/dev/null 2>&1 & pwd -P"
    (ran,) = desk.of(await desk.play(desk.open().agent.shell(line)), Ran)
    assert ran.exit_code == 0 and not working_in(desk.repo)


async def test_the_draft_sees_what_it_changed(desk: "Desk") -> None:
    work = desk.open()
    await desk.play(work.agent.shell("echo 'X = 1' > calc.py"))
    assert work.draft.read("calc.py") == b"X = 1\n" and not work.draft.change()


def working_in(folder: Path) -> list[str]:
    """The processes, other than this one, that are in a folder."""
    found: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").readlink() == folder and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_text())
    return found
