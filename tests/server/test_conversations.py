"""One scripted conversation by every protocol: its turns are those of a model here, whatever happens on the way."""

import dataclasses
import json
import subprocess
import threading
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from ossa.assistant.events import Answering, Composed, Event, Failure, Proposed, Reading, Spoken, Thinking, TurnFinished
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import LanguageModel, Piece, Text, Thought, ToolCall
from ossa.model.scripted import ScriptedModel

WAYS = ("vllm", "llama", "chat")
OPEN = ToolCall("repo_browser.open_file", '{"path": "a.py"}')
PATCH = "*** Begin Patch\n*** Update File: a.py\n@@\n-x = 1\n+x = 2\n*** End Patch\n"
EDIT = ToolCall("repo_browser.apply_patch", json.dumps({"patch": PATCH}))
SCRIPT: Sequence[Sequence[Piece]] = (
    [Thought("I have to look at a.py first."), OPEN],
    [Thought("Now the change, “carefully”."), EDIT],
    [Text("x is 2 now – as you wished.")],
    [Text("You are welcome.")],
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one file."""
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    root = tmp_path / "repository"
    root.mkdir()
    (root / "a.py").write_text("x = 1\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for command in (["init", "-q"], ["add", "-A"], [*who, "commit", "-q", "-m", "a"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


async def talk(model: LanguageModel, root: Path, prompts: Sequence[str]) -> list[Event]:
    """What happens in a session of these prompts."""
    bench = open_workbench(Options(root), lambda _: model, Unattended())
    try:
        return [event for prompt in prompts for event in [e async for e in bench.agent.run(prompt)]]
    finally:
        bench.close()


def essence(events: Sequence[Event]) -> list[tuple[str, Any]]:
    """The events without what differs from run to run, and without how they were cut into parts."""
    return list(_essence(events))


def _essence(events: Sequence[Event]) -> Iterator[tuple[str, Any]]:
    for kind, group in groupby((e for e in events if not isinstance(e, Reading | Composed)), type):
        if kind in (Answering, Thinking):
            yield kind.__name__, "".join(getattr(event, "text", "") for event in group)
            continue
        for event in group:
            match event:
                case Spoken():
                    yield "Spoken", (event.message.text, event.message.calls)
                case TurnFinished():
                    yield "TurnFinished", event.end
                case Proposed():
                    yield "Proposed", [(f.path, h.before, h.after) for f in event.change.files for h in f.hunks]
                case _:
                    skipped = ("id", "seconds")
                    fields = {f.name: getattr(event, f.name) for f in dataclasses.fields(event)}
                    yield kind.__name__, {name: value for name, value in fields.items() if name not in skipped}


@pytest.mark.parametrize("way", WAYS)
async def test_turns_with_tools_are_the_same_as_with_a_model_here(
    way: Any, serve: Any, reach: Any, spoil: Any, repository: Path
) -> None:
    prompts = ["Make x 2.", "Thanks."]
    here = essence(await talk(ScriptedModel(SCRIPT), repository, prompts))
    server = serve(way, *SCRIPT)
    # On the way every answer is refused or dropped before it begins, some several times.
    proxy = spoil(server.url, "429", "500", "pass", "gone", "pass", "early", "429", "pass")
    there = essence(await talk(reach(proxy.url), repository, prompts))
    assert there == here
    assert [end for kind, end in there if kind == "TurnFinished"] == ["proposed", "answered"]
    assert len(server.asked) == len(SCRIPT) and (repository / "a.py").read_text() == "x = 1\n"


async def cancelled(model: LanguageModel, root: Path, freed: threading.Event) -> tuple[list[Event], list[Event]]:
    """A turn that is stopped while the model thinks, and the next one."""
    bench = open_workbench(Options(root), lambda _: model, Unattended())
    try:
        stopped: list[Event] = []
        async for event in bench.agent.run("Make x 2."):
            stopped.append(event)
            if isinstance(event, Thinking):
                bench.agent.cancel()
        freed.set()
        return stopped, [event async for event in bench.agent.run("Go on.")]
    finally:
        bench.close()


@pytest.mark.parametrize("way", WAYS)
async def test_a_turn_that_is_stopped_ends_as_with_a_model_here(
    way: Any, serve: Any, reach: Any, repository: Path
) -> None:
    thought = Thought("I have to look at a.py first, and at all that there is beside it.")
    never = threading.Event()
    script = [[thought, never, OPEN], *SCRIPT[1:]]
    here, next_here = await cancelled(ScriptedModel(script), repository, threading.Event())
    server = serve(way, [thought, OPEN], *SCRIPT[1:], held=threading.Event())
    there, next_there = await cancelled(reach(server.url), repository, server.held)
    assert [kind for kind, _ in essence(there)] == [kind for kind, _ in essence(here)]
    assert essence(next_there) == essence(next_here)
    ends = [event.end for event in (*there, *next_there) if isinstance(event, TurnFinished)]
    assert ends == ["cancelled", "proposed"]
    assert "StepStarted" not in dict(essence(there))  # the call that was on its way is not made


@pytest.mark.parametrize("way", WAYS)
async def test_a_call_that_was_cut_off_is_not_made_and_the_session_goes_on(
    way: Any, serve: Any, reach: Any, spoil: Any, repository: Path
) -> None:
    server = serve(way, *SCRIPT[:2], *SCRIPT[1:])
    proxy = spoil(server.url, "pass", "cut", after=12)
    events = await talk(reach(proxy.url), repository, ["Make x 2.", "Go on."])
    steps = [kind for kind, value in essence(events) if kind == "StepStarted" and "a.py" in str(value)]
    ends = [event.end for event in events if isinstance(event, TurnFinished)]
    (failure,) = [event for event in events if isinstance(event, Failure)]
    assert "ask again" in failure.text and ends == ["failed", "proposed"]
    assert len(steps) == 2  # the file was opened in the first turn, the patch was applied in the second
    (proposed,) = [event for event in events if isinstance(event, Proposed)]
    assert [h.after for f in proposed.change.files for h in f.hunks] == [("x = 2\n",)]


BAD: Sequence[Sequence[Piece]] = (
    [Thought("Hm."), ToolCall("repo_browser.open_file", '{"path": "a.py", "line_start": ')],
    [ToolCall("repo_browser.frobnicate", '{"path": "a.py"}')],
    [ToolCall("repo_browser.apply_patch", json.dumps({"patch": PATCH.replace("-x = 1", "-y = 7")}))],
    [ToolCall("repo_browser.apply_patch", PATCH)],  # bare, not as JSON
    [Text("x is 2 now.")],
)


@pytest.mark.parametrize("way", WAYS)
async def test_where_nothing_holds_the_model_calls_are_mended_or_told_to_it_and_asked_for_again(
    way: Any, serve: Any, reach: Any, repository: Path
) -> None:
    here = essence(await talk(ScriptedModel(BAD), repository, ["Make x 2."]))
    replies = {"/version": {"version": "0.33.0"}}
    server = serve(way, *BAD, status=400, refusal="failed to parse grammar", replies=replies)
    answer, refused = server.post, list[str]()

    def stock(path: str, body: dict[str, Any]) -> Any:
        """As a build that knows no grammar of ours."""
        found = [key for key in ("grammar", "structured_outputs", "response_format") if key in body]
        refused.extend(found)
        return None if found else answer(path, body)

    server.post = stock
    there = essence(await talk(reach(server.url), repository, ["Make x 2."]))
    assert there == here
    forms = {"vllm": ["structured_outputs"], "llama": ["grammar", "grammar"], "chat": []}  # our words, and GBNF
    assert refused == forms[way]  # each once, and never again
    (proposed,) = [value for kind, value in there if kind == "Proposed"]
    assert [after for _, _, after in proposed] == [("x = 2\n",)]
    told = " ".join(str(value) for kind, value in there if kind == "StepFinished")
    assert "There is no tool repo_browser.frobnicate" in told and "refused" in told
