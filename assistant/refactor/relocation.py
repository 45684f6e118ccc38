"""A module or package that gets another name or place: which files go where, and what each is called then.

path, new name or place ─► relocation() ─► Relocation: old path ─► new path · old dotted name ─► new dotted name
"""

import keyword
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from ossa.assistant.refactor.modules import Entity, Modules
from ossa.assistant.refactor.wish import Refused, What

_KEPT = {
    "__init__": "is its package; name the folder",
    "__main__": "is what `python -m` looks for",
    "conftest": "is what pytest looks for, for the folder that it is in",
    "setup": "is what pip looks for",
}


@dataclass(frozen=True)
class Relocation:
    """Files on their way."""

    modules: Modules
    """As they are."""
    old: str
    """The module's file, or the package's folder."""
    new: str
    paths: Mapping[str, str]
    made: str = ""
    """An `__init__.py` that the new folder needs."""

    @cached_property
    def after(self) -> Modules:
        """The modules by their new paths, with what is in them as it was."""
        files = {self.place(path): data for path, data in self.modules.files.items()}
        return Modules({**files, **({self.made: b""} if self.made else {})})

    def place(self, path: str) -> str:
        """Where a file is then."""
        return self.paths.get(path, path)

    def is_moved(self, path: str | None) -> bool:
        """Whether a file goes elsewhere."""
        return path is not None and path in self.paths

    def dotted(self, name: str) -> str:
        """What a dotted name of a module is then, with what stands before it (`src.`) as it was."""
        path = self.modules.module(name)
        if path is None or path not in self.paths:
            return name
        own, new = self.modules.dotted(path), self.after.dotted(self.paths[path])
        return name[: len(name) - len(own)] + new if name.endswith(own) else new

    @property
    def name(self) -> str:
        """The dotted name of the module or package."""
        return self.modules.dotted(self.old if self.old in self.modules.files else f"{self.old}/__init__.py")

    @property
    def to(self) -> str:
        """Its new one."""
        return self.after.dotted(self.new if self.new.endswith(".py") else f"{self.new}/__init__.py")


def relocation(modules: Modules, files: Mapping[str, bytes], path: str, what: What, to: str) -> Relocation:
    """Where the module or package goes.

    Args:
        modules: those of the repository.
        files: all that is known of it.
        path: the module's file, or the package's folder.
        what: whether it gets another name, or another place.
        to: the name; a module, a package, a file or a folder.

    Raises:
        Refused: it cannot go there.
    """
    old = PurePosixPath(path)
    is_file = path in modules.files
    if is_file and old.stem in _KEPT:
        raise Refused(f"{path} {_KEPT[old.stem]}.")
    new = str(old.with_name(f"{to}{old.suffix}")) if what == "rename" else _goal(modules, old, to, is_file)
    _see_free(modules, files, path, new)
    paths = {path: new}
    if is_file and f"{path}i" in files:
        paths[f"{path}i"] = f"{new}i"
    if not is_file:
        paths = {one: new + one[len(path) :] for one in files if one.startswith(f"{path}/")}
    found = Relocation(modules, path, new, paths, _made(modules, new))
    _see_name(found)
    return found


def _goal(modules: Modules, old: PurePosixPath, to: str, is_file: bool) -> str:
    """The new path; a folder or package takes it in by its name."""
    plain = str(PurePosixPath(to))
    if any(one.startswith(f"{plain}/") for one in modules.files) or to.endswith("/"):
        return f"{plain}/{old.name}"
    if "/" in to or to.endswith(".py"):
        return plain if is_file or not to.endswith(".py") else plain.removesuffix(".py")
    suffix = old.suffix if is_file else ""
    if (found := modules.module(to)) and PurePosixPath(found).stem == "__init__":
        return str(PurePosixPath(found).with_name(old.name))
    above, _, stem = to.rpartition(".")
    package = modules.module(above) if above else None
    if package is None or PurePosixPath(package).stem != "__init__":
        raise Refused(f"There is no package {above or to} to take {old} in; name a file or a folder.")
    return str(PurePosixPath(package).with_name(stem + suffix))


def _see_free(modules: Modules, files: Mapping[str, bytes], old: str, new: str) -> None:
    stem = PurePosixPath(new).stem
    if new == old:
        raise Refused(f"{old} is there already.")
    if not stem.isidentifier() or keyword.iskeyword(stem) or stem in _KEPT:
        raise Refused(f"{stem[:80]!r} is no name for a module.")
    if new.startswith(f"{old}/") or ".." in PurePosixPath(new).parts or PurePosixPath(new).is_absolute():
        raise Refused(f"{old} cannot go to {new[:120]}.")
    if new in files or any(one.startswith(f"{new}/") for one in files):
        raise Refused(f"{new} is there already.")
    if old in modules.files and not new.endswith(PurePosixPath(old).suffix):
        raise Refused(f"{new[:120]} is no file of Python.")


def _made(modules: Modules, new: str) -> str:
    """The `__init__.py` of a folder that is not there yet, below a package.

    Raises:
        Refused: more than one folder is missing.
    """
    above = PurePosixPath(new).parent
    if str(above) == "." or any(PurePosixPath(one).is_relative_to(above) for one in modules.files):
        return ""
    if not any(PurePosixPath(one).parent == above.parent for one in modules.files):
        raise Refused(f"There is no folder {above} with Python in it, and none above it.")
    is_package = str(above.parent / "__init__.py") in modules.files
    return str(above / "__init__.py") if is_package else ""


def _see_name(found: Relocation) -> None:
    """See that the new name means nothing else.

    Raises:
        Refused: it does.
    """
    modules, to = found.modules, found.to
    if (taken := modules.module(to)) and taken not in found.paths:
        raise Refused(f"{to} is {taken} already.")
    if to in sys.stdlib_module_names:
        raise Refused(f"{to} is a module of Python's own; choose another name.")
    above, _, stem = to.rpartition(".")
    package = modules.module(above) if above else None
    there = modules.exported(package, stem) if package else None
    if there is not None and there != Entity(found.old):
        raise Refused(f"{package} has a {stem} already; choose another name.")
