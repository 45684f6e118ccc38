"""The conversation line by line: all that the window decides is decided by a typed letter, and said in words."""

import asyncio
import io
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from ossa.assistant.change import Change, FileChange, Hunk
from ossa.assistant.config import Config
from ossa.assistant.events import Answering, Attempt, Event, Proposed, Reading, StepFinished, Thinking, TurnFinished
from ossa.assistant.review import Alternative, Alternatives, Choose, Decision, HunkEdit, Reroll
from ossa.assistant.verdict import Verdict
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Piece, ToolCall
from ossa.model.scripted import ScriptedModel
from ossa.tui.asking import LineReviewer, Lines
from ossa.tui.spoken import Speaker
from ossa.tui.talk import Talk

PATCH = "*** Begin Patch\n*** Update File: calc.py\n@@\n-    return a - b\n+    return a + b\n*** End Patch\n"
CHANGE = Change(
    (
        FileChange("calc.py", "modified", (Hunk("h1", 1, ("a\n",), ("b\x1b[2J\n",), ("top\n",)),)),
        FileChange("new.py", "added", (Hunk("h2", 0, (), ("x\n", "y\n")),)),
    )
)
PROVED = Verdict("pytest", 2, 2, fixed=("t::a",))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sessions go into the test's own folder; no editor of whoever runs the tests comes up."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)


def typing(*lines: str) -> Lines:
    """Somebody types these, and then no more."""
    source, sink = os.pipe()
    os.write(sink, "".join(f"{line}\n" for line in lines).encode())
    os.close(sink)
    return Lines(os.fdopen(source))


async def conversation(root: Path, answers: Sequence[Sequence[Piece] | str], *lines: str, resume: str = "") -> str:
    """All that is written while these lines are typed."""
    out = io.StringIO()
    speaker, typed = Speaker(out), typing(*lines)

    def load(config: Config) -> ScriptedModel:
        return ScriptedModel(answers)

    bench = open_workbench(Options(root, resume=resume), load, LineReviewer(speaker, typed))
    try:
        await Talk(bench, speaker, typed).go_on()
    finally:
        bench.close()
    return out.getvalue()


async def test_a_change_is_asked_for_decided_and_taken_back(repository: Path) -> None:
    (repository / "test_calc.py").write_text("from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n")
    calc = repository / "calc.py"
    answers = [[ToolCall("repo_browser.apply_patch", PATCH)], "It subtracted.\nNow it adds."]
    text = await conversation(
        repository, answers, "add subtracts,\\", "mend it", "x", "a", "/undo", "/frob", "/files", "!echo hi", "/quit"
    )
    for part in (
        "Draft: ",
        "Model: scripted",
        "You: ",
        "It subtracted.\nNow it adds.\n",
        "There is a change:\ncalc.py: modified, 1 hunk, 1 line put in, 1 line taken out.\n",
        "The tests prove it: 1 of 1 passed.\n1 fixed: test_calc.py::test_add.\n",
        "Hunk 1 of 1: calc.py, modified, from line 2.\n",
        "Taken out:\n-     return a - b\nPut in:\n+     return a + b\n",
        "Please type one of these letters",
        "Accepted: 1. Rejected: 0.\nWritten: calc.py. /undo takes it back.\n",
        "taken back: calc.py",
        "There is no command /frob.",
        "/files is for the window alone.",
        "hi\nexit code 0",
    ):
        assert part in text, part
    assert "return a - b" in calc.read_text()
    assert "\x1b" not in text and "\r" not in text
    later = await conversation(
        repository, [], "/sessions", "/title Sums", "/export", "/context", "/help", resume="latest"
    )
    for part in (
        "This session has 1 prompts so far. The last one:\nYou: add subtracts,\nmend it\n",
        "`ossa --plain --resume ID` goes on with one.",
        "This session is called “Sums”.",
        "The session is in ",
        " tokens.",
        "/fix [hint]: Repair the failing tests",
    ):
        assert part in later, part


async def test_a_change_that_is_put_off_waits(repository: Path) -> None:
    answers = [[ToolCall("repo_browser.apply_patch", PATCH)], "Done."]
    text = await conversation(repository, answers, "mend it", "q", "/review", "r", "no good", "/rewind x", "")
    assert text.count("Hunk 1 of 1") == 2
    assert "The change stays in the draft" in text and "Rejected: 1." in text and "/rewind takes a number" in text


async def decided(*lines: str, alternatives: Alternatives = Alternatives()) -> tuple[object, str]:  # noqa: B008
    speaker = Speaker(out := io.StringIO())
    reviewer = LineReviewer(speaker, typing(*lines))
    asking = asyncio.ensure_future(reviewer.review(CHANGE, PROVED, alternatives))
    await asyncio.wait([asking], timeout=0)
    assert not out.getvalue(), "what led to the change is told first"
    speaker.tell(Proposed(CHANGE, PROVED, alternatives))
    return await asking, out.getvalue()


@pytest.mark.parametrize(
    ("lines", "answer"),
    [
        (["a", "r", "too long"], [Decision("h1", True), Decision("h2", False, "too long")]),
        (["r", "", "A"], [Decision("h1", False), Decision("h2", True)]),
        (["A"], [Decision("h1", True), Decision("h2", True)]),
        (["R", "shorter"], Reroll("h1", "shorter")),
        (["a", "e", "z", "."], HunkEdit("h2", ("z\n",))),
        (["a", "e", "!", "a"], [Decision("h1", True), Decision("h2", True)]),
        (["a", "e", "x", "y", ".", "a"], [Decision("h1", True), Decision("h2", True)]),
        (["a", "q"], None),
        (["7", "what", ""], None),
        ([], None),
    ],
)
async def test_each_hunk_is_answered_by_a_letter(lines: list[str], answer: object) -> None:
    assert (await decided(*lines))[0] == answer


async def test_another_repair_is_chosen_by_its_number() -> None:
    repairs = Alternatives((Alternative("calc.py:2", "b"), Alternative("calc.py:3", "", "return")), 1)
    answer, text = await decided("1", "2", alternatives=repairs)
    assert answer == Choose(2) or answer == Choose(1)
    assert "2 repairs passed; this one is number 1." in text
    assert "2: calc.py:3: lines taken out. It does away with: return." in text


async def test_what_was_decided_is_not_asked_again_after_an_edit() -> None:
    out = io.StringIO()
    reviewer = LineReviewer(speaker := Speaker(out), typing("a", "e", "z", ".", "a"))
    speaker.tell(Proposed(CHANGE, PROVED))
    assert isinstance(await reviewer.review(CHANGE, PROVED, Alternatives()), HunkEdit)
    edited = Change((CHANGE.files[0], FileChange("new.py", "added", (Hunk("h3", 0, (), ("z\n",)),))))
    speaker.tell(Proposed(edited, PROVED))
    assert await reviewer.review(edited, PROVED, Alternatives()) == [Decision("h1", True), Decision("h3", True)]
    assert out.getvalue().count("Hunk 1 of 2") == 1


async def test_an_editor_of_the_persons_own_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = tmp_path / "editor"
    script.write_text("#!/bin/sh\nprintf 'from outside\\n' > \"$1\"\n")
    script.chmod(0o755)
    monkeypatch.setenv("EDITOR", str(script))
    assert (await decided("e"))[0] == HunkEdit("h1", ("from outside\n",))


@pytest.mark.parametrize(
    ("lines", "pattern", "answer"),
    [
        (["y"], "", "once"),
        (["a", "n"], "", "no"),
        (["a"], "rm *", "always"),
        ([], "rm *", "no"),
        (["?", "y"], "", "once"),
    ],
)
async def test_whether_a_command_may_run_is_asked(lines: list[str], pattern: str, answer: str) -> None:
    reviewer = LineReviewer(Speaker(io.StringIO()), typing(*lines))
    assert await reviewer.permit("rm x", "Nothing confines it.", pattern) == answer


def told(*events: Event) -> str:
    speaker = Speaker(out := io.StringIO())
    for event in events:
        speaker.tell(event)
    return out.getvalue()


def test_what_goes_on_is_said_once_and_in_words() -> None:
    assert told(Thinking("a"), Thinking("b"), StepFinished("s", False, "1 failed")).splitlines() == [
        "The model is thinking.",
        "Failed: 1 failed.",
    ]
    assert told(Reading(0, 5_000, 500), Reading(100, 5_000, 500)) == "The model is reading 4,500 tokens.\n"
    assert told(Reading(0, 500)) == ""
    attempts = [Attempt(n, 99, "calc.py:2", "x", "fails") for n in range(1, 20)]
    assert told(*attempts) == "Tried 1 of 99 candidates.\n"
    broken = Proposed(CHANGE, Verdict("pytest", 1, 2, broken=("t::a",)))
    assert "The tests do not prove it: 1 of 2 passed.\n1 broken: t::a.\n" in told(broken)
    assert "It was not tested: no tests" in told(Proposed(CHANGE, Verdict("", 0, 0, problem="no tests")))


def test_an_answer_comes_in_whole_lines_and_nothing_in_it_acts() -> None:
    out = io.StringIO()
    speaker = Speaker(out)
    for text in ("one", " two\nth", "ree\x1b[2J", "\r\n"):
        speaker.tell(Answering(text))
    assert out.getvalue() == "one two\nthree\n"
    speaker.tell(Answering("word " * 100))
    assert out.getvalue().endswith("word word\n"), "a long line is not waited for"
    speaker.tell(TurnFinished("answered", 2.0))
    assert out.getvalue().splitlines()[-1] == "The turn is over: done, after 2 seconds."
