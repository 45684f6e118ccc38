"""The rules that keep the code readable, each with its reason; a break of one is a failing test.

One direction of imports, tui → assistant → model; heavy libraries where they belong; files and functions of a size
that fits a head.
"""

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LAYERS = ("tui", "assistant", "model")
FILES = [path for layer in LAYERS for path in sorted((ROOT / layer).rglob("*.py"))]
CHECKED = FILES + [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]


@dataclass(frozen=True)
class Rule:
    """No file of these folders imports these modules or what is below them."""

    folders: tuple[str, ...]
    forbidden: tuple[str, ...]
    reason: str


RULES = [
    Rule(("model",), ("ossa.assistant", "ossa.tui"), "the model knows nothing of repositories and screens"),
    Rule(("assistant",), ("ossa.tui",), "the assistant runs without a screen: `ossa run`, tests, other editors"),
    Rule(
        ("tui", "assistant"),
        ("torch", "transformers", "safetensors", "tokenizers", "openai_harmony", "huggingface_hub"),
        "what a model is made of is known to model/ alone, so that another engine touches nothing else",
    ),
    Rule(("tui", "model"), ("git",), "the repository belongs to assistant/, which alone changes it"),
    Rule(("assistant", "model"), ("textual", "rich"), "whatever is drawn belongs to tui/"),
    Rule(
        ("tui", "assistant", "model", "tests", "benchmarks"),
        ("tui", "assistant", "model"),
        "a bare name takes the folder of whatever repository ossa was started in",
    ),
]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(("ossa", *(part for part in parts if part != "__init__")))


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of everything that a file imports, wherever in it."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}:{node.lineno} imports relatively; write `ossa.…` in full"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def within(name: str, modules: Iterable[str]) -> bool:
    return any(name == module or name.startswith(f"{module}.") for module in modules)


def test_there_is_something_to_check() -> None:
    assert {path.relative_to(ROOT).parts[0] for path in FILES} == set(LAYERS)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{'+'.join(rule.folders)} without {rule.forbidden[0]}")
def test_imports_go_one_way(rule: Rule) -> None:
    broken = [
        f"{name_of(path)}:{line} imports {name}"
        for path in CHECKED
        if path.relative_to(ROOT).parts[0] in rule.folders
        for line, name in imported(path)
        if within(name, rule.forbidden)
    ]
    assert not broken, f"{rule.reason}\n" + "\n".join(broken)


def loaded_after(modules: Iterable[str]) -> set[str]:
    """Top-level names in `sys.modules` once a fresh interpreter has imported these."""
    program = f"import {', '.join(modules)}, sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_assistant_starts_without_a_screen_and_without_torch() -> None:
    # It runs in other editors and in CI, where neither is wanted; torch takes three seconds.
    modules = [module_of(path) for path in FILES if path.relative_to(ROOT).parts[0] == "assistant"]
    assert not loaded_after(modules) & {"textual", "rich", "torch", "transformers"}


def test_the_window_is_drawn_before_anything_heavy_is_loaded() -> None:
    # The first frame comes under a second; git and the model are loaded behind it.
    assert not loaded_after(["ossa.tui.app"]) & {"torch", "transformers", "git", "huggingface_hub", "numpy"}


def test_looking_for_models_needs_no_torch() -> None:
    # The window asks which models there are; the engine is a process of its own.
    modules = ["ossa.model.discover", "ossa.model.fetch", "ossa.model.scripted"]
    assert not loaded_after(modules) & {"torch", "transformers", "huggingface_hub", "numpy"}


def test_no_file_is_longer_than_a_sitting() -> None:
    # In every code base that we looked at, the debt sits in one file that never stopped growing.
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in CHECKED}
    assert not {name: length for name, length in lengths.items() if length > 400}


def test_no_function_is_longer_than_a_screen() -> None:
    # What does not fit on a screen is not read as a whole, and so not understood as one.
    lengths = {
        f"{name_of(path)}:{node.lineno} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path in FILES
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: length for name, length in lengths.items() if length > 50}


def test_a_file_says_first_what_it_owns() -> None:
    # A newcomer may open any leaf alone.
    assert not [name_of(path) for path in FILES if path.stat().st_size and not ast.get_docstring(parsed(path))]
