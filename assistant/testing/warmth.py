"""Runs inside the sandbox, with the server: which modules it may import beforehand, and imports them.

    what a cold run has imported ─► a child imports what the repository does not own ─► and goes on as the server

Left out is what starts threads, which a fork would lose, and what leads to a module of the repository. pytest wants its
plugins imported by its own loader, which rewrites their assertions.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_OTHERS = {"site-packages", "dist-packages"}
_OURS = ("ossa_", "__main__", "conftest")
_ROUNDS = 5
_ALL_WELL = "."


class Unfit(Exception):
    """This server can't try anything more as a fresh run would; the text says why."""


def preload(names: list[str], root: Path) -> None:
    """Import these modules, in a child that goes on from here; this process only waits for its end.

    A child that comes upon one that does harm ends, and another leaves that one out.

    Raises:
        Unfit: there are too many of those.
    """
    wanted = [name for name in names if not name.startswith(_OURS)]
    for _ in range(_ROUNDS):
        read, write = os.pipe()
        if child := os.fork():
            os.close(write)
            with os.fdopen(read, "rb") as told:
                harmful = told.read().decode()
            if harmful == _ALL_WELL:
                sys.exit(bool(os.waitpid(child, 0)[1]))
            os.waitpid(child, 0)
            wanted = [name for name in wanted if name != harmful]
        else:
            harmful = _first_harmful(wanted, root)
            os.write(write, (harmful or _ALL_WELL).encode())
            os.close(write)
            os.close(read)
            if harmful:
                os._exit(0)
            _fill_caches()
            return
    raise Unfit("too many modules do harm when they are imported beforehand")


def _first_harmful(names: list[str], root: Path) -> str:
    """Import these up to the first that should not have been imported beforehand; empty where all are harmless."""
    with _as_pytest_does():
        for name in names:
            threads, known = _threads(), set(sys.modules)
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(name)
            if _threads() != threads or _owned(sys.modules.keys() - known, root):
                return name
    return ""


def _fill_caches() -> None:
    """Have `inspect` look up where all modules are, as it does for the first traceback that is shown."""
    inspect.getmodule(compile("", "<none>", "exec"))


def check_fit(root: Path) -> None:
    """Make sure that a fork of this process is as good as a fresh interpreter.

    Raises:
        Unfit: it is not; the text says why.
    """
    if _threads() > 1:
        raise Unfit("a module that was imported runs threads")
    if owned := _owned(sys.modules, root):
        raise Unfit(f"{min(owned)} is the repository's, and imported already")
    tops = {name.partition(".")[0] for name in sys.modules}
    for entry in root.iterdir():
        if entry.stem in tops and (entry.suffix == ".py" or (entry / "__init__.py").exists()):
            raise Unfit(f"the repository's {entry.name} has the name of a module that was imported")


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _owned(names: Iterable[str], root: Path) -> list[str]:
    """Those that are modules of the repository."""
    return [name for name in names if any(_is_owned(path, root) for path in _places(sys.modules[name]))]


def _places(module: Any) -> list[str]:
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return [file]
    try:
        return [path for path in getattr(module, "__path__", ()) if isinstance(path, str)]
    except Exception:
        return []


def _is_owned(path: str, root: Path) -> bool:
    real = Path(path).resolve()
    return real.is_relative_to(root) and _OTHERS.isdisjoint(real.parts)


@contextlib.contextmanager
def _as_pytest_does() -> Generator[None, None, None]:
    """Have plugins imported as pytest does, else it complains of those that were imported before it."""
    before = list(sys.meta_path)
    try:
        _install_loader()
    except Exception:
        sys.meta_path[:] = before
    try:
        yield
    finally:
        sys.meta_path[:] = before


def _install_loader() -> None:
    if "_pytest" not in sys.modules:
        return
    from importlib.metadata import distributions

    from _pytest.assertion import install_importhook
    from _pytest.config import _iter_rewritable_modules, get_config

    hook = install_importhook(get_config([]))
    for distribution in distributions():
        if any(entry.group == "pytest11" for entry in distribution.entry_points):
            hook.mark_rewrite(*_iter_rewritable_modules([str(file) for file in distribution.files or ()]))
