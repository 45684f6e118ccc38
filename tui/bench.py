"""`ossa bench-model`: what a model does on this machine; also gpt-oss with random weights, to have its speed only."""

import argparse
import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ossa.assistant import paths
from ossa.model.base import LanguageModel, ModelError
from ossa.model.measure import Figures, measure

_RANDOM = "gpt-oss-20b"
_RANDOM_BYTES = 14_000_000_000


def make_random(name: str) -> Path:
    """A checkpoint with random weights, in ossa's cache.

    Raises:
        ModelError: there is none of that name, or the disk has no room for it.
    """
    if name != _RANDOM:
        raise ModelError(f"Random weights are made in the shape of {_RANDOM} only: give that name.")
    from ossa.model.mxfp4.specimen import make_random

    folder = _folder(name)
    folder.parent.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder.parent).free
    if not folder.exists() and free < _RANDOM_BYTES:
        raise ModelError(
            f"The weights take {_RANDOM_BYTES / 1e9:.0f} GB in {folder}, and {free / 1e9:.0f} GB are free."
        )

    def progress(done: int, total: int) -> None:
        print(f"\r  making {folder}: {done / total:4.0%}", end="", file=sys.stderr, flush=True)

    return make_random(folder, progress=progress)


def _folder(name: str) -> Path:
    return paths.cache_dir() / "benchmarks" / f"{name}-random"


def bench_against(arguments: argparse.Namespace) -> int:
    """Measure beside llama.cpp; the exit code."""
    from ossa.tui.bench_against import bench_against

    if not arguments.random:
        print("ossa: --against compares random weights: give --random, too.", file=sys.stderr)
        return 2
    try:
        folder = make_random(arguments.name)
        return bench_against(
            folder,
            arguments.against,
            depth=arguments.depth,
            rounds=arguments.rounds,
            exact=arguments.exact,
            as_json=arguments.json,
        )
    except ModelError as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2


def bench_model(load: Callable[[], LanguageModel], *, as_json: bool, exact: bool | None = None) -> int:
    """Measure and print; the exit code.

    Args:
        load: makes the model.
        as_json: one JSON object, no table.
        exact: for random weights, of which the bound is told too: whether all but their experts are bf16.
    """
    try:
        model = load()
    except ModelError as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    try:
        for told in measure(model):
            if isinstance(told, Figures):
                print(json.dumps(dataclasses.asdict(told)) if as_json else _table(model, told))
                if exact is not None and not as_json:
                    print(_bound(model, exact))
            elif not as_json:
                print(f"  {told} …", flush=True)
    except ModelError as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    finally:
        model.close()
    return 0


def _table(model: LanguageModel, found: Figures) -> str:
    rows = [
        ("ready after", f"{found.start_seconds:.1f} s"),
        ("reads", f"{found.reading:,.0f} tokens a second"),
        ("answers begin after", f"{found.first_token_seconds:.2f} s, with {found.prompt_tokens:,} tokens of prompt"),
        ("… in the next turn", f"{found.again_seconds:.2f} s, as only the new message is read"),
        ("writes", f"{found.writing:.1f} tokens a second"),
        ("… what it copies", f"{found.copying:.1f} tokens a second, {found.copied:.0%} of the guesses held"),
        ("weights", f"{found.weights_bytes / 1e6:,.0f} MB of memory"),
        ("what it has read", f"{found.states_bytes / 1e6:,.0f} MB"),
    ]
    return "\n".join([f"{model.info.name}: {model.info.why}", *(f"{name:<22}{value}" for name, value in rows)])


def _bound(model: LanguageModel, exact: bool) -> str:
    """Memory, how near the speed of memory it writes, and where the time of a token goes."""
    from ossa.model.mxfp4.against import Course, ours
    from ossa.model.mxfp4.bound import resident
    from ossa.model.process import LocalModel
    from ossa.tui.bench_against import limits

    size = resident(model.pid if isinstance(model, LocalModel) else 0)
    model.close()
    folder, kept = _folder(_RANDOM), paths.cache_dir() / "layers"
    figures = ours(Course(folder, kept, Path(), exact=exact))
    return "\n".join([f"{'memory of its process':<22}{size / 1e9:.1f} GB", *limits(figures, folder, exact=exact)])
