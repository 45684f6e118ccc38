"""What an answer cost, in words for people: a few for the status line, all of them for /status."""

from collections.abc import Iterator
from textwrap import wrap
from typing import TypeAlias

from textual.content import Content

from ossa.model.base import Usage

Row: TypeAlias = tuple[str, str]
"""A name and what there is to say."""
_WIDTH = 50
"""Cells of what there is to say, so that it fits beside its name into a small terminal."""


def brief(usage: Usage) -> Iterator[str]:
    """The figures of an answer, the most important ones first."""
    yield f"{usage.tokens_per_second:.1f} tok/s"
    yield f"{usage.reused_tokens:,} known + {_new(usage):,} new"
    if usage.weights_bytes:
        yield f"cache {size(usage.states_bytes)}"
        yield size(usage.weights_bytes + usage.states_bytes)
    if usage.prefill_seconds:
        yield f"first after {_seconds(usage.prefill_seconds)}"
    if usage.drafted_tokens:
        yield f"{_share(usage)} guessed right"


def answer_rows(usage: Usage) -> Iterator[Row]:
    """The same in sentences."""
    yield (
        "Prompt",
        f"{usage.prompt_tokens:,} tokens: {usage.reused_tokens:,} known from before, {_new(usage):,} new",
    )
    if usage.prefill_seconds:
        yield "First token", f"after {_seconds(usage.prefill_seconds)}"
    wrote = f"{usage.output_tokens:,} tokens"
    if usage.decode_seconds:
        wrote += f" in {_seconds(usage.decode_seconds)}: {usage.tokens_per_second:.1f} a second"
    yield "Answer", wrote
    if usage.drafted_tokens:
        yield "Guesses", f"{usage.accepted_tokens:,} of {usage.drafted_tokens:,} tokens right ({_share(usage)})"
    else:
        yield "Guesses", "none: nothing was copied from what had been read or written"
    if usage.weights_bytes:
        yield "Memory", f"{size(usage.weights_bytes)} for the model, {size(usage.states_bytes)} for what it has read"


def context_row(total: int, window: int) -> Row:
    """How full the model's window is."""
    return "Window", f"{total:,} of {window:,} tokens ({100 * total / window:.0f}%) in the last prompt"


def page(groups: dict[str, list[Row]]) -> Content:
    """Rows under headings."""
    lines: list[Content] = []
    for heading, rows in groups.items():
        lines += [Content(""), Content.styled(heading, "bold $text-primary")]
        for name, text in rows:
            for number, line in enumerate(wrap(text, _WIDTH)):
                lines.append(Content.assemble((f"  {'' if number else name:<13}", "$text-secondary"), line))
    return Content("\n").join(lines[1:])


def size(count: int) -> str:
    """Bytes as people say them, for example "38 MB"."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def _new(usage: Usage) -> int:
    return usage.prompt_tokens - usage.reused_tokens


def _share(usage: Usage) -> str:
    return f"{100 * usage.accepted_tokens / usage.drafted_tokens:.0f}%"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds < 1 else f"{seconds:.1f} s"
