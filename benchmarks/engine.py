"""Our engine beside llama.cpp and transformers' `generate()`: the same small model, the same threads, in turns.

Every round starts each engine in a process of its own; the figures are medians over the rounds. llama.cpp comes from
the wheel xllamacpp, fetched once into ossa's cache. Prints a table and writes benchmarks/out/engine.json.

    python benchmarks/engine.py [ROUNDS]
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _engines import source
from _venvs import LLAMA_CPP, python_with

from ossa.assistant.paths import cache_dir
from ossa.model import catalog, discover, fetch, vocabulary
from ossa.model.base import Message, Sampling
from ossa.model.gguf import GgufFile
from ossa.model.process import LocalModel

OUT = Path(__file__).parent / "out"
Figures = dict[str, float]


def tokens_of(model: Path, folder: Path) -> Path:
    """A file with the tokens that every engine reads."""
    path = folder / "tokens.json"
    path.write_text(json.dumps(vocabulary.tokenizer(GgufFile(model)).encode(source()).ids))
    return path


def run(engine: str, python: Path, model: Path, tokens: Path) -> Figures:
    """One round of one engine."""
    script = Path(__file__).parent / "_engines.py"
    environment = {**os.environ, "GOMP_SPINCOUNT": "1000", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [python, script, engine, model, tokens], env=environment, capture_output=True, text=True, timeout=600
    )
    if done.returncode:
        raise SystemExit(f"{engine} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def process_figures(model: Path) -> Figures:
    """Start of the engine's process until it is ready, and its memory then and after a turn."""
    with tempfile.TemporaryDirectory() as states:
        local = LocalModel(discover.from_path(model), states=Path(states))
        begin = time.perf_counter()
        local.start()
        ready = time.perf_counter() - begin
        for _ in local.generate([Message("user", "word " * 1500)], sampling=Sampling(max_tokens=32)):
            pass
        status = Path(f"/proc/{local.pid}/status").read_text().splitlines()
        memory = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))
        local.close()
    return {"ready_s": ready, "memory_mb": memory}


def main(rounds: int = 3) -> None:
    """Measure, print, write."""
    model = fetch.pull(catalog.find("smollm2-135m"), cache_dir() / "models", lambda _done, _total: None)
    here = Path(sys.executable)
    pythons = {"ossa": here, "llama.cpp": python_with("llama.cpp", LLAMA_CPP), "transformers": here}
    tokens = tokens_of(model, cache_dir() / "benchmarks")
    process_figures(model)  # once to warm the disk's cache
    found: dict[str, list[Figures]] = {}
    for number in range(rounds):
        for engine, python in pythons.items():
            print(f"round {number + 1} of {rounds}: {engine}", file=sys.stderr, flush=True)
            found.setdefault(engine, []).append(run(engine, python, model, tokens))
        found.setdefault("process", []).append(process_figures(model))
    median = {
        f"{engine}_{name}": round(statistics.median(one[name] for one in several), 4)
        for engine, several in found.items()
        for name in several[0]
    }
    print(table(median))
    OUT.mkdir(exist_ok=True)
    (OUT / "engine.json").write_text(json.dumps(median, indent=1) + "\n")


def table(m: Figures) -> str:
    """The figures as Markdown, with what they are held to."""

    def ratio(one: str, other: str) -> float:
        return m[one] / m[other]

    rows = [
        ("decode, 512 tokens of context, tok/s", f"{m['ossa_decode']:.0f}", f"{m['llama.cpp_decode']:.0f}",
         f"{m['transformers_decode']:.0f}", f"{ratio('ossa_decode', 'llama.cpp_decode'):.2f} × llama.cpp", "≥ 1.0 ×"),
        ("prefill, 2,000 tokens, tok/s", f"{m['ossa_prefill']:.0f}", f"{m['llama.cpp_prefill']:.0f}",
         f"{m['transformers_prefill']:.0f}", f"{ratio('ossa_prefill', 'llama.cpp_prefill'):.1f} × llama.cpp", "≥ 5 ×"),
        ("first token behind 3,060, nothing known, s", f"{m['ossa_cold_s']:.2f}", f"{m['llama.cpp_cold_s']:.2f}",
         f"{m['transformers_cold_s']:.2f}", "", ""),
        ("… 3,000 of them known, s", f"{m['ossa_warm_s']:.3f}", f"{m['llama.cpp_warm_s']:.3f}", "",
         f"1/{ratio('ossa_cold_s', 'ossa_warm_s'):.0f}; {ratio('ossa_warm_s', 'llama.cpp_warm_s'):.2f} × llama.cpp",
         "≤ 1/15; < 1 ×"),
        ("58 lines once more with one change, tok/s", f"{m['ossa_copied']:.0f}", "", "",
         f"{ratio('ossa_copied', 'ossa_copied_plainly'):.1f} × plain", "≥ 10 ×"),
        ("16 × 24 tokens behind 800, tok/s", f"{m['ossa_together']:.0f}", "", "",
         f"{ratio('ossa_together', 'ossa_one_by_one'):.1f} × one by one", "≥ 6 ×"),
        ("a grammar's cost", "", "", "", f"{100 * (ratio('ossa_free', 'ossa_held') - 1):.1f} % of a token", "≤ 5 %"),
        ("process, start to ready, s", f"{m['process_ready_s']:.1f}", "", "", "", "≤ 3"),
        ("its memory after a turn of 1,500 tokens, MB", f"{m['process_memory_mb']:.0f}", "", "", "", "≤ 600"),
        ("perplexity against float32, few tokens at once", f"{m['ossa_perplexity_few']:.3f}", "",
         f"{m['transformers_perplexity']:.3f}",
         f"{100 * (ratio('ossa_perplexity_few', 'transformers_perplexity') - 1):+.2f} %", "± 0.5 %"),
        ("… many at once", f"{m['ossa_perplexity_many']:.3f}", "", f"{m['transformers_perplexity']:.3f}",
         f"{100 * (ratio('ossa_perplexity_many', 'transformers_perplexity') - 1):+.2f} %", "± 0.5 %"),
    ]  # fmt: skip
    head = ("", "ossa", "llama.cpp", "transformers", "ratio", "target")
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
