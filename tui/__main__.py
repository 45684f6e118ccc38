"""`ossa`: reads the command line, wires everything, and starts the window or goes on without one.

main ─► make_app ─► OssaApp(open_workbench)          the window paints first; git and the model are loaded behind it
     └► headless ─► open_workbench ─► plain.show     the same events as text or JSON
"""

import argparse
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ossa.assistant import paths
from ossa.tui.console import NEXT, explain, is_terminal, keep_log, prepare
from ossa.tui.options import parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from ossa.assistant.config import Config
    from ossa.assistant.review import Reviewer
    from ossa.assistant.workbench import Workbench
    from ossa.model.base import LanguageModel
    from ossa.tui.acp.sessions import Lend
    from ossa.tui.app import OssaApp


def main(argv: list[str] | None = None) -> int:
    """Run `ossa` and return its exit code."""
    prepare()
    arguments = parse(sys.argv[1:] if argv is None else argv)
    try:
        if arguments.command or arguments.plain or arguments.web:
            _keep_log()
        return _dispatch(arguments)
    except KeyboardInterrupt:
        return 2
    except BrokenPipeError:  # whoever read the output has left
        sys.stderr.close()
        return 2
    except Exception as error:
        with suppress(Exception):  # the place for the log may be what is wrong
            _keep_log()
        print(f"ossa: {explain(error)}", file=sys.stderr)
        return 2


def _keep_log() -> None:
    """Have traces written to ossa's log; once is enough."""
    keep_log(paths.state_dir() / "ossa.log")


def make_app(arguments: argparse.Namespace, first_prompt: str = "") -> "OssaApp":
    """The window, with everything that it needs; nothing heavy is imported before its first frame."""
    from ossa.tui.app import OssaApp

    return OssaApp(Path(arguments.path).absolute(), partial(open_bench, arguments), first_prompt, paths.config_dir())


def open_bench(
    arguments: argparse.Namespace, reviewer: "Reviewer", load: "Callable[[Config], LanguageModel] | None" = None
) -> "Workbench":
    """Wire assistant and model as the command line says; `load` chooses the model otherwise.

    Raises:
        NotARepository, ModelError, SessionError: with a sentence for the user.
    """
    from ossa.assistant.workbench import Options, open_workbench

    options = Options(
        Path(arguments.path).absolute(),
        test=arguments.test,
        resume=arguments.resume,
        plain_folder=arguments.copy,
        seed=arguments.seed,
        thinking=arguments.thinking,
        seconds=arguments.budget,
        candidates=arguments.candidates,
        files=tuple(arguments.file),
    )
    return open_workbench(options, load or partial(_choose, arguments), reviewer)


def _open_there(
    arguments: argparse.Namespace, folder: Path, session: str, reviewer: "Reviewer", lend: "Lend"
) -> "Workbench":
    """The same for a folder and a session that an editor names, on a model that is lent."""
    there = argparse.Namespace(**{**vars(arguments), "path": str(folder), "resume": session})
    return open_bench(there, reviewer, lambda config: lend(partial(_choose, arguments, config)))


def run_windows(arguments: argparse.Namespace, first_prompt: str = "") -> int:
    """Open the window, and again for every session that the person goes on with; the exit code."""
    from ossa.tui.sketch import Sketch, end_orderly
    from ossa.tui.tidying import hold

    while True:
        hold()
        sketch = Sketch(sys.__stderr__, sys.stdin) if is_terminal(sys.stdin) else Sketch(None)
        end_orderly()
        try:
            sketch.draw()
            _keep_log()
            app = make_app(arguments, first_prompt)
            app.sketch = sketch
            session = app.run()
        finally:
            sketch.leave()
        if not session:
            return app.return_code or 0
        if following := os.environ.get(NEXT):
            Path(following).write_text(session)
            return 0
        arguments.resume, first_prompt = session, ""


def _choose(arguments: argparse.Namespace, config: "Config") -> "LanguageModel":
    """The model on a server where one is named, behind `ossa` before the user's own configuration; else one here."""
    server = arguments.server or ("" if arguments.model else config.server)
    if not server:
        return _load(arguments.model, arguments.adapter, config)
    from ossa.model.server.model import open_server

    name = arguments.server_model or ("" if arguments.server else config.server_model)
    return open_server(server, name, window=config.server_window)


def _load(name: str, adapter: str, config: "Config", *, exact: bool = False) -> "LanguageModel":
    """The model that is asked for, else the configured one, else the best on disk that fits; and its adapter."""
    from dataclasses import replace

    from ossa.model.adapter import adapted
    from ossa.model.discover import named
    from ossa.model.machine import this_machine
    from ossa.model.plan import choose, plan
    from ossa.model.process import LocalModel

    machine, models = this_machine(), paths.cache_dir() / "models"
    wanted = name or config.model
    found = named(wanted, models) if wanted else choose(models, machine)
    # The configured adapter belongs to the configured model.
    if folder := adapter or ("" if name else config.adapter):
        found = adapted(found, Path(folder))
    found = replace(found, exact=exact or config.exact)
    planned = str(plan(found, machine))
    log, states = paths.state_dir() / "model.log", paths.cache_dir() / "states"
    return LocalModel(found, planned=planned, log=log, states=states)


def _dispatch(arguments: argparse.Namespace) -> int:
    match arguments.command:
        case "run" | "fix" | "undo" | "redo" | "sessions":
            from ossa.tui.headless import run_headless

            return run_headless(arguments, partial(open_bench, arguments))
        case "apply":
            from ossa.tui.apply import apply

            return apply(arguments)
        case "rename" | "move" | "signature":
            from ossa.tui.refactoring import refactor

            return refactor(arguments)
        case "doctor":
            from ossa.tui.doctor import doctor

            return doctor(arguments)
        case "models":
            from ossa.tui.models import models

            return models(arguments.action, arguments.name)
        case "bench-model":
            return _bench(arguments)
        case "find":
            from ossa.tui.find import find

            return find(arguments)
        case "map":
            from ossa.tui.find import show_map

            return show_map(arguments, partial(_load, arguments.model, ""))
        case "acp":
            from ossa.tui.acp.serve import serve

            return serve(partial(_open_there, arguments))
        case "demo":
            from ossa.tui.demo import demo

            return demo(arguments, partial(open_bench, arguments), run_windows)
        case _:
            return _window(arguments)


def _bench(arguments: argparse.Namespace) -> int:
    """Measure a model that is here, or one with random weights."""
    from ossa.assistant.config import Config
    from ossa.tui.bench import bench_against, bench_model, make_random

    if arguments.against:
        return bench_against(arguments)

    def load() -> "LanguageModel":
        name = str(make_random(arguments.name)) if arguments.random else arguments.name
        return _load(name, arguments.adapter, Config(), exact=arguments.exact)

    return bench_model(load, as_json=arguments.json, exact=arguments.exact if arguments.random else None)


def _window(arguments: argparse.Namespace) -> int:
    """Open the window; that there is nothing to work on, or no terminal, is said before the screen is taken."""
    root = Path(arguments.path).absolute()
    if not root.is_dir():
        hint = f"a port is named by --port {root.name}" if arguments.web and root.name.isdecimal() else ""
        missing = f"does not exist; {hint or '`ossa --help` lists the commands'}"
        what = "is a file; name its folder" if root.exists() else missing
        print(f"ossa: {root} {what}.", file=sys.stderr)
        return 2
    if not arguments.copy and not any((folder / ".git").exists() for folder in (root, *root.parents)):
        arguments.copy = _wants_copies(root)
        if not arguments.copy:
            return 2
    if arguments.plain:
        from ossa.tui.talk import talk

        return talk(partial(open_bench, arguments), watch=arguments.command == "watch")
    in_browser = NEXT in os.environ
    if arguments.web and not in_browser:
        return _web(arguments)
    if not (in_browser or (is_terminal(sys.stdin) and is_terminal(sys.stderr))):
        print(
            'ossa: the window needs a terminal; without one there are `ossa --plain`, `ossa fix` and `ossa run "…"`.',
            file=sys.stderr,
        )
        return 2
    return run_windows(arguments)


def _web(arguments: argparse.Namespace) -> int:
    try:
        from ossa.tui.web import serve
    except ImportError:
        print('ossa: --web needs textual-serve: `pip install "ossa[web]"` installs it.', file=sys.stderr)
        return 2
    return serve(arguments.port, [*(["--copy"] if arguments.copy else []), *arguments.argv])


def _wants_copies(root: Path) -> bool:
    """Whether a folder without git is to be worked on through copies: only a person at a terminal can say so."""
    from ossa.assistant.repository import NotARepository, Repository

    try:
        Repository.open(root)
    except NotARepository as error:
        print(f"ossa: {error}", file=sys.stderr)
    if not is_terminal(sys.stdin):
        return False
    try:
        answer = input("Work on it through copies now? [y/N] ")
    except EOFError:
        answer = ""
    return answer.strip().lower() in ("y", "yes")


if __name__ == "__main__":
    sys.exit(main())
