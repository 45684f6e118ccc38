"""Real servers with the small model: llama.cpp (xllamacpp) and `transformers serve`, where they are installed.

They are taken from this environment, else from those that the benchmarks keep in ossa's cache:
`pip install ossa[servers]` installs both.
"""

import importlib.util
import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from ossa.assistant import toolspecs
from ossa.assistant.events import Answering, Event, Failure, Spoken, TurnFinished
from ossa.assistant.review import Unattended
from ossa.assistant.workbench import Options, open_workbench
from ossa.model.base import Finished, LanguageModel, Message, ModelError, Prefill, Sampling, Text, ToolSpec
from ossa.model.constraints import Constraint
from ossa.model.constraints_gbnf import gbnf_of_harmony
from ossa.model.process import LocalModel
from ossa.model.server.line import Limits
from ossa.model.server.model import ServerModel, open_server
from ossa.tui.demo import make_example

ASK = [Message("system", "You are brief."), Message("user", "Say hello, and what <|im_end|> means.")]
PATIENT = Limits(tries=2)
SHORT = 12


def _servers() -> ModuleType:
    path = Path(__file__).parent.parent.parent / "benchmarks" / "_servers.py"
    spec = importlib.util.spec_from_file_location("servers", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    import sys

    sys.modules["servers"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def llama(small_model_file: Path) -> Iterator[ServerModel]:
    """The small model on llama.cpp's server."""
    servers = _servers()
    if not (python := servers.python_for("llama.cpp", "xllamacpp")):
        pytest.skip("xllamacpp is not installed")
    with servers.llama(python, small_model_file, slots=2) as served:
        model = open_server(served.url, limits=PATIENT)
        yield model
        model.close()


@pytest.fixture(scope="module")
def transformers(small_model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerModel]:
    """The small model on `transformers serve`."""
    servers = _servers()
    if not (python := servers.python_for("transformers", "fastapi", "uvicorn", "openai")):
        pytest.skip("what `transformers serve` needs is not installed: openai, fastapi, uvicorn")
    folder = servers.folder_of(small_model_file, tmp_path_factory.mktemp("small"))
    with servers.transformers(python, folder) as served:
        model = open_server(served.url, served.model, limits=PATIENT)
        yield model
        model.close()


@pytest.fixture(params=["llama", "transformers"])
def model(request: pytest.FixtureRequest) -> ServerModel:
    """Either of them."""
    return request.getfixturevalue(request.param)


async def asked(model: LanguageModel, root: Path) -> list[Event]:
    """What happens in a turn with a question."""
    bench = open_workbench(Options(root, seed=1), lambda _: model, Unattended())
    bench.agent.sampling = replace(bench.agent.sampling, max_tokens=SHORT)
    try:
        return [event async for event in bench.agent.run("What is this? @pocket/money.py")]
    finally:
        bench.watcher.stop()
        bench.finder.close()
        bench.draft.close()
        bench.session.close()


def kinds(events: list[Event]) -> list[str]:
    """What kinds of events there were, each once, in their order."""
    return list(dict.fromkeys(type(event).__name__ for event in events))


async def test_a_turn_is_like_one_with_the_model_here(
    model: ServerModel, small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    root = make_example(tmp_path)
    here, there = await asked(small_model, root), await asked(model, root)
    assert not [event for event in there if isinstance(event, Failure)]
    assert [e for e in kinds(there) if e != "FrontChanged"] == [e for e in kinds(here) if e != "FrontChanged"]
    assert isinstance(there[-1], TurnFinished) and there[-1].end == "answered"
    (spoken,) = [event for event in there if isinstance(event, Spoken)]
    assert spoken.message.text and 0 < spoken.usage.output_tokens <= SHORT


async def test_a_turn_that_is_stopped_ends_like_one_with_the_model_here(
    model: ServerModel, small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OSSA_HOME", str(tmp_path / "home"))
    root = make_example(tmp_path)
    here, there = await stopped(small_model, root), await stopped(model, root)
    assert kinds(there) == kinds(here)
    assert [event.end for event in there if isinstance(event, TurnFinished)] == ["cancelled", "answered"]


async def stopped(model: LanguageModel, root: Path) -> list[Event]:
    """What happens in a turn that is stopped at its first words, and in the next one."""
    bench = open_workbench(Options(root, seed=1), lambda _: model, Unattended())
    found: list[Event] = []
    try:
        async for event in bench.agent.run("What is this? @pocket/money.py"):
            found.append(event)
            if isinstance(event, Answering):
                bench.agent.cancel()
        bench.agent.sampling = replace(bench.agent.sampling, max_tokens=SHORT)
        return [*found, *[event async for event in bench.agent.run("And in a word?")]]
    finally:
        bench.watcher.stop()
        bench.finder.close()
        bench.draft.close()
        bench.session.close()


def test_llama_cpp_is_held_to_a_grammar_like_the_local_engine(llama: ServerModel, small_model: LocalModel) -> None:
    held = Sampling(max_tokens=SHORT, constraint=Constraint(grammar='start: "blue" | "green grass"'))
    both = [list(model.generate(ASK, sampling=held)) for model in (small_model, llama)]
    texts = ["".join(piece.text for piece in pieces if isinstance(piece, Text)) for pieces in both]
    assert texts[0] == texts[1] and texts[0] in ("blue", "green grass")
    assert [pieces[-1].reason for pieces in both if isinstance(pieces[-1], Finished)] == ["stop", "stop"]


def test_llama_cpp_takes_the_gbnf_of_all_tools(llama: ServerModel) -> None:
    tools = [value for value in vars(toolspecs).values() if isinstance(value, ToolSpec)]
    grammar = gbnf_of_harmony(Constraint(), tools)
    reply = llama._line.ask("/completion", {"prompt": [1], "n_predict": 0, "grammar": grammar})
    assert reply["generation_settings"]["grammar"] == grammar
    with pytest.raises(ModelError, match="grammar"):
        llama._line.ask(
            "/completion", {"prompt": [1], "n_predict": 0, "grammar": grammar.replace("text ::=", "other ::=")}
        )


def test_closing_frees_it_for_the_next_answer(model: ServerModel) -> None:
    answer = model.generate(ASK, sampling=Sampling(max_tokens=2000))
    for piece in answer:
        if isinstance(piece, Text):
            threading.Thread(target=answer.close).start()
            break
    rest = list(answer)
    assert isinstance(rest[-1], Finished) and rest[-1].reason == "cancelled"
    last = list(model.generate(ASK, sampling=Sampling(max_tokens=2)))[-1]
    assert isinstance(last, Finished) and last.reason == "length"


def test_llama_cpp_reads_the_prompt_that_the_local_engine_reads_and_knows_it_again(
    llama: ServerModel, small_model: LocalModel
) -> None:
    assert llama.count(ASK) == small_model.count(ASK)
    first = list(llama.generate(ASK, sampling=Sampling(max_tokens=SHORT)))[-1]
    assert isinstance(first, Finished)
    more = [*ASK, first.message, Message("user", "And?")]
    pieces = list(llama.generate(more, sampling=Sampling(max_tokens=2)))
    last = pieces[-1]
    assert isinstance(last, Finished) and isinstance(pieces[0], Prefill)
    assert last.usage.reused_tokens >= first.usage.prompt_tokens + first.usage.output_tokens - 1


def test_llama_cpp_weighs_a_text_as_the_local_engine_does(llama: ServerModel, small_model: LocalModel) -> None:
    text = "def add(a, b):\n    return a + b\n"
    here, there = (model.weigh(ASK[1:], text, others=3) for model in (small_model, llama))
    assert [(w.start, w.end) for w in there] == [(w.start, w.end) for w in here]
    # The kernels differ, so the numbers agree as far as 4-bit weights let them.
    assert math.isclose(sum(w.logprob for w in there), sum(w.logprob for w in here), rel_tol=0.1)
    assert all(0 < len(w.others) <= 3 for w in there)


def test_llama_cpp_goes_on_from_several_beginnings(llama: ServerModel, small_model: LocalModel) -> None:
    begins = ["The answer is ", "I "]
    sampling = Sampling(max_tokens=4)
    found: list[Any] = [model.continue_all(ASK, begins, sampling=sampling) for model in (small_model, llama)]
    for here, there in zip(*found, strict=True):
        assert there.text[:4] == here.text[:4] and there.tokens == here.tokens
        assert math.isclose(there.logprob, here.logprob, rel_tol=0.5)
