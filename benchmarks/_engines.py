"""One engine in a process of its own: loads the small model, does every task once, prints its figures as JSON.

python benchmarks/_engines.py ossa|llama.cpp|transformers MODEL.gguf
"""

import contextlib
import io
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from _llama import server

Figures = dict[str, float]
WRITTEN, CONTEXT, LONG, FIRST, ADDED = 64, 512, 2000, 3000, 60
CANDIDATES, EACH, PREFIX = 16, 24, 800


def source() -> str:
    """Code that no model was trained on: ours."""
    folder = Path(__file__).parents[1] / "model"
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.py")))


def ossa(file: Path) -> Figures:
    """Ours."""
    import torch

    from ossa.model import discover, loading
    from ossa.model.base import Finished, Message, Sampling
    from ossa.model.cache import empty
    from ossa.model.engine import Engine

    loaded = loading.load(discover.from_path(file))
    tokens = loaded.codec.opening(source())
    figures: Figures = {}

    def read(engine: Engine, prompt: Sequence[int]) -> float:
        begin = time.perf_counter()
        known = engine.cache.rewind(prompt)
        for _, chunk in engine._chunks(prompt, known, lambda: False):
            engine._forward(chunk)
        return time.perf_counter() - begin

    engine = Engine(loaded)
    read(engine, tokens[:300])  # the first products of a process are slow
    figures["decode"] = _decoded(engine, tokens[:CONTEXT], loaded)
    engine = Engine(loaded)
    figures["prefill"] = LONG / read(engine, tokens[5000 : 5000 + LONG])
    engine = Engine(loaded)
    figures["cold_s"] = read(engine, tokens[: FIRST + ADDED])
    engine = Engine(loaded)
    read(engine, tokens[:FIRST])
    figures["warm_s"] = read(engine, tokens[: FIRST + ADDED])
    figures |= _copying(loaded)
    ask = [Message("user", source()[:2800])]
    figures["prefix_tokens"] = Engine(loaded).count(ask)
    sampling = Sampling(max_tokens=EACH, temperature=1.0, seed=1)
    engine = Engine(loaded)
    engine.continue_all(ask, ["a"], Sampling(max_tokens=1))
    begin = time.perf_counter()
    together = engine.continue_all(ask, ["x ="] * CANDIDATES, sampling)
    figures["together"] = sum(answer.tokens for answer in together) / (time.perf_counter() - begin)
    begin, count = time.perf_counter(), 0
    for seed in range(CANDIDATES):
        alone = Sampling(max_tokens=EACH, temperature=1.0, seed=seed, begin="x =")
        *_, done = engine.generate(ask, sampling=alone)
        assert isinstance(done, Finished)
        count += done.usage.output_tokens
    figures["one_by_one"] = count / (time.perf_counter() - begin)
    figures |= _constrained(loaded)
    states = empty()
    with torch.inference_mode():
        logits = torch.cat(
            [loaded.forward(torch.tensor([tokens[n : n + 12]]), states, 12)[0] for n in range(0, 1500, 12)]
        )
    figures["perplexity_few"] = _perplexity(logits, tokens)
    states = empty()
    logits = torch.cat(
        [loaded.forward(torch.tensor([tokens[n : n + 250]]), states, 250)[0] for n in range(0, 1500, 250)]
    )
    figures["perplexity_many"] = _perplexity(logits, tokens)
    return figures


def _perplexity(logits: Any, tokens: Sequence[int]) -> float:
    import torch

    return math.exp(torch.nn.functional.cross_entropy(logits[:-1].float(), torch.tensor(tokens[1:1500])))


def _decoded(
    engine: Any, prompt: Sequence[int], loaded: Any, wanted: Sequence[int] | None = None, **held: Any
) -> float:
    """Tokens a second behind a prompt, of the model's own choice or of a given text; without drafts, unless `held`."""
    from ossa.model.answer import Answer
    from ossa.model.base import Sampling
    from ossa.model.lookup import Lookup
    from ossa.model.sampling import Sampler

    class Without(Lookup):
        def draft(self, room: int) -> list[int]:
            return []

    class Going(Answer):
        def feed(self, token: int) -> Any:
            pieces = super().feed(token)
            self.ended = False
            return pieces

    class Told(Sampler):
        def __call__(self, logits: Any, among: Any = None) -> int:
            chosen = super().__call__(logits, among)
            return chosen if wanted is None else wanted[len(answer.tokens)]

    answer = Going(loaded.codec, Sampling())
    if held.get("matcher"):
        answer.hold_to(held["matcher"])
    lookup = engine._lookup(prompt) if held.get("lookup") else Without(prompt)
    read = engine._chunks(prompt, engine.cache.rewind(prompt), lambda: False)
    *_, logits = (engine._forward(chunk) for _, chunk in read)
    room = WRITTEN if wanted is None else len(wanted)
    begin = time.perf_counter()
    for _ in engine._write(answer, logits, Told(Sampling()), lookup, room, lambda: False):
        pass
    return room / (time.perf_counter() - begin)


def _copying(loaded: Any) -> Figures:
    """A file of 58 lines is written once more with one change, as if the model wanted just that."""
    from ossa.model.engine import Engine

    lines = source().splitlines(keepends=True)[40:98]
    changed = [*lines[:30], lines[30].replace(" ", "  # changed\n", 1), *lines[31:]]
    prompt, wanted = (loaded.codec.opening("".join(text)) for text in (lines, changed))
    prompt = loaded.codec.opening("Here is a file. Repeat it with one change.\n") + prompt
    return {
        "copied": _decoded(Engine(loaded), prompt, loaded, wanted, lookup=True),
        "copied_plainly": _decoded(Engine(loaded), prompt, loaded, wanted),
    }


def _constrained(loaded: Any) -> Figures:
    """The same text with and without a grammar that allows it."""
    from ossa.model.constraints import Constraint
    from ossa.model.constraints_matcher import Constrainer
    from ossa.model.engine import Engine

    tokens = loaded.codec.opening(source())
    prompt, wanted = tokens[:CONTEXT], tokens[CONTEXT : CONTEXT + WRITTEN]
    constrainer = Constrainer(loaded.codec.vocabulary(loaded.forward.vocabulary))
    engine = Engine(loaded)
    _decoded(engine, prompt, loaded, wanted[:8])
    free = _decoded(engine, prompt, loaded, wanted)
    matcher = constrainer.matcher(Constraint(grammar="start: (LINE)*\nLINE: /[^\\n]{0,200}\\n?/"))
    return {"free": free, "held": _decoded(engine, prompt, loaded, wanted, matcher=matcher)}


def llama_cpp(file: Path) -> Figures:
    """The wheel xllamacpp, in its own environment."""
    llama = server(file)
    tokens = json.loads(Path(sys.argv[3]).read_text())  # its server has no call for them

    def run(prompt: Sequence[int], count: int, *, cached: bool = False) -> Any:
        request = {"prompt": list(prompt), "n_predict": count, "temperature": 0, "cache_prompt": cached}
        begin = time.perf_counter()
        answer = llama.handle_completions({**request, "ignore_eos": True})
        return answer["timings"], time.perf_counter() - begin

    run(tokens[:300], 1)
    figures = {"decode": run(tokens[:CONTEXT], WRITTEN)[0]["predicted_per_second"]}
    figures["prefill"] = run(tokens[5000 : 5000 + LONG], 1)[0]["prompt_per_second"]
    figures["cold_s"] = run(tokens[: FIRST + ADDED], 1)[1]
    run(tokens[:FIRST], 1, cached=True)
    figures["warm_s"] = run(tokens[: FIRST + ADDED], 1, cached=True)[1]
    return figures


def transformers(file: Path) -> Figures:
    """`generate()` over the same weights, in the type that is faster here; and float32 as the measure of quality."""
    import torch

    from ossa.model import llama, loading, vocabulary
    from ossa.model.gguf import GgufFile

    gguf = GgufFile(file)
    dtype = loading.best_dtype(torch.device("cpu"))
    module: Any = llama.build(gguf, llama.shape_of(gguf), dtype)
    module.set_attn_implementation("sdpa")
    tokens = vocabulary.tokenizer(gguf).encode(source()).ids

    def run(prompt: Sequence[int], count: int) -> float:
        begin = time.perf_counter()
        module.generate(torch.tensor([list(prompt)]), max_new_tokens=count, min_new_tokens=count, do_sample=False)
        return time.perf_counter() - begin

    run(tokens[:300], 1)
    one = run(tokens[:CONTEXT], 1)
    figures = {"decode": WRITTEN / max(run(tokens[:CONTEXT], WRITTEN + 1) - one, 1e-9)}
    figures["prefill"] = LONG / run(tokens[5000 : 5000 + LONG], 1)
    figures["cold_s"] = run(tokens[: FIRST + ADDED], 1)
    exact: Any = llama.build(gguf, llama.shape_of(gguf), torch.float32)
    with torch.inference_mode():
        logits = exact(input_ids=torch.tensor([tokens[:1500]]), use_cache=False).logits[0]
    figures["perplexity"] = _perplexity(logits, tokens)
    return figures


ENGINES: dict[str, Callable[[Path], Figures]] = {"ossa": ossa, "llama.cpp": llama_cpp, "transformers": transformers}

if __name__ == "__main__":
    with contextlib.redirect_stdout(io.StringIO()):
        found = ENGINES[sys.argv[1]](Path(sys.argv[2]))
    print(json.dumps(found))
