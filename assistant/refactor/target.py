"""Which definition a person or a model means: "name", "Class.method", "pkg.mod.name", "path.py:12", "path.py::name".

text ─► index: where the name is defined ─► outlines of those files as the draft has them ─► one Target, or a sentence
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath

from ossa.assistant.index.outlines import outline
from ossa.assistant.index.symbols import Symbol
from ossa.assistant.index.walk import text_of
from ossa.assistant.refactor.wish import Refused, Target

_SHOWN = 6
"""Candidates that are named."""
_DIGITS = 9
"""Of the longest line number."""


def find(
    wanted: str, defined: Callable[[str], Sequence[Symbol]], read: Callable[[str], bytes | None], files: Sequence[str]
) -> Target:
    """The one definition that is meant.

    Args:
        wanted: as it was typed.
        defined: every definition of a name that the index knows.
        read: a file as the draft has it.
        files: those that the draft has changed, which the index does not know as they are.

    Raises:
        Refused: there is none, or there are several.
    """
    text = wanted.strip().removeprefix("./")
    path, _, inside = text.partition(":")
    inside = inside.lstrip(":")
    if inside.isdecimal():
        if len(inside) > _DIGITS:
            raise Refused(f"No file has as many lines as {path[:120]}:{inside[:12]}… says.")
        return _at(path, int(inside), read)
    dotted = inside or path
    name = dotted.rpartition(".")[2]
    places = [path] if inside and ("/" in path or "." in path) else _paths(name, defined, files)
    found = _fitting(dotted, path if inside else "", _symbols(places, name, read))
    if len(found) == 1:
        return found[0]
    if not found:
        raise Refused(f"Nothing named {wanted[:120]} is defined in the repository, as far as the index knows.")
    names = ", ".join(f"{one.path}:{one.name}" for one in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    raise Refused(f"{wanted[:120]} may be {names}{more}; name one so, as path:name.")


def module(wanted: str, files: Sequence[str]) -> Target | None:
    """The module or package that is meant by a path or by a dotted name; None where none is.

    Raises:
        Refused: there are several.
    """
    text = wanted.strip().removeprefix("./").rstrip("/")
    if text in files:
        return Target(text, "", 1) if text.endswith(".py") else None
    if f"{text}/__init__.py" in files:
        return Target(text, "", 1)
    if not text or "/" in text or ":" in text:
        return None
    inner = text.replace(".", "/")
    ends = [f"{inner}.py", f"{inner}/__init__.py"]
    found = [path for path in files if any(path == end or path.endswith(f"/{end}") for end in ends)]
    if len(found) > 1:
        raise Refused(f"{text[:120]} may be {', '.join(found[:_SHOWN])}; name its path.")
    return Target(found[0].removesuffix("/__init__.py"), "", 1) if found else None


def _paths(name: str, defined: Callable[[str], Sequence[Symbol]], files: Sequence[str]) -> list[str]:
    return sorted({*(symbol.path for symbol in defined(name)), *files})


def _at(path: str, line: int, read: Callable[[str], bytes | None]) -> Target:
    """The definition whose head is on a line, else the innermost around it."""
    around = [one for one in _outlined(path, read) if one.line <= line <= one.end]
    exact = [one for one in around if one.line == line]
    if not around:
        raise Refused(f"No definition stands at {path[:120]}:{line}.")
    return _target((exact or around)[-1])


def _symbols(paths: Iterable[str], name: str, read: Callable[[str], bytes | None]) -> list[Symbol]:
    return [symbol for path in paths for symbol in _outlined(path, read) if symbol.name == name]


def _outlined(path: str, read: Callable[[str], bytes | None]) -> Sequence[Symbol]:
    data = read(path)
    return () if data is None else outline(path, text_of(data)).symbols


def _fitting(dotted: str, path: str, symbols: Iterable[Symbol]) -> list[Target]:
    """The definitions whose dotted name ends so; one that is written twice in a file, or has a stub, counts once."""
    wanted = dotted.split(".")
    found: dict[tuple[str, str], Target] = {}
    for symbol in symbols:
        place = PurePosixPath(symbol.path)
        module = [*place.parent.parts, *([] if place.stem == "__init__" else [place.stem])]
        names = [*symbol.parent.split("."), symbol.name] if symbol.parent else [symbol.name]
        whole = [*module, *names]
        if whole[-len(wanted) :] == wanted and (not path or symbol.path == path):
            found.setdefault((symbol.path, ".".join(names)), _target(symbol))
    exact = [
        one for (place, _), one in found.items() if not (place.endswith(".pyi") and (place[:-1], one.name) in found)
    ]
    top = [one for one in exact if one.name == dotted]
    return top if len(top) == 1 and len(wanted) > 1 else exact


def _target(symbol: Symbol) -> Target:
    return Target(symbol.path, f"{symbol.parent}.{symbol.name}" if symbol.parent else symbol.name, symbol.line)
