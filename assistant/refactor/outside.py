"""Classes from elsewhere that those of the repository inherit from: whether they have a member of a name.

"pkg.mod.Class" ─► Python's own modules, or the packages of the project's environment, read ─► True, False, None
"""

import ast
import importlib
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ossa.assistant.refactor.classes import Classes
from ossa.assistant.refactor.modules import Entity, Modules

_DEEP = 4
"""Packages whose classes inherit from those of others."""
_MOST = 600
"""Files of one package that are read."""


class Outside:
    """What can be known of classes that are not in the repository; nothing of theirs is run but Python's own."""

    def __init__(self, folders: Sequence[str]) -> None:
        """`folders` are where packages are installed that the project uses."""
        self._folders = [Path(folder) for folder in folders]
        self._known: dict[str, Modules] = {}

    def has(self, dotted: str, member: str, depth: int = 0) -> bool | None:
        """Whether a class has a member; None where it cannot be read."""
        top = dotted.partition(".")[0]
        if top in sys.stdlib_module_names:
            return _in_python(dotted, member)
        if depth > _DEEP:
            return None
        modules = self._package(top)
        meaning = modules.dotted_meaning(dotted)
        if not isinstance(meaning, Entity) or not isinstance(modules.definition(meaning), ast.ClassDef):
            return None
        classes = Classes(modules)
        line = classes.ancestors(meaning)
        if any(classes.defines(one, member) for one in line):
            return True
        answers = [self.has(other, member, depth + 1) for one in line for other in origins(modules, classes, one)]
        return True if True in answers else None if None in answers else False

    def defines(self, top: str, name: str) -> bool | None:
        """Whether a package gives anything this name; None where it cannot be read, or not all of it."""
        files = {**self._package(top).files, **self._package(f"_{top}").files}  # pytest is `_pytest` for the most part
        quoted = re.escape(name.encode())
        sought = re.compile(
            rb"(?:def|class)\s+" + quoted + rb"\b|[.'\"]" + quoted + rb"\b|^\s+" + quoted + rb"\s*[:=]", re.M
        )
        if any(sought.search(data) for data in files.values()):
            return True
        return False if files and len(files) < _MOST else None

    def _package(self, top: str) -> Modules:
        if top not in self._known:
            found: dict[str, bytes] = {}
            for folder in self._folders:
                for path in sorted([folder / f"{top}.py", *(folder / top).rglob("*.py")])[:_MOST]:
                    if path.is_file() and not found.get(path.relative_to(folder).as_posix()):
                        found[path.relative_to(folder).as_posix()] = path.read_bytes()
                if found:
                    break
            self._known[top] = Modules(found)
        return self._known[top]


def origins(modules: Modules, classes: Classes, cls: Entity) -> Iterator[str]:
    """The dotted names of a class's bases from elsewhere."""
    scopes = modules.scopes(cls.path)
    for text in classes.bases(cls)[1]:
        first, dot, rest = text.partition(".")
        bindings = scopes.module.bindings.get(first, []) if scopes else []
        alias = bindings[-1].alias if bindings else None
        if alias is None or not bindings:
            yield f"builtins.{text}"
            continue
        node = bindings[-1].node
        if isinstance(node, ast.ImportFrom):
            whole = f"{modules.imported(cls.path, node)}.{alias.name}"
        else:
            whole = alias.name if alias.asname else first
        yield whole + dot + rest


def _in_python(dotted: str, member: str) -> bool | None:
    """The same for a class of Python's own library."""
    parts = dotted.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        with suppress(Exception):  # not every module can be had on every system
            found: object = importlib.import_module(".".join(parts[:cut]))
            for part in parts[cut:]:
                found = getattr(found, part, None)
            return hasattr(found, member) if isinstance(found, type) else None
    return None
