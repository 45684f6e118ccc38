"""Runs at the start of every Python that a test command leads to (3.8 or later), for it travels as `sitecustomize`.

    import unittest ─► `ossa_watch` ─► whatever unittest runs then is reported

pytest can be given a plugin from outside; this is the same for unittest. The interpreter's own sitecustomize, which
this one hides, is run too.
"""

from __future__ import annotations

import importlib
import os
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

_HERE = __file__.rpartition(os.sep)[0]
_WATCHED = "unittest"


class Finder:
    """Finds unittest where it would be found anyway, and has it watched once it is there."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """As `sys.meta_path` asks."""
        if name != _WATCHED:
            return None
        spec = PathFinder.find_spec(name, path)
        if spec:
            self._follow(spec.loader)
        return spec

    def _follow(self, loader: Any) -> None:
        load = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            sys.meta_path.remove(self)
            load(module)
            importlib.import_module("ossa_watch").watch()

        loader.exec_module = exec_module


def _run_hidden() -> None:
    spec = PathFinder.find_spec(__name__, [folder for folder in sys.path if folder != _HERE])
    if spec and spec.loader:
        from importlib.util import module_from_spec

        spec.loader.exec_module(module_from_spec(spec))


if __name__ == "sitecustomize":
    if "OSSA_TEST_ROOT" in os.environ and "OSSA_TEST_OWNER" not in os.environ:
        sys.meta_path.insert(0, Finder())
    _run_hidden()
