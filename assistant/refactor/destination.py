"""Where a definition goes: a file or a module that is there, or a new one beside others.

"pkg.mod", "pkg/mod.py" ─► place_of() ─► Place(path, dotted)
"""

import keyword
from dataclasses import dataclass
from pathlib import PurePosixPath

from ossa.assistant.refactor.modules import Modules
from ossa.assistant.refactor.wish import Refused


@dataclass(frozen=True, slots=True)
class Place:
    """A module, which may be still to be made."""

    path: str
    dotted: str

    @property
    def package(self) -> str:
        """The dotted name from which its relative imports start."""
        return package(self.path, self.dotted)


def package(path: str, dotted: str) -> str:
    """The dotted name from which a module's relative imports start."""
    return dotted if PurePosixPath(path).stem == "__init__" else dotted.rpartition(".")[0]


def place_of(modules: Modules, to: str) -> Place:
    """The module that is meant.

    Raises:
        Refused: there is none, and none can be made.
    """
    plain = str(PurePosixPath(to))
    if plain in modules.files:
        if not all(_is_name(part) for part in modules.dotted(plain).split(".")):
            raise Refused(f"{plain} cannot be imported by its name, so nothing is moved there.")
        return Place(plain, modules.dotted(plain))
    if found := modules.module(to):
        return Place(found, to)
    fresh = _file(modules, plain) if to.endswith(".py") else _module(modules, to)
    if taken := modules.module(fresh.dotted):
        raise Refused(f"{fresh.dotted} is {taken} already, so there can be no {fresh.path}.")
    return fresh


def _file(modules: Modules, to: str) -> Place:
    above, stem = PurePosixPath(to).parent, PurePosixPath(to).stem
    beside = [path for path in modules.files if PurePosixPath(path).parent == above and path.endswith(".py")]
    if not beside or not _is_name(stem):
        raise Refused(f"There is no folder with Python in it for {to[:80]}, or it is no name for a module.")
    return Place(to, f"{package(beside[0], modules.dotted(beside[0]))}.{stem}".lstrip("."))


def _module(modules: Modules, to: str) -> Place:
    above, _, stem = to.rpartition(".")
    found = modules.module(above) if above else None
    if not found or PurePosixPath(found).stem != "__init__" or not _is_name(stem):
        raise Refused(f"There is no module {to[:80]}, and no package in which to make it.")
    return Place(str(PurePosixPath(found).parent / f"{stem}.py"), to)


def _is_name(stem: str) -> bool:
    return stem.isidentifier() and not keyword.iskeyword(stem)
