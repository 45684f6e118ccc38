"""What the model has read it need not read again: prompts of consecutive turns begin alike, token by token."""

import json
from collections.abc import Sequence
from itertools import pairwise, takewhile
from pathlib import Path

import pytest

from ossa.assistant.context.asking import Ask
from ossa.assistant.context.context import Context
from ossa.assistant.context.parts import About
from ossa.assistant.drafts.opening import open_draft
from ossa.assistant.events import Composed, Event, Instructed, Notice, Spoken
from ossa.assistant.repository import Repository
from ossa.assistant.review import Unattended
from ossa.assistant.toolspecs import APPLY_PATCH, EXEC, OPEN_FILE, PRINT_TREE, REFACTOR, SEARCH
from ossa.assistant.transcript import Transcript
from ossa.assistant.wording import prompt_text
from ossa.assistant.workbench import Options, Workbench, open_workbench
from ossa.model.base import Finished, Message, Piece, Sampling, ToolCall, ToolSpec, Usage
from ossa.model.harmony import HarmonyCodec
from ossa.model.scripted import Answer, ScriptedModel

TOOLS = (PRINT_TREE, SEARCH, OPEN_FILE, APPLY_PATCH, REFACTOR, EXEC)
CODEC = HarmonyCodec()
ANALYSIS, FINAL = CODEC.prompt([Message("user", "analysis")], (), Sampling())[-4], CODEC.opening("")[1]
THOUGHT = "analysis: let me see what there is"


def sampled(text: str, *calls: tuple[str, str]) -> list[Piece]:
    """An answer of gpt-oss's with its reasoning, id by id."""
    messages = [Message("system", "s"), Message("user", "u")]
    front = len(CODEC.prompt(messages, (), Sampling()))
    answer = Message("assistant", text, tuple(ToolCall(*call) for call in calls))
    thought = Message("assistant", THOUGHT)
    said = CODEC.prompt([*messages, thought, answer], (), Sampling())[front:-2]
    # Reasoning is in a channel of its own: "final" becomes "analysis".
    said[said.index(FINAL)] = ANALYSIS
    message = Message("assistant", answer.text, answer.calls, tokens=tuple(said))
    return [Finished("tool_calls" if calls else "stop", message)]


class Harmonious(ScriptedModel):
    """Replays a script, and counts as gpt-oss does."""

    def __init__(self, answers: Sequence[Answer | str], window: int = 32_768) -> None:
        super().__init__(answers, window=window)

    def count(self, messages: Sequence[Message], *, tools: Sequence[ToolSpec] = ()) -> int:
        return len(CODEC.prompt(messages, tools, Sampling()))

    def prompts(self) -> list[list[int]]:
        """What it was shown, in tokens."""
        return [CODEC.prompt(messages, TOOLS, Sampling()) for messages in self.seen]


def same(first: Sequence[int], second: Sequence[int]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def opened(repo: Path, model: ScriptedModel, resume: str = "") -> Workbench:
    return open_workbench(Options(repo, test="true", resume=resume), lambda _: model, Unattended())


async def play(work: Workbench, prompt: str) -> list[Event]:
    return [event async for event in work.agent.run(prompt)]


async def pin(work: Workbench, path: str) -> None:
    assert [event async for event in work.agent.adjust("pin", f"file:{path}")]


def test_the_system_prompt_and_the_tools_are_short() -> None:
    assert len(CODEC.prompt([Message("system", prompt_text("system"))], TOOLS, Sampling())) < 1_500


def test_the_answers_of_this_test_are_such_as_gpt_oss_writes() -> None:
    (finished,) = sampled("Because.")
    assert isinstance(finished, Finished)
    shown = CODEC.prompt([Message("user", "u"), finished.message, Message("user", "v")], (), Sampling())
    assert set(finished.message.tokens) <= set(shown)


async def test_everything_but_the_new_message_is_known(repo: Path) -> None:
    look = sampled("", ("repo_browser.open_file", '{"path": "pkg/deep/two.py"}'))
    script = [look, sampled("It subtracts."), sampled("Two."), look, sampled("Changed."), "Bye."]
    model = Harmonious(script)
    work = opened(repo, model)
    try:
        await play(work, "why? @calc.py")
        await play(work, "and @pkg/deep/one.py?")
        (repo / "calc.py").write_text("def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n")
        events = await play(work, "and now?")
        (composed,) = [event for event in events if isinstance(event, Composed)]
        assert "return a + b" in composed.message.text and "Date: " in composed.message.text
        prompts = model.prompts()
        assert len(prompts) == 5
        assert all(same(before, after) == len(before) for before, after in pairwise(prompts))
        # What it has written is known, too, its reasoning included.
        written = next(event.message.tokens for event in events if isinstance(event, Spoken))
        assert prompts[4][len(prompts[3]) :][: len(written) - 1] == list(written)[:-1]
    finally:
        work.close()


async def test_a_resumed_session_is_shown_the_same(repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind.\n")
    first = Harmonious([sampled("Because."), sampled("So.")])
    work = opened(repo, first)
    await pin(work, "pkg/deep/one.py")
    await play(work, "why? @calc.py")
    work.close()
    second = Harmonious([sampled("Yes.")])
    again = opened(repo, second, resume="latest")
    try:
        await play(again, "really?")
        before, after = first.prompts()[0], second.prompts()[0]
        assert same(before, after) == len(before)
    finally:
        again.close()


async def test_a_pinned_file_that_changes_is_read_again_and_what_follows_it(repo: Path) -> None:
    model = Harmonious([sampled(f"Answer {n}.") for n in range(6)])
    work = opened(repo, model)
    try:
        await pin(work, "calc.py")
        await pin(work, "pkg/deep/one.py")
        await play(work, "one")
        await play(work, "two")
        for n in (1, 2):
            (repo / "calc.py").write_text(f"# version {n}\n")
            await play(work, f"changed {n}")
        await play(work, "the same")
    finally:
        work.close()
    prompts = model.prompts()
    assert same(prompts[0], prompts[1]) == len(prompts[0]) and same(prompts[3], prompts[4]) == len(prompts[3])
    shown = [[m.text.split(":")[0] for m in seen if "`:\n```" in m.text and m.role == "user"] for seen in model.seen]
    # What changes goes behind what does not, so the next time only it is read again.
    assert shown[1] == ["`calc.py`", "`pkg/deep/one.py`"] and shown[2] == shown[3] == ["`pkg/deep/one.py`", "`calc.py`"]
    for before, after, known in ((1, 2, 1), (2, 3, 2)):
        front = CODEC.prompt(model.seen[before][:known], TOOLS, Sampling())
        assert len(front) <= same(prompts[before], prompts[after]) + 2 < len(prompts[before])
    assert "version 2" in model.seen[3][2].text


async def test_what_the_model_itself_changes_in_a_pinned_file_is_not_read_again(repo: Path) -> None:
    section = "*** Update File: calc.py\n@@ def add(a, b):\n-    return a - b\n+    return a + b\n"
    patch = json.dumps({"patch": f"*** Begin Patch\n{section}*** End Patch"})
    model = Harmonious([sampled("", ("repo_browser.apply_patch", patch)), sampled("Done."), sampled("Yes.")])
    work = opened(repo, model)
    try:
        await pin(work, "calc.py")
        await play(work, "correct it")
        assert b"a + b" in (work.draft.read("calc.py") or b"")
        await play(work, "is it right?")
        prompts = model.prompts()
        assert same(prompts[1], prompts[2]) == len(prompts[1])
    finally:
        work.draft.discard()
        work.close()


async def test_instructions_of_folders_come_when_the_model_comes_there_and_once(repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind.\n")
    (repo / "pkg/AGENTS.md").write_text("Only constants.\n")
    (repo / "tests/AGENTS.md").write_text("No mocks.\n")
    look = sampled("", ("repo_browser.open_file", '{"path": "pkg/deep/two.py"}'))
    model = Harmonious([look, sampled("I see."), look, sampled("So."), sampled("Tests.")])
    work = opened(repo, model)
    try:
        events = await play(work, "look")
        assert [e.path for e in events if isinstance(e, Instructed)] == ["pkg/AGENTS.md"]
        again = await play(work, "again")
        assert not [e for e in again if isinstance(e, Instructed)]
        await play(work, "and @tests/test_calc.py?")
    finally:
        work.close()
    first, last = model.seen[0], model.seen[-1]
    assert first[1] == Message("system", "# AGENTS.md of this repository\n\nBe kind.\n")
    assert sum("Only constants." in m.text for m in last) == 1 and "No mocks." in last[-1].text
    prompts = model.prompts()
    assert all(same(a, b) == len(a) for a, b in pairwise(prompts))


async def test_instructions_that_change_are_read_again_where_they_stand(repo: Path) -> None:
    (repo / "AGENTS.md").write_text("Be kind.\n")
    model = Harmonious([sampled("Yes."), sampled("Yes.")])
    work = opened(repo, model)
    try:
        await play(work, "hello")
        (repo / "AGENTS.md").write_text("Be brief.\n")
        events = await play(work, "hello")
        assert not [e for e in events if isinstance(e, Notice)]
        assert "Be brief." in model.seen[1][1].text and model.seen[0][0] == model.seen[1][0]
    finally:
        work.close()


@pytest.mark.parametrize("agents", ["", "Be kind."])
def test_the_map_stands_behind_the_instructions_and_stays(repo: Path, agents: str) -> None:
    if agents:
        (repo / "AGENTS.md").write_text(agents)
    asked: list[int] = []

    def repo_map(about: About, tokens: int, count: object) -> str:
        assert about.prompt == "one"
        asked.append(tokens)
        return f"calc.py: def add, made {len(asked)} times"

    model = Harmonious([])
    repository = Repository.open(repo)
    draft = open_draft(repository, repo.parent / "draft")
    context, transcript = Context(model, repository, draft, TOOLS, repo_map=repo_map), Transcript()
    for prompt in ("one", "two"):
        composed = context.compose(transcript, Ask(prompt), 1_000)
        for event in composed.events:
            transcript.see(event)
        transcript.see(Spoken(Message("assistant", "ok"), Usage()))
        position = 2 if agents else 1
        assert "made 1 times" in composed.messages[position].text and len(asked) == 1 and asked[0] < 2_048
    draft.close()
