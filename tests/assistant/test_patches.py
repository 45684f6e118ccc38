"""A large model repairs by several patches, each from one answer: the tests choose, and its tools come after that."""

import json
import threading
from typing import TYPE_CHECKING

import pytest
from openai_harmony import load_harmony_encoding

from ossa.assistant.events import Attempt, Event, Failure, Notice, Proposed, Searching, StepStarted, Thinking
from ossa.assistant.review import Choose, Reroll
from ossa.assistant.toolspecs import APPLY_PATCH
from ossa.assistant.workbench import Workbench
from ossa.model.base import Finished, Message, ModelError, Piece, Text, Thought, ToolCall
from ossa.model.constraints_matcher import Constrainer
from ossa.model.constraints_vocabulary import of_harmony
from ossa.model.scripted import Answer, ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Reader

pytestmark = pytest.mark.usefixtures("own_python")
CALC = "def add(a, b):\n    return a - b\n\n\ndef sub(a, b):\n    return a - b\n"
HEAD = "*** Update File: calc.py\n@@\n def add(a, b):\n-    return a - b\n"
NOTHING: Answer = [Text("I don't know.")]


@pytest.fixture(autouse=True)
def a_wrong_operator(desk: "Desk") -> None:
    (desk.repo / "calc.py").write_text(CALC)
    (desk.repo / "tests/test_calc.py").write_text(
        "from calc import *\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    )


def returns(desk: "Desk", text: str) -> list[Piece]:
    """The answer that lets `add` return this."""
    return desk.patch(f"{HEAD}+    return {text}\n")


def model_of(work: Workbench) -> ScriptedModel:
    assert isinstance(work.model, ScriptedModel)
    return work.model


def told(desk: "Desk", events: list[Event]) -> list[tuple[str, bool]]:
    return [(attempt.text.strip(), attempt.ok) for attempt in desk.of(events, Attempt)]


async def test_the_first_patch_is_wrong_and_the_second_lands(desk: "Desk", reader: "type[Reader]") -> None:
    answers = [returns(desk, "a / b"), returns(desk, "a + b"), NOTHING, returns(desk, "(a  +  b)")]
    work = desk.open(answers, reader(desk.take), test="")
    events = await desk.play(work.agent.fix())
    assert desk.end(events) == "applied"
    assert (desk.repo / "calc.py").read_text() == CALC.replace("a - b", "a + b", 1)
    by_text = {attempt.text: attempt for attempt in desk.of(events, Attempt)}
    wrong, right, none, same = (
        by_text[t] for t in ("return a / b", "return a + b", "I don't know.", "return (a  +  b)")
    )
    assert (wrong.ok, right.ok) == (False, True) and wrong.place == right.place == "calc.py:2 add"
    assert wrong.outcome.startswith("still fails: ") and wrong.seconds > 0
    assert right.outcome.startswith("1/1 passed") and wrong.limit == 4
    assert none.outcome == "not tried: the answer is no patch" and not none.ok
    assert same.outcome == "not tried: the same patch came before"
    (searching,) = desk.of(events, Searching)
    assert searching.candidates == 4 and searching.seconds < 300, "time is left for its tools"
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.proved and not offered.alternatives.repairs


async def test_each_answer_is_asked_for_once_and_held_to_a_patch_that_fits(desk: "Desk") -> None:
    with (desk.repo / "tests/test_calc.py").open("a") as tests:
        tests.write("\n\ndef test_sub():\n    assert sub(2, 2) == 1\n")
    work = desk.open([NOTHING] * 4 + ["I can't."], test="")
    await desk.play(work.agent.fix("add, please"))
    model = model_of(work)
    assert len(model.seen) == 5, "what patches don't mend is for the tools: no more are asked for"
    asked, samplings = model.seen[:4], model.samplings[:4]
    assert set(asked) == {asked[0]} and len(asked[0]) == 1
    text = asked[0][0].text
    for part in ("assert 0 == 4", "tests/test_calc.py", "assert add(2, 2) == 4", "`add` (calc.py:1)", CALC, "please"):
        assert part in text
    assert [s.seed for s in samplings] == [0, 1, 2, 3]
    assert [s.temperature for s in samplings] == [1.0, 0.8, 0.8, 0.8]
    for sampling in samplings:
        assert sampling.constraint and sampling.constraint.must_call == (APPLY_PATCH.name,)
        assert sampling.constraint.files == {"calc.py": CALC} and sampling.constraint.thinks
        assert "tests/test_calc.py" in sampling.constraint.taken and "calc.py" not in sampling.constraint.taken
        assert sampling.thinking and sampling.thinking < sampling.max_tokens


async def test_two_that_pass_are_offered_what_came_oftener_first(desk: "Desk", reader: "type[Reader]") -> None:
    answers = [returns(desk, t) for t in ("a * b", "a + b", "b + a", "(a + b)")]
    says = reader(lambda _: Choose(2), lambda _: Choose(1), lambda change: Reroll(change.files[0].hunks[0].id, "no"))
    work = desk.open([*answers, returns(desk, "sum((a, b))"), "Done."], says, test="")
    events = await desk.play(work.agent.fix())
    shown = desk.of(events, Proposed)
    assert [r.text for r in shown[0].alternatives.repairs] == ["return a + b", "return a * b", "return b + a"]
    assert [s.change.files[0].hunks[0].after[0].strip() for s in shown] == [
        "return a + b",
        "return a * b",
        "return a + b",
        "return sum((a, b))",
    ]
    assert not shown[3].alternatives.repairs, "the model's way of asking again stays, and ends the choice"


async def test_none_helps_so_the_model_goes_on_with_its_tools_and_knows_what_failed(desk: "Desk") -> None:
    bad = [returns(desk, t) for t in ("a / b", "a // b")]
    answers: list[Answer | str] = [*bad, NOTHING, [Finished("length", Message("assistant", "So"))]]
    work = desk.open([*answers, returns(desk, "a + b"), "It adds now."], test="")
    events = await desk.play(work.agent.fix())
    assert desk.end(events) == "proposed" and not any(ok for _, ok in told(desk, events))
    assert work.draft.read("calc.py") == CALC.replace("a - b", "a + b", 1).encode()
    loop = model_of(work).seen[4]
    assert loop[0].role == "system" and len(model_of(work).seen) == 6
    assert "The project's tests fail" in loop[-1].text and "return a // b" in loop[-1].text
    assert "still fails" in loop[-1].text and "reached its limit of tokens" in loop[-1].text
    assert any("No repair among 4 candidates" in e.text for e in desk.of(events, Notice))


async def test_what_mends_a_part_stays_while_the_model_goes_on_with_the_rest(desk: "Desk") -> None:
    with (desk.repo / "tests/test_calc.py").open("a") as tests:
        tests.write("\n\ndef test_sub():\n    assert sub(2, 2) == 1\n")
    work = desk.open([returns(desk, "a + b"), *[NOTHING] * 7, "The second test is wrong."], test="")
    events = await desk.play(work.agent.fix())
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.fixed == ("tests/test_calc.py::test_add",) and desk.end(events) == "proposed"
    last = model_of(work).seen[-1][-1].text
    assert "test_sub" in last.partition("says:")[2] and "Changed in your draft: calc.py" in last


async def test_a_test_that_is_not_named_is_left_alone(desk: "Desk") -> None:
    with (desk.repo / "tests/test_calc.py").open("a") as tests:
        tests.write("\n\ndef test_sub():\n    assert sub(2, 2) == 1\n")
    work = desk.open([returns(desk, "a + b"), *[NOTHING] * 3], test="")
    events = await desk.play(work.agent.fix("tests/test_calc.py::test_add"))
    assert desk.end(events) == "proposed" and len(model_of(work).seen) <= 4
    assert not [event for event in desk.of(events, Notice) if "still failing" in event.text]


async def test_esc_in_the_middle_keeps_the_best_so_far(desk: "Desk") -> None:
    never = threading.Event()
    thinking: list[Piece | threading.Event] = [Thought("hm"), never, Thought("…")]
    work = desk.open([returns(desk, "a / b"), returns(desk, "a + b"), thinking], test="")
    events = await desk.stop_at(work, work.agent.fix(), lambda event: isinstance(event, Attempt) and event.ok)
    assert desk.end(events) == "cancelled"
    assert work.draft.read("calc.py") == CALC.replace("a - b", "a + b", 1).encode()
    assert (desk.repo / "calc.py").read_text() == CALC
    assert any("/review shows it" in e.text for e in desk.of(events, Notice))


REFUSED = {
    "it changes tests/test_calc.py": [
        "*** Update File: tests/test_calc.py\n@@\n-    assert add(2, 2) == 4\n+    assert add(2, 2) == 0\n"
    ],
    "it changes conftest.py": [
        f"{HEAD}+    return a + b\n",
        "*** Add File: conftest.py\n+collect_ignore = ['tests']\n",
    ],
    "it takes away or moves calc.py": ["*** Delete File: calc.py\n"],
    "no longer parse": [f"{HEAD}+    return a + + (\n"],
    "by heart": [f"{HEAD}+    return 4\n"],
    "There is no file clac.py": [HEAD.replace("calc.py", "clac.py") + "+    return a + b\n"],
    "nothing but layout": [f"{HEAD}+    return (a - b)  # sure\n"],
    "new.py does not parse": ["*** Add File: new.py\n+def (\n"],
}


async def test_what_must_not_or_cannot_be_tried_is_told_as_an_attempt(desk: "Desk") -> None:
    answers = [desk.patch(*parts) for parts in REFUSED.values()]
    odd = [[ToolCall(APPLY_PATCH.name, "\ud800")], [ToolCall("container.exec", json.dumps({"cmd": "rm -r ."}))]]
    work = desk.open([*answers, *odd, "I give up."], test="")
    work.agent.repair.patches = len(REFUSED) + len(odd)
    events = await desk.play(work.agent.fix())
    outcomes = [attempt.outcome for attempt in desk.of(events, Attempt)]
    assert len(outcomes) == len(REFUSED) + len(odd) and all(o.startswith("not tried: ") for o in outcomes)
    for outcome, part in zip(outcomes, REFUSED, strict=False):
        assert part in outcome
    assert "container.exec" in outcomes[-1]
    assert not work.draft.change() and not any("python" in step.title for step in desk.of(events, StepStarted))


async def test_one_patch_may_change_several_files(desk: "Desk", reader: "type[Reader]") -> None:
    (desk.repo / "calc.py").write_text("from pkg.deep.one import ONE\n\n\ndef add(a, b):\n    return a - b * ONE\n")
    (desk.repo / "pkg/deep/one.py").write_text("ONE = -2\n")
    both = desk.patch(
        "*** Update File: calc.py\n@@\n-    return a - b * ONE\n+    return a + b * ONE\n",
        "*** Update File: pkg/deep/one.py\n@@\n-ONE = -2\n+ONE = 1\n",
    )
    one = desk.patch("*** Update File: pkg/deep/one.py\n@@\n-ONE = -2\n+ONE = -1\n")
    work = desk.open([both, one, NOTHING, NOTHING], reader(lambda _: Choose(2), lambda _: Choose(1)), test="")
    events = await desk.play(work.agent.fix())
    shown = [[file.path for file in event.change.files] for event in desk.of(events, Proposed)]
    assert shown == [["pkg/deep/one.py"], ["calc.py", "pkg/deep/one.py"], ["pkg/deep/one.py"]], "the smaller one first"
    assert [r.place for r in desk.of(events, Proposed)[0].alternatives.repairs] == [
        "pkg/deep/one.py:1",
        "calc.py:5 add, pkg/deep/one.py:1",
    ]


async def test_a_failure_longer_than_the_window_goes_to_the_tools_alone(desk: "Desk") -> None:
    work = desk.open(["Too much for me."], test="")
    long = "".join(f"    assert add({n}, 0) == {n}\n" for n in range(900))
    (desk.repo / "calc.py").write_text(f"def add(a, b):\n    return a - b\n{long.replace('assert', 'assert a or')}")
    model_of(work).info = type(model_of(work).info)("scripted", 1200, True)
    events = await desk.play(work.agent.fix())
    assert any("longer than the model's window" in e.text for e in desk.of(events, Notice))
    assert not desk.of(events, Attempt) and len(model_of(work).seen) == 1


async def test_the_constraint_lets_patches_to_the_shown_code_through_and_none_to_tests(desk: "Desk") -> None:
    work = desk.open([NOTHING] * 4 + ["I can't."], test="")
    await desk.play(work.agent.fix())
    constraint = model_of(work).samplings[0].constraint
    encoding = load_harmony_encoding("HarmonyGptOss")
    constrainer = Constrainer(of_harmony(encoding))
    assert constraint

    def written(*parts: str) -> bool:
        (call,) = desk.patch(*parts)
        assert isinstance(call, ToolCall)
        header = f"<|channel|>commentary to={call.name} <|constrain|>json<|message|>"
        thought = "<|channel|>analysis<|message|>It should add.<|end|><|start|>assistant"
        matcher = constrainer.matcher(constraint, [APPLY_PATCH])
        tokens = encoding.encode(f"{thought}{header}{call.arguments}<|call|>", allowed_special="all")
        return all(matcher.allowed()[token] and matcher.accept(token) is None for token in tokens) and matcher.ended

    assert written(f"{HEAD}+    return a + b\n")
    assert not written(*REFUSED["it changes tests/test_calc.py"])
    assert not written(*REFUSED["There is no file clac.py"])


async def test_the_budget_ends_patches_in_time_for_the_tools_and_then_these(desk: "Desk") -> None:
    never: list[Piece | threading.Event] = [Thought("hm"), threading.Event(), Thought("…")]
    for seconds in (8, 40, 200):  # as long as the tools need, too
        work = desk.open([never, returns(desk, "a + b"), never], test="")
        work.agent.repair.seconds = seconds
        events = await desk.play(work.agent.fix())
        if desk.of(events, Proposed):
            break
    notices = [event.text for event in desk.of(events, Notice)]
    assert f"No repair in {seconds / 2:.0f} s; 0 candidates were tried." in notices
    assert any("The time for the repair is over" in text for text in notices)
    (offered,) = desk.of(events, Proposed)
    assert offered.verdict.proved and desk.end(events) == "proposed"


async def test_a_model_that_is_lost_does_not_take_away_what_passed(desk: "Desk") -> None:
    lost = ModelError("The model's process was killed.")
    work = desk.open([returns(desk, "a + b"), lost, lost], test="")
    events = await desk.play(work.agent.fix())
    assert told(desk, events) == [("return a + b", True)] and desk.end(events) == "proposed"
    await desk.play(work.agent.discard())
    events = await desk.play(work.agent.fix())
    assert desk.of(events, Failure) == [Failure(str(lost))] and not work.draft.change()


async def test_the_reasoning_before_a_patch_can_be_ended(desk: "Desk") -> None:
    long: list[Piece | threading.Event] = [Thought("hm"), threading.Event(), Thought("…"), *returns(desk, "a + b")]
    work = desk.open([long, *[NOTHING] * 3], test="")
    events: list[Event] = []
    async for event in work.agent.fix():
        events.append(event)
        if isinstance(event, Thinking) and event.text == "hm":
            work.agent.answer_now()
    assert "…" not in [event.text for event in desk.of(events, Thinking)]
    assert ("return a + b", True) in told(desk, events) and desk.end(events) == "proposed"
