"""Runs inside the sandbox, with the server: which modules it may import beforehand, and imports them.

    a child's sys.modules ─► those that the repository does not own ─► tried in a child ─► imported for all to come

Left out is what starts threads, which a fork would lose, and what leads to a module of the repository. pytest wants its
plugins imported by its own loader, which rewrites their assertions.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

_OTHERS = {"site-packages", "dist-packages"}
_OURS = ("ossa_", "__main__", "conftest")


class Unfit(Exception):
    """This server can't try anything more as a fresh run would; the text says why."""


def note_modules(folder: Path) -> None:
    """Write down what this process has imported."""
    (folder / "modules.json").write_text(json.dumps(list(sys.modules)), "utf-8")


def learnt(folder: Path) -> list[str]:
    """What a child wrote down that is not imported here; in order, parents first."""
    try:
        names = json.loads((folder / "modules.json").read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in names if isinstance(name, str) and name not in sys.modules and not name.startswith(_OURS)]


def harmless(names: list[str], root: Path) -> list[str]:
    """Those that can be imported beforehand; only to be asked in a process that ends then."""
    good: list[str] = []
    with _as_pytest_does():
        for name in names:
            threads, known = _threads(), set(sys.modules)
            if _import(name) and _threads() == threads and not _owned(sys.modules.keys() - known, root):
                good.append(name)
    return good


def import_all(names: list[str]) -> None:
    """Import them."""
    with _as_pytest_does():
        for name in names:
            _import(name)


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


def _import(name: str) -> bool:
    try:
        importlib.import_module(name)
    except (Exception, SystemExit):
        return False
    return True


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
