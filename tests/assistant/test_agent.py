"""Whole turns: a scripted model, a real repository, a real draft, real tests."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ossa.assistant.change import Change
from ossa.assistant.events import (
    Answering,
    Attempt,
    Composed,
    Event,
    Failure,
    Notice,
    Proposed,
    Reviewed,
    StepFinished,
    TurnFinished,
    Undone,
)
from ossa.assistant.review import Decision, Reviewer, Unattended
from ossa.assistant.verdict import Verdict
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Message, ModelError, Piece, Text, Thought, ToolCall, Weighed
from ossa.model.scripted import Answer, ScriptedModel

FIX = """\
*** Begin Patch
*** Update File: calc.py
@@
 def add(a, b):
-    return a - b
+    return a + b
*** End Patch"""


class Picky(Unattended):
    """Accepts what it is told to, with a reason for the rest."""

    def __init__(self, accepted: Sequence[int], reason: str = "") -> None:
        super().__init__()
        self.accepted, self.reason = accepted, reason
        self.verdicts: list[Verdict] = []

    async def review(self, change: Change, verdict: Verdict, alternatives: object) -> Sequence[Decision] | None:
        self.verdicts.append(verdict)
        return [Decision(h.id, n in self.accepted, self.reason) for n, (_, h) in enumerate(change.hunks)]


def call(tool: str, **arguments: object) -> ToolCall:
    return ToolCall(tool, json.dumps(arguments))


def patch(text: str = FIX) -> list[Piece]:
    return [call("repo_browser.apply_patch", patch=text)]


async def everything(events: AsyncIterator[Event]) -> list[Event]:
    return [event async for event in events]


def of(events: list[Event], kind: type) -> list[Event]:
    return [event for event in events if isinstance(event, kind)]


def end(events: list[Event]) -> str:
    last = events[-1]
    assert isinstance(last, TurnFinished)
    return last.end


class Bench:
    """Opens workbenches on one repository and closes them again."""

    def __init__(self, repo: Path) -> None:
        self.repo = repo
        self.open: list[Workbench] = []

    def __call__(
        self, model: ScriptedModel, reviewer: Reviewer | None = None, resume: str = "", seconds: float = 300
    ) -> Workbench:
        options = Options(self.repo, test="", resume=resume, seconds=seconds, candidates=100)
        self.open.append(open_workbench(options, lambda _: model, reviewer or Unattended()))
        return self.open[-1]


@pytest.fixture
def bench(repo: Path, own_python: None) -> Iterator[Bench]:
    opened = Bench(repo)
    yield opened
    for workbench in opened.open:
        workbench.close()


async def test_a_question_is_answered_and_nothing_changes(bench: Bench, fingerprint: object) -> None:
    model = ScriptedModel([[Thought("hm"), Text("Because "), Text("so.")]])
    work = bench(model)
    assert callable(fingerprint)
    before = fingerprint(bench.repo)
    events = await everything(work.agent.run("why? @calc.py"))
    assert end(events) == "answered"
    assert "".join(e.text for e in events if isinstance(e, Answering)) == "Because so."
    assert "return a - b" in model.seen[0][-1].text
    (ledger,) = [e for e in events if isinstance(e, Composed)]
    assert sum(part.tokens for part in ledger.parts) == ledger.total
    assert fingerprint(bench.repo) == before


async def test_a_change_is_proved_reviewed_applied_and_undone(bench: Bench) -> None:
    answers: list[Answer | str] = [patch(), "Done: it adds now."]
    reviewer = Picky([0])
    work = bench(ScriptedModel(answers), reviewer)
    events = await everything(work.agent.run("fix add"))
    assert end(events) == "applied"
    (proposed,) = [e for e in events if isinstance(e, Proposed)]
    assert proposed.verdict.fixed == ("tests/test_calc.py::test_add",) and not proposed.verdict.broken
    assert reviewer.verdicts == [proposed.verdict]
    assert (bench.repo / "calc.py").read_text().startswith("def add(a, b):\n    return a + b\n")
    assert not work.draft.change()
    events = await everything(work.agent.undo())
    assert of(events, Undone)
    assert (bench.repo / "calc.py").read_text().startswith("def add(a, b):\n    return a - b\n")
    events = await everything(work.agent.undo())
    assert end(events) == "failed" and of(events, Failure)


async def test_a_change_without_a_decision_stays_in_the_draft_over_a_restart(bench: Bench, repo: Path) -> None:
    work = bench(ScriptedModel([patch(), "Done."]))
    events = await everything(work.agent.run("fix add"))
    assert end(events) == "proposed"
    assert "a - b" in (repo / "calc.py").read_text()
    work.close()
    model = ScriptedModel(["You are welcome."])
    again = bench(model, Picky([0]), resume="latest")
    assert again.history[-1] == events[-1]
    events = await everything(again.agent.run("thanks"))
    assert end(events) == "answered" and not of(events, Proposed)
    assert any("/review" in e.text for e in events if isinstance(e, Notice))
    roles = [message.role for message in model.seen[0]]
    assert roles == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert end(await everything(again.agent.review())) == "applied"
    assert "a + b" in (repo / "calc.py").read_text()


async def test_a_change_of_what_judges_it_is_never_accepted_unattended(bench: Bench, repo: Path) -> None:
    cheat = "*** Begin Patch\n*** Update File: tests/test_calc.py\n@@\n def test_add():\n"
    cheat += "-    assert add(1, 2) == 3\n+    assert add(1, 2) == -1\n*** End Patch"
    reviewer = Unattended(accept=True)
    events = await everything(bench(ScriptedModel([patch(cheat), "Done."]), reviewer).agent.run("fix add"))
    assert end(events) == "proposed" and "tests/test_calc.py" in reviewer.why
    assert "== 3" in (repo / "tests/test_calc.py").read_text()


async def test_a_rejected_hunk_leaves_the_draft_and_the_model_hears_why(bench: Bench) -> None:
    model = ScriptedModel([patch(), "Done.", "I see."])
    work = bench(model, Picky([], "not like this"))
    events = await everything(work.agent.run("fix add"))
    assert end(events) == "rejected" and of(events, Reviewed)
    assert not work.draft.change()
    await everything(work.agent.run("and now?"))
    assert "not like this" in model.seen[-1][-1].text


async def test_a_change_that_breaks_tests_goes_back_to_the_model(bench: Bench, repo: Path) -> None:
    (repo / "tests/test_sub.py").write_text("from calc import sub\n\n\ndef test_sub():\n    assert sub(3, 2) == 1\n")
    wrong = FIX.replace("def add", "def sub").replace("a + b", "a + b + 1").replace("@@", "@@ def sub")
    right = wrong.replace("-    return a - b\n+    return a + b + 1", "-    return a + b + 1\n+    return a - b")
    model = ScriptedModel([patch(wrong), "Done.", patch(right), "Better."])
    work = bench(model)
    events = await everything(work.agent.run("change sub"))
    assert any("1 broken" in e.text for e in events if isinstance(e, Notice))
    assert "tests/test_sub.py::test_sub" in model.seen[2][-1].text
    assert end(events) == "no change"


async def test_what_a_failing_test_prints_attaches_no_files(bench: Bench) -> None:
    (bench.repo / "tests/test_calc.py").write_text("def test_add():\n    raise KeyError('see @calc.py and @nothing')\n")
    model = ScriptedModel(["I see."])
    events = await everything(bench(model).agent.fix("look at @run.sh"))
    shown = model.seen[0][-1].text
    assert "echo run" in shown and "see @calc.py" in shown and "def add" not in shown
    assert not any("to attach" in e.text for e in events if isinstance(e, Notice))


async def test_a_patch_that_does_not_fit_is_told_to_the_model(bench: Bench) -> None:
    model = ScriptedModel([patch(FIX.replace("return a - b", "return a / b")), "I give up."])
    events = await everything(bench(model).agent.run("fix"))
    (step,) = [e for e in events if isinstance(e, StepFinished)]
    assert not step.ok and "return a - b" in step.output
    assert model.seen[1][-1] == Message("tool", step.output, tool="repo_browser.apply_patch")
    assert end(events) == "answered"


async def test_tools_read_search_list_and_run_in_the_draft(bench: Bench, repo: Path) -> None:
    calls: list[Piece] = [
        call("repo_browser.print_tree", path=".", depth=1),
        call("repo_browser.search", query="def (add|sub)"),
        call("open_file", file_path="calc.py", start_line="1", end_line=2),
        call("container.exec", cmd=["bash", "-lc", "echo hi > made.txt; cat made.txt; exit 3"]),
        call("fly", to="moon"),
    ]
    events = await everything(bench(ScriptedModel([calls, "ok"])).agent.run("look"))
    results = [e.result.text for e in events if isinstance(e, StepFinished) and e.result]
    assert "calc.py" in results[0] and "pkg/ (3 files)" in results[0]
    assert "calc.py:1:def add" in results[1] and "calc.py:5:def sub" in results[1]
    assert results[2] == "    1\tdef add(a, b):\n    2\t    return a - b\n(lines 1–2 of 6)"
    assert results[3].startswith("hi\n") and "exit 3" in results[3]
    assert "There is no tool fly" in results[4] and "container.exec" in results[4]
    assert not (repo / "made.txt").exists()
    (proposed,) = [e for e in events if isinstance(e, Proposed)]
    assert [file.path for file in proposed.change.files] == ["made.txt"]


async def test_the_same_call_with_the_same_result_three_times_ends_the_turn(bench: Bench) -> None:
    same: list[Piece] = [call("open_file", path="nothing.py")]
    events = await everything(bench(ScriptedModel([same, same, same, same])).agent.run("look"))
    assert any("three times" in e.text for e in events if isinstance(e, Notice))
    assert end(events) == "answered"


async def test_a_turn_that_ran_in_circles_is_over_also_where_its_change_breaks_tests(bench: Bench) -> None:
    (bench.repo / "calc.py").write_text("def add(a, b):\n    return a + b\n")
    broken = patch(FIX.replace("    return a - b", "    return a + b").replace("+    return a + b", "+    return a"))
    circling = [[call("open_file", path="pkg/deep/one.py"), call("exec", cmd=f"echo {n}")] for n in range(3)]
    model = ScriptedModel([broken, *circling, "never said"])
    events = await everything(bench(model).agent.run("look"))
    (proposed,) = [e for e in events if isinstance(e, Proposed)]
    assert proposed.verdict.broken and end(events) == "proposed"
    assert len(model.seen) == 4


@pytest.mark.parametrize(
    "odd",
    [
        call("exec", cmd="echo \0"),
        call("exec", cmd="echo \ud800"),
        call("exec", cmd="ls", workdir="x" * 300),
        call("exec", cmd="true " + "x" * 200_000),
        call("open_file", path="\ud800"),
        call("open_file", path="x" * 300),
        call("open_file", path="x/" * 3000),
        call("search", query="\0"),
        call("search", query="x", path="../"),
        call("print_tree", path="\ud800"),
        call("apply_patch", patch=FIX.replace("calc.py", "\ud800")),
        call("apply_patch", patch=FIX.replace("calc.py", "x" * 300)),
    ],
    ids=lambda odd: odd.arguments[:40].encode("ascii", "replace").decode(),
)
async def test_whatever_a_model_writes_comes_to_a_word_that_it_can_act_on(bench: Bench, odd: ToolCall) -> None:
    events = await everything(bench(ScriptedModel([[odd], "I see."])).agent.run("look"))
    (step,) = [e for e in events if isinstance(e, StepFinished)]
    assert not step.ok and step.result and step.result.text
    assert end(events) == "answered"


async def test_an_agents_file_elsewhere_is_not_followed(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    (bench.repo / "AGENTS.md").symlink_to(tmp_path / "secret")
    model = ScriptedModel(["Hello."])
    assert end(await everything(bench(model).agent.run("hello"))) == "answered"
    assert "secret" not in model.seen[0][0].text


async def test_old_results_are_shortened_once(bench: Bench) -> None:
    _ = [(bench.repo / f"{n}.txt").write_text("ten words a line, forty lines of it here\n" * 47) for n in range(40, 47)]
    looks = [[call("open_file", path=f"{n}.txt", line_end=n)] for n in range(40, 47)]
    model = ScriptedModel([*looks, "Long."], window=2600)
    events = await everything(bench(model).agent.run("look"))
    assert end(events) == "answered"
    results = [m.text for m in model.seen[-1] if m.role == "tool"]
    told = [int(n.replace(",", "")) for text in results for n in re.findall(r"… ([\d,]+) characters left out", text)]
    assert len(results) == 7 and len(told) >= 2 and min(told) > 1000


async def test_a_lost_model_is_told_and_the_next_prompt_works(bench: Bench) -> None:
    model = ScriptedModel([ModelError("The model's process was killed."), "Here again."])
    work = bench(model)
    events = await everything(work.agent.run("one"))
    assert end(events) == "failed" and Failure("The model's process was killed.") in events
    events = await everything(work.agent.run("two"))
    assert end(events) == "answered"
    assert [m.role for m in model.seen[1]] == ["system", "user", "assistant", "user"]


async def test_cancelling_kills_the_command_and_keeps_the_draft(bench: Bench) -> None:
    work = bench(ScriptedModel([[*patch(), call("container.exec", cmd="sleep 60", timeout=60)], "ok"]))
    events: list[Event] = []
    async for event in work.agent.run("fix add"):
        events.append(event)
        if isinstance(event, StepFinished):
            work.agent.cancel()
    assert end(events) == "cancelled"
    assert work.draft.change()
    events = await everything(work.agent.discard())
    assert end(events) == "answered" and not work.draft.change()


def guesses(answer: str) -> tuple[Weighed, ...]:
    """A small model's opinion of the text: it would rather have written another operator, or an unknown name."""
    if (at := answer.find(" - b")) < 0:
        return ()
    return (Weighed(at, at + 2, -4.0, ((" %", -0.5), (" oops", -0.6), (" +", -1.0), (" *", -1.1), (" //", -1.2))),)


async def test_the_guided_way_finds_what_the_tests_confirm(bench: Bench, repo: Path) -> None:
    model = ScriptedModel(calls_tools=False)
    model.weights = guesses
    work = bench(model, Unattended(accept=True))
    events = await everything(work.agent.run("please fix the failing test"))
    attempts = [e for e in events if isinstance(e, Attempt)]
    assert [(a.text, a.ok) for a in attempts[:2]] == [("return a % b", False), ("return a + b", True)]
    assert end(events) == "applied"
    assert "a + b" in (repo / "calc.py").read_text()
    events = await everything(work.agent.fix())
    assert end(events) == "no change" and any("nothing to fix" in e.text for e in events if isinstance(e, Notice))


async def test_esc_keeps_what_the_guided_way_has_found_so_far(bench: Bench, repo: Path) -> None:
    model = ScriptedModel(calls_tools=False)
    model.weights = guesses
    work = bench(model)
    events: list[Event] = []
    async for event in work.agent.fix():
        events.append(event)
        if isinstance(event, Attempt) and event.ok:
            work.agent.cancel()
    assert end(events) == "cancelled"
    assert b"return a + b" in (work.draft.read("calc.py") or b"") and "a - b" in (repo / "calc.py").read_text()
    assert any("/review shows it" in e.text for e in events if isinstance(e, Notice))


async def test_the_guided_way_writes_whole_bodies_where_there_are_few_ideas(bench: Bench) -> None:
    model = ScriptedModel(["return a + b\n"], calls_tools=False)
    events = await everything(bench(model, Unattended(accept=True)).agent.fix())
    assert end(events) == "applied"
    assert "return a + b" in (bench.repo / "calc.py").read_text()


async def test_the_guided_way_ends_in_time_also_where_no_idea_makes_sense(bench: Bench) -> None:
    def nonsense(answer: str) -> tuple[Weighed, ...]:
        at = answer.index(" - b")
        return (Weighed(at, at + 2, -4.0, tuple((f" ){n}", -0.5) for n in range(200))),)

    model = ScriptedModel(calls_tools=False)
    model.weights = nonsense
    events = await everything(bench(model, seconds=0).agent.fix())
    told = [e.text for e in events if isinstance(e, Notice)]
    assert end(events) == "no change" and any(text.startswith("No repair in 0 s") for text in told)


async def test_tests_asked_for_are_run_again_also_where_no_file_has_changed(bench: Bench) -> None:
    work = bench(ScriptedModel())
    for events in (await everything(work.agent.test()), await everything(work.agent.test())):
        assert [e.summary[:18] for e in events if isinstance(e, StepFinished)] == ["1 failed, 0 passed"]


async def test_the_guided_way_says_when_it_finds_nothing_and_leaves_no_trace(bench: Bench, repo: Path) -> None:
    (repo / "tests/test_calc.py").write_text(
        "from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 'zebra'\n"
    )
    model = ScriptedModel(["return 0", "nonsense ("] * 9, calls_tools=False)
    work = bench(model, seconds=6)
    events = await everything(work.agent.fix("add"))
    assert end(events) == "no change"
    assert not work.draft.change() and "a - b" in (repo / "calc.py").read_text()
    assert any("No repair" in e.text for e in events if isinstance(e, Notice))


class Impatient(Unattended):
    """Accepts everything, and leans on Esc while that is carried out."""

    cancel: Callable[[], None]

    async def review(self, change: Change, verdict: Verdict, alternatives: object) -> Sequence[Decision] | None:
        for n in range(100):
            asyncio.get_running_loop().call_later(n / 2000, self.cancel)
        return [Decision(hunk.id, True) for _, hunk in change.hunks]


async def test_what_the_person_accepted_is_carried_out_to_the_end_however_often_they_press_esc(bench: Bench) -> None:
    reviewer = Impatient()
    work = bench(ScriptedModel([patch(), "Done."]), reviewer)
    reviewer.cancel = work.agent.cancel
    events = await everything(work.agent.run("fix add"))
    assert end(events) == "applied" and of(events, Reviewed)
    assert not work.draft.change()


async def test_a_module_that_is_not_installed_is_said_and_not_searched_for(bench: Bench, repo: Path) -> None:
    (repo / "calc.py").write_text("import nosuchmodule\n\n\ndef add(a, b):\n    return a + b\n")
    model = ScriptedModel(calls_tools=False)
    events = await everything(bench(model).agent.fix())
    assert end(events) == "no change" and not model.seen
    assert any("nosuchmodule" in e.text and "install it" in e.text for e in events if isinstance(e, Notice))
