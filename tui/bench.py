"""`ossa bench-model`: what a model does on this machine."""

import dataclasses
import json
import sys
from collections.abc import Callable

from ossa.model.base import LanguageModel, ModelError
from ossa.model.measure import Figures, measure


def bench_model(load: Callable[[], LanguageModel], *, as_json: bool) -> int:
    """Measure and print; the exit code."""
    try:
        model = load()
    except ModelError as error:
        print(f"ossa: {error}", file=sys.stderr)
        return 2
    try:
        for told in measure(model):
            if isinstance(told, Figures):
                print(json.dumps(dataclasses.asdict(told)) if as_json else _table(model, told))
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
