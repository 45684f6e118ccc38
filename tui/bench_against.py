"""`ossa bench-model --random --against llama.cpp`: both engines in turns, printed as figures and ratios."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ossa.assistant import paths
from ossa.model.base import ModelError

_SPLIT = ("experts", "dense", "attention", "lm_head", "rest")
_WHEEL = "llama.cpp"


def bench_against(folder: Path, engine: str, *, depth: int, rounds: int, exact: bool, as_json: bool) -> int:
    """Measure and print; the exit code.

    Args:
        folder: of the checkpoint.
        engine: “llama.cpp” for the wheel's, or the path of a llama-server.
        depth: tokens behind which writing is measured, too; 0 for no such.
        rounds: of both; the figures are medians.
        exact: ours keeps dense layers in bf16.
        as_json: one JSON object, no table.
    """
    from ossa.model.mxfp4.against import Course, compare

    cache = paths.cache_dir()
    config = json.loads((folder / "config.json").read_text())
    course = Course(
        folder,
        cache / "layers",
        cache / "benchmarks" / "llama.cpp-gguf",
        "" if engine == _WHEEL else engine,
        depth,
        rounds,
        exact,
        config["vocab_size"],
    )
    try:
        for told in compare(course):
            if isinstance(told, str):
                print(f"  {told} …" if not told.startswith(" ") else f"  {told}", file=sys.stderr, flush=True)
                continue
            ours, theirs = told
            if as_json:
                print(json.dumps({"ossa": ours, "llama.cpp": theirs}))
            else:
                print(table(ours, theirs, depth), *limits(ours, folder, exact=exact, depth=depth), sep="\n")
    except ModelError as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    return 0


def table(ours: Mapping[str, Any], theirs: Mapping[str, Any], depth: int) -> str:
    """Both sides' figures, and what they are to each other."""
    rows = [("", "ossa", "llama.cpp", "")]
    rows += [_ratio(name, ours, theirs, key, "tokens a second") for name, key in _rates(depth) if key in theirs]
    rows.append(_ratio("first token after", ours, theirs, "first_seconds", "s, from the start of its process"))
    rows += [
        _ratio(name, ours, theirs, key, "GB resident", 1e9)
        for name, key in (("memory", "memory"), (f"… at {depth:,}", "deep_memory"))
        if key in theirs
    ]
    lines = [f"{name:<24}{own:>9}{other:>11}  {note}".rstrip() for name, own, other, note in rows]
    lines.append(f"ossa computes {ours['where']}.")
    return "\n".join(lines)


def limits(ours: Mapping[str, Any], folder: Path, *, exact: bool, depth: int = 0) -> list[str]:
    """How near our figures are to what memory allows, and where the time of a token goes."""
    from ossa.model.mxfp4.bound import bytes_of_token

    lines: list[str] = []
    if speed := ours.get("bytes_per_second"):
        size = bytes_of_token(json.loads((folder / "config.json").read_text()), exact=exact)
        lines.append(
            f"Memory is read at {speed / 1e9:.1f} GB a second, and a token reads {size / 1e9:.2f} GB of weights: "
            f"{speed / size:.1f} tokens a second at best, of which ossa writes {ours['writing'] * size / speed:.0%}."
        )
    for where, key in (("near the beginning", "split"), (f"at {depth:,}", "deep_split")):
        if shares := ours.get(key):
            parts = ", ".join(f"{name.replace('_', ' ')} {shares[name]:.0%}" for name in _SPLIT)
            lines.append(f"A token {where}, {shares['milliseconds']:.0f} ms: {parts}.")
    return lines


def _rates(depth: int) -> list[tuple[str, str]]:
    return [("writes", "writing"), (f"… behind {depth:,}", "deep"), ("reads 512", "reading")]


def _ratio(
    name: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], key: str, unit: str, per: float = 1
) -> tuple[str, str, str, str]:
    own, other = ours[key] / per, theirs[key] / per
    return name, f"{own:.1f}", f"{other:.1f}", f"{unit}; {own / other:.2f} ×"
