"""llama.cpp as the wheel xllamacpp has it, in an environment of its own: one model and its OpenAI-compatible server.

python benchmarks/_llama.py MODEL.gguf [SLOTS]     prints the address, on this machine only, until its input ends
"""

import importlib
import os
import sys
from pathlib import Path
from typing import Any

THREADS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def server(file: Path, slots: int = 1) -> Any:
    """One model that writes so many answers at once, listening at a free port of 127.0.0.1."""
    xllamacpp = importlib.import_module("xllamacpp")  # not in our environment
    parameters = xllamacpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx, parameters.n_parallel, parameters.n_gpu_layers = 8192 * slots, slots, 0
    parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = THREADS
    return xllamacpp.Server(parameters)


if __name__ == "__main__":
    serving = server(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    print(serving.listening_address, flush=True)
    sys.stdin.read()
