"""Those that repair a program in `repair.py`: ossa, its model asked plainly, and aider with the same model behind it.

(Task, what its failing test says) ─► Engine ─► Answer: the program's files then, seconds, candidates
"""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from _processes import run
from _repair_tasks import SECONDS, Files, Task, plain_environment, pytest_command, read, written

from ossa.assistant.paths import cache_dir
from ossa.model.base import LanguageModel, Message, ModelError, Sampling, Text

_HEAD = "```python\n"
_TOKENS = 400
"""That the model may write for one function, at least."""
_DEFINES = re.compile(r"(async )?def |class |@|from |import |\w+ *(:[^=]*)?= ")
_ANSWER = 1024
"""That it may write to aider at once."""
_MODEL = "openai/local"
"""As aider is told of it."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a program."""

    files: Files
    """All of it, or those that were changed."""
    seconds: float
    """From the start, loading included, to the end."""
    candidates: int
    """Versions tried, or answers of the model."""
    note: str = ""
    """What went wrong."""


Engine: TypeAlias = Callable[[Task, str], Answer]
"""From a task and the message of its failing test."""


def ossa(weights: Path, budget: float, without: str = "") -> Engine:
    """The program itself in a fresh home, as it is called by a person; `without` is a part that is left out."""

    def repair(task: Task, message: str) -> Answer:
        # Beside the cache and not in /tmp, where an overlay may not be had.
        with tempfile.TemporaryDirectory(prefix="home-", dir=_folder(), ignore_cleanup_errors=True) as home:
            root = Path(home, "project")
            root.mkdir()
            written(task.shown, root)
            for words in ("init -q", "add .", "-c user.name=b -c user.email=b@b commit -qm b"):
                subprocess.run(["git", *words.split()], cwd=root, check=True)
            script = Path(__file__).with_name("_repair_one.py")
            command = [sys.executable, script, without, "fix", "--accept", "--json", "--model", weights]
            begin = time.perf_counter()
            done = run(
                [*map(str, command), "--budget", str(budget), "-C", str(root)],
                root,
                3 * budget + 60,
                {**os.environ, "OSSA_HOME": str(Path(home, "own"))},
                patience=10,
            )
            seconds = time.perf_counter() - begin
            events = [json.loads(line) for line in done.output.splitlines() if line.startswith('{"event": ')]
            tried = sum(event["event"] == "Attempt" for event in events)
            told = [event["text"] for event in events if event["event"] in ("Notice", "Failure")]
            note = "" if tried else " ".join(told) or done.output[-300:]
            return Answer(read(root), seconds, tried, note)

    return repair


def asked(model: LanguageModel, tries: int, budget: float) -> Engine:
    """The model is asked for the corrected code; of several answers the first that passes the shown tests counts."""

    def repair(task: Task, message: str) -> Answer:
        begin, files = time.perf_counter(), dict[str, bytes]()
        above, below, what = _around(task.source, task.function)
        prompt = (
            f"This code has a bug:\n{_HEAD}{task.source}\n```\nIts test fails:\n```\n{message}\n```\n"
            f"Write the whole corrected {what}."
        )
        for number in range(tries):
            try:
                text = _answer(model, prompt, _HEAD + above, number, max(_TOKENS, len(task.source) // 2))
            except ModelError as error:
                return Answer({}, time.perf_counter() - begin, number, str(error))
            files = {task.module: (above + _own_part(text, what) + below).encode()}
            late = time.perf_counter() - begin > budget
            if late or number == tries - 1 or task.tried(files).passes:
                return Answer(files, time.perf_counter() - begin, number + 1)
        raise AssertionError("there is one try at least")

    return repair


def aider(program: Path, address: str, tries: int, budget: float) -> Engine:
    """Aider of that environment, told the failing test's message; it runs the tests and goes on by itself.

    Its format of edits is that of whole files, the easiest for a small model, and it is shown the tests. Of several
    calls, each on the program as it was, the first that passes the shown tests counts.
    """

    def repair(task: Task, message: str) -> Answer:
        begin, files, output, answers = time.perf_counter(), dict[str, bytes](), "", 0
        for number in range(tries):
            left = budget - (time.perf_counter() - begin)
            if left <= 0 or (number and task.tried(files).passes):
                break
            files, count, output = _aider_called(program, address, task, message, number, left)
            answers += count
        note = "" if answers else f"no answer: {output[-300:]}"
        return Answer(files, time.perf_counter() - begin, answers, note)

    return repair


@contextmanager
def served(python: Path, weights: Path) -> Generator[str]:
    """The address of llama.cpp's server on the same model, while it is needed.

    Raises:
        OSError: it does not start.
    """
    command = [python, Path(__file__).with_name("_llama.py"), weights]
    process = subprocess.Popen(
        command,
        env={**os.environ, "GOMP_SPINCOUNT": "1000"},  # else its threads wait for each other by taking whole cores
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout
        if not (address := process.stdout.readline().strip()).startswith("http"):
            raise OSError("llama.cpp's server does not start")
        yield address
    finally:
        process.kill()
        process.wait()


def _folder() -> Path:
    folder = cache_dir() / "benchmarks"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _answer(model: LanguageModel, prompt: str, begin: str, number: int, tokens: int) -> str:
    """What the model writes behind the answer's beginning; the first answer is its likeliest."""
    sampling = Sampling(0.8 if number else 0.0, 0.95, number, tokens, ("\n```",), begin=begin)
    pieces = model.generate([Message("user", prompt)], sampling=sampling)
    return "".join(piece.text for piece in pieces if isinstance(piece, Text))


def _own_part(text: str, what: str) -> str:
    """What the model wrote of a function or module, without the calls and tests that it likes to go on with."""
    first, *more = text.rstrip().split("\n")
    kept = [first]
    for line in more:
        goes_on = not line.strip() or line[0] in " \t)]}#"
        if not goes_on and (what == "function" or not _DEFINES.match(line)):
            break
        kept.append(line)
    return "\n".join(kept) + "\n"


def _around(source: str, function: str) -> tuple[str, str, str]:
    """What stands above the part that the model is to write, what below, and what it is called.

    That part is the body of the function that is named, or is the only one; else all from the first body on.
    """
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return "", "", "module"
    lines = source.splitlines(keepends=True)
    definitions = [n for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]
    named = [n for n in definitions if n.name == function] or definitions
    if not named:
        return "", "", "module"
    alone = len(named) == 1 and not isinstance(named[0], ast.ClassDef)
    first, *more = named[0].body
    start = first.end_lineno or first.lineno if ast.get_docstring(named[0]) and more else first.lineno - 1
    margin = re.match(r"[ \t]*", lines[start])
    above = "".join(lines[:start]) + (margin[0] if margin else "")
    return (above, "".join(lines[named[0].end_lineno :]), "function") if alone else (above, "", "module")


def _aider_called(
    program: Path, address: str, task: Task, message: str, number: int, seconds: float
) -> tuple[Files, int, str]:
    """The program's files after one call, the model's answers in it, and what was printed."""
    with tempfile.TemporaryDirectory(prefix="ossa-bench-", ignore_cleanup_errors=True) as folder:
        home, root = Path(folder), Path(folder, "project")
        written(task.shown, root)
        _aider_settings(home, number)
        told = f"A test fails:\n{message}\n\nFix the bug in {task.module}, so that all tests pass."
        command = [program.with_name("aider"), *_aider_options(task, home), "--message", told]
        done = run(command, root, seconds, _aider_environment(home, address))
        log = home / "answers"
        answers = log.read_text("utf-8", "replace").count("LLM RESPONSE") if log.exists() else 0
        return read(root), answers, done.output


def _aider_settings(home: Path, number: int) -> None:
    """What it would look up or guess for a model that it doesn't know; the first answer is the likeliest one."""
    limits = {"max_input_tokens": 8192 - _ANSWER, "max_output_tokens": _ANSWER, "max_tokens": _ANSWER}
    facts = {"input_cost_per_token": 0, "output_cost_per_token": 0, "litellm_provider": "openai", "mode": "chat"}
    (home / "metadata.json").write_text(json.dumps({_MODEL: {**limits, **facts}}))
    settings = {
        "name": _MODEL,
        "edit_format": "whole",
        "use_temperature": 0.8 if number else True,
        "extra_params": {"max_tokens": _ANSWER, "seed": number},
    }
    (home / "settings.yml").write_text(json.dumps([settings]))


def _aider_options(task: Task, home: Path) -> list[str]:
    """Everything that keeps it to the task: no question, no other program's files, nothing beyond this machine."""
    command = f"timeout --foreground -k 1 {SECONDS} {shlex.join(pytest_command(task.tests))}"
    off = (
        "git analytics check-update show-release-notes show-model-warnings pretty stream fancy-input gitignore "
        "suggest-shell-commands detect-urls"
    )
    return [
        *("--model", _MODEL, "--weak-model", _MODEL, "--edit-format", "whole", "--yes-always", "--map-tokens", "0"),
        *("--max-chat-history-tokens", "8192"),
        *("--model-metadata-file", str(home / "metadata.json"), "--model-settings-file", str(home / "settings.yml")),
        *(f"--no-{option}" for option in off.split()),
        *("--analytics-disable", "--disable-playwright", "--llm-history-file", str(home / "answers")),
        *("--chat-history-file", str(home / "chat"), "--input-history-file", str(home / "input")),
        *("--auto-test", "--test-cmd", command, "--timeout", "60"),
        *(word for test in task.tests for word in ("--read", test)),
        *("--file", task.module),
    ]


def _aider_environment(home: Path, address: str) -> dict[str, str]:
    """Ours without its settings and keys; its home is an empty folder."""
    kept = {n: v for n, v in plain_environment().items() if not re.match(r"AIDER_|\w+_API_|\w+_proxy$", n, re.I)}
    return {
        **kept, "HOME": str(home), "OPENAI_API_BASE": f"{address}/v1", "OPENAI_API_KEY": "none",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }  # fmt: skip
