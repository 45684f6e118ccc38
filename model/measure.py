"""What a model does on this machine, in figures: `ossa bench-model` prints them.

model ─► start ─► a long prompt ─► the same again and a bit more ─► a text to copy ─► Figures
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ossa.model.base import Finished, LanguageModel, Message, Sampling, Usage

_LINES = 120
"""Of code in the long prompt, some 1,500 tokens."""
_WRITTEN = 48


@dataclass(frozen=True, slots=True)
class Figures:
    """Measured once each; a machine that does other work besides gives lower ones."""

    start_seconds: float
    """Until it is ready; 0 where it was already."""
    prompt_tokens: int
    reading: float
    """Tokens of a prompt a second, …"""
    first_token_seconds: float
    """… and how long its answer took to begin, …"""
    again_seconds: float
    """… and the next turn's, of which only the last message was new."""
    writing: float
    """Tokens a second."""
    copying: float
    """Tokens a second where it repeats what it was shown."""
    copied: float
    """Share of its guesses there that held, from 0 to 1."""
    weights_bytes: int
    states_bytes: int


def measure(model: LanguageModel) -> Iterator[str | Figures]:
    """Say what is being done, and at last what came of it; takes a minute or so, more for a large model.

    Raises:
        ModelError: it cannot be loaded or cannot go on.
    """
    yield "starting"
    begin = time.perf_counter()
    model.start()
    started = time.perf_counter() - begin
    source = Path(__file__).read_text(encoding="utf-8").splitlines()
    code = "\n".join((source * 3)[:_LINES])
    ask = [Message("user", f"Say in a few sentences what this program does.\n\n{code}")]
    yield "reading a long prompt, and writing"
    first = _answered(model, ask, Sampling(max_tokens=_WRITTEN))
    yield "a second turn"
    more = [*ask, first.message, Message("user", "Say it in other words.")]
    second = _answered(model, more, Sampling(max_tokens=_WRITTEN, temperature=1.0, seed=1)).usage
    yield "copying"
    text = "\n".join(source[:40])
    shown = [Message("user", f"Repeat this program exactly, and nothing else:\n\n```python\n{text}\n```")]
    copy = _answered(model, shown, Sampling(max_tokens=160, begin="```python\n" + "\n".join(source[:4]) + "\n")).usage
    usage = first.usage
    yield Figures(
        start_seconds=started,
        prompt_tokens=usage.prompt_tokens,
        reading=_rate(usage.prompt_tokens - usage.reused_tokens, usage.prefill_seconds),
        first_token_seconds=usage.prefill_seconds,
        again_seconds=second.prefill_seconds,
        writing=_plain(second) or _plain(usage),
        copying=copy.tokens_per_second,
        copied=copy.accepted_tokens / copy.drafted_tokens if copy.drafted_tokens else 0.0,
        weights_bytes=copy.weights_bytes,
        states_bytes=copy.states_bytes,
    )


def _answered(model: LanguageModel, messages: list[Message], sampling: Sampling) -> Finished:
    *_, finished = model.generate(messages, sampling=sampling)
    assert isinstance(finished, Finished)
    return finished


def _plain(usage: Usage) -> float:
    """Tokens a second, without those that were copied."""
    return _rate(usage.output_tokens - usage.accepted_tokens, usage.decode_seconds)


def _rate(tokens: int, seconds: float) -> float:
    return tokens / seconds if seconds else 0.0
