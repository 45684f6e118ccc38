"""In which order candidates come: what the model would rather have written first, its own lines beside that, bodies.

    proposers ─► ideas, best first ─┬► those that are just put in ─────────────┐
                                    └► those that the model writes, in lots ───┴─► Candidate…, each once

A `Part` may be left out, which is how it is measured what each contributes.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from typing import Literal, TypeAlias

from ossa.assistant.repair.candidates import Candidate, Idea, Proposer

Part: TypeAlias = Literal["slips", "tokens", "lines", "bodies", "coverage", "order", "masks"]
"""Templates; single tokens exchanged; lines written on; whole bodies; lines by coverage; the model's order of ideas;
that its lines are held to what can stand there."""

_KINDS: dict[str, Part] = {
    "slip": "slips", "exchanged": "tokens", "skipped": "tokens", "continued": "lines", "inserted": "lines",
}  # fmt: skip
_AT_ONCE = 16
"""Lines that the model writes side by side."""
_LINES_FIRST = 6 * _AT_ONCE
"""How many lines are written before whole bodies are."""
_TEMPERATURES = (0.0, 0.6, 0.9)
"""For whole bodies."""
_RANK_COST = 1.0
"""How much likelier an idea must be for a function that is one place further down the list."""

_Ideas: TypeAlias = Sequence[tuple[Idea, Proposer]]


async def supply(
    proposers: Sequence[Proposer],
    size: Callable[[], int],
    known: Collection[Candidate] = (),
    without: Collection[Part] = (),
) -> AsyncIterator[list[Candidate]]:
    """Candidates in lots, each once, those that are known first; an empty lot is there to look at the time.

    Args:
        proposers: one for each function, the likeliest first.
        size: how many make a lot at most, by now.
        known: what has passed before.
        without: parts that are left out.
    """
    seen = {(candidate.path, candidate.normal) for candidate in known}
    for candidate in known:
        yield [candidate]
    ideas = [
        (idea.score - rank * _RANK_COST, idea, proposer)
        for rank, proposer in enumerate(proposers)
        for idea in await proposer.ideas()
        if _KINDS[idea.kind] not in without
    ]
    ideas.sort(key=lambda entry: (entry[1].start, entry[1].text) if "order" in without else (-entry[0], ""))
    bodies = () if "bodies" in without else _TEMPERATURES
    async for candidates in _drawn([(idea, proposer) for _, idea, proposer in ideas], proposers, bodies, size):
        new: list[Candidate] = []
        for candidate in candidates:
            key = (candidate.path, candidate.normal)
            new += [] if key in seen else [candidate]
            seen.add(key)
        while len(new) > size():
            yield new[: size()]
            new = new[size() :]
        yield new


async def _drawn(
    ideas: _Ideas, proposers: Sequence[Proposer], bodies: Sequence[float], size: Callable[[], int]
) -> AsyncIterator[list[Candidate]]:
    """What comes of all ideas: those that are just put in fill the time in which the model writes for the others."""
    writing = _written([entry for entry in ideas if entry[0].is_written], proposers, bodies)
    at_hand = [entry for entry in ideas if not entry[0].is_written]
    next_lot = asyncio.ensure_future(anext(writing, None))
    try:
        while at_hand:
            now, at_hand = at_hand[: size()], at_hand[size() :]
            yield await _made(now)
            if next_lot.done() and not next_lot.exception() and (lot := next_lot.result()) is not None:
                next_lot = asyncio.ensure_future(anext(writing, None))
                yield lot
        while (lot := await next_lot) is not None:
            next_lot = asyncio.ensure_future(anext(writing, None))
            yield lot
    finally:
        next_lot.cancel()
        await asyncio.gather(next_lot, return_exceptions=True)
        await writing.aclose()


async def _written(
    ideas: _Ideas, proposers: Sequence[Proposer], bodies: Sequence[float]
) -> AsyncGenerator[list[Candidate]]:
    """What the model writes, in lots: lines for the best ideas, then whole bodies, then lines for the others."""
    for start in range(0, max(len(ideas), _LINES_FIRST + 1), _AT_ONCE):
        if start == _LINES_FIRST:
            for seed, temperature in enumerate(bodies):
                for proposer in proposers:
                    yield [c for c in [await proposer.rewritten(temperature, seed)] if c]
        yield await _made(ideas[start : start + _AT_ONCE])


async def _made(ideas: _Ideas) -> list[Candidate]:
    """What comes of some ideas, function by function."""
    found: list[Candidate] = []
    for proposer in dict.fromkeys(proposer for _, proposer in ideas):
        found += await proposer.candidates([idea for idea, owner in ideas if owner is proposer])
    return found
