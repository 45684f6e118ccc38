"""The ledger says before anything is sent what every part costs, and what the person does about it holds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ossa.assistant.context.asking import Ask
from ossa.assistant.context.attachments import of_command
from ossa.assistant.context.context import Composition, Context
from ossa.assistant.context.ledger import Ledger
from ossa.assistant.draft import Draft
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.eventlog import pack, unpack
from ossa.assistant.events import Adjusted, Composed, Event, Failure, Ran, Rewound, Spoken, StepFinished, TurnStarted
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.repository import Repository
from ossa.assistant.review import Unattended
from ossa.assistant.toolspecs import OPEN_FILE
from ossa.assistant.transcript import Transcript
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Message, ModelError, ToolCall, Usage
from ossa.model.scripted import ScriptedModel

LOOK = ToolCall("repo_browser.open_file", '{"path": "calc.py"}')
RESERVE = 100


class Bench:
    """A context and a transcript without an agent."""

    def __init__(self, repo: Path, draft: Draft, window: int) -> None:
        self.transcript = Transcript()
        self.events: list[Event] = []
        symbols = [Symbol("calc.py", "sub", "function", 5, 6, "def sub(a, b):", "")]
        self.context = Context(
            ScriptedModel(window=window),
            Repository.open(repo),
            draft,
            (OPEN_FILE,),
            definitions=lambda name: [symbol for symbol in symbols if symbol.name == name],
        )

    def see(self, *events: Event) -> None:
        for event in events:
            self.events.append(event)
            self.transcript.see(event)

    def preview(self, prompt: str) -> Ledger:
        return self.context.preview(self.transcript, Ask(prompt), RESERVE)

    def send(self, prompt: str, *answers: Event) -> Composition:
        self.see(TurnStarted(prompt))
        composed = self.context.compose(self.transcript, Ask(prompt), RESERVE)
        self.see(*composed.events, *answers)
        self.see(*self.context.settle(self.transcript))
        return composed

    def look(self, prompt: str, shown: str) -> Composition:
        result = StepFinished("1", True, "", shown, Message("tool", shown, tool=LOOK.name))
        return self.send(prompt, said("", LOOK), result, said("I see."))

    def choose(self, action: str, part: str, limit: int = 0) -> None:
        choice = Adjusted(part, action, limit)  # type: ignore[arg-type]
        self.see(*self.context.adjust(self.transcript, choice))


def said(text: str, *calls: ToolCall) -> Spoken:
    return Spoken(Message("assistant", text, calls), Usage())


def tokens(ledger: Ledger) -> dict[str, int]:
    return {part.id: part.tokens for part in ledger.parts}


@pytest.fixture
def draft(repo: Path, tmp_path: Path) -> Iterator[Draft]:
    opened = open_draft(Repository.open(repo), tmp_path / "draft")
    yield opened
    opened.close()


@pytest.fixture
def bench(repo: Path, draft: Draft) -> Bench:
    return Bench(repo, draft, 8_192)


def test_every_part_is_counted_before_anything_is_sent(bench: Bench, repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind.\n")
    bench.see(Adjusted("file:pkg/deep/one.py", "pin"))
    bench.look("look at @calc.py", "x " * 50)
    ledger = bench.preview("and @tests/test_calc.py, please")
    assert [part.id for part in ledger.parts] == [
        *("system", "agents", "file:pkg/deep/one.py", "m0.0", "m0", "m1", "m2", "m3"),
        *("new:tests/test_calc.py", "new"),
    ]
    assert sum(part.tokens for part in ledger.parts) == ledger.total and all(part.tokens for part in ledger.parts)
    composed = bench.context.compose(bench.transcript, Ask("and @tests/test_calc.py, please"), RESERVE)
    assert composed.ledger == ledger and bench.context.count(composed.messages) == ledger.total
    (event,) = [e for e in composed.events if isinstance(e, Composed)]
    assert sum(part.tokens for part in event.parts) == event.total == ledger.total
    assert [part.name for part in event.parts][-3:] == ["conversation", "tests/test_calc.py", "prompt"]


def test_what_dropping_costs_is_what_has_to_be_read_again(bench: Bench) -> None:
    bench.look("look at @calc.py", "x " * 50)
    ledger = bench.preview("and now?")
    sizes, known = tokens(ledger), ledger.total - ledger.unread
    assert known == sum(size for part, size in sizes.items() if part != "new") and ledger.unread == sizes["new"]
    for part in ledger.parts[1:-1]:
        bench.choose("drop", part.id)
        after = bench.preview("and now?")
        assert (part.moved, part.reread) == (ledger.total - after.total, after.unread - ledger.unread), part.id
        assert part.along == (part.id in ("m0", "m1"))
        dropped = next(one for one in after.parts if one.id == part.id)
        assert dropped.state == "left out" and dropped.along == part.along
        assert dropped.moved == part.moved or (part.id in ("m0.0", "m2") and dropped.moved > part.moved)
        bench.choose("restore", part.id)
        assert tokens(bench.preview("and now?")) == sizes
    assert next(part.moved for part in ledger.parts if part.id == "m0") == sum(
        sizes[part] for part in ("m0.0", "m0", "m1", "m2", "m3")
    )


def test_what_was_dropped_comes_back_as_it_was(bench: Bench) -> None:
    bench.look("look at @calc.py", "x " * 50)
    before = bench.preview("and now?")
    for part in ("m0.0", "m0", "m1", "m2", "m3"):
        bench.choose("drop", part)
        assert bench.preview("and now?").total < before.total
        for number in range(4):
            bench.choose("restore", f"m{number}")
        bench.choose("restore", "m0.0")
        now = bench.preview("and now?")
        assert now.total == before.total and tokens(now) == tokens(before)
    bench.choose("shorten", "m2", 30)
    assert next(part for part in bench.preview("?").parts if part.id == "m2").state == "shortened"
    with pytest.raises(KeyError):
        bench.choose("drop", "m99")
    with pytest.raises(KeyError):
        bench.choose("drop", "m0.7")


def test_an_answer_goes_with_its_results_and_a_prompt_with_its_turn(bench: Bench) -> None:
    bench.look("look", "x " * 50)
    bench.send("next", said("ok"))
    bench.choose("drop", "m1")
    assert [m.role for m in shown(bench)] == ["system", "user", "assistant", "user", "assistant", "user"]
    bench.choose("drop", "m0")
    assert [m.text[-4:] for m in shown(bench)][1:] == ["next", "ok", "now?"]
    bench.see(Rewound(2))
    assert bench.transcript.replaced == {} and len(shown(bench)) == 2


def shown(bench: Bench) -> tuple[Message, ...]:
    return bench.context.compose(bench.transcript, Ask("now?"), RESERVE).messages


def test_what_is_about_to_be_sent_can_be_left_out_or_shortened(bench: Bench, repo: Path) -> None:
    (repo / "long.txt").write_text("word " * 900)
    whole = tokens(bench.preview("see @calc.py and @long.txt"))
    bench.choose("drop", "new:calc.py")
    bench.choose("shorten", "new:long.txt", 500)
    ledger = bench.preview("see @calc.py and @long.txt")
    less, parts = tokens(ledger), {part.id: part for part in ledger.parts}
    assert less["new:calc.py"] == 0 and less["new:long.txt"] < whole["new:long.txt"] // 4
    assert abs(parts["new:calc.py"].saved - whole["new:calc.py"]) < 5 and parts["new:calc.py"].state == "left out"
    assert parts["new:long.txt"].state == "shortened" and parts["new:long.txt"].saved > less["new:long.txt"]
    assert "return a - b" in ledger.texts["new:calc.py"].whole and not ledger.texts["new:calc.py"].shown
    assert len(ledger.texts["new:long.txt"].shown) < 600 < len(ledger.texts["new:long.txt"].whole)
    bench.choose("restore", "new:calc.py")
    assert tokens(bench.preview("see @calc.py and @long.txt"))["new:calc.py"] == whole["new:calc.py"]
    bench.choose("drop", "new:calc.py")
    bench.send("see @calc.py and @long.txt", said("ok"))
    assert "new:calc.py" in tokens(bench.preview("and @calc.py"))


def test_what_is_shown_already_is_not_attached_twice(bench: Bench, repo: Path) -> None:
    bench.send("see @calc.py", said("ok"))
    again = bench.send("see @calc.py", said("ok"))
    assert "is shown above" in again.messages[-1].text and "return" not in again.messages[-1].text
    (repo / "calc.py").write_text("NEW = 1\n")
    assert "NEW = 1" in bench.send("see @calc.py", said("ok")).messages[-1].text
    (repo / "calc.py").unlink()
    assert "no longer there" in bench.send("and?", said("ok")).messages[-1].text
    assert "no longer there" not in bench.send("and?", said("ok")).messages[-1].text


def test_folders_definitions_output_and_failures_are_attached(bench: Bench) -> None:
    folder = bench.send("all of @pkg/", said("ok"))
    assert [a.name for e in folder.events if isinstance(e, Composed) for a in e.attached] == [
        *("pkg/__init__.py", "pkg/deep/one.py", "pkg/deep/two.py"),
    ]
    text = bench.send("what of @sub and @calc.sub?", said("ok")).messages[-1].text
    assert text.startswith("`calc.py`, lines 5–6:\n```\ndef sub(a, b):\n    return a - b\n```")
    for other in ("other.sub", "alc.sub"):
        assert bench.preview(f"@{other}").notices == (f"There is no file {other} to attach.",)
    assert len(bench.preview("@!output and @!failures").notices) == 2
    ran = Ran("make", 2, "cc\nerror: no\n")
    bench.see(ran)
    ask = Ask(
        "why @!output and @!failures?", failures="E assert 1 == 2", attached=(of_command(Ran("ls", 0, "others")),)
    )
    composed = bench.context.compose(bench.transcript, ask, RESERVE)
    assert of_command(ran).text in composed.messages[-1].text and "others" in composed.messages[-1].text
    assert composed.messages[-1].text.count("error: no") == 1
    assert bench.send("and?").messages[-1].text.count("error: no") == 1


def test_attached_texts_that_would_fill_the_window_are_cut_and_it_is_said(repo: Path, draft: Draft) -> None:
    bench = Bench(repo, draft, 2_000)
    (repo / "long.txt").write_text("word " * 9_000)
    ledger = bench.preview("see @calc.py and @long.txt")
    assert not ledger.over and any("long.txt would fill" in notice for notice in ledger.notices)
    (cut,) = [part for part in ledger.parts if part.state]
    assert cut.state == "cut to fit" and cut.saved > 2_000
    assert "return a - b" in bench.send("see @calc.py and @long.txt", said("ok")).messages[-1].text
    with pytest.raises(ModelError, match="takes 1,900 beside its answer"):
        bench.send("word " * 3_000)
    assert bench.preview("word " * 3_000).over > 1_000


def test_what_is_dropped_of_the_front_stays_in_the_ledger_and_comes_back(bench: Bench, repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind.\n")
    bench.choose("pin", "file:calc.py")
    bench.send("look", said("ok"))
    whole = tokens(bench.preview("and?"))
    for part in ("agents", "file:calc.py"):
        bench.choose("drop", part)
        for _ in range(2):
            ledger = bench.preview("and?")
            (gone,) = [one for one in ledger.parts if one.state == "left out"]
            assert (gone.id, gone.tokens) == (part, 0) and abs(gone.saved - whole[part]) < 5
            assert sum(tokens(ledger).values()) == ledger.total
            bench.send("without", said("ok"))
        bench.choose("restore", part)
        assert tokens(bench.preview("and?"))[part] == whole[part]
    bench.choose("restore", "file:calc.py")  # pinned no longer
    assert "file:calc.py" not in tokens(bench.preview("and?"))


def test_what_is_pinned_is_not_attached_as_well(bench: Bench) -> None:
    bench.choose("pin", "file:calc.py")
    texts = [message.text for message in bench.send("see @calc.py", said("ok")).messages]
    assert sum("return a - b" in text for text in texts) == 1 and "calc.py is shown above" in texts[-1]
    bench.choose("drop", "file:calc.py")
    assert "return a - b" in bench.send("see @calc.py", said("ok")).messages[-1].text


def test_a_model_without_tools_is_shown_what_is_pinned(repo: Path, draft: Draft) -> None:
    bench = Bench(repo, draft, 8_192)
    bench.context = Context(ScriptedModel(window=8_192, calls_tools=False), Repository.open(repo), draft)
    bench.choose("pin", "file:calc.py")
    assert [part.id for part in bench.preview("why?").parts] == ["system", "file:calc.py", "new"]
    assert any("return a - b" in message.text for message in bench.send("why?", said("ok")).messages)


def test_what_was_brought_back_stays(bench: Bench) -> None:
    bench.look("look", "x " * 50)
    bench.choose("drop", "m2")
    bench.choose("restore", "m2")
    assert next(part for part in bench.preview("?").parts if part.id == "m2").state == "pinned"
    bench.choose("restore", "m2")
    assert next(part for part in bench.preview("?").parts if part.id == "m2").state == ""


def test_after_a_resume_it_is_known_how_the_model_knew_the_files(bench: Bench, repo: Path, draft: Draft) -> None:
    bench.look("look", "x " * 50)  # by its tool, so nothing else tells of what it saw
    bench.context.settle(bench.transcript)
    log = [pack(event) for event in bench.events]
    draft.write("calc.py", b"MINE = 1\n")
    other = Bench(repo, draft, 8_192)
    other.see(*filter(None, map(unpack, log)))
    assert "Changed by the person since you saw them: calc.py" in other.send("and?").messages[-1].text
    other.see(*other.context.settle(other.transcript))
    again = Bench(repo, draft, 8_192)
    again.see(*other.events)
    assert "since you saw them" not in again.send("and?").messages[-1].text


async def test_a_part_that_is_not_there_is_told(repo: Path) -> None:
    work = open_workbench(Options(repo, test="true"), lambda _: ScriptedModel(["ok"]), Unattended())
    try:
        events = [event async for event in work.agent.adjust("drop", "m7")]
        assert any(isinstance(event, Failure) and "no part m7" in event.text for event in events)
        _ = [event async for event in work.agent.run("hello")]
        _ = [event async for event in work.agent.adjust("drop", "m1")]
        assert work.agent.preview("and?").parts[2].state == "left out"
        assert Transcript(work.session.events()).replaced == work.agent.transcript.replaced
    finally:
        work.close()
