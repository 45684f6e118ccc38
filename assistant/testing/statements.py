"""What a repository itself says of how its Python tests are run, where it configures no runner by a section of its own.

    tox.ini · pyproject.toml · noxfile.py · Makefile · README … ─► stated() ─► Statement | None

The text is read, never run: only a plain run of pytest or unittest, or of a script of the repository, is taken, and it
runs in the draft with the project's interpreter. The first file that says such a thing counts.
"""

import ast
import configparser
import re
import shlex
import tomllib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

_PYTHON = re.compile(r"(.*/)?(python[\d.]*|py|\$[({]\w*PY\w*[)}]|\{envpython\})(\.exe)?", re.IGNORECASE)
_SCRIPTS = ("pytest", "py.test")
_PROMPT = re.compile(r"^(?:[@+-]+|[$>]\s)\s*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_WRAPPERS = (
    ("uv", "run"), ("poetry", "run"), ("pipenv", "run"), ("pdm", "run"), ("hatch", "run"), ("rye", "run"),
    ("coverage", "run"), ("{envpython}", "-m", "coverage", "run"), ("python", "-m", "coverage", "run"), ("exec",),
)  # fmt: skip
"""What may stand before the command that is meant; their own options are passed over."""
_TARGETS = ("test", "tests", "check", "unittest", "pytest")
_SPECIAL = re.compile(r"[|&;<>*?\\{}]|\.\.\.")
"""What needs a shell, or stands for something else, unless it is quoted."""
_EXPANDED = re.compile(r"[$`]")
_FILE_LIMIT = 200_000
_LINE_LIMIT = 300
_READMES = ("CONTRIBUTING.md", "CONTRIBUTING.rst", "README.md", "README.rst", "README.txt", "README")
Read = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Statement:
    """A plain run of the tests."""

    runner: Literal["pytest", "unittest", "script"]
    words: tuple[str, ...]
    """The arguments of the runner, or the script and its own."""
    where: str
    """The file that says so."""


def stated(files: Collection[str], read: Read) -> Statement | None:
    """The first usable statement; `read` gives a file's text, and nothing where there is none."""
    for where, lines in _sources(files, lambda path: read(path)[:_FILE_LIMIT]):
        for line in lines:
            if found := _statement(line, files, where):
                return found
    return None


def _sources(files: Collection[str], read: Read) -> Iterator[tuple[str, Iterable[str]]]:
    """The files in the order in which they are believed, with the command lines in them."""
    if "tox.ini" in files:
        yield "tox.ini", _tox(read("tox.ini"))
    if "pyproject.toml" in files:
        yield "pyproject.toml", _pyproject(read("pyproject.toml"))
    if "noxfile.py" in files:
        yield "noxfile.py", _nox(read("noxfile.py"))
    for name in ("Makefile", "GNUmakefile", "makefile"):
        if name in files:
            yield name, _make(read(name))
    for name in _READMES:
        if name in files:
            yield name, _readme(read(name))


def _statement(line: str, files: Collection[str], where: str) -> Statement | None:
    """A command line as a statement, if it is a plain run of tests."""
    words = _words(line)
    if not words:
        return None
    if words[0] in _SCRIPTS:
        return Statement("pytest", tuple(words[1:]), where)
    if not _PYTHON.fullmatch(words[0]):
        return None
    match words[1:]:
        case ["-m", "unittest", one, *_] if where in _READMES and one != "discover":
            return None  # an example of how to run some
        case ["-m", ("pytest" | "unittest") as runner, *rest]:
            return Statement(runner, tuple(rest), where)
        case [script, *rest] if script.removeprefix("./") in files and re.search("test", line, re.IGNORECASE):
            return Statement("script", (script, *rest), where)
        case _:
            return None


def _words(line: str) -> list[str]:
    """The words of a command without what wraps it; none of one that a shell would have to make sense of."""
    line = _PROMPT.sub("", line[: _LINE_LIMIT + 1].strip())
    line = re.sub(r"\{posargs:?([^{}]*)\}", r"\1", line)
    arguments = line.partition(" ")[2]
    if len(line) > _LINE_LIMIT or _EXPANDED.search(arguments) or _SPECIAL.search(_QUOTED.sub("", arguments)):
        return []
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return []
    for wrapper in _WRAPPERS:
        if tuple(words[: len(wrapper)]) == wrapper:
            words = _unwrapped(words[len(wrapper) :])
    return words


def _unwrapped(words: list[str]) -> list[str]:
    """What is wrapped, after the options of its wrapper, as a command of its own."""
    at = next((at for at, word in enumerate(words) if word in (*_SCRIPTS, "-m") or word.endswith(".py")), None)
    if at is None or (at and not words[0].startswith("-") and not _PYTHON.fullmatch(words[0])):
        return words
    return words[at:] if words[at] in _SCRIPTS else ["python", *words[at:]]


def _tox(text: str) -> list[str]:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    try:
        parser.read_string(text)
    except configparser.Error:
        return []
    return parser.get("testenv", "commands", fallback="").splitlines()


def _pyproject(text: str) -> list[str]:
    """Scripts for the tests of hatch, pdm, poe, taskipy and rye, and tox's commands."""
    try:
        tools = tomllib.loads(text).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        return []
    found: list[str] = []
    environments = _table(_table(tools, "hatch"), "envs")
    for environment in environments.values():
        found += _commands(_table(environment, "scripts"))
    found += _commands(_table(_table(tools, "pdm"), "scripts"))
    found += _commands(_table(_table(tools, "poe"), "tasks"))
    found += _commands(_table(_table(tools, "taskipy"), "tasks"))
    found += _commands(_table(_table(tools, "rye"), "scripts"))
    tox = _table(tools, "tox")
    return [*found, *_listed(_table(tox, "env_run_base").get("commands"))]


def _commands(scripts: Mapping[str, Any]) -> Iterator[str]:
    for name in _TARGETS:
        match scripts.get(name):
            case {"cmd": command} | command if command:
                yield from _listed(command)
            case _:
                pass


def _listed(command: Any) -> list[str]:
    """A command that is a text, a list of texts, or a list of lists of words."""
    if isinstance(command, str):
        return command.splitlines()
    if not isinstance(command, list):
        return []
    lines: list[str] = []
    for part in cast("list[Any]", command):
        if isinstance(part, list) and all(isinstance(word, str) for word in cast("list[Any]", part)):
            lines.append(shlex.join(cast("list[str]", part)))
        elif isinstance(part, str):
            lines.append(part)
    return lines


def _table(value: Any, key: str) -> Mapping[str, Any]:
    found: Any = cast("Mapping[str, Any]", value).get(key) if isinstance(value, dict) else None
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _nox(text: str) -> Iterator[str]:
    """What sessions run, as far as it is written down in plain words."""
    try:
        tree = ast.parse(text[:_FILE_LIMIT])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run":
            plain = [part for part in node.args if not isinstance(part, ast.Starred)]
            words = [part.value for part in plain if isinstance(part, ast.Constant) and isinstance(part.value, str)]
            if len(words) == len(plain):
                yield shlex.join(words)


def _make(text: str) -> Iterator[str]:
    """The recipes of the targets that run tests."""
    wanted = False
    for line in text.splitlines():
        if match := re.match(r"([\w][\w .-]*)::?(?!=)", line[:_LINE_LIMIT]):
            wanted = any(target in _TARGETS for target in match[1].split())
        elif line.startswith("\t") and wanted:
            yield line


def _readme(text: str) -> Iterator[str]:
    """The lines of code in it."""
    fenced = False
    for line in text.splitlines():
        if line.lstrip().startswith(("```", "~~~")):
            fenced = not fenced
        elif fenced or line.startswith(("    ", "\t")):
            yield line
