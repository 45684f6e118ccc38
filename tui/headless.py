"""`ossa run`, `fix`, `undo` and `sessions`: the assistant without a window."""

import argparse
import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ossa.assistant import paths
from ossa.assistant.checkpoints import CheckpointError, Checkpoints
from ossa.assistant.draft import DraftError
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.review import Reviewer, Unattended
from ossa.assistant.session import SessionError, sessions
from ossa.assistant.workbench import Workbench
from ossa.model.base import ModelError
from ossa.tui.plain import EXIT, show


def run_headless(arguments: argparse.Namespace, open_bench: Callable[[Reviewer], Workbench]) -> int:
    """Do what the command says and return the exit code."""
    try:
        match arguments.command:
            case "sessions":
                return _sessions(arguments)
            case "undo":
                return _undo(arguments)
            case _:
                return asyncio.run(_turn(arguments, open_bench))
    except (NotARepository, ModelError, SessionError, DraftError, CheckpointError) as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2


async def _turn(arguments: argparse.Namespace, open_bench: Callable[[Reviewer], Workbench]) -> int:
    reviewer = Unattended(accept=arguments.accept, allow_unconfined=arguments.allow_unconfined)
    bench = await asyncio.to_thread(open_bench, reviewer)
    try:
        if not arguments.json:
            info = bench.model.info
            print(f"{info.name}: {info.why}\n{bench.draft.isolation.summary}", *bench.notices, sep="\n", flush=True)
        agent = bench.agent
        if arguments.command == "fix":
            events = agent.fix(arguments.hint)
        else:
            events = agent.run(sys.stdin.read() if arguments.prompt == "-" else arguments.prompt)
        end = await show(events, as_json=arguments.json)
        if end == "proposed" and not arguments.json:
            print(f"The change stays in the draft: review it with `ossa --resume {bench.session.id}`.")
        return EXIT[end]
    finally:
        with suppress(Exception):
            bench.close()


def _undo(arguments: argparse.Namespace) -> int:
    root = Repository.open(Path(arguments.root)).root
    own = paths.state_dir() / "repositories" / paths.repository_key(root)
    checkpoints = Checkpoints(own / "checkpoints", root)
    checkpoints.recover()
    done = checkpoints.undo()
    print(f"taken back: {', '.join(done.files)}")
    return 0


def _sessions(arguments: argparse.Namespace) -> int:
    root = None if arguments.all else Repository.open(Path(arguments.root)).root
    found = sessions(paths.state_dir() / "sessions", root)
    for info in found:
        print(f"{info.id}  {info.updated:%Y-%m-%d %H:%M}  {info.turns:>3} turns  {info.title}")
    if not found:
        print("No sessions yet.")
    return 0
