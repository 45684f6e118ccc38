"""Sessions against one server: alone and ten at once. Prints a table; what differs between both is told.

    make bench-server                                the small model on llama.cpp and on `transformers serve`
    make bench-server ARGS="--server URL [--model NAME]"     any server, for example vLLM with gpt-oss

Every session has three prompts of its own behind a front that all share, and each next prompt bears what was said
before, so a server that remembers what it has read shows it here. A server that fails is told of, and the next one
measured; the exit code says so.
"""

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from _servers import Served, folder_of, llama, python_for, transformers

from ossa.assistant.paths import cache_dir
from ossa.model import catalog, fetch
from ossa.model.base import Finished, Message, ModelError, Prefill, Sampling
from ossa.model.server.model import ServerModel, open_server

_FRONT = "You help with the code of a small shop. " + " ".join(f"Rule {n}: be brief and exact." for n in range(12))


@dataclass(frozen=True, slots=True)
class Asked:
    """One prompt of a session and what came of it."""

    text: str
    first: float
    """Seconds until the first token."""
    prompt: int
    reused: int
    written: int


def session(model: ServerModel, number: int, turns: int, tokens: int) -> list[Asked]:
    """A conversation that is like no other one."""
    messages, found = [Message("system", _FRONT)], list[Asked]()
    for turn in range(turns):
        ask = f"Session {number}, part {turn}: the price is {_price(number, turn)}. Repeat the price, then explain."
        messages.append(Message("user", ask))
        begin, first = time.perf_counter(), 0.0
        for piece in model.generate(messages, sampling=Sampling(max_tokens=tokens, effort="low")):
            if not first and not isinstance(piece, Prefill):
                first = time.perf_counter() - begin
            if isinstance(piece, Finished):
                usage = piece.usage
                written = usage.output_tokens
                found.append(Asked(piece.message.text, first, usage.prompt_tokens, usage.reused_tokens, written))
                messages.append(piece.message)
    return found


def _price(number: int, turn: int) -> str:
    """What no other prompt has, nor a part of what one has."""
    return f"{(number + 11) * 100 + turn} euros"


def measure(model: ServerModel, sessions: int, turns: int, tokens: int) -> None:
    """Print the rows of one server."""
    print(f"\n{Path(model.info.name).name} · {model.info.why}", flush=True)
    # Some servers load the model only when it is asked for the first time.
    list(model.generate([Message("user", "Hello.")], sampling=Sampling(max_tokens=1, effort="low")))
    print(f"{'sessions':<12}{'first token':>26}{'tokens/s':>10}{'prompt tokens':>15}{'known before':>14}", flush=True)
    begin = time.perf_counter()
    alone = [session(model, number, turns, tokens) for number in range(sessions)]
    _print("one by one", alone, time.perf_counter() - begin)
    begin = time.perf_counter()
    with ThreadPoolExecutor(sessions) as pool:
        running = [pool.submit(session, model, number, turns, tokens) for number in range(sessions)]
        together = [each.result() for each in running]
    _print(f"{sessions} at once", together, time.perf_counter() - begin)
    pairs = [(a, b) for one, other in zip(alone, together, strict=True) for a, b in zip(one, other, strict=True)]
    same = sum(a.text == b.text for a, b in pairs)
    print(f"{same} of {len(pairs)} answers are the same as alone; {_strange(together)} name another session's price")


def _print(name: str, found: list[list[Asked]], seconds: float) -> None:
    every = [asked for each in found for asked in each]
    firsts = [asked.first for asked in every]
    first = f"{statistics.median(firsts):.2f} s, worst {max(firsts):.2f} s"
    prompt, reused = sum(asked.prompt for asked in every), sum(asked.reused for asked in every)
    speed = sum(asked.written for asked in every) / seconds
    known = f"{reused / prompt:.0%}" if reused else "not told"  # all share a front, so it is never none
    print(f"{name:<12}{first:>26}{speed:>10.1f}{prompt:>15,}{known:>14}", flush=True)


def _strange(found: list[list[Asked]]) -> int:
    """Answers that have a price of another session and none of their own."""
    prices = [{_price(number, turn) for turn in range(len(each))} for number, each in enumerate(found)]
    return sum(
        any(price in asked.text for other, those in enumerate(prices) if other != number for price in those)
        and not any(price in asked.text for price in prices[number])
        for number, each in enumerate(found)
        for asked in each
    )


def servers(sessions: int) -> Iterator[tuple[str, AbstractContextManager[Served]]]:
    """The servers that are installed here, by their names; each with the small model, once it is entered."""
    file = fetch.pull(catalog.find("smollm2-135m"), cache_dir() / "models", _quietly)
    if python := python_for("llama.cpp", "xllamacpp"):
        yield "llama.cpp", llama(python, file, slots=sessions)
    if python := python_for("transformers", "fastapi", "uvicorn", "openai"):
        yield "transformers serve", _of_transformers(python, file)


@contextlib.contextmanager
def _of_transformers(python: Path, file: Path) -> Generator[Served]:
    with tempfile.TemporaryDirectory() as folder, transformers(python, folder_of(file, Path(folder))) as served:
        yield served


def _quietly(_done: int, _total: int) -> None: ...


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", default="", help="its address (default: those that are installed here)")
    parser.add_argument("--model", default="", help="its model")
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--tokens", type=int, default=32, help="of an answer")
    given = parser.parse_args()
    named = [(given.server, nullcontext(Served(given.server, given.model)))] if given.server else None
    worked: list[bool] = []
    for name, starting in named or servers(given.sessions):
        try:
            with starting as served, contextlib.closing(open_server(served.url, served.model)) as model:
                measure(model, given.sessions, given.turns, given.tokens)
            worked.append(True)
        except (ModelError, OSError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            worked.append(False)
    if not worked:
        sys.exit("No server is installed here: pip install ossa[servers]")
    sys.exit(not all(worked))


if __name__ == "__main__":
    main()
