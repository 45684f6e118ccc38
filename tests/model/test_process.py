"""The model in its process: it answers, stops when told, and what happens to it is said and mended."""

import os
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ossa.model import catalog, discover, wire
from ossa.model.base import Finished, Message, ModelError, Piece, Prefill, Sampling, Text, ToolSpec
from ossa.model.process import LocalModel
from ossa.tests.waiting import LIMIT, freeze, until

ASK = [Message("user", "Which is the capital of France?")]
LONG = [Message("user", "word " * 9000)]
LONG_ENOUGH = [Message("user", "word " * 100)]
STORY = [Message("user", "Tell me a very long story about a fox and a crow.")]


def answer(model: LocalModel, messages: list[Message], sampling: Sampling = Sampling(max_tokens=16)) -> list[Piece]:
    return list(model.generate(messages, sampling=sampling))


def said(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def finished(pieces: list[Piece]) -> Finished:
    assert isinstance(pieces[-1], Finished)
    return pieces[-1]


def test_the_small_model_answers(small_model: LocalModel) -> None:
    pieces = answer(small_model, ASK)
    assert "Paris" in said(pieces)
    done = finished(pieces)
    assert done.message.text == said(pieces)
    assert done.reason == "stop"
    assert done.usage.prompt_tokens == small_model.count(ASK)
    assert done.usage.output_tokens == len(done.message.tokens)
    assert isinstance(pieces[0], Prefill)
    assert "CPU" in small_model.info.why or "GPU" in small_model.info.why
    assert small_model.info.window == 8192
    assert not small_model.info.calls_tools


def test_greedy_answers_repeat_and_seeds_choose(small_model: LocalModel) -> None:
    assert finished(answer(small_model, ASK)).message == finished(answer(small_model, ASK)).message

    def drawn(seed: int) -> str:
        return said(answer(small_model, STORY, Sampling(temperature=1.2, top_p=0.95, seed=seed, max_tokens=12)))

    assert drawn(1) == drawn(1) != drawn(2)


def test_it_ends_at_a_stop_text_across_tokens(small_model: LocalModel) -> None:
    whole = said(answer(small_model, ASK))
    # From within one word to within the next, so that no single token has it.
    stop = whole[len(whole) // 2 - 4 : len(whole) // 2 + 4]
    pieces = answer(small_model, ASK, Sampling(max_tokens=16, stop=(stop,)))
    assert said(pieces) == whole.partition(stop)[0] == finished(pieces).message.text
    assert finished(pieces).reason == "stop"


def test_the_tiny_gpt_oss_goes_the_same_way(tiny_gpt_oss: LocalModel) -> None:
    tools = [ToolSpec("container.exec", "Run.", {"type": "object", "properties": {"cmd": {"type": "string"}}})]
    assert tiny_gpt_oss.info.calls_tools
    sampling = Sampling(temperature=1.0, seed=3, max_tokens=12)
    messages = [Message("system", "Be brief."), Message("user", "hi")]
    pieces = list(tiny_gpt_oss.generate(messages, tools=tools, sampling=sampling))
    done = finished(pieces)
    assert done.usage.prompt_tokens == tiny_gpt_oss.count(messages, tools=tools)
    assert done.message.tokens
    assert len(done.message.tokens) == done.usage.output_tokens
    again = [*messages, done.message, Message("user", "and?")]
    assert finished(answer(tiny_gpt_oss, again)).usage.reused_tokens > 0
    begun = finished(answer(tiny_gpt_oss, messages, Sampling(begin="Yes", max_tokens=3))).message
    assert begun.text.startswith("Yes")


def test_closed_in_another_thread_it_stops_at_once_and_keeps_what_was_said(small_model: LocalModel) -> None:
    generation = small_model.generate(STORY, sampling=Sampling(temperature=1.5, seed=1, max_tokens=2000))
    pieces: list[Piece] = []
    reader = threading.Thread(target=lambda: pieces.extend(generation))
    reader.start()
    until(lambda: len(pieces) > 4)
    generation.close()
    reader.join(LIMIT)
    assert finished(pieces).reason == "cancelled" and finished(pieces).usage.output_tokens < 2000
    assert said(pieces).startswith(said(pieces[:-1]))
    assert "Paris" in said(answer(small_model, ASK))


def test_closed_before_it_began_it_never_begins(small_model: LocalModel) -> None:
    generation = small_model.generate(STORY)
    generation.close()
    assert list(generation) == []


def test_a_second_prompt_waits_and_can_be_dropped_while_waiting(small_model: LocalModel) -> None:
    first = small_model.generate(STORY, sampling=Sampling(max_tokens=2000, temperature=1.5, seed=1))
    next(first)
    second, third = small_model.generate(ASK), small_model.generate(ASK, sampling=Sampling(max_tokens=16))
    dropped: list[Piece] = []
    answered: list[Piece] = []
    readers = [
        threading.Thread(target=lambda: dropped.extend(second)),
        threading.Thread(target=lambda: answered.extend(third)),
    ]
    for reader in readers:
        reader.start()
    until(lambda: bool(second._replies and third._replies))
    second.close()
    readers[0].join(LIMIT)
    assert dropped == []
    assert small_model.count(ASK) > 0
    first.close()
    readers[1].join(LIMIT)
    assert "Paris" in said(answered)


def test_killed_while_it_writes_it_says_so_and_the_next_prompt_works(small_model_file: Path) -> None:
    model = LocalModel(discover.from_path(small_model_file))
    generation = model.generate(STORY, sampling=Sampling(max_tokens=2000, temperature=1.5, seed=1))
    for _ in range(3):
        next(generation)
    os.kill(model.pid, signal.SIGKILL)
    with pytest.raises(ModelError, match=r"signal 9.*memory.*next prompt"):
        list(generation)
    assert list(generation) == []
    assert model.pid == 0
    assert "Paris" in said(answer(model, ASK))
    pid = model.pid
    model.close()
    model.close()
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_a_hung_process_is_ended_when_the_answer_is_closed(tiny_gpt_oss_folder: Path) -> None:
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    generation = model.generate(ASK, sampling=Sampling(max_tokens=1500))
    next(generation)
    freeze(model.pid)
    generation.close()
    until(lambda: model.pid == 0)
    assert list(generation) == []


def test_a_process_that_hung_unnoticed_is_ended_by_the_next_prompt(tiny_gpt_oss_folder: Path) -> None:
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    model.start()
    hung = model.pid
    freeze(hung)
    abandoned: list[ModelError] = []

    def weigh() -> None:
        try:
            model.weigh(ASK, "Paris.")
        except ModelError as error:
            abandoned.append(error)

    weighing = threading.Thread(target=weigh)
    weighing.start()
    until(lambda: bool(model._link and model._link._open))
    assert finished(answer(model, ASK)).message.tokens
    weighing.join(LIMIT)
    assert "did not respond" in str(abandoned[0])
    assert model.pid not in (0, hung)
    model.close()


def test_a_process_that_hangs_while_it_answers_is_ended_though_nobody_asks(tiny_gpt_oss_folder: Path) -> None:
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    generation = model.generate(ASK, sampling=Sampling(max_tokens=1500))
    next(generation)
    freeze(model.pid)
    with pytest.raises(ModelError, match=r"did not respond.*next prompt"):
        list(generation)
    assert model.pid == 0


def test_killed_while_it_loads_or_idles_it_says_so_and_the_next_prompt_works(tiny_gpt_oss_folder: Path) -> None:
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    errors: list[ModelError] = []

    def start() -> None:
        try:
            model.start()
        except ModelError as error:
            errors.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    until(lambda: model.pid > 0)
    os.kill(model.pid, signal.SIGKILL)
    starter.join(LIMIT)
    assert "signal 9" in str(errors[0])
    assert finished(answer(model, ASK)).message.tokens
    os.kill(model.pid, signal.SIGKILL)
    until(lambda: model.pid == 0)
    assert finished(answer(model, ASK)).message.tokens
    model.close()


def test_out_of_memory_it_says_so_and_the_next_prompt_works(small_model: LocalModel) -> None:
    small_model.start()
    pid, unlimited = small_model.pid, resource.RLIM_INFINITY
    status = Path(f"/proc/{pid}/status").read_text()
    used = int(status.partition("VmSize:")[2].split()[0]) * 1024
    resource.prlimit(pid, resource.RLIMIT_AS, (used + 50_000_000, unlimited))
    with pytest.raises(ModelError, match="ran out of memory: close other programs"):
        answer(small_model, [Message("user", "word " * 7000)])
    resource.prlimit(pid, resource.RLIMIT_AS, (unlimited, unlimited))
    assert "Paris" in said(answer(small_model, ASK))
    assert small_model.pid == pid


def test_a_prompt_beyond_the_window_is_refused_and_the_next_one_works(small_model: LocalModel) -> None:
    for ask in (lambda: small_model.weigh(LONG, "Paris"), lambda: answer(small_model, LONG)):
        with pytest.raises(ModelError, match=r"9,\d\d\d tokens, but .* 8,192"):
            ask()
    assert "Paris" in said(answer(small_model, ASK))


def test_what_is_wrong_with_the_weights_is_said_and_mended_weights_work(
    tiny_gpt_oss_folder: Path, tmp_path: Path
) -> None:
    for path in tiny_gpt_oss_folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    model = LocalModel(discover.from_path(tmp_path))
    shard = tmp_path / "model.safetensors"
    content = shard.read_bytes()
    for damaged in (None, content[: len(content) // 2], content.replace(b"model.layers.3.", b"model.layers.9.", 1)):
        shard.unlink()
        if damaged:
            shard.write_bytes(damaged)
        with pytest.raises(ModelError, match=str(tmp_path)):
            answer(model, ASK)
        shard.write_bytes(content)
    assert finished(answer(model, ASK)).message.tokens
    model.close()


def test_states_that_are_damaged_or_of_another_model_cost_nothing(tiny_gpt_oss_folder: Path, tmp_path: Path) -> None:
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder), states=tmp_path)
    wanted = finished(answer(model, LONG_ENOUGH))
    until(lambda: bool(list(tmp_path.glob("*.safetensors"))))
    model.close()
    (path,) = tmp_path.glob("*.safetensors")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    (tmp_path / f"{'0' * 24}-1.safetensors").write_bytes(content)
    again = finished(answer(model, LONG_ENOUGH))
    assert again.usage.reused_tokens == 0
    assert again.message == wanted.message
    model.close()


def test_a_reply_that_a_kill_cut_off_is_no_reply() -> None:
    whole = wire.to_line({"id": 1, "weighed": []})
    assert wire.from_line(whole) == {"id": 1, "weighed": []}
    assert all(wire.from_line(whole[:end]) is None for end in range(len(whole)))


def test_closed_while_it_loads_it_says_so(small_model_file: Path) -> None:
    model = LocalModel(discover.from_path(small_model_file))
    errors: list[ModelError] = []

    def start() -> None:
        try:
            model.start()
        except ModelError as error:
            errors.append(error)

    starter = threading.Thread(target=start)
    starter.start()
    until(lambda: model.pid > 0)
    model.close()
    starter.join(LIMIT)
    assert "closed" in str(errors[0])


def test_a_damaged_file_is_an_error_in_a_sentence(small_model_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "half.gguf"
    path.write_bytes(small_model_file.read_bytes()[:1_000_000])
    model = LocalModel(discover.from_path(path), log=tmp_path / "logs" / "model.log")
    with pytest.raises(ModelError, match=r"half\.gguf"):
        model.start()
    assert (tmp_path / "logs" / "model.log").exists()
    assert model.pid == 0


def test_what_does_not_fit_is_refused_before_loading(small_model_file: Path) -> None:
    found = discover.Found("huge", small_model_file, "gguf", 8192, 10**15)
    model = LocalModel(found)
    with pytest.raises(ModelError, match=r"does not fit.*1000000 GB"):
        model.start()
    assert model.pid == 0


def test_it_dies_with_the_program_that_started_it(tiny_gpt_oss_folder: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from ossa.model import discover; from ossa.model.process import LocalModel\n"
        "model = LocalModel(discover.from_path(Path(sys.argv[1])))\n"
        "model.start(); print(model.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, tiny_gpt_oss_folder], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        child = Path("/proc") / parent.stdout.readline().decode().strip()
        assert child.exists()
        parent.kill()
    until(lambda: not child.exists())


def test_the_side_of_the_window_loads_no_torch() -> None:
    program = "import ossa.model.process, sys; print({'torch', 'transformers', 'numpy'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", program], text=True).strip() == "set()"


def test_the_catalogue_and_the_file_agree(small_model: LocalModel) -> None:
    assert small_model.info.window == catalog.find(small_model.info.name).window


def test_closed_while_the_machine_is_still_being_looked_at_it_is_not_loaded(
    small_model: LocalModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, answered = tmp_path / "asked", tmp_path / "answered"
    card = tmp_path / "nvidia-smi"
    card.write_text(f"#!/bin/sh\ntouch {asked}\nwhile ! [ -e {answered} ]; do sleep 0.01; done\necho 0\n")
    card.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    model = LocalModel(small_model._found)
    errors: list[ModelError] = []

    def start() -> None:
        try:
            model.start()
        except ModelError as error:
            errors.append(error)

    starting = threading.Thread(target=start)
    starting.start()
    until(asked.exists)
    model.close()
    answered.touch()
    starting.join(LIMIT)
    assert [str(error) for error in errors] == ["The model was closed."]
    assert model.pid == 0


def test_tokens_are_counted_without_the_weights_as_with_them(small_model: LocalModel, small_model_file: Path) -> None:
    begun = [
        Message("assistant", said(answer(small_model, ASK)), tokens=finished(answer(small_model, ASK)).message.tokens)
    ]
    asked = [Message("system", "Be brief.\n\n<|im_end|> naïve 漢字"), *ASK, *begun, *ASK]
    model = LocalModel(discover.from_path(small_model_file))
    try:
        assert model.count(asked) == small_model.count(asked)
        assert model.info.window == small_model.info.window and "CPU" not in model.info.why
        libraries = Path(f"/proc/{model.pid}/maps").read_text() if sys.platform == "linux" else ""
        assert "libtorch" not in libraries
        process = model.pid
        model.start()
        assert model.pid == process and "on the" in model.info.why
        assert said(answer(model, ASK)) == said(answer(small_model, ASK))
    finally:
        model.close()


def test_tokens_of_gpt_oss_are_counted_without_its_weights(tiny_gpt_oss: LocalModel, tiny_gpt_oss_folder: Path) -> None:
    tool = ToolSpec("container.exec", "Run it.", {"type": "object", "properties": {"cmd": {"type": "string"}}})
    model = LocalModel(discover.from_path(tiny_gpt_oss_folder))
    try:
        assert model.count(ASK, tools=[tool]) == tiny_gpt_oss.count(ASK, tools=[tool]) > model.count(ASK)
        assert model.info.window == tiny_gpt_oss.info.window
    finally:
        model.close()
