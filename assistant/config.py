"""Settings: the user's `config.toml`, and what a repository's `.ossa.toml` may add to it.

    config.toml ─┬─► load_config() ─► Config, with a sentence for everything in the files that was not taken
    .ossa.toml  ─┘

A repository is untrusted: its file may name the test command, which runs in the draft like all others, and what to
ignore. It can neither choose the model nor loosen anything. What is wrong in a file leaves the defaults in force.
"""

import json
import re
import shutil
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from ossa.assistant import paths

REPOSITORY_FILE = ".ossa.toml"
_REPOSITORY_MAY_SET = frozenset({"test_command", "ignore"})
_EFFORTS = ("low", "medium", "high")
_SIZE_LIMIT = 1 << 20


class ConfigError(Exception):
    """A setting cannot be kept; the text is a sentence for the user."""


@dataclass(frozen=True, slots=True)
class Config:
    """Every setting with its default; the keys of the files are the names of these fields."""

    test_command: str = ""
    """A shell line that runs the tests; empty: what is found."""
    test_timeout: int = 300
    """Seconds that one run of the tests may take."""
    ignore: tuple[str, ...] = ()
    """Patterns as in `.gitignore` of what is neither listed nor searched, on top of what git ignores."""
    model: str = ""
    """Name or folder of the model; empty: the best that is on disk and fits this machine."""
    effort: Literal["low", "medium", "high"] = "medium"
    """How long gpt-oss thinks."""
    thinking: int = 0
    """Tokens of reasoning after which gpt-oss has to answer; 0: as many as it likes."""
    theme: str = ""
    """Colours of the window; empty: the default theme."""
    keys: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of commands of the window, by name, the keys that the user wants instead, separated by commas."""
    notify: int = 10
    """Seconds after which the end of a turn is signalled to a user who has gone elsewhere; 0: never."""
    adapter: str = ""
    """A folder with a LoRA adapter for the configured model."""
    test_limit: int = 0
    """Seconds that one test may take; 0: half of a run's, and less in a search by the small model."""
    server: str = ""
    """Address of a server that has the model; empty: the model runs on this machine, and nothing leaves it."""
    server_model: str = ""
    """Its name there; empty where the server has one only."""
    server_window: int = 0
    """Tokens that prompt and answer may have together there; 0: what the server says."""
    exact: bool = False
    """Whether gpt-oss on a CPU keeps all but its experts in bf16: more exact, slower by a third, and 1 GB more."""
    watch: bool = False
    """Whether a comment that ends in `AI!` or `AI?`, in a file that is saved, is a prompt."""
    problems: tuple[str, ...] = ()
    """A sentence for each thing in the files that was not taken."""


def load_config(root: Path | None = None, folder: Path | None = None) -> Config:
    """The settings for the repository at `root`; `folder` holds the user's `config.toml`. Never fails."""
    config = _merge(Config(), (folder or paths.config_dir()) / "config.toml", frozenset(_KINDS))
    return _merge(config, root / REPOSITORY_FILE, _REPOSITORY_MAY_SET) if root else config


def keep(key: str, value: str, folder: Path | None = None) -> None:
    """Write one setting that is a text into the user's `config.toml`; all else in it stays as it is.

    Raises:
        ConfigError: the file is not as it should be, or cannot be written.
    """
    path = ((folder or paths.config_dir()) / "config.toml").resolve()  # a link stays one
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    try:
        text = _read(path) if path.exists() else ""
        wanted = tomllib.loads(text) | {key: value}
        for new in _with(text, key, line):
            if _says(new, wanted):
                path.parent.mkdir(parents=True, exist_ok=True)
                _write(path, new)
                return
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path} is not valid TOML: {str(error) or 'too deeply nested'}.") from error
    raise ConfigError(f"{path} says “{key}” in a way that only you can change.")


def _with(text: str, key: str, line: str) -> Iterator[str]:
    """The text with the line in place of one that may be the setting's, or before all others."""
    for found in re.finditer(rf"^[ \t]*{re.escape(key)}[ \t]*=[^\r\n]*", text, re.MULTILINE):
        yield text[: found.start()] + line + text[found.end() :]
    yield f"{line}\n{text}"


def _says(text: str, wanted: Mapping[str, Any]) -> bool:
    try:
        return tomllib.loads(text) == wanted
    except ValueError:
        return False


def _write(path: Path, text: str) -> None:
    """Replace the file in one step, so that whoever reads it sees the old one or the new one."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="", dir=path.parent, delete=False) as file:
        file.write(text)
    if path.exists():
        shutil.copymode(path, file.name)
    Path(file.name).replace(path)


def _merge(config: Config, path: Path, allowed: frozenset[str]) -> Config:
    """The settings with those of one file on top."""
    problems, values = list(config.problems), dict[str, Any]()
    text, table = "", dict[str, Any]()
    try:
        if path.is_file():
            text = _read(path)
            table = tomllib.loads(text)
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}.")
    except (ValueError, RecursionError) as error:
        problems.append(f"{path} is not valid TOML and was left out: {str(error) or 'too deeply nested'}.")
    for key, value in table.items():
        place = f"{path}:{_line(text, key)}"
        if key not in _KINDS:
            problems.append(f"{place}: there is no setting “{repr(key)[1:-1][:60]}”.")
        elif key not in allowed:
            problems.append(
                f"{place}: a repository may not set “{key}”; it belongs in {paths.config_dir()}/config.toml."
            )
        elif (taken := _taken(key, value)) is None:
            problems.append(f"{place}: “{key}” must be {_KINDS[key]}; it was left out.")
        else:
            values[key] = (*config.ignore, *taken) if key == "ignore" else taken
    return replace(config, **values, problems=tuple(problems))


_KINDS = {
    "test_command": "a text of one line",
    "test_timeout": "a whole number of seconds above 0",
    "test_limit": "a whole number of seconds above 0",
    "ignore": "a list of texts",
    "model": "a text of one line",
    "adapter": "a text of one line",
    "effort": "“low”, “medium” or “high”",
    "thinking": "a whole number of tokens, 0 for no limit",
    "theme": "a text of one line",
    "keys": "a table of texts, each the keys of a command",
    "notify": "a whole number of seconds, 0 for never",
    "server": "a text of one line",
    "server_model": "a text of one line",
    "server_window": "a whole number of tokens, 0 for what the server says",
    "watch": "true or false",
}


def _taken(key: str, value: Any) -> Any:
    """The value as its field holds it; None where it is of the wrong kind."""
    match key, value:
        case "ignore", list() if all(isinstance(item, str) for item in cast("list[Any]", value)):
            return tuple(cast("list[str]", value))
        case "effort", str():
            return value if value in _EFFORTS else None
        case (("test_timeout" | "test_limit"), int()) if not isinstance(value, bool) and value > 0:
            return value
        case "keys", dict() if all(isinstance(item, str) for item in cast("dict[str, Any]", value).values()):
            return dict(cast("dict[str, str]", value))
        case (("thinking" | "notify" | "server_window"), int()) if not isinstance(value, bool) and value >= 0:
            return value
        case (("test_command" | "model" | "adapter" | "theme" | "server" | "server_model"), str()):
            return value.strip() if len(value.splitlines()) <= 1 else None
        case "watch", bool():
            return value
        case _:
            return None


def _read(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_SIZE_LIMIT + 1)
    if len(data) > _SIZE_LIMIT:
        raise ValueError("it is larger than 1 MB")
    return data.decode("utf-8-sig")


def _line(text: str, key: str) -> int:
    """The line on which a top-level key or its table begins."""
    name = re.escape(key)
    found = re.search(rf"^\s*\[*\s*[\"']?{name}[\"']?\s*[\]=.]", text, re.MULTILINE)
    return text.count("\n", 0, found.end() if found else 0) + 1
