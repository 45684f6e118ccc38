"""`ossa models`: what is known, what is on disk, and fetching one with a bar."""

import sys
import time

from ossa.assistant import paths
from ossa.model.base import ModelError
from ossa.model.catalog import CATALOG, find
from ossa.model.discover import installed
from ossa.model.fetch import pull
from ossa.model.plan import choose


def models(action: str, name: str) -> int:
    """List the models or fetch one; the exit code."""
    try:
        return _pull(name) if action == "pull" else _list()
    except ModelError as error:
        print(f"\nossa: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
    return 2


def _list() -> int:
    folder = paths.cache_dir() / "models"
    here = {found.name: found for found in installed(folder)}
    for entry in CATALOG:
        found = here.pop(entry.name, None)
        where = str(found.path) if found else f"not here: ossa models pull {entry.name}"
        print(f"{entry.name:<22}{entry.size / 1e9:>7.1f} GB  {entry.licence:<11}  {where}")
    for found in here.values():
        print(f"{found.name:<22}{'':>24}{found.path}")
    if installed(folder):
        chosen = choose(folder)
        print(f"\nWithout --model: {chosen.name} ({chosen.why})")
    return 0


def _pull(name: str) -> int:
    if not name:
        raise ModelError("Say which model: `ossa models pull NAME`; `ossa models` lists them.")
    entry = find(name)
    bar = _Bar(entry.name)
    path = pull(entry, paths.cache_dir() / "models", bar.show)
    print(f"{entry.name} is ready: {path}")
    return 0


class _Bar:
    """A bar on a terminal, a line every ten per cent elsewhere."""

    def __init__(self, name: str) -> None:
        self._name, self._started, self._shown = name, time.monotonic(), -1
        self._terminal = sys.stdout.isatty()

    def show(self, done: int, total: int) -> None:
        """Draw the bar for `done` of `total` bytes."""
        percent = 100 * done // max(total, 1)
        if percent == self._shown or (not self._terminal and percent // 10 == self._shown // 10):
            return
        self._shown = percent
        speed = done / max(time.monotonic() - self._started, 0.001) / 1e6
        line = f"{self._name} {percent:>3} % of {total / 1e6:,.0f} MB, {speed:,.1f} MB/s"
        if not self._terminal:
            print(line, flush=True)
            return
        filled = "█" * (percent * 30 // 100)
        print(f"\r{filled:░<30} {line}", end="\n" if percent >= 100 else "", flush=True)
