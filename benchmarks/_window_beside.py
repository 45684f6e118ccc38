"""Mistral Vibe's window beside ossa's, as far as one comes without a key of its maker's: start, memory, idleness, keys.

Both are started in turn in the same pseudo-terminal over the same repository. Vibe gets a home of its own and a key
that is none; nothing is sent to a model. Since its version 3 the window is a compiled program with a server in Python
behind it, so that all processes of either are counted. ossa's first frame is a sketch; a key that is typed once a
window can show it tells when either is more. Vibe's home is new at each start, since one that knows of a newer release
begins with a question about it instead of its window.
"""

import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from _window_terminal import Terminal

from ossa.assistant.paths import cache_dir
from ossa.tui.sketch import PLACEHOLDER

VIBE = "mistral-vibe==3.0.2"
IDLE = 5.0
"""Seconds of doing nothing."""
SETTLED = 6.0
"""Seconds from the first frame until all that a start leaves behind is taken as done."""
LETTERS = [chr(code) for code in range(0x410, 0x424)]
"""Those that are typed: nothing else on the screen has them."""
EARLY = chr(0x424)
"""The first of them, typed as soon as the window takes keys."""


@dataclass(frozen=True)
class Program:
    """A window, what its first frame shows, and what stands there once it takes keys."""

    command: Sequence[str]
    environment: Mapping[str, str]
    first: str
    whole: str
    home: Path | None = None
    """Made anew before each start."""

    def prepare(self) -> None:
        """Have it start as if for the first time."""
        if self.home is not None:
            shutil.rmtree(self.home, ignore_errors=True)
            (self.home / ".vibe").mkdir(parents=True)
            (self.home / ".vibe" / "config.toml").write_text("enable_update_checks = false\n")


def programs(command: Path, folder: Path, root: Path) -> dict[str, Program]:
    """Both windows, over a repository."""
    home = folder / "vibe"
    alone = {"HOME": str(home), "VIBE_HOME": str(home / ".vibe"), "MISTRAL_API_KEY": "none"}
    vibe = [str(command), "--trust", "--workdir", str(root)]
    ossa = [sys.executable, "-m", "ossa.tui", str(root)]
    return {
        "ossa": Program(ossa, {"OSSA_HOME": str(folder / "home")}, PLACEHOLDER, " quit "),
        "vibe": Program(vibe, alone, "Mistral Vibe", "Mistral Vibe", home),
    }


def beside(command: Path, folder: Path, root: Path, rounds: int = 5) -> dict[str, float]:
    """Figures of both, the median of some rounds; the first round, which warms the disk's cache, does not count."""
    both = programs(command, folder, root)
    rows: dict[str, list[float]] = {}
    for count in range(rounds + 1):
        for name, program in both.items():
            for what, value in _measured(program).items():
                if count:
                    rows.setdefault(f"{name}_{what}", []).append(value)
    return {name: statistics.median(values) for name, values in rows.items()}


def _measured(program: Program) -> dict[str, float]:
    program.prepare()
    with Terminal(program.command, program.environment) as terminal:
        figures = {"first_frame_s": terminal.until(program.first) - terminal.started}
        terminal.until(program.whole)
        terminal.send(EARLY)
        figures["first_key_s"] = terminal.until(EARLY) - terminal.started
        terminal.rest(SETTLED)
        figures["start_cpu_s"] = terminal.all_cpu_seconds
        figures["start_memory_mb"] = terminal.all_memory
        before, since = terminal.all_cpu_seconds, time.perf_counter()
        terminal.rest(IDLE)
        figures["idle_cpu_share"] = (terminal.all_cpu_seconds - before) / (time.perf_counter() - since)
        seconds: list[float] = []
        for letter in LETTERS:
            at = terminal.send(letter)
            seconds.append(terminal.until(letter) - at)
            terminal.rest(0.2)
        figures["key_ms"] = 1000 * statistics.median(seconds)
    return figures


def vibe_command() -> Path:
    """What starts it, in an environment made once in ossa's cache.

    Raises:
        OSError, subprocess.CalledProcessError: it is not to be had, with the reason.
    """
    folder = cache_dir() / "benchmarks" / "vibe"
    ready = folder / ".ready"
    if not ready.exists() or ready.read_text() != VIBE:
        for command in (
            [_newer_python(), "-m", "venv", "--clear", folder],
            [folder / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", VIBE],
        ):
            subprocess.run(command, check=True, capture_output=True, text=True)
        ready.write_text(VIBE)
    return folder / "bin" / "vibe"


def _newer_python() -> Path:
    """A Python 3.12 or later."""
    if sys.version_info >= (3, 12):
        return Path(sys.executable)
    found = [shutil.which(f"python3.{minor}") for minor in (12, 13, 14)]
    kept = sorted(Path.home().glob(".pyenv/versions/3.1[2-4].*/bin/python"))
    for path in [*(Path(path) for path in found if path), *kept]:
        if not subprocess.run([path, "-c", "import venv"], capture_output=True, check=False).returncode:
            return path
    raise FileNotFoundError("it needs Python 3.12 or later, which is not here")
