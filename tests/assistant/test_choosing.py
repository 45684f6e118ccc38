"""Several repairs pass: the review tells them, and another of them is put into the draft, proved and shown."""

from typing import TYPE_CHECKING

import pytest

from ossa.assistant.change import Change
from ossa.assistant.eventlog import pack, unpack
from ossa.assistant.events import Attempt, Event, Notice, Proposed, Searching, StepFinished, StepStarted
from ossa.assistant.review import Alternatives, Answer, Choose, HunkEdit, Reroll
from ossa.assistant.verdict import TestResult, named_first
from ossa.assistant.workbench import Workbench
from ossa.model.base import Weighed
from ossa.model.scripted import ScriptedModel

if TYPE_CHECKING:
    from tests.assistant.conftest import Desk, Reader

CALC = "def add(a, b):\n    return a - b\n"
TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
HALF = "\n\ndef test_zero():\n    assert add(0, 0) == 0\n"


def guesses(answer: str) -> tuple[Weighed, ...]:
    """It would rather have written another operator."""
    if (at := answer.find(" - b")) < 0:
        return ()
    return (Weighed(at, at + 2, -4.0, ((" +", -0.5), (" *", -1.1), (" **", -1.2))),)


@pytest.fixture(autouse=True)
def a_wrong_operator(desk: "Desk", own_python: None) -> None:
    (desk.repo / "calc.py").write_text(CALC)
    (desk.repo / "tests/test_calc.py").write_text(TEST + HALF)


def led(desk: "Desk", says: "Reader") -> Workbench:
    work = desk.open([], says, test="", calls_tools=False)
    assert isinstance(work.model, ScriptedModel)
    work.model.weights = guesses
    return work


def told(events: list[Event]) -> list[tuple[Alternatives, str]]:
    """The choices that were shown, each with the line that the draft had."""
    shown = [event for event in events if isinstance(event, Proposed)]
    return [(event.alternatives, "".join(event.change.files[0].hunks[0].after).strip()) for event in shown]


async def test_another_repair_is_proved_and_shown_and_the_first_comes_back_untested(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    says = reader(lambda _: Choose(2), lambda _: Choose(1), lambda _: Choose(2), desk.take)
    work = led(desk, says)
    events = await desk.play(work.agent.fix())
    assert desk.end(events) == "applied"
    assert [(shown.shown, line) for shown, line in told(events)] == [
        (1, "return a + b"),
        (2, "return a * b"),
        (1, "return a + b"),
        (2, "return a * b"),
    ]
    first, second, *_ = (shown.repairs for shown, _ in told(events))
    assert [(r.place, r.text.strip()) for r in first[:2]] == [
        ("calc.py:2 add", "return a + b"),
        ("calc.py:2 add", "return a * b"),
    ]
    assert [r.proof for r in first[:2]] == ["2/2 passed", ""]
    assert [r.proof for r in second[:2]] == ["2/2 passed", "2/2 passed"]
    assert len(desk.of(events, StepFinished)) == 3, "before, and once for each repair"
    assert all(verdict.fixed == ("tests/test_calc.py::test_add",) for _, verdict in says.shown)
    assert (desk.repo / "calc.py").read_text() == CALC.replace("-", "*")
    assert len(desk.of(events, Searching)) == 1
    for event in (*desk.of(events, Proposed), *desk.of(events, Searching), *desk.of(events, StepFinished)):
        assert unpack(pack(event)) == event


async def test_a_repair_that_does_not_hold_is_said_and_the_former_is_back(desk: "Desk", reader: "type[Reader]") -> None:
    def spoil(change: Change) -> Answer:
        # What the tests need is another thing now: the second repair passes no longer.
        (desk.repo / "tests/test_calc.py").write_text(TEST.replace("add(2, 2) == 4", "add(2, 3) == 5"))
        return Choose(2)

    work = led(desk, says := reader(spoil))
    events = await desk.play(work.agent.fix())
    assert desk.end(events) == "proposed"
    (notice,) = [e.text for e in desk.of(events, Notice) if "Repair 2" in e.text]
    assert notice.startswith("Repair 2 passed when it was tried, but not in a run of its own (0/1 passed")
    assert notice.endswith("so repair 1 is back.")
    assert says.shown[0] == says.shown[1] and len(told(events)) == 1
    assert work.draft.read("calc.py") == CALC.replace("-", "+").encode()


async def test_esc_while_a_repair_is_proved_brings_the_former_back(desk: "Desk", reader: "type[Reader]") -> None:
    work, steps = led(desk, reader(lambda _: Choose(2))), list[Event]()

    def third_run(event: Event) -> bool:
        steps.extend([event] if isinstance(event, StepStarted) else [])
        return len(steps) == 3 and event is steps[-1]

    events = await desk.stop_at(work, work.agent.fix(), third_run)
    assert desk.end(events) == "cancelled" and work.draft.read("calc.py") == CALC.replace("-", "+").encode()
    assert any("repair 1 is back" in e.text for e in desk.of(events, Notice))
    again = await desk.play(work.agent.review())
    assert told(again)[0][0].shown == 1 and len(told(again)[0][0].repairs) >= 2


async def test_esc_while_more_is_looked_for_offers_what_has_passed(desk: "Desk", reader: "type[Reader]") -> None:
    work, passed = led(desk, reader(lambda _: Choose(2), desk.take)), list[Event]()

    def second_that_passes(event: Event) -> bool:
        passed.extend([event] if isinstance(event, Attempt) and event.ok else [])
        return len(passed) == 2 and event is passed[-1]

    events = await desk.stop_at(work, work.agent.fix(), second_that_passes)
    assert desk.end(events) == "cancelled" and not told(events)
    assert any("/review shows it" in e.text for e in desk.of(events, Notice))
    again = await desk.play(work.agent.review())
    assert [(shown.shown, line) for shown, line in told(again)] == [(1, "return a + b"), (2, "return a * b")]
    assert desk.end(again) == "applied" and (desk.repo / "calc.py").read_text() == CALC.replace("-", "*")


async def test_there_is_no_choice_after_an_edit_an_accept_a_discard_or_in_another_session(
    desk: "Desk", reader: "type[Reader]"
) -> None:
    says = reader(lambda change: HunkEdit(change.files[0].hunks[0].id, ("    return b + a\n",)), lambda _: Choose(2))
    work = led(desk, says)
    events = await desk.play(work.agent.fix())
    assert [bool(shown.repairs) for shown, _ in told(events)] == [True, False]
    assert any("Repair 2 can no longer be had" in e.text for e in desk.of(events, Notice))
    assert work.draft.read("calc.py") == CALC.replace("a - b", "b + a").encode()
    await desk.play(work.agent.discard())
    says.says = [desk.take]
    assert told(await desk.play(work.agent.fix()))[0][0].repairs
    work.draft.write("pkg/deep/one.py", b"ONE = 2\n")
    assert not told(await desk.play(work.agent.review()))[0][0].repairs


async def test_a_resumed_session_has_no_choice_and_reads_what_was_told(desk: "Desk", reader: "type[Reader]") -> None:
    work = led(desk, reader())
    events = await desk.play(work.agent.fix())
    shown = told(events)[0][0]
    work.close()
    again = desk.open([], reader(), test="", calls_tools=False, resume=work.session.id)
    assert [e.alternatives for e in again.history if isinstance(e, Proposed)] == [shown] and shown.repairs
    assert not told(await desk.play(again.agent.review()))[0][0].repairs


async def test_asking_again_offers_what_else_passes(desk: "Desk", reader: "type[Reader]") -> None:
    work = led(desk, reader(lambda change: Reroll(change.files[0].hunks[0].id)))
    (_, first), (second, line) = told(await desk.play(work.agent.fix()))
    assert first == "return a + b" and line == "return a * b"
    assert second.shown == 1 or not second.repairs
    assert "return a + b" not in [repair.text.strip() for repair in second.repairs]


def test_a_log_of_before_is_read() -> None:
    change = {"files": []}
    old = unpack({"event": "Proposed", "change": change, "verdict": {"command": "pytest"}})
    assert isinstance(old, Proposed) and old.alternatives == Alternatives()
    step = unpack({"event": "StepFinished", "id": "a", "ok": True, "summary": "1 passed"})
    assert isinstance(step, StepFinished) and step.failing is None


def test_a_hint_prefers_exactly_the_test_that_it_names() -> None:
    tests = [TestResult(f"t.py::{name}", "failed") for name in ("test_b", "test_add", "test_add_more", "test_a[x y]")]

    def order(hint: str) -> list[str]:
        return [test.id.removeprefix("t.py::") for test in named_first(tests, hint)]

    assert order("") == ["test_b", "test_add", "test_add_more", "test_a[x y]"]
    assert order("t.py::test_add_more")[0] == "test_add_more" and order("t.py::test_a[x y]")[0] == "test_a[x y]"
    assert order("please look at test_add")[:2] == ["test_add", "test_b"]


async def test_a_model_with_tools_is_told_first_of_the_test_that_is_named(desk: "Desk", reader: "type[Reader]") -> None:
    many = "".join(f"\n\ndef test_{n}():\n    assert add(2, {n + 2}) == {n + 4}\n" for n in range(6))
    (desk.repo / "tests/test_calc.py").write_text(TEST + many)
    work = desk.open(["I can't."], reader(), test="")
    work.agent.repair.patches = 0
    events = await desk.play(work.agent.fix("tests/test_calc.py::test_5"))
    asked = desk.seen(work)[0][-1].text
    assert asked.startswith("Date: ") and "tests/test_calc.py::test_5" in asked.partition("The project's tests fail")[0]
    failures = asked.partition("says:")[2]
    assert failures.index("test_5") < failures.index("test_add")
    assert "tests/test_calc.py::test_5" in (desk.of(events, StepFinished)[0].failing or ())
