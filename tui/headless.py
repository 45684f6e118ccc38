"""`ossa run`, `fix`, `undo`, `redo` and `sessions`: the assistant without a window."""

import argparse
import asyncio
import json
import shlex
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ossa.assistant.accepting.checkpoints import CheckpointError
from ossa.assistant.draft import DraftError
from ossa.assistant.eventlog import pack
from ossa.assistant.events import End, Notice
from ossa.assistant.repository import NotARepository, Repository
from ossa.assistant.review import Reviewer, Unattended
from ossa.assistant.session import SessionError
from ossa.assistant.workbench import Workbench
from ossa.model.base import ModelError
from ossa.tui.back import back
from ossa.tui.kept import kept
from ossa.tui.loading import LINES, told
from ossa.tui.plain import EXIT, show
from ossa.tui.signals import Signals


def run_headless(arguments: argparse.Namespace, open_bench: Callable[[Reviewer], Workbench]) -> int:
    """Do what the command says and return the exit code."""
    try:
        match arguments.command:
            case "sessions":
                return kept(arguments, None if arguments.all else _root(arguments))
            case "undo" | "redo":
                return back(arguments, _root(arguments))
            case _:
                return asyncio.run(_turn(arguments, open_bench))
    except (NotARepository, ModelError, SessionError, DraftError, CheckpointError) as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2


async def _turn(arguments: argparse.Namespace, open_bench: Callable[[Reviewer], Workbench]) -> int:
    prompt = arguments.hint if arguments.command == "fix" else _prompt(arguments.prompt)
    if arguments.command == "run" and not prompt.strip():
        print('ossa: the prompt is empty: say what to do, as in `ossa run "explain @README.md"`.', file=sys.stderr)
        return 2
    reviewer = Unattended(accept=arguments.accept, allow_unconfined=arguments.allow_unconfined)
    opened: list[Workbench] = []
    signals = Signals(lambda: [bench.agent.cancel() for bench in opened])
    bench = await asyncio.to_thread(open_bench, reviewer)
    opened.append(bench)
    try:
        end = "cancelled" if signals.received else await _play(arguments, prompt, bench)
        if end == "proposed" and arguments.accept:
            _refused(reviewer.why, as_json=arguments.json)
            return EXIT["rejected"]
        return signals.exit_code if signals.received and end == "cancelled" else EXIT[end]
    finally:
        signals.close()
        with suppress(Exception):
            bench.close()


async def _play(arguments: argparse.Namespace, prompt: str, bench: Workbench) -> End:
    """Print one turn, and how it ended."""
    info = bench.model.info
    where = [f"What {info.name} reads and writes goes to a {info.where}."] if info.where else []
    if arguments.json:
        for notice in (*where, *bench.notices):
            print(json.dumps(pack(Notice(notice))), flush=True)
    else:
        about = (f"{info.name}: {info.why}", *where, bench.draft.isolation.summary, *bench.notices)
        print(*about, sep="\n", flush=True)
    events = bench.agent.fix(prompt) if arguments.command == "fix" else bench.agent.run(prompt)
    async with told(bench.model, lambda far: print(f"ossa: {far}", file=sys.stderr, flush=True), LINES):
        end = await show(events, as_json=arguments.json)
    if end == "proposed" and not arguments.json:
        print(f"The change stays in the draft: review it with `{_resuming(arguments, bench.session.id)}`.")
    return end


def _refused(why: str, *, as_json: bool) -> None:
    """Say why a change that was to be accepted was not."""
    notice = Notice(f"The change was not applied: {why}.")
    print(json.dumps(pack(notice)) if as_json else notice.text, flush=True)


def _prompt(given: str) -> str:
    """The prompt as given, or from standard input, which may hold anything or be closed."""
    if given != "-":
        return given
    return sys.stdin.buffer.read().decode("utf-8", "replace").replace("\0", "�") if sys.stdin else ""


def _resuming(arguments: argparse.Namespace, session: str) -> str:
    """The command line that opens the window on a session."""
    place = [] if arguments.path == "." else [arguments.path]
    return shlex.join(["ossa", *place, *(["--copy"] if arguments.copy else []), "--resume", session])


def _root(arguments: argparse.Namespace) -> Path:
    """What was worked on here: the repository, or the folder itself where there is none or `--copy` names it.

    Raises:
        NotARepository: there is no such folder.
    """
    folder = Path(arguments.root)
    try:
        return Repository.plain(folder).root if arguments.copy else Repository.open(folder).root
    except NotARepository:
        return Repository.plain(folder).root
