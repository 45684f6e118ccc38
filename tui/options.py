"""The command line: what a person may type behind `ossa`."""

import argparse
from typing import Any, NoReturn

from ossa.tui.helptexts import ABOUT

COMMANDS = tuple(ABOUT)


def parse(argv: list[str]) -> argparse.Namespace:
    """Read the command line; `command` is empty for the window."""
    parser = argparse.ArgumentParser(
        prog="ossa",
        description="An offline pair programmer for the terminal.\nWithout a command: the window, on PATH.",
        epilog="\n".join(["commands; `ossa COMMAND --help` tells more:", *_lines()]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show it and exit")
    if argv and argv[0] in COMMANDS:
        commands = parser.add_subparsers(dest="command")
        _add_commands(commands)
    else:
        parser.set_defaults(command="")
        parser.add_argument("path", nargs="?", default=".", help="the repository (default: here)")
        parser.add_argument(
            "--plain", action="store_true", help="line by line instead of the window, as screen readers need it"
        )
        parser.add_argument("--web", action="store_true", help="the window in a browser on this machine")
        parser.add_argument("--port", type=_port, default=8420, help="for --web (default: 8420; 0: any that is free)")
        _common(parser)
    parser.set_defaults(argv=argv)
    return parser.parse_args(argv)


class _Version(argparse.Action):
    """Like argparse's own; what knows the version takes a while to import."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any) -> NoReturn:
        from importlib.metadata import version

        print(f"ossa {version('ossa')}")
        parser.exit()


def _lines() -> list[str]:
    return [f"  {name:<12} {about.line}" for name, about in ABOUT.items()]


def _add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _command(commands, "run")
    run.add_argument("prompt", help='what to do; "-" reads it from standard input')
    _common(run)
    _headless(run)
    fix = _command(commands, "fix")
    fix.add_argument("hint", nargs="?", default="", help="a test, file or function to look at first")
    _common(fix)
    _headless(fix)
    watch = _command(commands, "watch")
    watch.add_argument("path", nargs="?", default=".", help="the repository (default: here)")
    watch.set_defaults(plain=True, web=False)
    _common(watch)
    _apply(commands)
    _refactoring(_command(commands, "rename"), "OLD", "NEW")
    move = _command(commands, "move")
    _refactoring(move, "SYMBOL", "MODULE")
    move.add_argument("--keep", action="store_true", help="let it still be imported from where it was")
    _refactoring(_command(commands, "signature"), "FUNC", "PARAMETERS")
    for name in ("undo", "redo"):
        back = _command(commands, name)
        _root(back)
        back.add_argument("--json", action="store_true", help="one JSON object a line")
    models = _command(commands, "models")
    models.add_argument("action", nargs="?", choices=("list", "pull"), default="list")
    models.add_argument("name", nargs="?", default="", help="the model to fetch")
    bench = _command(commands, "bench-model")
    bench.add_argument("name", nargs="?", default="", metavar="PATH|NAME", help="the model (default: the best here)")
    _adapter(bench)
    bench.add_argument("--random", action="store_true", help="random weights in its shape, made once: 14 GB of disk")
    bench.add_argument(
        "--against", default="", metavar="llama.cpp", help="with --random: beside llama.cpp's wheel, or a llama-server"
    )
    bench.add_argument("--depth", type=_tokens, default=0, metavar="TOKENS", help="beside it also behind so many")
    bench.add_argument("--rounds", type=_count, default=3, metavar="N", help="of both, for the medians (default: 3)")
    bench.add_argument("--exact", action="store_true", help="gpt-oss on a CPU: all but its experts in bf16, not int8")
    bench.add_argument("--json", action="store_true", help="one JSON object")
    _search(commands)
    _sessions(commands)
    doctor = _command(commands, "doctor")
    doctor.add_argument("-C", "--root", default=".", help="the repository (default: here)")
    doctor.add_argument("--json", action="store_true", help="one JSON object a line")
    acp = _command(commands, "acp")
    _wiring(acp)
    demo = _command(commands, "demo")
    demo.add_argument("--keep", action="store_true", help="leave the example where it is afterwards")
    _common(demo)


def _command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str) -> argparse.ArgumentParser:
    about = ABOUT[name]
    return commands.add_parser(name, help=about.line, description=about.text, epilog=f"exit codes: {about.codes}")


def _apply(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    apply = _command(commands, "apply")
    apply.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help='the patch; "-" (the default): standard input'
    )
    apply.add_argument(
        "-C", "--root", metavar="DIR", help="where its paths begin (default: the repository here, or here)"
    )
    apply.add_argument("--check", action="store_true", help="only say whether it would apply; write nothing")
    apply.add_argument("--json", action="store_true", help="one JSON object")


def _refactoring(parser: argparse.ArgumentParser, symbol: str, to: str) -> None:
    parser.add_argument(
        "symbol", metavar=symbol, help="name, Class.method, module.name, path:line, path:name, or a module"
    )
    told = {
        "NEW": "its new name",
        "MODULE": "module, file or folder, which may be new",
        "PARAMETERS": 'such as "(a, b=1)"',
    }
    parser.add_argument("to", metavar=to, help=told[to])
    _root(parser)
    parser.add_argument("--check", action="store_true", help="only show the change and what the tests say of it")
    parser.add_argument("--accept", action="store_true", help="do not ask: accept it if the tests hold")
    parser.add_argument("--test", default="", metavar="CMD", help="how to run the tests (default: found)")
    parser.add_argument("--allow-unconfined", action="store_true", help="run the tests though nothing confines them")
    parser.add_argument("--json", action="store_true", help="one JSON object; without --accept nothing is written")


def _search(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    find = _command(commands, "find")
    find.add_argument("text", help='what to look for; "-" reads it from standard input')
    find.add_argument("--limit", type=_count, default=10, metavar="N", help="files at most (default: 10)")
    page = _command(commands, "map")
    page.add_argument("text", nargs="?", default="", help='what it is for (default: nothing special); "-": from stdin')
    page.add_argument("--tokens", type=_count, default=1024, metavar="N", help="at most (default: 1024)")
    page.add_argument("--model", default="", metavar="PATH|NAME", help="whose tokens count (default: as in `run`)")
    for command, unit in ((find, "a line"), (page, "")):
        _root(command)
        command.add_argument("--json", action="store_true", help=f"one JSON object {unit}".rstrip())


def _sessions(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sessions = _command(commands, "sessions")
    sessions.add_argument("words", nargs="*", metavar="WORD", help="only those with these words in title or prompts")
    _root(sessions)
    sessions.add_argument("--all", action="store_true", help="of every repository")
    one = sessions.add_mutually_exclusive_group()
    one.add_argument("--export", default="", metavar="ID", help="print one as Markdown")
    one.add_argument("--rename", nargs=2, default=(), metavar=("ID", "TITLE"), help="give one a title, or take it away")
    one.add_argument("--fork", default="", metavar="ID", help="copy one, to go on with the copy; prints its id")
    sessions.add_argument("--to", default="", metavar="FILE", help="where --export writes (default: standard output)")
    sessions.add_argument("--json", action="store_true", help="one JSON object a line")


def _root(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-C", "--root", default=".", metavar="DIR", help="the repository (default: here)")
    parser.add_argument("--copy", action="store_true", help="the folder itself, though it is in a git repository")


def _seconds(text: str) -> float:
    if 0 < (seconds := float(text)) <= 86400:
        return seconds
    raise argparse.ArgumentTypeError("give a number of seconds above 0, a day at most")


def _count(text: str) -> int:
    if (count := int(text)) > 0:
        return count
    raise argparse.ArgumentTypeError("give a number above 0")


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number up to 65535")


def _tokens(text: str) -> int:
    if (count := int(text)) >= 0:
        return count
    raise argparse.ArgumentTypeError("give a number of tokens, or 0 for no limit")


def _headless(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-C", "--root", dest="path", default=".", help="the repository (default: here)")
    parser.add_argument("--accept", action="store_true", help="apply the change if the tests prove it")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def _adapter(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--adapter", default="", metavar="DIR", help="a LoRA adapter for the model, as PEFT saves it")


def _common(parser: argparse.ArgumentParser) -> None:
    _wiring(parser)
    parser.add_argument("--resume", nargs="?", const="latest", default="", metavar="ID", help="go on with a session")
    parser.add_argument(
        "--allow-unconfined", action="store_true", help="run commands without asking where no sandbox can confine them"
    )


def _wiring(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", default="", metavar="PATH|NAME", help="a model's folder, GGUF file or known name")
    _adapter(parser)
    parser.add_argument("--server", default="", metavar="URL", help="a server that has the model (default: none)")
    parser.add_argument("--server-model", default="", metavar="NAME", help="its name there (default: the only one)")
    parser.add_argument("--test", default="", metavar="CMD", help="how to run the tests (default: found)")
    parser.add_argument(
        "--budget", type=_seconds, metavar="SECONDS", help="for a repair (default: 180; with gpt-oss 1800)"
    )
    parser.add_argument("--candidates", type=_count, default=10_000, metavar="N", help="of a search (default: 10000)")
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="where a search looks (default: anywhere); repeatable",
    )
    parser.add_argument("--seed", type=int, default=None, help="make the model's choices repeatable")
    parser.add_argument(
        "--thinking", type=_tokens, default=None, metavar="TOKENS", help="reasoning before the answer (0: no limit)"
    )
    parser.add_argument("--copy", action="store_true", help="work on a folder that is no git repository, by copies")
