"""Random keys, clicks, pasted texts and sizes over a model that writes what is nasty: a short run of what the
benchmark does for minutes."""

import subprocess
import sys
from pathlib import Path

FUZZ = Path(__file__).parents[2] / "benchmarks/fuzz_window.py"


def test_random_keys_break_nothing() -> None:
    done = subprocess.run([sys.executable, FUZZ, "50", "7", "25"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert "1 windows, " in done.stdout and ", 0 broken" in done.stdout
