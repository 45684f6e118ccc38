"""The command line: what a person may type behind `ossa`."""

import argparse
from importlib.metadata import version

COMMANDS = ("run", "fix", "apply", "undo", "redo", "models", "bench-model", "sessions", "doctor", "demo")

_EXIT_CODES = (
    "exit codes: 0 a change was proposed (or applied, with --accept), 1 no change, 2 error, 128 + n ended by signal n"
)


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; `command` is empty for the window."""
    parser = argparse.ArgumentParser(
        prog="ossa",
        description="An offline pair programmer for the terminal. Without a command: the window, on PATH.",
        epilog=f"commands: {', '.join(COMMANDS)}; `ossa COMMAND --help` tells more",
    )
    parser.add_argument("--version", action="version", version=f"ossa {version('ossa')}")
    if argv and argv[0] in COMMANDS:
        commands = parser.add_subparsers(dest="command")
        _add_commands(commands)
    else:
        parser.set_defaults(command="")
        parser.add_argument("path", nargs="?", default=".", help="the repository (default: here)")
        _common(parser)
    return parser.parse_args(argv)


def _add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = commands.add_parser("run", help="answer one prompt, without a window", epilog=_EXIT_CODES)
    run.add_argument("prompt", help='what to do; "-" reads it from standard input')
    _common(run)
    _headless(run)
    fix = commands.add_parser("fix", help="repair failing tests, without a window", epilog=_EXIT_CODES)
    fix.add_argument("hint", nargs="?", default="", help="a test, file or function to look at first")
    _common(fix)
    _headless(fix)
    _apply(commands)
    for name, told in (("undo", "take back the latest accepted change"), ("redo", "make it again after an undo")):
        back = commands.add_parser(name, help=told)
        back.add_argument("-C", "--root", default=".", help="the repository (default: here)")
        back.add_argument("--copy", action="store_true", help="the folder itself, though it is in a git repository")
        back.add_argument("--json", action="store_true", help="one JSON object a line")
    models = commands.add_parser("models", help="list the models, or fetch one")
    models.add_argument("action", nargs="?", choices=("list", "pull"), default="list")
    models.add_argument("name", nargs="?", default="", help="the model to fetch")
    bench = commands.add_parser("bench-model", help="what a model does on this machine, in figures")
    bench.add_argument("name", nargs="?", default="", metavar="PATH|NAME", help="the model (default: the best here)")
    bench.add_argument("--json", action="store_true", help="one JSON object")
    sessions = commands.add_parser("sessions", help="list earlier sessions")
    sessions.add_argument("-C", "--root", default=".", help="the repository (default: here)")
    sessions.add_argument("--copy", action="store_true", help="the folder itself, though it is in a git repository")
    sessions.add_argument("--all", action="store_true", help="of every repository")
    codes = "exit codes: 0 all held, 1 something got out or nothing confines commands here, 2 error"
    doctor = commands.add_parser("doctor", help="try to get out of the sandbox, and say what held", epilog=codes)
    doctor.add_argument("-C", "--root", default=".", help="the repository (default: here)")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line")
    demo = commands.add_parser("demo", help="watch a failing test being repaired, on an example in a temporary folder")
    demo.add_argument("--keep", action="store_true", help="leave the example where it is afterwards")
    _common(demo)


def _apply(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    codes = "exit codes: 0 applied (or would apply, with --check), 1 refused, 2 no patch, or none that can be read"
    apply = commands.add_parser("apply", help="put a patch into the files, all of it or nothing", epilog=codes)
    apply.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help='the patch; "-" (the default): standard input'
    )
    apply.add_argument(
        "-C", "--root", metavar="DIR", help="where its paths begin (default: the repository here, or here)"
    )
    apply.add_argument("--check", action="store_true", help="only say whether it would apply; write nothing")
    apply.add_argument("--json", action="store_true", help="one JSON object")


def _seconds(text: str) -> float:
    if 0 < (seconds := float(text)) <= 86400:
        return seconds
    raise argparse.ArgumentTypeError("give a number of seconds above 0, a day at most")


def _headless(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-C", "--root", dest="path", default=".", help="the repository (default: here)")
    parser.add_argument("--accept", action="store_true", help="apply the change if the tests prove it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", metavar="PATH|NAME", help="a model's folder, GGUF file or known name")
    parser.add_argument("--test", default="", metavar="CMD", help="how to run the tests (default: found)")
    parser.add_argument("--budget", type=_seconds, default=180, metavar="SECONDS", help="for a search (default: 180)")
    parser.add_argument("--seed", type=int, default=None, help="make the model's choices repeatable")
    parser.add_argument("--resume", nargs="?", const="latest", default="", metavar="ID", help="go on with a session")
    parser.add_argument("--copy", action="store_true", help="work on a folder that is no git repository, by copies")
    parser.add_argument(
        "--allow-unconfined", action="store_true", help="run commands without asking where no sandbox can confine them"
    )
