"""Whether a file still parses after an edit, for the formats where that can be told: Python, JSON, TOML, INI."""

import json
import symtable
import tomllib
import warnings
from collections.abc import Callable
from configparser import Error as ConfigError
from configparser import RawConfigParser
from pathlib import PurePosixPath

_LARGEST = 2 << 20
"""Bytes above which a file is not parsed."""
_COMPILED = 300_000
"""Bytes of Python up to which it is compiled, which finds a `return` outside of a function, too; others are parsed."""


def breakage(path: str, before: bytes, after: bytes) -> str | None:
    """Why the file no longer parses, with the line; None when it does, or did not before, or cannot be told."""
    parse = _PARSERS.get(PurePosixPath(path).suffix)
    if parse is None or max(len(before), len(after)) > _LARGEST:
        return None
    problem = parse(after)
    return problem if problem is not None and parse(before) is None else None


def _python(data: bytes) -> str | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if len(data) <= _COMPILED:
                compile(data, "file", "exec", dont_inherit=True)
            else:
                symtable.symtable(data, "file", "exec")  # pyright: ignore[reportArgumentType] it takes bytes, too
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}" + (f" in `{error.text.strip()[:120]}`" if error.text else "")
    except (ValueError, MemoryError, RecursionError) as error:
        return str(error) or "nested too deeply"
    return None


def _json(data: bytes) -> str | None:
    try:
        json.loads(data)
    except json.JSONDecodeError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _toml(data: bytes) -> str | None:
    try:
        tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _ini(data: bytes) -> str | None:
    try:
        RawConfigParser(strict=False).read_string(data.decode())
    except (ConfigError, ValueError) as error:
        return str(error)
    return None


_PARSERS: dict[str, Callable[[bytes], str | None]] = {
    ".py": _python,
    ".pyi": _python,
    ".json": _json,
    ".toml": _toml,
    ".ini": _ini,
    ".cfg": _ini,
}
