"""`ossa demo`: a small repository with a failing test, in a temporary folder, and the real model to repair it."""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

from ossa.assistant.review import Reviewer
from ossa.assistant.workbench import Workbench
from ossa.tui.headless import run_headless

EXAMPLE = "pocket"


def demo(
    arguments: argparse.Namespace,
    open_bench: Callable[[Reviewer], Workbench],
    run_windows: Callable[[argparse.Namespace, str], int],
) -> int:
    """Open the window on the example, or without a terminal repair it and print what happens."""
    folder = Path(tempfile.mkdtemp(prefix="ossa-demo-"))
    try:
        arguments.path = str(make_example(folder))
        print(f"The example is in {arguments.path}: some of its tests fail.", flush=True)
        if sys.stdin.isatty() and sys.stdout.isatty():
            return run_windows(arguments, "/fix")
        arguments.command, arguments.hint, arguments.accept, arguments.json = "fix", "", True, False
        return run_headless(arguments, open_bench)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)


def make_example(folder: Path) -> Path:
    """Copy the example below a folder and commit it, as a repository of its own."""
    target = folder / EXAMPLE
    with as_file(files("ossa.examples") / EXAMPLE) as source:
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))
    who = ["-c", "user.name=ossa", "-c", "user.email=ossa@localhost", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], [*who, "commit", "-q", "-m", "The example"]):
        subprocess.run(["git", *command], cwd=target, check=True)
    return target
