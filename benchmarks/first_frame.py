"""How long from the start of the process until the window is on the screen, before git and the model are loaded.

Starts `ossa` in a pseudo-terminal over a small repository, again and again, and waits for the text of its prompt, which
is there first as a sketch, and for the last line of its window.
Prints a table and writes benchmarks/out/first_frame.json.

    python benchmarks/first_frame.py [RUNS]
"""

import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

SKETCH, WINDOW = b"Ask for a change", b" quit "
"""What the prompt says while it is empty, drawn before the window is loaded; and what its last line says."""
LIMIT = 30.0
SIZES = ((80, 24), (120, 40), (200, 50))


def first_frame(folder: Path, columns: int, lines: int) -> tuple[float, float]:
    """Seconds until the sketch and the window stand in a fresh process.

    Raises:
        TimeoutError: it does not come, or the process ends before.
    """
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "OSSA_HOME": str(folder / "home")}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "ossa.tui", str(folder / "repository")],
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        seen, sketched = b"", 0.0
        while WINDOW not in seen:
            ready, _, _ = select.select([master], [], [], LIMIT)
            bit = os.read(master, 1 << 16) if ready else b""
            if not bit:
                raise TimeoutError(f"no first frame; the terminal shows {seen[-500:]!r}")
            seen += bit
            if not sketched and SKETCH in seen:
                sketched = time.perf_counter() - started
        return sketched, time.perf_counter() - started
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        os.close(master)


def main(runs: int = 10) -> None:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository = folder / "repository"
        repository.mkdir()
        (repository / "README.md").write_text("# example\n")
        subprocess.run(["git", "init", "-q", str(repository)], check=True)
        first_frame(folder, 80, 24)  # once to warm the disk's cache and the compiled modules
        figures: dict[str, float] = {}
        print("| terminal | sketch, median | window, median | window, slowest |\n|---|---|---|---|")
        for columns, lines in SIZES:
            sketches, seconds = zip(*(first_frame(folder, columns, lines) for _ in range(runs)), strict=True)
            sketch, median, slowest = statistics.median(sketches), statistics.median(seconds), max(seconds)
            print(f"| {columns}×{lines} | {sketch:.3f} s | {median:.2f} s | {slowest:.2f} s |", flush=True)
            figures[f"sketch_{columns}x{lines}_median_s"] = round(sketch, 3)
            figures[f"first_frame_{columns}x{lines}_median_s"] = round(median, 3)
            figures[f"first_frame_{columns}x{lines}_slowest_s"] = round(slowest, 3)
    out = Path(__file__).parent / "out" / "first_frame.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
