"""Replays real patches, spoilt like models spoil them, through ossa's edit engine and those of other assistants.

Each case is a file and what the next release of its package, or a commit, made of it. The result is compared to the
byte. Prints a table for the pairs of releases that the engine was tuned on and one for the pairs held out, or one for
commits of git repositories drawn at random, and writes benchmarks/out/edits.json.

    python benchmarks/edits.py [--only tuned|held-out] [--engine NAME]... [--row WORD]... [--show VERDICT]
    python benchmarks/edits.py --git FOLDER... [--patches N] [--seed WORD] …
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from functools import partial
from pathlib import Path

from _patches import (
    HELD_OUT,
    TUNED,
    Case,
    Hunk,
    Spoil,
    cases,
    common_dedent,
    dropped,
    each,
    of_history,
    pairs_of,
    repeated,
    tabs,
    text_of,
    typographic,
    untouched,
    v4a,
)
from _peers import Engine, peers

from ossa.assistant.edits.engine import EditError, parse, plan
from ossa.assistant.paths import cache_dir

OUT = Path(__file__).parent / "out"
VERDICTS = ("exact", "refused", "other bytes", "WRONG", "crashed")
_PLAIN = str.maketrans("\u2018\u2019\u201c\u201d", "''\"\"")


@dataclass(frozen=True)
class Row:
    """One way to spoil a patch."""

    name: str
    spoil: Spoil = untouched
    context: int = 3
    heads: bool = False
    numbers: bool = False


ROWS = (
    Row("3 lines of context"),
    Row("… and `@@` heads", heads=True),
    Row("1 line of context", context=1),
    Row("no context", context=0),
    Row("no context, `@@` heads", context=0, heads=True),
    Row("no context, line numbers", context=0, numbers=True),
    Row("trailing spaces", each(lambda text: text + "  ")),
    Row("dedent by 4", each(lambda text: text[min(4, len(text) - len(text.lstrip(" "))) :])),
    Row("dedent in common", common_dedent),
    Row("dedent to the margin", each(lambda text: text.lstrip(" \t"))),
    Row("indent by 4", each(lambda text: "    " + text)),
    Row("tabs for spaces", each(tabs)),
    Row("typographic quotes", each(typographic)),
    Row("a context line dropped", dropped),
    Row("a context line repeated", repeated),
)


def ossa(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
    """Our engine, given V4A."""
    try:
        return plan(parse(text), lambda path: case.old if path == case.path else None)[case.path].data
    except EditError:
        return None


def ossa_blocks(case: Case, text: str, hunks: Sequence[Hunk]) -> bytes | None:
    """Our engine, given search/replace blocks, as aider's is."""
    blocks = [f"{case.path}\n<<<<<<< SEARCH\n{old}=======\n{new}>>>>>>> REPLACE\n" for old, new in map(pairs_of, hunks)]
    return ossa(case, "\n".join(blocks), hunks)


def judged(case: Case, result: bytes | None) -> str:
    """How a result stands to the truth."""
    if result is None:
        return "refused"
    if result == case.new:
        return "exact"
    return "other bytes" if _words(result) == _words(case.new) else "WRONG"


def tried(engine: Engine, row: Row, case: Case) -> tuple[str, float, bytes | None]:
    """The verdict on one case, seconds, and what came out."""
    chance = random.Random(f"{row.name} {case.name}")
    hunks = [Hunk(row.spoil(h.lines, chance), h.start, h.heads) for h in case.hunks(row.context)]
    text = v4a(case.path, hunks, heads=row.heads, numbers=row.numbers)
    started = time.perf_counter()
    try:
        result = engine(case, text, hunks)
    except Exception:
        return "crashed", time.perf_counter() - started, None
    return judged(case, result), time.perf_counter() - started, result


def table(title: str, found: Sequence[Case], engines: dict[str, Engine], rows: Iterable[Row]) -> dict[str, float]:
    """Print how every engine did on every row; returns the figures."""
    print(f"\n## {title}: {len(found)} patches from {len({c.name.split()[0] for c in found})} packages\n")
    print("exact / refused / other bytes (blanks, quotes) / **in the wrong place** / crashed\n")
    print("| |" + "".join(f" {name} |" for name in engines) + "\n|---|" + "---|" * len(engines), flush=True)
    figures: dict[str, float] = {}
    with ThreadPoolExecutor(2) as pool:
        for row in rows:
            cells: list[str] = []
            for name, engine in engines.items():
                # Codex is a process of its own for each case; the others are Python and gain nothing from threads.
                run = pool.map if name == "Codex" else map
                results = list(run(partial(tried, engine, row), found))
                count = Counter(verdict for verdict, _, _ in results)
                cells.append(" / ".join(str(count[v]) if v != "WRONG" else f"**{count[v]}**" for v in VERDICTS))
                figures |= {f"{title}, {row.name}, {name}, {v.lower()}": count[v] for v in VERDICTS}
                figures[f"{title}, {row.name}, {name}, slowest_s"] = round(max(s for _, s, _ in results), 3)
            print(f"| {row.name} | " + " | ".join(cells) + " |", flush=True)
    return figures


def show(found: Sequence[Case], engine: Engine, rows: Iterable[Row], verdict: str) -> None:
    """Print what is behind a verdict: the difference to the truth, or why the patch was refused."""
    for row in rows:
        for case in found:
            got, _, result = tried(engine, row, case)
            if got != verdict:
                continue
            print(f"--- {row.name}: {case.name}")
            if result is not None:
                truth, got_instead = (text_of(data).splitlines() for data in (case.new, result))
                print(*list(unified_diff(truth, got_instead, "truth", "result", lineterm=""))[:40], sep="\n")
                continue
            chance = random.Random(f"{row.name} {case.name}")
            hunks = [Hunk(row.spoil(h.lines, chance), h.start, h.heads) for h in case.hunks(row.context)]
            try:
                plan(parse(v4a(case.path, hunks, heads=row.heads, numbers=row.numbers)), {case.path: case.old}.get)
            except EditError as error:
                print(str(error)[:1500])


def _words(data: bytes) -> list[str]:
    lines = (re.sub(r"\s+", "", line).translate(_PLAIN) for line in text_of(data).splitlines())
    return [line for line in lines if line]


def options() -> argparse.Namespace:
    """What the command line asks for."""
    options = argparse.ArgumentParser(description="Replays real patches through edit engines.")
    options.add_argument("--only", choices=("tuned", "held-out"))
    options.add_argument("--engine", action="append", default=[])
    options.add_argument("--row", action="append", default=[])
    options.add_argument("--show", choices=VERDICTS)
    options.add_argument("--git", nargs="+", default=[], type=Path, metavar="FOLDER")
    options.add_argument("--patches", type=int, default=100, help="how many of each history")
    options.add_argument("--seed", default="1")
    return options.parse_args()


def samples(chosen: argparse.Namespace, cache: Path) -> dict[str, list[Case]]:
    """The cases, by the titles of their tables."""
    if chosen.git:
        found = [case for folder in chosen.git for case in of_history(folder, chosen.patches, chosen.seed)]
        return {f"commits, seed {chosen.seed}": found}
    halves = {"tuned": list(cases(TUNED, cache))} if chosen.only != "held-out" else {}
    return halves | ({"held-out": list(cases(HELD_OUT, cache))} if chosen.only != "tuned" else {})


def main() -> None:
    """Measure, print, write."""
    chosen = options()
    cache = cache_dir() / "benchmarks"
    rows = [row for row in ROWS if not chosen.row or any(word in row.name for word in chosen.row)]
    halves = samples(chosen, cache)
    if chosen.show:
        for found in halves.values():
            show(found, ossa, rows, chosen.show)
        return
    engines: dict[str, Engine] = {"ossa": ossa, "ossa, blocks": ossa_blocks}
    wanted = [name.lower() for name in chosen.engine]
    for name, engine in peers(cache).items() if not wanted or set(wanted) - {"ossa", "ossa, blocks"} else ():
        if isinstance(engine, str):
            print(f"{name} could not be fetched: {engine}")
        else:
            engines[name] = engine
    engines = {name: engine for name, engine in engines.items() if not wanted or name.lower() in wanted}
    figures: dict[str, float] = {}
    for title, found in halves.items():
        figures |= table(title, found, engines, rows)
    OUT.mkdir(exist_ok=True)
    (OUT / "edits.json").write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
